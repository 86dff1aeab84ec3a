"""Where a logarithmic axis ends below, so that a few values far under all others do not press these into a corner."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from reportgen.blocks.charts import Line, LineChart
from reportgen.blocks.wording import count, cut, number
from reportgen.figures.scale import Scale

# Values are left out below where they alone would take so many decades of the axis.
DECADES = 3.0
# How many may be left out: so few of any kind, such as the end of a schedule; or, among several lines, so many where
# nothing lies between them and the others, such as the updates of a layer that died.
OUTLIERS = 0.05
APART = 1 / 3
# Decades at least between the foot and what is kept, which would else lie at the edge as well.
ROOM = 0.25


def axis_foot(lines: Sequence[Line]) -> float | None:
    """The lower end of a logarithmic axis, a power of ten; None where the axis is to hold all values.

    Each line counts the same, however many points it has: a limit has two.
    """
    known = [[math.log10(y) for x, y in zip(line.x, line.y, strict=True) if _placed(x, y)] for line in lines]
    known = [values for values in known if values]
    weighed = sorted((value, 1 / len(values) / len(known)) for values in known for value in values)
    found, below = None, 0.0
    least = weighed[0][0] if weighed else 0.0
    for (value, weight), (after, _) in pairwise(weighed):
        below += weight
        if below > APART:
            break
        foot = math.floor(after - ROOM)
        few = below <= OUTLIERS or (len(known) > 1 and after - value >= DECADES)
        if few and value < foot and foot - least >= DECADES:
            found, least = foot, after  # what is left may be stretched by the next ones again
    return None if found is None else float(f"1e{found}")


def _placed(x: float, y: float) -> bool:
    return math.isfinite(x) and math.isfinite(y) and y > 0


def footed(scale: Scale, lines: Sequence[Line]) -> Scale:
    """The scale of a chart's values from its foot on, where it is logarithmic and has one."""
    foot = axis_foot(lines) if scale.log else None
    return scale if foot is None else replace(scale, low=foot)


def with_foot(block: LineChart) -> LineChart:
    """The chart with a note on the values that are drawn at the lower edge of its axis, if any are."""
    foot = axis_foot(block.lines) if block.log_y else None
    if foot is None:
        return block
    low = [
        (y, at)
        for at, line in enumerate(block.lines)
        for x, y in zip(line.x, line.y, strict=True)
        if _placed(x, y) and y < foot
    ]
    amount, (least, first) = len(low), min(low)
    alone = len({at for _, at in low}) == 1 < len(block.lines)
    whose = f" of {cut(block.lines[first].name, 60)}" if alone else ""
    if amount == 1:
        note = f"One value{whose}, {number(least)}, is below the axis and drawn at its lower edge."
    else:
        told = f"{count(amount)} values{whose} below {number(foot)} (the least is {number(least)})"
        note = f"{told} are drawn at the lower edge."
    return replace(block, notes=(*block.notes, note))
