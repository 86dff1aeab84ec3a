"""The map of a model in a real browser: readable at every width, and found its way in without scripts."""

from __future__ import annotations

import dataclasses
import re

import pytest

from reportgen.pipeline import build_html
from reportgen.testing import ReportDoc, fake_run, graphs
from reportgen.testing.run import series_of
from tests.browser import looking
from tests.browser.conftest import write
from tests.browser.serving import JENKINS, NO_SCRIPT, Serving
from tests.browser.test_page import VIEWS
from tests.render.sample import NASTY

BUILT = {
    "resnet18": lambda: graphs.resnet(timed=True),
    "resnet152": lambda: graphs.resnet((3, 8, 36, 3), basic=False, timed=True),
    "transformer": lambda: graphs.transformer(48, timed=True),
    "loop": lambda: graphs.cell_loop(),
    "unet": lambda: graphs.unet(3),
    "failed": lambda: graphs.failed(),
    "list": lambda: graphs.chain(1000, lambda at: f"Kind{at}"),
    "unseen": lambda: graphs.unseen(graphs.resnet()),
    "nasty": lambda: graphs.chain(len(NASTY), lambda at: NASTY[at], "{}"),
}


# The height of what is shown of the first picture, and of all of it.
FRAME = "(() => { const box = document.querySelector('.box'); return [box.clientHeight, box.scrollHeight] })()"


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """A page for each graph."""
    folder = tmp_path_factory.mktemp("graphs")
    made = {}
    for name, built in BUILT.items():
        graph = built()
        shares = {"layer2.0.relu": 0.72, "layer3.1.relu": 0.04, "conv1": 0.0}
        measures = {"dead_share": {path: series_of([share]) for path, share in shares.items()}}
        run = fake_run(graphs=(graph,), models=(), measures=measures, distributions={}, predictions=())
        if name == "nasty":
            nodes = tuple(
                dataclasses.replace(n, path=NASTY[at % len(NASTY)], detail=NASTY[at % len(NASTY)])
                if n.kind == "module" and n.id != "m0"
                else n
                for at, n in enumerate(graph.nodes)
            )
            run = dataclasses.replace(run, graphs=(dataclasses.replace(graph, nodes=nodes),))
        made[name] = write(folder / name, build_html(run)[0])
    return made


@pytest.fixture(scope="module")
def tab(browser):
    with browser.tab() as opened:
        yield opened


def show(tab, page, width=1280, scheme="light"):
    tab.resize(width, 844, mobile=width < 600)
    tab.prefer(scheme)
    tab.medium("screen")
    tab.open(page.as_uri())


def scales(tab):
    return tab.evaluate("[...document.querySelectorAll('.scales input')].map(input => input.value)")


@pytest.mark.parametrize(("width", "scheme"), VIEWS)
@pytest.mark.parametrize("name", BUILT)
def test_no_name_overlaps_clips_or_fades_in_any_colours(tab, pages, name, width, scheme):
    show(tab, pages[name], width, scheme)
    looking.unfold(tab)
    assert looking.overflow(tab) == []
    assert looking.chart_faults(tab) == []
    for scale in scales(tab) or [""]:
        if scale:
            tab.evaluate(f"document.querySelector('.scales [value={scale}]').click()")
        assert looking.faint_text(tab) == [], scale


@pytest.mark.parametrize("width", [1280, 390])
def test_what_failed_is_to_be_seen_without_scrolling_its_frame(tab, tmp_path, width):
    graph = graphs.resnet((3, 8, 36, 3), basic=False)
    at = {"", "layer3", "layer3.20", "layer3.20.conv2"}
    nodes = tuple(dataclasses.replace(n, status="failed") if n.path in at else n for n in graph.nodes)
    run = fake_run(graphs=(dataclasses.replace(graph, nodes=nodes),), models=(), predictions=())
    show(tab, write(tmp_path / "page", build_html(run)[0]), width)

    shown, whole = tab.evaluate(FRAME)
    assert shown == whole > 1400


def test_a_very_high_picture_scrolls_in_its_frame_but_not_in_print(tab, pages):
    show(tab, pages["list"])
    shown, whole = tab.evaluate(FRAME)
    assert shown < 700 < 1400 < whole

    tab.medium("print")
    shown, whole = tab.evaluate(FRAME)
    tab.medium("screen")  # the tab is shared
    assert shown == whole > 1000


