"""Places for words in a chart, so that none lies on another."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from reportgen.figures.palette import paint
from reportgen.figures.svg import text
from reportgen.figures.text import width_of

# Left, top, right, bottom in px.
Box = tuple[float, float, float, float]
# A line so near to a point's height, in px, may be the point's own.
TOUCHING = 2.0


def spread(wanted: Sequence[float], apart: float, low: float, high: float) -> list[float]:
    """Places near `wanted` within low..high that are at least `apart` apart, in the order of `wanted`'s values.

    Neighbours that would overlap are centred around the mean of their wanted places. There must be room for all.
    """
    order = sorted(range(len(wanted)), key=lambda at: wanted[at])
    groups: list[tuple[float, list[int]]] = []  # (place of the first, members)
    for at in order:
        start = min(max(wanted[at], low), high)
        members = [at]
        while groups and groups[-1][0] + apart * len(groups[-1][1]) > start:
            _, before = groups.pop()
            members = before + members
            centre = sum(wanted[member] for member in members) / len(members)
            start = centre - apart * (len(members) - 1) / 2
            start = max(low, min(start, high - apart * (len(members) - 1)))
        groups.append((start, members))
    places = [0.0] * len(wanted)
    for start, members in groups:
        for rank, member in enumerate(members):
            places[member] = start + rank * apart
    return places


def _reaching(box: Box, y: float) -> Box:
    """A box above or below the height `y`, made longer until it nearly reaches that."""
    left, top, right, bottom = box
    return left, min(top, y + TOUCHING), right, max(bottom, y - TOUCHING)


@dataclass(slots=True)
class Words:
    """The words written into a chart so far: their boxes (left, top, right, bottom) and their markup."""

    width: float
    height: float
    size: float
    boxes: list[Box] = field(default_factory=list)
    lines: list[tuple[float, float]] = field(default_factory=list)
    markup: list[str] = field(default_factory=list)

    def block(self, left: float, top: float, right: float, bottom: float) -> None:
        """Keep words away from a box."""
        self.boxes.append((left, top, right, bottom))

    def avoid(self, points: Sequence[tuple[float, float]]) -> None:
        """Keep words off a line, NaN interrupting it, where there is room elsewhere."""
        for (x, y), (next_x, next_y) in itertools.pairwise(points):
            if math.isnan(x) or math.isnan(next_x):
                continue
            parts = max(1, math.ceil(math.hypot(next_x - x, next_y - y) / (self.size / 2)))
            self.lines += [(x + (next_x - x) * at / parts, y + (next_y - y) * at / parts) for at in range(parts)]

    def near(self, x: float, y: float, words: str, colour: str, gap: float = 8.0, beside: bool = False) -> bool:
        """Write `words` above or below a point, or to its sides; False when no place is free of other words.

        Of these the first is taken that is free of lines too, and has none between itself and the point, whose it would
        seem to be; else the first free of lines, else the first. beside: try the sides first.
        """
        wide, high = width_of(words, self.size), self.size
        half = wide / 2 - gap / 2  # so far aside, a label still touches its point
        above, below = -gap, gap + high * 0.8
        across = [(0.0, above), (-half, above), (half, above), (0.0, below), (-half, below), (half, below)]
        across += [(-wide / 2, above), (-wide / 2, below)]  # its end above or below the point
        sides = [(wide / 2 + gap, high * 0.35), (-wide / 2 - gap, high * 0.35)]
        further = [(0.0, above - high), (half, above - high), (-half, above - high)]
        places = []
        for dx, dy in [*(sides + across if beside else across + sides), *further]:
            middle = min(max(x + dx, wide / 2 + 1), self.width - wide / 2 - 1)
            box = (middle - wide / 2, y + dy - 0.8 * high, middle + wide / 2, y + dy + 0.25 * high)
            if self._free(box):
                places.append((middle, y + dy, box))
        if not places:
            return False
        clear = [place for place in places if self._clear(place[2])]
        own = [place for place in clear if self._clear(_reaching(place[2], y))]
        middle, base, box = [*own, *clear, *places][0]
        self.boxes.append(box)
        self.markup.append(self._written(middle, base, words, colour))
        return True

    def _clear(self, box: Box) -> bool:
        left, top, right, bottom = box
        return not any(left < x < right and top < y < bottom for x, y in self.lines)

    def _free(self, box: Box) -> bool:
        left, top, right, bottom = box
        inside = top >= 0 and bottom <= self.height and left >= 0 and right <= self.width
        return inside and not any(
            left < other[2] and right > other[0] and top < other[3] and bottom > other[1] for other in self.boxes
        )

    def _written(self, x: float, y: float, words: str, colour: str) -> str:
        # A seam of paper keeps the words readable over a line.
        seam = {"stroke": paint("paper"), "stroke_width": "3", "stroke_linejoin": "round", "paint_order": "stroke"}
        return text(x, y, words, text_anchor="middle", fill=paint(colour), **seam)
