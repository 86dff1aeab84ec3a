import math
import re

import pytest

from reportgen.blocks import Band, Line, LineChart
from reportgen.figures.chart import frame_of, line_chart
from reportgen.figures.foot import axis_foot, with_foot
from reportgen.figures.frame import LARGE
from reportgen.figures.minor import minor_chart
from reportgen.figures.plot import chart_settings
from tests.figures.test_svg import points_of

STEPS = tuple(float(step) for step in range(40))


def wave(size):
    """Values that move about `size`, within a factor of 4."""
    return tuple(size * 2 ** math.sin(step) for step in STEPS)


def lines(**values):
    return tuple(Line(name, STEPS[: len(given)], given, str(at)) for at, (name, given) in enumerate(values.items(), 1))


def chart(*drawn, **settings):
    return LineChart("ratios", drawn, "caption", log_y=True, **settings)


DEAD = lines(fc1=wave(1e-3), fc2=wave(2e-3), fc3=wave(8e-3), fc4=wave(1e-10))


def test_a_dead_layer_does_not_press_the_others_into_a_corner():
    assert axis_foot(DEAD) == 1e-4
    frame = frame_of(chart(*DEAD), LARGE)
    assert frame.y.low == 1e-4
    assert frame.y.place(1e-10) == frame.bottom
    spread = frame.y.place(0.5e-3) - frame.y.place(1.6e-2)
    assert spread > 0.6 * (frame.bottom - frame.top)


def test_a_layer_that_dies_on_the_way_leaves_the_axis():
    dying = tuple(1e-3 if step < 20 else 10 ** -(3.0 + 4 * (step - 19)) for step in STEPS)
    assert min(dying) < 1e-80
    assert axis_foot(lines(a=wave(1e-3), b=wave(2e-3), c=dying)) == 1e-4
    assert axis_foot(lines(moved=tuple(10 * y for y in dying), limit=(3e-2, 3e-2))) == 1e-3


def test_decades_that_the_others_take_are_no_reason_to_keep_what_lies_far_below():
    wide = lines(fc1=wave(1e-2), fc2=wave(1e-4), fc3=wave(3e-5), fc4=wave(1e-10))
    assert axis_foot(wide) == 1e-6
    assert axis_foot(wide[:3]) is None
    falling = tuple(10 ** -(step / 6) for step in STEPS)
    assert axis_foot(lines(moved=(*falling[:-1], 1e-11))) == 1e-7


@pytest.mark.parametrize(
    "drawn",
    [
        lines(loss=tuple(10 ** -(step / 3) for step in STEPS)),
        lines(train=tuple(10 ** -(step / 5) for step in STEPS), val=wave(1.0)),
        lines(kl=wave(1e-8), rec=wave(1.0)),
        lines(loss=(*(1.0,) * 30, *(1e-7,) * 10)),
        lines(a=wave(1.0), b=wave(3.0), c=wave(1e-2)),
        lines(a=(), b=(math.nan,)),
    ],
    ids=["falls", "falls beside another", "two quantities", "falls at once", "near", "nothing"],
)
def test_what_is_no_outlier_stays_on_the_axis(drawn):
    assert axis_foot(drawn) is None
    assert with_foot(chart(*drawn)).notes == ()


def test_the_caption_says_what_lies_below_and_whose_it_is():
    least = min(DEAD[3].y)
    assert least == pytest.approx(0.5e-10, rel=0.1)
    (note,) = with_foot(chart(*DEAD)).notes
    assert note == "40 values of fc4 below 1e-4 (the least is 5e-11) are drawn at the lower edge."
    schedule = chart(Line("lr", STEPS, (*wave(1e-3)[:-1], 1e-12)), notes=("first",))
    assert with_foot(schedule).notes == (
        "first",
        "One value, 1e-12, is below the axis and drawn at its lower edge.",
    )


def test_a_linear_axis_holds_everything():
    block = LineChart("ratios", DEAD, "caption")
    assert with_foot(block) is block
    assert frame_of(block, LARGE).y.low == 0


def test_both_ways_of_drawing_end_at_the_foot_and_keep_to_the_picture():
    block = chart(*DEAD, bands=(Band(0, STEPS, wave(1e-9), wave(2e-3)),))
    with chart_settings():
        drawn = line_chart(block)
    shapes = re.findall(r' d="(M[^"]*)"', drawn)
    assert len(shapes) == 6  # a band, the grid and four lines
    deepest = max(y for shape in shapes for _, y in points_of(shape))
    assert deepest == pytest.approx(frame_of(block, LARGE).bottom, abs=0.1)
    assert ">1e-4<" in minor_chart(block)
    assert 'data-f="1"' in drawn
    with chart_settings():
        assert "data-f" not in line_chart(chart(*DEAD[:3]))
