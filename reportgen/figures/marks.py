"""What is written on a chart's lines: names, breaks, best values, values that are no finite numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

from reportgen.blocks.charts import Line
from reportgen.blocks.wording import number
from reportgen.figures.frame import Frame
from reportgen.figures.labels import Words, spread
from reportgen.figures.palette import paint
from reportgen.figures.placing import Placed
from reportgen.figures.svg import element, line_data, text
from reportgen.figures.text import cut, width_of

# More names than this at the right edge would not be read; the table has them all.
MOST_NAMES = 12
LONGEST_NAME = 18
MOST_BREAKS = 4
# How much wider than others the names are drawn.
BOLD = 1.1
# px between a name and a number left of it: nearer, they would read as one.
APART = 2.0


def shown_name(line: Line) -> str:
    """A line's name as it stands at the line's end."""
    return cut(line.name, LONGEST_NAME)


def dots(lines: Sequence[Placed]) -> str:
    """A stretch of a single point, which a line cannot show, is a dot."""
    return "".join(
        element("circle", cx=run[0][0], cy=run[0][1], r="2.4", fill=paint(one.colour))
        for one in lines
        for run in one.runs
        if len(run) == 1
    )


def names(lines: Sequence[Placed], frame: Frame, words: Words) -> str:
    """Names at the ends of the lines, moved apart where they would overlap."""
    if frame.size.width - frame.right < 20:
        return ""
    ends = [one for one in lines if one.runs and one.line.role != "rest"]
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
        words.block(x - APART, y - font * 0.5, frame.size.width, y + font * 0.5)
    if left_out:
        out.append(text(x, places[-1] + font * 0.35, f"and {left_out} more", fill=paint("muted"), font_weight="normal"))
    return element("g", "".join(out), font_size=f"{font:g}", font_weight="600", class_="names")


def _fitting(name: str, room: float, font: float) -> str:
    """The name, cut until it fits."""
    for limit in range(LONGEST_NAME, 2, -1):
        shown = cut(name, limit)
        if width_of(shown, font) * BOLD <= room:
            return shown
    return cut(name, 2)


def breaks(lines: Sequence[Line], frame: Frame, words: Words) -> str:
    """A dashed line where a resumed attempt begins; of very many the first stands for all."""
    places = sorted({line.x[at] for line in lines for at in line.breaks if 0 <= at < len(line.x)})
    times = max((len(line.breaks) for line in lines), default=0)
    said = "resumed" if times <= MOST_BREAKS else f"resumed {times} times"
    out = []
    for step in [step for step in places if math.isfinite(step)][: None if times <= MOST_BREAKS else 1]:
        x = frame.x.place(step)
        data = line_data([(x, frame.top), (x, frame.bottom)])
        out.append(element("path", d=data, fill="none", stroke=paint("edge"), stroke_dasharray="3 3"))
        words.near(x, frame.top + 8, said, "muted", gap=0)
    return "".join(out)


def bests(lines: Sequence[Placed], frame: Frame, words: Words) -> str:
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
        # Beside others its colour says whose it is.
        words.near(x, y, cut(best.text, 24), one.colour if len(lines) > 1 else "ink")
    return "".join(out)


def bad_values(lines: Sequence[Placed], frame: Frame, words: Words, x_label: str) -> str:
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
        if line.role == "rest":  # it has no name here, and many may break down
            continue
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
