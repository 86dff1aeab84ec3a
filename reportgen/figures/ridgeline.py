"""Ridgelines: distributions over time, one outline above the other, the newest in front."""

from __future__ import annotations

import math
from collections.abc import Sequence

from reportgen.blocks.charts import Ridge, Ridgeline
from reportgen.figures.palette import COLOURS, colour_of, paint
from reportgen.figures.svg import drawing, element, line_data, text
from reportgen.figures.text import cut, width_of
from reportgen.figures.ticks import tick_texts

WIDTH, FONT = 300.0, 11.0
TOP, RIDGE, RIGHT = 4.0, 30.0, 8.0
# So many ridges still tell apart; a ridgeline stays within about 1.2 kB.
MOST_RIDGES = 8
MOST_BINS = 30


def ridgeline(block: Ridgeline) -> str:
    """The picture, "" without a ridge. Of many ridges, evenly chosen ones are drawn, with the first and the last."""
    ridges = chosen(block.ridges)
    if not ridges:
        return ""
    steps = tick_texts([float(ridge.step) for ridge in ridges], "step")
    left = math.ceil(max(width_of(step, FONT) for step in (steps[0], steps[-1]))) + 8.0
    apart = 11.0 if len(ridges) > 4 else 18.0
    base = TOP + RIDGE + apart * (len(ridges) - 1)
    height = base + FONT + 10
    colour = colour_of(block.role)
    soft = f"{colour}soft" if f"{colour}soft" in COLOURS else "grid"
    outlines = "".join(
        element("path", d=_outline(_merged_bins(ridge.heights), left, TOP + RIDGE + apart * at))
        for at, ridge in enumerate(ridges)
    )
    shapes = _grid(block, left, base) + element("g", outlines, fill=paint(soft), stroke=paint(colour))
    ends = text(left - 6, TOP + RIDGE, steps[0]) if len(ridges) > 1 else ""
    words = [element("g", ends + text(left - 6, base, steps[-1]), text_anchor="end")]
    words += [element("g", "".join(ticks), text_anchor="middle")] if (ticks := _tick_words(block, left, base)) else []
    shapes += element("g", "".join(words), fill=paint("muted"), font_size=f"{FONT:g}")
    return drawing(WIDTH, height, shapes, f"{cut(block.title, 120)}: {cut(block.caption, 160)}", "chart")


def chosen(ridges: Sequence[Ridge]) -> list[Ridge]:
    """At most MOST_RIDGES ridges, evenly spread, with the first and the last."""
    amount = len(ridges)
    if amount <= MOST_RIDGES:
        return list(ridges)
    return [ridges[round(at * (amount - 1) / (MOST_RIDGES - 1))] for at in range(MOST_RIDGES)]


def _merged_bins(heights: Sequence[float]) -> list[float]:
    """Neighbouring bins taken together by their mean until MOST_BINS are left."""
    finite = [min(1.0, max(0.0, height)) if math.isfinite(height) else 0.0 for height in heights]
    together = math.ceil(len(finite) / MOST_BINS)
    if together <= 1:
        return finite
    groups = [finite[at : at + together] for at in range(0, len(finite), together)]
    return [sum(group) / len(group) for group in groups]


def _outline(heights: Sequence[float], left: float, base: float) -> str:
    """The outline of one ridge on its base line, in whole px upward."""
    if not heights:
        return line_data([(left, base), (WIDTH - RIGHT, base)])
    step = (WIDTH - RIGHT - left) / len(heights)
    levels = [round(height * RIDGE) for height in heights]
    points = [(left, base)]
    for at, level in enumerate(levels):
        same = 0 < at < len(levels) - 1 and levels[at - 1] == level == levels[at + 1]
        if not same:  # inner points of a flat stretch say nothing
            points.append((round(left + (at + 0.5) * step), base - level))
    return line_data([*points, (WIDTH - RIGHT, base)], level=True)


def _grid(block: Ridgeline, left: float, base: float) -> str:
    places = [left + share * (WIDTH - RIGHT - left) for share, _ in block.ticks if 0 <= share <= 1]
    data = "".join(line_data([(x, TOP), (x, base + 3)]) for x in places)
    return element("path", d=data, fill="none", stroke=paint("grid")) if data else ""


def _tick_words(block: Ridgeline, left: float, base: float) -> list[str]:
    """The numbers of the axis, those left out that would touch the one before."""
    out, taken = [], -math.inf
    for share, written in sorted(block.ticks):
        if not 0 <= share <= 1:
            continue
        written = cut(written, 14)
        wide = width_of(written, FONT)
        x = max(wide / 2, min(left + share * (WIDTH - RIGHT - left), WIDTH - wide / 2 - 1))
        if x - wide / 2 > taken:
            out.append(text(x, base + FONT + 5, written))
            taken = x + wide / 2 + 4
    return out
