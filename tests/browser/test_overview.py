"""The page of several runs in a real browser."""

from __future__ import annotations

import dataclasses
import math

import pytest

from reportgen.pipeline import build_overview
from reportgen.testing import ReportDoc
from reportgen.testing.run import HOSTILE
from tests.browser import looking
from tests.browser.serving import JENKINS, Serving
from tests.browser.test_page import REFUSALS, VIEWS, missing_pieces, show
from tests.readers.writing import write_folder
from tests.sections.overview.several import small_run


@pytest.fixture(scope="session")
def overview_page(tmp_path_factory):
    """Eleven runs, some in trouble, some with odd names, one that cannot be read."""
    folder = tmp_path_factory.mktemp("several")
    for number in range(11):
        loss = [math.exp(-step * (number + 1) / 60) + 0.1 * math.sin(7.0 * step) ** 2 for step in range(90)]
        if number == 9:
            loss[40:] = [math.nan] * 50
        scalars = {"train/loss": loss, "val/acc": [1 - value / 2 for value in loss[::9]], "grad norm": loss[::-1]}
        config = {"lr": 10.0 ** -(number % 4), "depth": number, "opt": ("SGD", "Adam")[number % 2], HOSTILE[3]: number}
        title = {2: "a name of some length that has to be cut somewhere", 3: HOSTILE[0]}.get(number, f"run {number}")
        run = small_run(title, scalars, config)
        if number == 7:
            run = dataclasses.replace(run, meta=dataclasses.replace(run.meta, status="failed"))
        write_folder(folder / f"run-{number:02d}", run)
    (folder / "torn").mkdir()
    (folder / "torn" / "run.json").write_text("{")
    return build_overview([folder]).path


@pytest.fixture(scope="module")
def tab(browser):
    with browser.tab() as opened:
        yield opened


def test_it_keeps_what_every_report_promises_and_is_silent(tab, overview_page):
    doc = ReportDoc(overview_page).check()
    assert set(doc.sections) >= {"runs", "metrics", "hyperparameters", "findings"}
    show(tab, overview_page)
    assert tab.messages == []
    assert tab.dialogs == []
    assert tab.requests == [overview_page.as_uri()]


@pytest.mark.parametrize(("width", "scheme"), VIEWS)
def test_nothing_overlaps_clips_scrolls_sideways_or_fades(tab, overview_page, width, scheme):
    show(tab, overview_page, width, scheme)
    assert looking.overflow(tab) == []
    looking.unfold(tab)
    assert looking.overflow(tab) == []
    assert looking.chart_faults(tab) == []
    assert looking.faint_text(tab) == []


def test_without_styles_and_scripts_lines_and_legend_keep_their_colours_and_dashes(tab, overview_page):
    doc = ReportDoc(overview_page)
    tab.resize(1280)
    tab.prefer("light")
    with Serving(overview_page.parent, JENKINS) as serving:
        tab.open(f"{serving.url}/{overview_page.name}")
        assert [text for *_, text in tab.messages if not REFUSALS[JENKINS].search(text)] == []
    assert missing_pieces(tab, doc) == []
    assert looking.blackened(tab) == []
    looks = "path => [path.getAttribute('stroke'), path.getAttribute('stroke-dasharray') || '']"
    legend = tab.evaluate(f"[...document.querySelectorAll('.legend.lines svg path')].map({looks})")
    assert len(legend) == 8
    assert len({tuple(look) for look in legend}) == 8
    assert len({dashes for _, dashes in legend}) == 8
    drawn = tab.evaluate(f"[...document.querySelectorAll('#metrics svg.chart path')].map({looks})")
    dashes = {dashes.replace(",", " ") for _, dashes in drawn}
    assert {dashes for _, dashes in legend} <= dashes


def test_a_run_in_the_table_leads_to_its_findings(tab, overview_page):
    show(tab, overview_page)
    links = tab.evaluate("[...document.querySelectorAll('#runs td a, #runs th a')].map(a => a.getAttribute('href'))")
    assert len(links) == 2
    for link in links:
        tab.evaluate(f"document.querySelector('a[href=\"{link}\"]').click()")
        tab.wait_for(f"document.getElementById('{link[1:]}').closest('details').open")
