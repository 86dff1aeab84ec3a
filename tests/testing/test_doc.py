"""ReportDoc finds what it promises to find: a good page passes, and each way of breaking it is named."""

from __future__ import annotations

import base64
import hashlib

import pytest

from reportgen.testing.doc import ReportDoc

STYLE = "body{color:#111}"
SCRIPT = "document.title += ''"
CHART = (
    '<svg width="90" height="40" viewBox="0 0 90 40" role="img" aria-label="loss falls">'
    '<rect width="90" height="40" fill="#fff"/><g fill="none"><path d="M0 0L9 9" stroke="var(--c1,#06c)"/></g>'
    '<text x="1" y="9" fill="#333">0.5</text></svg>'
)


def digest(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


POLICY = (
    f"default-src 'none'; script-src {digest(SCRIPT)}; style-src {digest(STYLE)}; img-src data: blob:; "
    "media-src data: blob:; base-uri 'none'; form-action 'none'"
)
GOOD = f"""<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width,initial-scale=1"><title>digits</title><style>{STYLE}</style></head>
<body><main><h1>digits</h1><a href="#metrics">Metrics</a>
<section id="metrics"><h2>Metrics</h2><p>lowest <b>0.066</b></p>{CHART}
<details><summary>Numbers</summary><table><tr><th>step</th><th>loss</th></tr><tr><td>1</td><td>2.5</td></tr></table>
</details><img src="data:image/png;base64,AA==" alt="a seven"></section></main>
<script type="application/json">{{"x": 1}}</script><script>{SCRIPT}</script></body></html>"""


def test_a_good_page_passes_and_is_readable():
    doc = ReportDoc(GOOD).check()
    assert doc.title == "digits"
    assert doc.sections["metrics"].text.startswith("Metrics lowest 0.066 0.5 Numbers")
    assert doc.tables("metrics") == [[["step", "loss"], ["1", "2.5"]]]
    assert doc.headings == [(1, "digits"), (2, "Metrics")]
    assert [chart.get("aria-label") for chart in doc.charts] == ["loss falls"]
    assert doc.data == '{"x": 1}'
    assert doc.policy["default-src"] == {"'none'"}


def test_a_page_is_read_from_its_file(tmp_path):
    path = tmp_path / "report.html"
    path.write_bytes(GOOD.encode())
    assert ReportDoc(path).check().text == ReportDoc(GOOD).text


def test_a_link_that_is_followed_by_hand_and_tells_nobody_is_no_address_of_the_page():
    link = '<a rel="noopener noreferrer nofollow" href="https://example.org">paper</a>'
    ReportDoc(GOOD.replace("</section>", f"{link}</section>")).check()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("</section>", '<a href="https://example.org">x</a></section>', "which is not in the file"),
        ("</section>", '<a rel="noopener noreferrer nofollow" href="file:///x">x</a></section>', "not in the file"),
        (
            "</section>",
            '<img rel="noopener noreferrer nofollow" src="//x.org" alt="x"></section>',
            "not in the",
        ),
        ('id="metrics"', 'id="metrics"><p id="metrics">x</p', "stands 2 times"),
        ('href="#metrics"', 'href="#nowhere"', "not on the page"),
        ('href="#metrics"', 'href="https://example.org/"', "not in the file"),
        ('alt="a seven"', "", "no text alternative"),
        ('alt="a seven"', 'alt="a" style="width:1px"', "style attribute"),
        ('alt="a seven"', 'alt="a" onerror="x()"', "event attribute onerror"),
        ('src="data:image/png;base64,AA=="', 'src="a.png"', "src='a.png'"),
        (STYLE, "@import 'x.css'", "@import"),
        (STYLE, "p{background:url(x.png)}", "url(x.png)"),
        (STYLE, "p{color:red}", "the policy has style-src"),
        (SCRIPT, "alert(1)", "the policy has script-src"),
        ("img-src data: blob:", "img-src *", "the policy has img-src"),
        ("<meta http-equiv", '<link rel="icon" href="data:,"><meta http-equiv', "not with the Content-Security-Policy"),
        ("</style>", "</style><style></style>", "there are 2 <style>"),
        ("</script></body>", "</script><script></script></body>", "there are 2 <script>"),
        ("<h2>", "<h3>", "is not closed"),
        ("<h2>Metrics</h2>", "<h4>Metrics</h4>", "h4 after h1"),
        ("<h2>Metrics</h2>", "", "has no heading"),
        ("<p>lowest", "<div><p>lowest", "is not closed"),
        ('fill="none"', "", "it would be black"),
        ('height="40" fill="#fff"', 'height="50" fill="#000"', "a black area"),
        ("var(--c1,#06c)", "var(--c1)", "a variable without the colour"),
        ("M0 0L9 9", "M0 0Lnan 9", "is no number"),
        (' aria-label="loss falls"', "", "no text alternative"),
        ('width="90" height="40" viewBox', "viewBox", "has no width"),
        ("<text", '<image href="data:,"/><text', "stands inside an <svg>"),
        ("0.066", "0.0\x0066", "U+0000"),
        ("0.066", "\ud800", "U+D800"),
        ('{"x": 1}', '{"x": NULL}', "no JSON"),
        ('{"x": 1}', '{"x": "<b>"}', "u003c"),
        ("<td>2.5</td>", "", "rows of [1, 2] cells"),
        ("<summary>Numbers</summary>", "", "does not begin with a <summary>"),
        ("<main>", "<main><iframe></iframe>", "no place in a report"),
        (' lang="en"', "", "no language"),
        ("width=device-width", "width=1280", "phone"),
        ("<!DOCTYPE html>", "", "document type"),
    ],
)
def test_each_broken_promise_is_named(old, new, said):
    assert GOOD.count(old) >= 1
    with pytest.raises(AssertionError) as caught:
        ReportDoc(GOOD.replace(old, new)).check()
    assert said in str(caught.value)


def test_an_address_in_a_text_is_no_fault():
    ReportDoc(GOOD.replace("lowest", "see https://example.org/ and url(http://x)")).check()


def test_a_shape_in_defs_takes_the_fill_of_its_use():
    shapes = '<defs><path id="dot" d="M0 0z"/></defs><use href="#dot"{}/></svg>'
    ReportDoc(GOOD.replace("</svg>", shapes.format(' fill="#333"'))).check()
    assert any("black" in fault for fault in ReportDoc(GOOD.replace("</svg>", shapes.format(""))).violations())


def test_many_violations_are_counted_and_the_first_listed():
    page = GOOD.replace("<p>lowest", '<img src="x.png">' * 60 + "<p>lowest")
    with pytest.raises(AssertionError, match=r"(?s)120 violations.*and 80 more"):
        ReportDoc(page).check()
