"""What a browser shows of a page with every kind of block."""

import pytest

from reportgen.blocks import Code, Column, Finding, Fold, Page, SectionView, Table
from reportgen.render import render_page
from tests.browser import looking
from tests.browser.serving import JENKINS, Serving
from tests.render.sample import header, sample_page


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("page")
    (place / "report.html").write_text(render_page(sample_page()), encoding="utf-8", newline="")
    return place


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_is_clipped_overlapping_or_faint(browser, folder, width, scheme):
    with browser.tab(width, mobile=width < 500, scheme=scheme) as tab:
        tab.open((folder / "report.html").as_uri())
        looking.unfold(tab)
        for look in (looking.missing_text, looking.chart_faults, looking.overflow, looking.faint_text):
            assert look(tab) == [], look.__name__
        assert tab.messages == []
        assert len(tab.requests) == 1


def test_without_styles_and_scripts_all_is_there(browser, folder):
    with Serving(folder, JENKINS) as serving, browser.tab() as tab:
        tab.open(f"{serving.url}/report.html")
        looking.unfold(tab)
        assert looking.missing_text(tab) == []
        assert looking.chart_faults(tab) == []


def test_the_script_adds_a_theme_and_opens_what_is_folded(browser, folder):
    with browser.tab() as tab:
        tab.open((folder / "report.html").as_uri())
        ground = "getComputedStyle(document.body).backgroundColor"
        light = tab.evaluate(ground)
        tab.evaluate("document.getElementById('theme').click()")
        assert tab.evaluate(ground) != light
        tab.evaluate("document.getElementById('theme').click()")
        assert tab.evaluate(ground) == light
        closed = "[...document.querySelectorAll('details')].filter(fold => !fold.open).length"
        assert tab.evaluate(closed) > 5
        tab.evaluate("document.querySelector('a[href=\"#fold-fc1\"]').click()")
        tab.wait_for("document.getElementById('fold-fc1').closest('details').open")
        tab.evaluate("document.getElementById('folds').click()")
        assert tab.evaluate(closed) == 0


def test_the_words_of_a_table_do_not_scroll_out_of_a_narrow_screen(browser, tmp_path):
    wide = Table(tuple(Column(f"a wide column {k}") for k in range(12)), (("value " * 3,) * 12,), caption="word " * 30)
    found = Finding("rule", "fact", "error", "Bad", "Why.", "Fix.", evidence=wide)
    page = Page(header(), (SectionView("findings", "Findings", "How.", (found,)),), "{}")
    (tmp_path / "report.html").write_text(render_page(page), encoding="utf-8", newline="")
    with browser.tab(390, mobile=True) as tab:
        tab.open((tmp_path / "report.html").as_uri())
        assert tab.evaluate("document.querySelector('.evidence .scroll').scrollWidth") > 600
        right = "document.querySelector('.evidence .caption').getBoundingClientRect().right"
        assert 100 < tab.evaluate(right) <= 390


@pytest.mark.parametrize("medium", ["screen", "print"])
def test_no_line_of_a_traceback_is_cut_off(browser, tmp_path, medium):
    code = Code("\n".join(f"line {k}" for k in range(80)))
    raised = Fold("Where it was raised", (code, Fold("All of it", (code,))), open=True)
    found = Finding("rule", "fact", "error", "Bad", "Why.", "Fix.", evidence=raised)
    page = Page(header(), (SectionView("findings", "Findings", "How.", (found,)),), "{}")
    (tmp_path / "report.html").write_text(render_page(page), encoding="utf-8", newline="")
    with browser.tab() as tab:
        tab.medium(medium)
        tab.open((tmp_path / "report.html").as_uri())
        if medium == "screen":
            looking.unfold(tab)
        cut = "[...document.querySelectorAll('.evidence pre')].map(one => [one.clientHeight, one.scrollHeight])"
        heights = tab.evaluate(cut)
        assert len(heights) == 2
        assert all(shown == whole > 1000 for shown, whole in heights)


def test_print_opens_what_is_folded(browser, folder):
    with browser.tab() as tab:
        tab.open((folder / "report.html").as_uri())
        tab.medium("print")
        room = "document.getElementById('fold-fc1').parentElement.querySelector('svg').getBoundingClientRect().height"
        assert tab.evaluate(room) > 20
        assert tab.evaluate("getComputedStyle(document.querySelector('nav')).display") == "none"