@pytest.mark.parametrize("name", BUILT)
def test_the_page_keeps_what_every_report_promises(pages, name):
    ReportDoc(pages[name]).check()


def test_a_large_models_section_stays_small(pages):
    for name in ("resnet152", "transformer"):
        html = pages[name].read_text(encoding="utf-8")
        drawn = re.search(r'<figure class="graph_drawing".*?</figure>', html, re.DOTALL)[0]
        assert len(drawn.encode()) < 150_000, name


def test_without_scripts_a_box_leads_to_the_inside_and_the_crumbs_lead_back(tab, pages):
    page = pages["resnet18"]
    tab.resize(1280)
    with Serving(page.parent, NO_SCRIPT) as serving:
        tab.open(f"{serving.url}/{page.name}")
        inside = "document.querySelector('.graph_drawing svg a[href^=\"#in-\"]').getAttribute('href').slice(1)"
        name = tab.evaluate(inside)
        shown = f"document.getElementById({name!r}).checkVisibility()"
        assert not tab.evaluate(shown)
        # A real click: a script of ours would be refused here.
        box = tab.evaluate(
            "(() => { const link = document.querySelector('.graph_drawing svg a[href^=\"#in-\"]');"
            "link.scrollIntoView({block: 'center', behavior: 'instant'}); const r = link.getBoundingClientRect();"
            "return [r.x + r.width / 2, r.y + r.height / 2] })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            tab.send("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left", clickCount=1)
        tab.wait_for(shown)
        assert tab.evaluate("location.hash") == f"#{name}"
        back = tab.evaluate(f"document.querySelector('#' + {name!r} + ' .crumbs a').getAttribute('href').slice(1)")
        assert tab.evaluate(f"document.getElementById({back!r}).className") == "graph_drawing"


def test_a_map_without_calls_leads_to_the_insides_of_its_modules_and_to_its_layers(tab, pages):
    show(tab, pages["unseen"])
    drawn = "[...document.querySelectorAll('.graph_drawing svg.graph')]"
    assert tab.evaluate(f"{drawn}.flatMap(svg => [...svg.querySelectorAll('path[fill=none]')]).length") == 0
    links = tab.evaluate(
        f"{drawn}.flatMap(svg => [...svg.querySelectorAll('a')].map(a => a.getAttribute('href').slice(1)))"
    )
    assert {name.partition("-")[0] for name in links} == {"in", "layer"}
    assert tab.evaluate(f"{links!r}.filter(name => !document.getElementById(name))") == []
    assert "modules inside" in tab.evaluate(f"{drawn}[0].textContent")


def test_every_row_of_the_table_leads_to_a_box_and_every_box_of_a_layer_to_its_row(tab, pages):
    show(tab, pages["resnet18"])
    dead = tab.evaluate(
        '[...document.querySelectorAll(\'#graph a[href^="#"], #layers a[href^="#"]\')]'
        ".map(link => link.getAttribute('href').slice(1)).filter(name => !document.getElementById(name))"
    )
    assert dead == []
    to_boxes = tab.evaluate("[...document.querySelectorAll('#layers td a')].map(link => link.getAttribute('href'))")
    assert len(to_boxes) > 50
    assert "#box-conv1" in to_boxes
    assert tab.evaluate("document.getElementById('box-conv1').closest('svg') !== null")
    assert tab.evaluate("document.getElementById('box-conv1').getAttribute('href')") == "#layer-conv1"


def test_the_colours_change_without_scripts_and_are_by_kind_without_styles(tab, pages):
    page = pages["resnet18"]
    fill = "getComputedStyle(document.querySelector('#box-conv1 rect')).fill"
    with Serving(page.parent, NO_SCRIPT) as serving:
        tab.open(f"{serving.url}/{page.name}")
        assert scales(tab) == ["kind", "health", "time", "memory"]
        seen = []
        for scale in scales(tab):
            tab.evaluate(f"document.querySelector('.scales [value={scale}]').click()")
            seen.append(tab.evaluate(fill))
            legend = "[...document.querySelectorAll('.legend')].filter(item => item.checkVisibility()).length"
            assert tab.evaluate(legend) == 1
        assert len(set(seen)) == 4
    with Serving(page.parent, JENKINS) as serving:
        tab.open(f"{serving.url}/{page.name}")
        assert not tab.evaluate("document.querySelector('.scales').checkVisibility()")
        assert tab.evaluate(fill) == "rgb(214, 231, 248)"
        looking.unfold(tab)
        assert looking.chart_faults(tab) == []
