"""Scatter charts."""

from __future__ import annotations

import math
from dataclasses import replace

from reportgen.blocks.charts import ScatterChart
from reportgen.figures.chart import label
from reportgen.figures.frame import LARGE, Frame, Size, margins, widened, x_axis, y_axis
from reportgen.figures.palette import paint
from reportgen.figures.plot import Stroke, plotted
from reportgen.figures.scale import Scale, value_scale
from reportgen.figures.svg import drawing, element, joined, tenths, text
from reportgen.figures.text import cut

# Points that fall on the same half pixel are one; beyond this many, every n-th is drawn.
MOST_POINTS = 2000
# Up to so many are drawn larger, and not as if they lay on others.
FEW = 40
# Room at an axis' end, as a share of it, since dots at the very edge would touch the numbers.
EDGE = 0.04


def scatter_chart(block: ScatterChart, size: Size = LARGE) -> str:
    """The chart as an <svg>; "" when it has no finite point. To be called within chart_settings()."""
    points = [(x, y) for x, y in block.points if math.isfinite(x) and math.isfinite(y) and (x > 0 or not block.log_x)]
    frame = _frame(block, points, size)
    if frame is None:
        return ""
    strokes = []
    if block.diagonal:
        low, high = max(frame.x.low, frame.y.low), min(frame.x.high, frame.y.high)
        if low < high:
            ends = tuple((frame.x.place(value), frame.y.place(value)) for value in (low, high))
            strokes.append(Stroke(ends, "edge", 1.2, "4 3"))
    plot = plotted(frame, strokes)
    shapes = plot.axes + plot.lines + _dots(points, frame)
    shapes += text(0, 11, cut(block.y_label, 60), fill=paint("muted"), font_size=f"{size.font:g}")
    return drawing(size.width, size.height, shapes, label(block.title, block.caption), "chart")


def _frame(block: ScatterChart, points: list[tuple[float, float]], size: Size) -> Frame | None:
    top, bottom = 24.0, size.height - size.font * 2
    xs, ys = [x for x, _ in points], [y for _, y in points]
    if block.diagonal:  # both axes show the same range, so that the line is where the values agree
        xs = ys = xs + ys
    y_scale, x_range = value_scale(ys, bottom, top), value_scale(xs, 0, 1, block.log_x)
    if y_scale is None or x_range is None:
        return None
    shares = block.y_format == "percent" and all(0 <= y <= 1 for y in ys)
    if shares and block.diagonal:  # how far from the line is much can be told on the whole range only
        y_scale, x_range = replace(y_scale, low=0.0, high=1.0), replace(x_range, low=0.0, high=1.0)
    else:
        y_scale, x_range = _roomy(widened(y_scale, size.y_ticks), ys), _roomy(widened(x_range, size.x_ticks), xs)
    if shares:
        y_scale = replace(y_scale, low=max(0.0, y_scale.low), high=min(1.0, y_scale.high))
    numbers = y_axis(y_scale, size, block.y_format)
    left, _ = margins(numbers.texts, (), size)
    right = size.width - 16
    x_scale = replace(x_range, start=left, end=right)
    style = block.y_format if block.diagonal else "number"  # both axes count the same then
    ticks = x_axis(x_scale, size, cut(block.x_label, 30), whole=False, format=style)
    return Frame(size, left, right, top, bottom, x_scale, y_scale, ticks, numbers)


def _roomy(scale: Scale, values: list[float]) -> Scale:
    """The scale with room below its lowest values, and on a logarithmic one also above; zero stays its end."""
    if scale.log:
        room = (scale.high / scale.low) ** EDGE
        return replace(scale, low=scale.low / room, high=scale.high * room)
    room = (scale.high / 2 - scale.low / 2) * 2 * EDGE
    if scale.low == 0 or not math.isfinite(scale.low - room) or min(values) / 2 - scale.low / 2 >= room / 2:
        return scale
    return replace(scale, low=scale.low - room)


def _dots(points: list[tuple[float, float]], frame: Frame) -> str:
    """All points as one path of round dots; where they crowd, they are smaller."""
    shown = points[:: math.ceil(len(points) / MOST_POINTS)] if points else []
    places = sorted({(round(frame.x.place(x) * 2) * 5, round(frame.y.place(y) * 2) * 5) for x, y in shown})
    parts: list[str] = []
    before = (0, 0)
    for x, y in places:
        parts.append(f"{'m' if parts else 'M'}{joined((tenths(x - before[0]), tenths(y - before[1])))}h0")
        before = (x, y)
    few = len(places) <= FEW
    width = 7.0 if few else 5.0 if len(places) < 200 else 3.5
    return element(
        "path",
        d="".join(parts),
        fill="none",
        stroke=paint("c1"),
        stroke_width=width,
        stroke_linecap="round",
        stroke_opacity="0.85" if few else "0.55",
    )
