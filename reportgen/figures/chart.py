"""Line charts."""

from __future__ import annotations

import math
from dataclasses import replace

from reportgen.blocks.charts import Line, LineChart
from reportgen.figures.decimate import thinned
from reportgen.figures.foot import footed
from reportgen.figures.frame import LARGE, Frame, Size, margins, widened, x_axis, y_axis
from reportgen.figures.labels import Words
from reportgen.figures.marks import BOLD, MOST_NAMES, bad_values, bests, breaks, dots, names, shown_name
from reportgen.figures.noise import band
from reportgen.figures.palette import dashes_of, paint
from reportgen.figures.placing import Area, Placed, placed_bands, placed_lines, reach
from reportgen.figures.plot import Stroke, plotted
from reportgen.figures.scale import Scale, value_scale
from reportgen.figures.script_data import script_data
from reportgen.figures.svg import drawing, element
from reportgen.figures.text import cut, width_of

# How strongly the band of a noisy line is filled: weaker than the line in it, and two bands can still be told apart.
BAND = 0.28
# Bands that were asked for may lie in each other, and then add up.
NESTED = 0.16
GAP = (math.nan, math.nan)
# Runs beside each other, of which more than MOST_BANDS have lines alone: their bands would hide each other.
RUNS = frozenset({"rest", *(f"run{number}" for number in range(1, 9))})
MOST_BANDS = 3


def line_chart(block: LineChart, size: Size = LARGE) -> str:
    """The chart as an <svg>; "" when it has no value that can be drawn. To be called within chart_settings().

    Its parts are groups whose classes (bands, axes, lines, dots, names, marks) and data- attributes are for the page's
    script: see script_data.
    """
    frame = frame_of(block, size)
    if frame is None:
        return ""
    lines = placed_lines(block.lines, frame.x, frame.y)
    areas = placed_bands(block.bands, frame.x, frame.y)
    strokes, noise = _strokes(lines, frame)
    words = Words(size.width, size.height, size.font - 1)
    _axis_boxes(words, frame)
    for stroke in strokes:
        words.avoid(stroke.points)
    plot = plotted(frame, strokes)
    written = names(lines, frame, words)
    marks = breaks(block.lines, frame, words) + bests(lines, frame, words)
    marks += bad_values(lines, frame, words, block.x_label)
    if words.markup:
        marks += element("g", "".join(words.markup), font_size=f"{size.font - 1:g}")
    shapes = [
        _group("bands", _painted(areas, lines, NESTED) + _painted(noise, lines, BAND)),
        _group("axes", plot.axes),
        _group("lines", plot.lines),
        _group("dots", dots(lines)),
        written,
        _group("marks", marks),
    ]
    data = script_data(block, frame, lines, [*areas, *noise]) if size == LARGE else {}
    content = "".join(shapes)
    return drawing(size.width, size.height, content, label(block.title, block.caption), "chart", **data)


def _group(name: str, content: str) -> str:
    return f'<g class="{name}">{content}</g>' if content else ""


def _strokes(lines: list[Placed], frame: Frame) -> tuple[list[Stroke], list[Area]]:
    """One stroke for each line that has a point, and the bands of the noisy ones."""
    # Many lines on one chart share what one noisy line may take.
    coarse = max(1.0, len(lines) / 4)
    strokes, areas = [], []
    for place, one in enumerate(lines):
        points: list[tuple[float, float]] = []
        for run, attempt in zip(one.runs, one.attempts, strict=True):
            found = band(run, coarse)
            if found is not None:
                points += found.middle
                if one.line.role not in RUNS or len(lines) <= MOST_BANDS:
                    areas.append(Area(place, attempt, found.outline()))
            else:  # a single point twice, since a line through one is left out
                points += thinned(run, frame.right - frame.left, coarse) if len(run) > 1 else [*run, *run]
            points.append(GAP)
        if points:
            strokes.append(Stroke(tuple(points[:-1]), one.colour, _width(one.line), dashes_of(one.line.role)))
    return strokes, areas


def _painted(areas: list[Area], lines: list[Placed], opacity: float) -> str:
    return "".join(
        element("path", d=area.outline, fill=paint(lines[area.line].colour), fill_opacity=opacity)
        for area in areas
        if area.line < len(lines)
    )


def label(title: str, caption: str) -> str:
    """A chart's text alternative: its title, and what its caption says it shows."""
    return ": ".join(part for part in (cut(title, 120), cut(caption, 600)) if part) or "chart"


def frame_of(block: LineChart, size: Size) -> Frame | None:
    """The frame that holds all drawable points; None when there are none."""
    top, bottom = 18.0, size.height - size.font * 2
    pairs = [(x, y) for line in block.lines for x, y in zip(line.x, line.y, strict=True) if math.isfinite(x)]
    pairs += reach(block.bands)
    y_scale = value_scale((y for _, y in pairs), bottom, top, block.log_y)
    if y_scale is None:
        return None
    y_scale = widened(footed(y_scale, block.lines), size.y_ticks)
    if block.y_format == "percent" and all(0 <= y <= 1 for _, y in pairs if math.isfinite(y)):
        y_scale = replace(y_scale, low=max(0.0, y_scale.low), high=min(1.0, y_scale.high))
    numbers = y_axis(y_scale, size, block.y_format)
    names = [shown_name(line) for line in block.lines[:MOST_NAMES]] if _named(block) else []
    left, room = margins(numbers.texts, [width_of(name, size.font) * BOLD for name in names], size)
    xs = [x for x, _ in pairs]
    first, last = min(xs), max(xs)
    # Validation begins late; an axis from zero lets neighbouring charts be compared.
    x_scale = Scale(0.0 if 0 < first < 0.2 * last else first, last, left, size.width - room)
    whole = all(x.is_integer() for x in map(float, (x_scale.low, x_scale.high)))
    steps = x_axis(x_scale, size, cut(block.x_label, 24), whole)
    return Frame(size, left, size.width - room, top, bottom, x_scale, y_scale, steps, numbers)


def _named(block: LineChart) -> bool:
    """A single line needs no name: the title says what it is."""
    return len(block.lines) > 1 or any(line.role in ("train", "val", "test") for line in block.lines)


def _width(line: Line) -> float:
    return 1.9 if line.role in ("val", "test") else 0.8 if line.role == "rest" else 1.4


def _axis_boxes(words: Words, frame: Frame) -> None:
    """Words stay off the numbers at the axes."""
    for place, written in zip(frame.x_ticks.places, frame.x_ticks.texts, strict=True):
        wide = width_of(written, frame.size.font)
        words.block(place - wide / 2, frame.bottom + 4, place + wide / 2, frame.size.height)
    words.block(0, 0, frame.left - 6, frame.bottom)
    words.block(0, frame.bottom + 4, frame.size.width, frame.size.height)
