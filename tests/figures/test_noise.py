"""A crowded line becomes a band of its extremes and a line through its middle."""

import math
import random

from reportgen.blocks import Line, LineChart
from reportgen.figures.chart import line_chart
from reportgen.figures.noise import CROWD, PLACE, band
from reportgen.figures.plot import chart_settings


def crowded(count=2000, width=300.0):
    noise = random.Random(0)
    return [(width * k / (count - 1), 100 + noise.gauss(0, 10)) for k in range(count)]


def test_a_line_of_few_points_is_drawn_as_it_is():
    width = 300.0
    few = int(CROWD * width / PLACE) - 1
    assert band(crowded(few, width)) is None
    assert band([]) is None
    assert band([(1.0, 2.0)]) is None
    assert band([(5.0, 1.0)] * 50) is None


def test_every_extreme_lies_on_the_bands_edge():
    points = crowded()
    found = band(points)
    assert found is not None
    assert min(y for _, y in found.upper) == min(y for _, y in points)
    assert max(y for _, y in found.lower) == max(y for _, y in points)
    for (_, high), (_, middle), (_, low) in zip(found.upper, found.middle, found.lower, strict=True):
        assert high <= low
        assert high <= middle <= low or middle in (points[0][1], points[-1][1])


def test_the_line_keeps_its_first_and_last_point():
    points = crowded()
    found = band(points)
    assert (found.middle[0], found.middle[-1]) == (points[0], points[-1])


def test_a_smooth_crowded_line_has_no_visible_band():
    points = [(0.1 * k, 50 + 40 * math.sin(k / 900)) for k in range(3000)]
    found = band(points)
    assert max(low - high for (_, high), (_, low) in zip(found.upper, found.lower, strict=True)) < 2


def test_a_noisy_chart_is_small_and_keeps_its_spike():
    noise = random.Random(1)
    values = [noise.gauss(1, 0.1) for _ in range(10_000)]
    values[7000] = 9.0
    chart = LineChart("loss", (Line("train", tuple(range(10_000)), tuple(values), "train"),), "caption")
    with chart_settings():
        drawn = line_chart(chart)
    assert "fill-opacity" in drawn
    assert len(drawn) < 6000
    with chart_settings():
        flat = line_chart(LineChart("loss", (Line("train", (0, 1), (1.0, 9.0), "train"),), "caption"))
    assert ">8<" in flat
    assert ">8<" in drawn  # the axis reaches up to the spike
