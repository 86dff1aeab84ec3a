"""Curves in the unit square, such as precision over recall."""

from __future__ import annotations

import math

from reportgen.blocks.shapes import Curve, CurveChart
from reportgen.figures.palette import paint
from reportgen.figures.svg import drawing, element, line_data, text
from reportgen.figures.text import cut

WIDTH, HEIGHT, FONT = 440.0, 300.0, 12.0
LEFT, RIGHT, TOP, BOTTOM = 40.0, 424.0, 24.0, 270.0
TICKS = ((0.0, "0"), (0.25, "0.25"), (0.5, "0.5"), (0.75, "0.75"), (1.0, "1"))
# Looks of the curves before the last, the newest first.
EARLIER = (("muted", "6 3"), ("muted", "3 3"), ("edge", "1 3"))


def curve_chart(block: CurveChart) -> str:
    """The chart as an <svg>; "" when no curve has a finite point."""
    places = [_places(curve) for curve in block.curves]
    if not any(places):
        return ""
    grid = "".join(line_data([(LEFT, _y(value)), (RIGHT, _y(value))]) for value, _ in TICKS)
    grid += "".join(line_data([(_x(value), TOP), (_x(value), BOTTOM)]) for value, _ in TICKS)
    shapes = element("path", d=grid, fill="none", stroke=paint("grid"))
    for at, points in enumerate(places):
        shapes += _line(points, len(places) - 1 - at)
    words = [text(LEFT - 6, _y(value) + 4, written, text_anchor="end") for value, written in TICKS]
    for value, written in TICKS[:-1]:
        words.append(text(_x(value), BOTTOM + 18, written, text_anchor="middle"))
    words.append(text(RIGHT + 8, BOTTOM + 18, f"{cut(block.x_label, 30)} 1", text_anchor="end"))
    words.append(text(0, 11, cut(block.y_label, 60)))
    shapes += element("g", "".join(words), fill=paint("muted"), font_size=f"{FONT:g}")
    label = f"{cut(block.title, 120)}: {cut(block.caption, 160)}"
    return drawing(WIDTH, HEIGHT, shapes, label, "chart")


def curve_swatch(age: int) -> str:
    """A piece of the line of a curve `age` curves before the last."""
    return drawing(28, 8, _line([(0, 4), (28, 4)], age))


def _line(points: list[tuple[float, float]], age: int) -> str:
    colour, dashes = ("c1", "") if age == 0 else EARLIER[min(age, len(EARLIER)) - 1]
    data, width = line_data(points), "2" if age == 0 else "1.3"
    if not data:
        return ""
    return element("path", d=data, fill="none", stroke=paint(colour), stroke_width=width, stroke_dasharray=dashes)


def _places(curve: Curve) -> list[tuple[float, float]]:
    return [
        (_x(min(1.0, max(0.0, x))), _y(min(1.0, max(0.0, y))))
        for x, y in zip(curve.x, curve.y, strict=False)
        if math.isfinite(x) and math.isfinite(y)
    ]


def _x(value: float) -> float:
    return LEFT + value * (RIGHT - LEFT)


def _y(value: float) -> float:
    return BOTTOM - value * (BOTTOM - TOP)
