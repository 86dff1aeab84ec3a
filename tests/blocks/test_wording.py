"""How numbers and names are written."""

import math

import pytest

from reportgen.blocks import wording


@pytest.mark.parametrize("value", [0.0, 1e4, 123_456.0, -0.5, -1e-7, 4.1e-5, 2.5e9, 0.1, 100.0, math.inf, -math.inf])
def test_a_number_in_code_is_read_as_what_it_is(value):
    assert eval(wording.code_number(value)) == pytest.approx(value)


def test_numbers_in_code_have_no_separators():
    assert [wording.code_number(value) for value in (10_000, -0.5, 5e-4)] == ["10000", "-0.5", "5e-4"]
    assert math.isnan(eval(wording.code_number(math.nan)))


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.03124, "0.0312"),
        (2.3100, "2.31"),
        (123.4, "123"),
        (1234.5, "1,234"),
        (999_999, "999,999"),
        (1_234_567, "1.23e6"),
        (0.000041, "4.1e-5"),
        (9.996e-4, "0.001"),
        (-0.5, "−0.5"),
        (1e-300, "1e-300"),
        (1.7976931348623157e308, "1.8e308"),
        (math.nan, "NaN"),
        (math.inf, "∞"),
        (-math.inf, "−∞"),
    ],
)
def test_number(value, text):
    assert wording.number(value) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.981, "98.1 %"),
        (1.0, "100 %"),
        (0.0, "0 %"),
        (0.9999, "99.99 %"),
        (0.0004, "0.04 %"),
        (1 - 1e-9, "> 99.999 %"),
        (1e-9, "< 0.001 %"),
        (2.5, "250.0 %"),
        (-0.1, "−10.0 %"),
        (math.nan, "NaN"),
    ],
)
def test_percent(share, text):
    assert plain(wording.percent(share)) == text


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (0, "0 s"),
        (0.0000123, "12.3 µs"),
        (0.0142, "14.2 ms"),
        (0.9999, "1.0 s"),
        (3.44, "3.4 s"),
        (38.2, "38 s"),
        (59.9, "1 min"),
        (312, "5 min 12 s"),
        (7500, "2 h 5 min"),
        (86_399.9, "1 d"),
        (100_000, "1 d 3 h"),
        (-1, "unknown"),
        (math.nan, "unknown"),
    ],
)
def test_seconds(duration, text):
    assert plain(wording.seconds(duration)) == text


def test_scaled():
    assert plain(wording.scaled(44_600_000, "FLOP")) == "44.6 MFLOP"
    assert plain(wording.scaled(999.9)) == "1 k"
    assert plain(wording.scaled(12, "B")) == "12 B"
    assert wording.scaled(12) == "12"


def test_lists_of_names():
    assert wording.listed([]) == ""
    assert wording.listed(["a"]) == "a"
    assert wording.listed(["a", "b"]) == "a and b"
    assert wording.listed(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"
    assert wording.counted(1, "check") == "1 check"
    assert wording.counted(2000, "class", "classes") == "2,000 classes"


def test_cut_keeps_short_texts_whole():
    assert wording.cut("x" * 100) == "x" * 100
    assert wording.cut("x" * 101) == "x" * 99 + "…"


def test_moments_are_in_utc_and_survive_a_wrong_clock():
    assert wording.moment(1_795_446_012.0) == "2026-11-23 15:00:12 UTC"
    assert wording.moment(1e30) == "unknown"


def test_a_change_of_direction_is_closed_at_the_end_of_the_name():
    assert wording.balanced("\u202eabc") == "\u202eabc\u202c"
    assert wording.balanced("\u2067a\u202eb") == "\u2067a\u202eb\u202c\u2069"
    assert wording.balanced("\u202eabc\u202c") == "\u202eabc\u202c"
    assert wording.cut("\u202e" + "x" * 50, 10) == "\u202e" + "x" * 8 + "…\u202c"
