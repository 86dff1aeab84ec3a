"""What a chart tells the page's script, and the bands it draws."""

import math
import re

from reportgen.blocks import Band, Clock, Line, LineChart
from reportgen.figures.chart import line_chart
from reportgen.figures.frame import BESIDE
from reportgen.figures.minor import minor_chart
from reportgen.figures.plot import chart_settings
from tests.render.sample import EPOCHS, STEPS, VAL, noisy


def draw(*lines, size=None, **settings):
    block = LineChart("title", lines, "caption", **settings)
    with chart_settings():
        return line_chart(block, size) if size else line_chart(block)


def data(svg: str) -> dict[str, str]:
    return dict(re.findall(r' data-(\w)="([^"]*)"', svg[: svg.index(">")]))


def group(svg: str, name: str) -> list[str]:
    found = re.search(rf'<g class="{name}"[^>]*>(.*?)</g>', svg, re.DOTALL)
    return re.findall(r"<\w+ [^>]*>", found[1]) if found else []


def numbers(path: str) -> list[tuple[float, float]]:
    """The points of an absolute or relative path, to a tenth."""
    x = y = 0.0
    points = []
    for letter, rest in re.findall(r"([Mlhv])([^Mlhvz]*)", re.search(r' d="([^"]*)"', path)[1]):
        found = [float(one) for one in re.findall(r"-?(?:\d+\.?\d*|\.\d+)", rest)]
        if letter == "M":
            x = y = 0.0
        wide = 2 if letter in "Ml" else 1
        for at in range(0, len(found), wide):
            x += found[at] if letter in "Mlh" else 0.0
            y += found[at + wide - 1] if letter in "Mlv" else 0.0
            points.append((round(x, 1), round(y, 1)))
    return points


def test_axes_names_and_regular_steps_are_told():
    drawn = data(
        draw(
            Line("train", STEPS, noisy(), "train"),
            Line("val", EPOCHS, VAL, "val"),
            over_time=True,
            x_label="optimizer step",
        )
    )
    low, high, left, right, least, greatest, bottom, top, *rest = drawn["c"].split(" ")

    assert (float(low), float(high)) == (0.0, 900.0)
    assert (float(least), float(greatest)) == (0.0, 2.5)
    assert float(left) < float(right)
    assert float(bottom) > float(top)
    assert rest == ["linear", "number", "steps", "optimizer", "step"]
    assert drawn["n"] == "train\nval"
    assert drawn["s"] == "0:3 90:90"
    assert "t" not in drawn


def test_the_clock_is_told_with_its_attempts():
    clock = Clock(1000.5, (((0.0, 0.0), (10.0, 2.25)), ((5.0, 100.0), (20.0, 130.125))))
    drawn = data(draw(Line("a", (0.0, 10.0, 5.0, 20.0), (1.0, 2.0, 3.0, 4.0), breaks=(2,)), clock=clock))

    assert drawn["t"] == "1000.500 0:0 10:2.25 ; 5:100 20:130.125"
    assert drawn["a"] == "0,1"


def test_each_line_is_one_path_in_its_order():
    gap = (1.0, 2.0, math.nan, 3.0, 4.0)
    at = (0.0, 1.0, 2.0, 3.0, 4.0)
    drawn = draw(
        Line("a", at, gap), Line("none", at, (math.nan,) * 5), Line("b", at, gap, "2"), Line("c", (1.0,), (2.0,), "3")
    )

    lines = group(drawn, "lines")
    assert [re.search(r"--(c\d)", line)[1] for line in lines] == ["c1", "c2", "c3"]
    assert [line.count("M") for line in lines] == [2, 2, 1]
    assert data(drawn)["n"] == "a\nb\nc"


def test_the_band_of_a_noisy_line_names_its_line():
    many = tuple(float(k) for k in range(2000))
    noise = draw(Line("val", EPOCHS, VAL, "val"), Line("train", many, noisy(steps=many), "train"))

    assert data(noise)["b"] == "1"


def test_small_charts_carry_no_data():
    assert data(draw(Line("a", STEPS, noisy()), size=BESIDE)) == {}


def test_a_band_lies_between_its_ends_and_widens_the_axis():
    line = Line("a", (0.0, 10.0, 20.0), (5.0, 5.0, 5.0))
    drawn = draw(line, bands=(Band(0, (0.0, 10.0, 20.0), (4.0, 0.0, 4.0), (6.0, 10.0, 6.0)),))
    words = data(drawn)["c"].split(" ")
    bottom, top = float(words[6]), float(words[7])
    outline = numbers(group(drawn, "bands")[0])

    assert (float(words[4]), float(words[5])) == (0.0, 10.0)
    assert min(y for _, y in outline) == top
    assert max(y for _, y in outline) == bottom
    assert data(drawn)["b"] == "0"


def test_a_band_with_a_gap_or_a_restart_is_several_areas():
    x = tuple(float(k) for k in range(6))
    low, high = (0.0, 0.0, math.nan, 0.0, 0.0, 0.0), (1.0, 1.0, 1.0, 1.0, 1.0, 1.0)
    line = Line("a", x, (0.5,) * 6, breaks=(4,))
    drawn = draw(line, bands=(Band(0, x, low, high, breaks=(4,)),))

    assert len(group(drawn, "bands")) == 3
    assert data(drawn)["b"] == "0 0 0.1"


def test_a_dense_band_covers_all_that_was_given():
    x = tuple(float(k) for k in range(5000))
    high = tuple(100.0 if k == 2500 else 1.0 for k in range(5000))
    drawn = draw(Line("a", x, (0.5,) * 5000), bands=(Band(0, x, (0.0,) * 5000, high),))
    outline = numbers(group(drawn, "bands")[0])

    assert len(outline) < 400
    assert min(y for _, y in outline) == float(data(drawn)["c"].split(" ")[7])


def test_on_a_logarithmic_axis_a_band_below_zero_ends_at_its_foot():
    drawn = draw(
        Line("a", (0.0, 1.0), (1.0, 10.0)), log_y=True, bands=(Band(0, (0.0, 1.0), (-1.0, 0.1), (2.0, 100.0)),)
    )

    assert max(y for _, y in numbers(group(drawn, "bands")[0])) == float(data(drawn)["c"].split(" ")[6])


def test_minor_charts_draw_bands_too():
    bare = LineChart("t", (Line("a", (0.0, 1.0), (1.0, 2.0)),), "c")
    banded = LineChart("t", bare.lines, "c", bands=(Band(0, (0.0, 1.0), (0.0, 1.0), (2.0, 3.0)), Band(9, (), (), ())))

    assert "fill-opacity" in minor_chart(banded)
    assert "fill-opacity" not in minor_chart(bare)


def test_a_resumed_attempt_is_never_joined_to_the_one_before():
    drawn = draw(Line("a", (0.0, 1.0, 2.0, 1.0, 2.0, 3.0), (1.0, 2.0, 3.0, 1.0, 2.0, 3.0), breaks=(3,)))

    assert group(drawn, "lines")[0].count("M") == 2


def test_of_very_many_attempts_one_mark_stands_for_all():
    x = tuple(float(k % 5) for k in range(50))
    drawn = draw(Line("a", x, x, breaks=tuple(range(5, 50, 5))))

    assert "resumed 9 times" in drawn
    assert drawn.count("resumed") == 1
    assert group(drawn, "lines")[0].count("M") == 10
