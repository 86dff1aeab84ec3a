"""Line charts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from reportgen.blocks.charts import Line, LineChart
from reportgen.blocks.wording import number
from reportgen.figures.decimate import stretches, thinned
from reportgen.figures.frame import LARGE, Frame, Size, margins, widened, x_axis, y_axis
from reportgen.figures.labels import Words, spread
from reportgen.figures.noise import band
from reportgen.figures.palette import colour_of, dashes_of, paint
from reportgen.figures.plot import Stroke, plotted
from reportgen.figures.scale import Scale, value_scale
from reportgen.figures.svg import drawing, element, line_data, text
from reportgen.figures.text import cut, width_of

# More names than this at the right edge would not be read; the table has them all.
MOST_NAMES = 12
LONGEST_NAME = 18
# How strongly the band of a noisy line is filled: weaker than the line in it, and two bands can still be told apart.
BAND = 0.28
# How much wider than others the names are drawn.
BOLD = 1.1


@dataclass(frozen=True, slots=True)
class Placed:
    """A line with its drawable stretches in px."""

    line: Line
    runs: tuple[tuple[tuple[float, float], ...], ...]

    @property
    def colour(self) -> str:
        """The name of the line's colour."""
        return colour_of(self.line.role)


def line_chart(block: LineChart, size: Size = LARGE) -> str:
    """The chart as an <svg>; "" when it has no value that can be drawn. To be called within chart_settings()."""
    frame = frame_of(block, size)
    if frame is None:
        return ""
    lines = placed_lines(block, frame)
    # Many lines on one chart share what one noisy line may take.
    coarse = max(1.0, len(lines) / 4)
    bands = [(one, run, band(run, coarse)) for one in lines for run in one.runs if len(run) > 1]
    strokes = [
        Stroke(
            tuple(thinned(run, frame.right - frame.left, coarse)) if found is None else found.middle,
            one.colour,
            _width(one.line),
            dashes_of(one.line.role),
        )
        for one, run, found in bands
    ]
    words = Words(size.width, size.height, size.font - 1)
    _axis_boxes(words, frame)
    for stroke in strokes:
        words.avoid(stroke.points)
    outlines = [
        element("path", d=found.outline(), fill=paint(one.colour), fill_opacity=BAND)
        for one, _, found in bands
        if found is not None
    ]
    shapes = [*outlines, plotted(frame, strokes), _dots(lines), _names(lines, frame, words)]
    shapes += [
        _breaks(block.lines, frame, words),
        _bests(lines, frame, words),
        _bad_values(lines, frame, words, block.x_label),
    ]
    font = f"{size.font - 1:g}"
    if words.markup:
        shapes.append(element("g", "".join(words.markup), font_size=font))
    return drawing(size.width, size.height, "".join(shapes), label(block.title, block.caption), "chart")


def label(title: str, caption: str) -> str:
    """A chart's text alternative: its title, and what its caption says it shows."""
    return ": ".join(part for part in (cut(title, 120), cut(caption, 600)) if part) or "chart"


def shown_name(line: Line) -> str:
    """A line's name as it stands at the line's end."""
    return cut(line.name, LONGEST_NAME)


def frame_of(block: LineChart, size: Size) -> Frame | None:
    """The frame that holds all drawable points; None when there are none."""
    top, bottom = 18.0, size.height - size.font * 2
    pairs = [(x, y) for line in block.lines for x, y in zip(line.x, line.y, strict=True) if math.isfinite(x)]
    y_scale = value_scale((y for _, y in pairs), bottom, top, block.log_y)
    if y_scale is None:
        return None
    y_scale = widened(y_scale, size.y_ticks)
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


def placed_lines(block: LineChart, frame: Frame) -> list[Placed]:
    """The lines in px, each in its stretches."""
    out = []
    for line in block.lines:
        values = [
            y if math.isfinite(x) and frame.y.drawable(y) else math.nan for x, y in zip(line.x, line.y, strict=True)
        ]
        runs = stretches(values, line.breaks)
        out.append(
            Placed(
                line, tuple(tuple((frame.x.place(line.x[at]), frame.y.place(values[at])) for at in run) for run in runs)
            )
        )
    return out


def _width(line: Line) -> float:
    return 1.9 if line.role in ("val", "test") else 1.4


def _axis_boxes(words: Words, frame: Frame) -> None:
    """Words stay off the numbers at the axes."""
    for place, written in zip(frame.x_ticks.places, frame.x_ticks.texts, strict=True):
        wide = width_of(written, frame.size.font)
        words.block(place - wide / 2, frame.bottom + 4, place + wide / 2, frame.size.height)
    words.block(0, 0, frame.left - 6, frame.bottom)


