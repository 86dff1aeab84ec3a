import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reportgen.figures.frame import LARGE, linear_ticks, log_ticks, widened, x_axis, y_axis
from reportgen.figures.labels import Words, spread
from reportgen.figures.scale import Scale, value_scale
from reportgen.figures.text import width_of
from reportgen.figures.ticks import tick_texts

FINITE = st.floats(allow_nan=False, allow_infinity=False)


@settings(deadline=None)
@given(st.lists(FINITE, min_size=1, max_size=20), st.booleans())
def test_every_drawable_value_has_a_place_in_the_picture(values, log):
    scale = value_scale(values, 200, 10, log)
    if scale is None:
        assert log
        assert all(value <= 0 for value in values)
        return
    scale = widened(scale, 5)
    for value in values:
        if scale.drawable(value):
            assert 9.9 <= scale.place(value) <= 200.1


@settings(deadline=None)
@given(st.tuples(FINITE, FINITE).filter(lambda pair: pair[0] < pair[1]))
def test_ticks_are_few_and_within_the_range(ends):
    low, high = ends
    ticks = linear_ticks(low, high, 5)
    assert len(ticks) <= 7
    assert all(math.isfinite(tick) for tick in ticks)
    assert len(tick_texts(ticks, "number")) == len(ticks)


@settings(deadline=None)
@given(st.floats(1e-300, 1e300), st.floats(1.01, 1e200))
def test_logarithmic_ticks_are_few_and_within_the_range(low, factor):
    high = min(low * factor, 1e300)
    ticks = log_ticks(low, high, 5) if low < high else [low]
    assert len(ticks) <= 8
    assert all(low * 0.999 <= tick <= high * 1.001 for tick in ticks)


def test_numbers_at_one_axis_have_the_same_decimals():
    assert tick_texts([0, 0.5, 1], "number") == ["0.0", "0.5", "1.0"]
    assert tick_texts([0.6, 0.8, 1], "percent") == ["60%", "80%", "100%"]
    assert tick_texts([0.975, 1], "percent") == ["97.5%", "100.0%"]
    assert tick_texts([-2, 0, 2], "number") == ["−2", "0", "2"]
    assert tick_texts([0, 2e-5, 4e-5], "number") == ["0", "2e-5", "4e-5"]
    assert tick_texts([0, 500_000, 1_000_000], "step")[-1].replace("\u00a0", " ") == "1 M"
    assert tick_texts([0, 1024], "bytes")[1].replace("\u00a0", " ") == "1.02 kB"


def test_the_last_step_stands_at_the_axis_end_and_nothing_on_it():
    ticks = x_axis(Scale(0, 937, 40, 400), LARGE, "step", whole=True)
    assert ticks.texts[-1] == "step 937"
    assert ticks.places[-1] == 400
    ends = [place + width_of(words, 12) / 2 for place, words in zip(ticks.places, ticks.texts, strict=True)]
    starts = [place - width_of(words, 12) / 2 for place, words in zip(ticks.places, ticks.texts, strict=True)]
    assert all(end < start for end, start in zip(ends, starts[1:], strict=False))


def test_a_single_step_is_named():
    assert x_axis(Scale(7, 7, 40, 400), LARGE, "step", whole=True).texts == ("step 7",)


def test_a_constant_gets_a_range_around_it():
    scale = value_scale([5.0, 5.0], 200, 10)
    assert scale.place(5) == 105
    assert len(y_axis(scale, LARGE, "number").texts) >= 2


def test_zero_is_shown_below_what_begins_near_it():
    assert value_scale([0.05, 2.3], 200, 10).low == 0
    assert value_scale([0.9, 0.99], 200, 10).low == 0.9


@settings(deadline=None)
@given(st.lists(st.floats(0, 100), min_size=1, max_size=8))
def test_names_at_line_ends_never_overlap(wanted):
    places = spread(wanted, 14, 0, 100)
    ordered = sorted(places)
    assert all(b - a >= 14 - 1e-6 for a, b in itertools.pairwise(ordered))
    assert min(places) >= -1e-6
    assert max(places) <= 100 + 1e-6
    order = sorted(range(len(wanted)), key=lambda at: wanted[at])
    assert [places[at] for at in order] == pytest.approx(sorted(places))


def test_words_keep_off_lines_where_there_is_room():
    words = Words(400, 200, 11)
    words.avoid([(0, 100), (400, 100)])
    assert words.near(200, 100, "NaN from step 200", "bad", beside=True)
    left, top, right, bottom = words.boxes[-1]
    assert bottom < 100 or top > 100
    assert left < 200 < right
    crowded = Words(120, 40, 11)
    crowded.avoid([(0, y) for y in (0, 40)])
    for y in range(0, 40, 4):
        crowded.avoid([(0, y), (120, y)])
    assert crowded.near(60, 20, "best", "ink")  # on a line rather than not at all
    crowded.block(0, 0, 120, 40)
    assert not crowded.near(60, 20, "best", "ink")


def test_words_stand_where_no_other_line_lies_between_them_and_their_point():
    words = Words(400, 200, 11)
    words.avoid([(0.0, 90.0), (300.0, 97.0)])
    words.avoid([(0.0, 100.0), (300.0, 100.0)])
    words.block(306.0, 0.0, 400.0, 200.0)  # where the names of the lines stand
    assert words.near(300.0, 100.0, "3.03", "ink")

    assert words.boxes[-1][1] > 100.0
