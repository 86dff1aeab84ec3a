from hypothesis import given, settings
from hypothesis import strategies as st

from reportgen.figures.text import clean, cut, escaped, width_of


def test_what_no_page_may_hold_becomes_visible():
    assert clean("a\x00b\x1b[31m\x7f") == "a\u2400b\u241b[31m\u2421"
    assert clean("\ud800\udfff\ufffe\x85\U0001ffff") == "\ufffd" * 5
    assert clean("a\r\nb\tc\rd") == "a\nb\tc\u240dd"


@settings(deadline=None)
@given(st.text(st.characters()))
def test_clean_text_is_utf8_and_stays_so(text):
    once = clean(text)
    once.encode("utf-8")
    assert clean(once) == once


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["C"]), max_size=50))
def test_ordinary_text_stays_as_it_is(text):
    assert clean(text) == text


def test_escaped_text_is_inert():
    assert escaped("<a href=\"x\" t='y'>&") == "&lt;a href=&quot;x&quot; t=&#x27;y&#x27;&gt;&amp;"


def test_long_names_keep_beginning_and_end():
    assert cut("layer1.0.attention.weight", 12) == "layer1…eight"
    assert cut("short\n  name", 12) == "short name"
    assert len(cut("x" * 10_000, 80)) == 80


def test_widths_are_upper_estimates_of_dejavu_sans():
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    for words in ("step 1,234", "0.0625", "val", "layer4.1.conv2.weight", "WWW", "97.4 %", "−1.5e-7"):
        real = TextPath((0, 0), words, size=12, prop=FontProperties(family="DejaVu Sans")).get_extents().width
        assert real <= width_of(words, 12) <= 1.6 * real + 4, words