def _dots(lines: Sequence[Placed]) -> str:
    """A stretch of a single point, which a line cannot show, is a dot."""
    return "".join(
        element("circle", cx=run[0][0], cy=run[0][1], r="2.4", fill=paint(one.colour))
        for one in lines
        for run in one.runs
        if len(run) == 1
    )


def _names(lines: Sequence[Placed], frame: Frame, words: Words) -> str:
    """Names at the ends of the lines, moved apart where they would overlap."""
    if frame.size.width - frame.right < 20:
        return ""
    ends = [one for one in lines if one.runs]
    font = frame.size.font
    fit = max(1, min(MOST_NAMES, int((frame.bottom - frame.top) / (font + 2)) + 1))
    shown, left_out = (ends, 0) if len(ends) <= fit else (ends[: fit - 1], len(ends) - fit + 1)
    # A line that ended long before the others is still named at the right edge, in its colour.
    wanted = [one.runs[-1][-1][1] for one in shown]
    if left_out:
        wanted.append(frame.bottom)
    places = spread(wanted, font + 1.5, frame.top, frame.bottom)
    x = frame.right + 6
    room = frame.size.width - x
    out = []
    for one, y in zip(shown, places, strict=False):
        name = _fitting(one.line.name, room, font)
        out.append(text(x, y + font * 0.35, name, fill=paint(one.colour)))
        words.block(x, y - font * 0.5, frame.size.width, y + font * 0.5)
    if left_out:
        out.append(text(x, places[-1] + font * 0.35, f"and {left_out} more", fill=paint("muted"), font_weight="normal"))
    return element("g", "".join(out), font_size=f"{font:g}", font_weight="600")


def _fitting(name: str, room: float, font: float) -> str:
    """The name, cut until it fits."""
    for limit in range(LONGEST_NAME, 2, -1):
        shown = cut(name, limit)
        if width_of(shown, font) * BOLD <= room:
            return shown
    return cut(name, 2)


def _breaks(lines: Sequence[Line], frame: Frame, words: Words) -> str:
    """A dashed line where a resumed attempt begins."""
    places = sorted({line.x[at] for line in lines for at in line.breaks if 0 <= at < len(line.x)})
    out = []
    for step in (step for step in places if math.isfinite(step)):
        x = frame.x.place(step)
        data = line_data([(x, frame.top), (x, frame.bottom)])
        out.append(element("path", d=data, fill="none", stroke=paint("edge"), stroke_dasharray="3 3"))
        words.near(x, frame.top + 8, "resumed", "muted", gap=0)
    return "".join(out)


def _bests(lines: Sequence[Placed], frame: Frame, words: Words) -> str:
    """A ring on the best value, with its number."""
    out = []
    for one in lines:
        best = one.line.best
        if best is None or not (math.isfinite(best.x) and frame.y.drawable(best.y)):
            continue
        x, y = frame.x.place(best.x), frame.y.place(best.y)
        out.append(
            element("circle", cx=x, cy=y, r="3.6", fill=paint("paper"), stroke=paint(one.colour), stroke_width="1.7")
        )
        words.near(x, y, cut(best.text, 24), "ink")
    return "".join(out)


def _bad_values(lines: Sequence[Placed], frame: Frame, words: Words, x_label: str) -> str:
    """A cross where a line has values that are no finite numbers, with the step at which they begin."""
    out = []
    for one in lines:
        line = one.line
        bad = [at for at, value in enumerate(line.y) if not math.isfinite(value) and math.isfinite(line.x[at])]
        if not bad:
            continue
        first = bad[0]
        x = frame.x.place(line.x[first])
        before = [run[-1] for run in one.runs if run[-1][0] <= x]
        y = before[-1][1] if before else frame.bottom
        cross = line_data([(x - 4, y - 4), (x + 4, y + 4)]) + line_data([(x - 4, y + 4), (x + 4, y - 4)])
        out.append(element("path", d=cross, fill="none", stroke=paint("bad"), stroke_width="2"))
        to_end = len(bad) == len(line.y) - first and len(bad) > 1
        words.near(
            x,
            y,
            f"{number(line.y[first])} {'from' if to_end else 'at'} {_at(line.x[first], x_label)}",
            "bad",
            beside=True,
        )
    return "".join(out)


def _at(x: float, x_label: str) -> str:
    """A place on the horizontal axis in words."""
    return f"{cut(x_label, 24)} {int(x):,}" if float(x).is_integer() else f"{cut(x_label, 24)} {number(x)}"
