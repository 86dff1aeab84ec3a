"""A report in a real browser: silent, complete with and without scripts and styles, and fit to read everywhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reportgen.testing import ReportDoc
from tests.browser import looking
from tests.browser.serving import JENKINS, NO_SCRIPT, Serving

PAGES = ("fake_page", "failed_page", "trained_page")
SECTIONS = {"verdict", "findings", "metrics", "layers", "predictions", "graph", "environment"}
VIEWS = [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")]
# What Chromium says when the host's policy, not the page's, refuses something of ours; each must name its cause.
REFUSALS = {
    "": re.compile(r"(?!)"),
    NO_SCRIPT: re.compile(r"script.*\"?script-src 'none'", re.DOTALL),
    JENKINS: re.compile(
        r"inline style violates .*style-src 'self'|Loading the image 'data:.*img-src 'self'"
        r"|Blocked script execution .* sandboxed|script violates .*default-src 'none'",
        re.DOTALL,
    ),
}


@pytest.fixture(params=PAGES)
def page(request) -> Path:
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def tab(browser):
    with browser.tab() as opened:
        yield opened


def show(tab, page: Path, width: int = 1280, scheme: str = "light", medium: str = "screen") -> None:
    tab.resize(width, 844, mobile=width < 600)
    tab.prefer(scheme)
    tab.medium(medium)
    tab.open(page.as_uri())


def missing_pieces(tab, doc: ReportDoc) -> list[str]:
    """The pieces of each section's text that the browser does not have."""
    there = looking.section_texts(tab)
    return [
        f"{name}: {piece[:80]}"
        for name, section in doc.sections.items()
        for piece in section.pieces
        if re.sub(r"\s+", "", piece) not in there.get(name, "")
    ]


def test_it_keeps_what_every_report_promises(page):
    doc = ReportDoc(page).check()
    assert set(doc.sections) >= SECTIONS
    assert all(len(section.text) > 40 for section in doc.sections.values())
    assert len(doc.charts) >= 5


def test_opened_with_every_host_blocked_it_is_silent(tab, page):
    show(tab, page)
    assert tab.messages == []
    assert tab.dialogs == []
    assert tab.requests == [page.as_uri()]


@pytest.mark.parametrize("policy", ["", NO_SCRIPT, JENKINS], ids=["as it is", "no script", "jenkins"])
def test_text_and_charts_are_there_under_every_policy(tab, page, policy):
    doc = ReportDoc(page)
    tab.resize(1280)
    tab.prefer("light")
    tab.medium("screen")
    with Serving(page.parent, policy) as serving:
        tab.open(f"{serving.url}/{page.name}")
        assert [text for *_, text in tab.messages if not REFUSALS[policy].search(text)] == []
        assert {request.removeprefix(serving.url) for request in tab.requests} <= {f"/{page.name}", "/favicon.ico"}
    assert missing_pieces(tab, doc) == []
    looking.unfold(tab)
    assert looking.missing_text(tab, "section") == []
    assert looking.chart_faults(tab) == []
    assert looking.blackened(tab) == []
    drawn = [looking.coloured(looking.pixels(tab.screenshot(box))) for box in chart_boxes(tab, "#metrics")]
    assert drawn
    assert min(drawn) >= 20, "a metric's chart shows no curve"


def chart_boxes(tab, inside: str) -> list[tuple[float, float, float, float]]:
    """The boxes of the large drawings inside an element."""
    boxes = tab.evaluate(
        f"[...document.querySelectorAll('{inside} svg')].map(svg => svg.getBoundingClientRect())"
        ".map(box => [box.x + scrollX, box.y + scrollY, box.width, box.height])"
    )
    return [tuple(box) for box in boxes if box[2] > 200 and box[3] > 90]


@pytest.mark.parametrize(("width", "scheme"), VIEWS)
def test_nothing_overlaps_clips_scrolls_sideways_or_fades(tab, page, width, scheme):
    show(tab, page, width, scheme)
    assert looking.overflow(tab) == []
    looking.unfold(tab)
    assert looking.overflow(tab) == []
    assert looking.chart_faults(tab) == []
    assert looking.faint_text(tab) == []


def test_the_dark_page_is_dark_and_its_charts_too(tab, page):
    show(tab, page, scheme="dark")
    picture = looking.pixels(tab.screenshot())
    assert (picture.max(axis=2) < 0x60).mean() > 0.7
    for box in chart_boxes(tab, "#metrics"):
        part = looking.pixels(tab.screenshot(box))
        assert (part.max(axis=2) < 0x60).mean() > 0.7
        assert looking.coloured(part) >= 20


def test_in_print_everything_folded_is_open(tab, page):
    show(tab, page, width=794, medium="print")
    assert tab.evaluate("document.querySelectorAll('section details:not([open])').length") > 0
    tab.evaluate("document.querySelector('.bar').remove()")  # controls are not printed
    assert looking.missing_text(tab, "section") == []
    assert looking.faint_text(tab) == []


def test_without_scripts_what_is_folded_can_be_unfolded_and_no_button_is_dead(tab, page):
    with Serving(page.parent, NO_SCRIPT) as serving:
        tab.open(f"{serving.url}/{page.name}")
    visible = "[...document.querySelectorAll('button')].filter(item => item.checkVisibility()).length"
    assert tab.evaluate(visible) == 0
    tab.evaluate("document.querySelector('section summary').click()")
    tab.wait_for("document.querySelector('section details').open")


def test_the_theme_can_be_switched_and_switched_back(tab, fake_page):
    show(tab, fake_page)
    ground = "getComputedStyle(document.body).backgroundColor"
    buttons = "[...document.querySelectorAll('button')].filter(b => /theme|dark|light/i.test(b.outerHTML))"
    assert tab.evaluate(f"{buttons}.length") == 1
    light = tab.evaluate(ground)
    seen = {light}
    for _ in range(3):
        tab.evaluate(f"{buttons}[0].click()")
        seen.add(tab.evaluate(ground))
        if "rgb(" in tab.evaluate(ground) and tab.evaluate(ground) != light:
            assert looking.faint_text(tab) == []
    assert len(seen) == 2
    assert tab.messages == []


def test_a_link_opens_what_its_target_is_folded_in(tab, page):
    show(tab, page)
    folded = (
        "[...document.querySelectorAll('main a[href^=\"#\"]')].map(a => a.getAttribute('href').slice(1))"
        ".filter(id => { const target = document.getElementById(id); return target && !target.checkVisibility(); })"
    )
    for name in sorted(set(tab.evaluate(folded)))[:5]:
        tab.evaluate(f"document.querySelector('a[href=\"#{name}\"]').click()")
        tab.wait_for(f"document.getElementById('{name}').checkVisibility()")
    # The same by address, as someone sends a link.
    for name in tab.evaluate("[...document.querySelectorAll('details [id]')].map(item => item.id)")[:3]:
        tab.open(page.as_uri() + "#" + name)
        tab.wait_for(f"document.getElementById('{name}').checkVisibility()")
    assert tab.messages == []
