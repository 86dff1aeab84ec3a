import io
import math
import random
import re

import pytest
from PIL import Image

from reportgen.blocks import Bar, Histogram, Ridge, Ridgeline, Spark
from reportgen.figures.grey import grey_picture
from reportgen.figures.ridgeline import MOST_RIDGES, chosen, ridgeline
from reportgen.figures.small import bar, histogram, spark
from tests.render.sample import bell, png, ridgelines


def test_a_spark_has_a_dot_at_its_end_or_a_cross():
    assert "<circle" in spark(Spark((1, 2, 3), "from 1 to 3"))
    broken = spark(Spark((1, 2, math.nan), "ends in NaN"))
    assert "<circle" not in broken
    assert "--bad" in broken
    assert spark(Spark((math.nan,), "NaN")) == spark(Spark((), "none")) == ""
    assert "nan" not in spark(Spark((1.7e308, -1.7e308, 0), "wide"))
    assert "v" not in re.search(r'd="([^"]*)"', spark(Spark((2, 2, 2), "flat")))[1]


def test_a_spark_of_very_many_values_stays_small():
    chance = random.Random(0)
    assert len(spark(Spark(tuple(chance.random() for _ in range(20_000)), "noise"))) < 2_000


def test_a_histogram_marks_zero_within_its_range():
    assert histogram(Histogram(bell(0.1), -1, 1, "weights")).count("<path") == 2
    assert histogram(Histogram(bell(0.1), 1, 2, "weights")).count("<path") == 1
    assert histogram(Histogram((0.0, 0.0), 0, 1, "none")) == histogram(Histogram((), 0, 1, "none")) == ""
    assert "nan" not in histogram(Histogram((math.nan, 1.0), -1, 1, "odd"))


@pytest.mark.parametrize(("share", "rects"), [(0.5, 2), (0.0, 1), (math.nan, 1), (7.0, 2)])
def test_a_bar_is_as_long_as_its_share(share, rects):
    drawn = bar(Bar(share))
    assert drawn.count("<rect") == rects
    assert all(float(width) <= 56 for width in re.findall(r'<rect width="([\d.]+)"', drawn))


def test_a_ridgeline_is_small_and_keeps_first_and_last():
    block = ridgelines("fc1").items[0]
    drawn = ridgeline(block)
    assert len(drawn) < 2_600
    assert ">0<" in drawn
    assert ">840<" in drawn
    picked = chosen(block.ridges)
    assert len(picked) == MOST_RIDGES
    assert picked[0] == block.ridges[0]
    assert picked[-1] == block.ridges[-1]


def test_odd_ridgelines_are_drawn():
    assert ridgeline(Ridgeline("n", "t", (), (), "c")) == ""
    one = Ridgeline("n", "t", (Ridge(5, (math.nan, 2.0, -1.0)),), ((0.0, "0"), (0.01, "1"), (5.0, "x")), "c")
    drawn = ridgeline(one)
    assert "nan" not in drawn
    assert ">x<" not in drawn
    assert drawn.count("<text") == 2


def redrawn(svg, size):
    """The picture that the strokes of a drawing make."""
    picture = [[None] * size for _ in range(size)]
    for data, level in re.findall(r'<path d="([^"]*)" stroke="#(.)', svg):
        x = y = 0
        for move, run in re.findall(r"[Mm]([-\d ]+)h(\d+)", data):
            dx, dy = (int(number) for number in re.findall(r"-?\d+", move))
            x, y = x + dx, y + dy
            for at in range(int(run)):
                assert picture[y][x + at] is None
                picture[y][x + at] = int(level, 16)
            x += int(run)
    return picture


@pytest.mark.parametrize("size", [1, 8, 28, 32])
def test_a_grey_picture_is_drawn_to_a_sixteenth(size):
    data = png(5, size)
    drawn = redrawn(grey_picture(data, "a digit", 96), size)
    with Image.open(io.BytesIO(data)) as original:
        wanted = [[round(original.getpixel((x, y)) * 15 / 255) for x in range(size)] for y in range(size)]
    assert drawn == wanted


def test_a_picture_that_is_damaged_is_not_drawn():
    assert grey_picture(png(1, 8)[:40], "x", 96) == ""
    assert grey_picture(b"no picture", "x", 96) == ""


def test_the_alternative_of_a_picture_is_escaped():
    assert 'aria-label="&quot;&gt;&lt;b&gt;"' in grey_picture(png(1, 8), '"><b>', 96)
