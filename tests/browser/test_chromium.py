"""The tools that look at pages see what is wrong: each is shown a page with that fault, and one without."""

from __future__ import annotations

import pytest

from tests.browser import looking
from tests.browser.serving import JENKINS, NO_SCRIPT, Serving

FINE = """<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content="width=device-width">
<link rel=icon href="data:,"><title>x</title><body bgcolor="#ffffff"><section id=a><h2>Loss</h2><p>falls</p>
<details><summary>More</summary><p>folded</p></details>
<svg width=200 height=100 viewBox="0 0 200 100" role=img aria-label=loss><rect width=200 height=100 fill="#fff"/>
<path d="M10 10L190 90" stroke="#d00" stroke-width=3 fill=none /><text x=10 y=95 fill="#333">0</text>
<text x=100 y=95 fill="#333">step 50</text></svg></section>"""


def show(tab, tmp_path, html):
    (tmp_path / "page.html").write_text(html, encoding="utf-8")
    tab.open((tmp_path / "page.html").as_uri())
    return tab


@pytest.fixture
def tab(browser):
    with browser.tab() as opened:
        yield opened


def test_a_fine_page_has_no_complaints(tab, tmp_path):
    show(tab, tmp_path, FINE)
    assert tab.messages == tab.dialogs == []
    assert tab.requests == [(tmp_path / "page.html").as_uri()]
    assert looking.missing_text(tab) == ['not shown: <p > "folded" in #a']
    looking.unfold(tab)
    for look in (looking.missing_text, looking.chart_faults, looking.overflow, looking.faint_text, looking.blackened):
        assert look(tab) == [], look.__name__
    assert looking.section_texts(tab) == {"a": "LossfallsMorefolded0step50"}
    picture = looking.pixels(tab.screenshot(looking.chart_boxes(tab)[0]))
    assert picture.shape == (100, 200, 3)
    assert looking.coloured(picture) > 300
    assert looking.dark_share(picture) == 0


@pytest.mark.parametrize(
    ("old", "new", "look", "said"),
    [
        ("<p>falls", "<p hidden><p><font style='display:none'>falls</font>", looking.missing_text, "falls"),
        ("x=100 y=95", "x=14 y=95", looking.chart_faults, "overlap"),
        ("x=100 y=95", "x=180 y=95", looking.chart_faults, "outside its chart"),
        ("<svg width=200 height=100", "<svg width=0 height=0", looking.chart_faults, "no room"),
        ("<p>falls", "<p style='width:3000px'>falls", looking.overflow, "3008 px wide"),
        (
            "<p>falls",
            "<p style='width:30px;overflow:hidden;white-space:nowrap'>falls down",
            looking.overflow,
            "cut off",
        ),
        ("<p>falls", "<p style='width:5px;overflow-wrap:anywhere'>falls", looking.overflow, "broken into letters"),
        ("<p>falls", "<p style='color:#999'>falls", looking.faint_text, "contrast 2.8"),
        ("<p>falls", "<p style='color:#fff;background:#333'>falls<b style='color:#777'>!", looking.faint_text, "2.8"),
        ('fill="#333">step', 'fill="#bbb">step', looking.faint_text, "contrast 1.9"),
        ('height=100 fill="#fff"', "height=100 ", looking.blackened, "% black"),
        ("<path d", '<rect width=200 height=100 fill="#eee"/><a d', looking.blackened, None),
    ],
)
def test_each_fault_is_seen(tab, tmp_path, old, new, look, said):
    assert old in FINE
    show(tab, tmp_path, FINE.replace(old, new))
    looking.unfold(tab)
    complaints = look(tab)
    assert (complaints == []) if said is None else any(said in complaint for complaint in complaints), complaints


def test_what_a_page_says_and_asks_for_is_kept(tab, tmp_path):
    page = FINE + "<img src='http://example.org/x.png'><script>console.log('a', 1); alert('b'); nothing.here</script>"
    show(tab, tmp_path, page)
    assert ("console", "log", "a 1") in tab.messages
    assert any(kind == "exception" and "nothing is not defined" in text for kind, _, text in tab.messages)
    assert tab.dialogs == ["b"]
    assert "http://example.org/x.png" in tab.requests
    assert any("ERR_NAME_NOT_RESOLVED" in text for _, _, text in tab.messages)
    show(tab, tmp_path, FINE)
    assert tab.messages == tab.dialogs == []


@pytest.mark.parametrize(("policy", "styled"), [("", True), (NO_SCRIPT, True), (JENKINS, False)])
def test_a_host_policy_takes_effect_and_the_page_can_still_be_asked(tab, tmp_path, policy, styled):
    page = FINE + "<style>p{color:rgb(1,2,3)}</style><script>window.ran = true</script>"
    (tmp_path / "page.html").write_text(page, encoding="utf-8")
    with Serving(tmp_path, policy) as serving:
        tab.open(f"{serving.url}/page.html")
    assert tab.evaluate("window.ran === true") is (policy == "")
    assert (tab.evaluate("getComputedStyle(document.querySelector('p')).color") == "rgb(1, 2, 3)") is styled
    assert bool(tab.messages) is bool(policy)


def test_size_scheme_and_medium_are_emulated(browser, tmp_path):
    query = "[innerWidth, matchMedia('(prefers-color-scheme: dark)').matches, matchMedia('print').matches]"
    with browser.tab(390, 844, mobile=True, scheme="dark") as tab:
        show(tab, tmp_path, FINE)
        assert tab.evaluate(query) == [390, True, False]
        tab.medium("print")
        tab.prefer("light")
        tab.resize(1280)
        assert tab.evaluate(query) == [1280, False, True]
