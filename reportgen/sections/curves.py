"""Logged numbers as a reader thinks of them: a metric of a split, with a best value and a way of writing it."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from reportgen.blocks.wording import NO_BREAK, number, percent
from reportgen.run.records import Run
from reportgen.run.series import Series
from reportgen.run.tags import direction_of, parse_tag

# Metrics that are shares of samples: people say them in percent.
SHARE = re.compile(
    r"(^|[/_. -])(acc|accuracy|top[-_]?\d+|precision|recall|error[-_ ]rate)([-_@.]?\d+)?($|[/_. -])", re.IGNORECASE
)
NATURAL = re.compile(r"(\d+)")
# Significant digits that numbers have, and at most: a float32 has no more.
DIGITS, MOST_DIGITS = 3, 9


@dataclass(frozen=True, slots=True)
class Curve:
    """One series with what its tag says. direction: "lower", "higher" or "" (unknown). share: written in percent.

    name: what the line is called on its chart, where neither its split nor its tag is to be taken.
    """

    tag: str
    split: str
    metric: str
    series: Series
    direction: str = ""
    share: bool = False
    name: str = ""

    @property
    def finite(self) -> list[int]:
        """The positions of the finite values."""
        return self.series.finite

    def best(self) -> int | None:
        """The position of the best finite value (the first of equals); None where better is not known."""
        places = self.finite
        if not places or not self.direction:
            return None
        sign = 1.0 if self.direction == "lower" else -1.0
        return min(places, key=lambda at: (sign * self.series.values[at], at))

    def written(self, value: float, digits: int = DIGITS) -> str:
        """A value of this metric as text. digits: how many are significant; of a share one decimal less than two."""
        if not self.share:
            return number(value, digits)
        if digits == DIGITS or not 0 < value < 1:
            return percent(value)
        return f"{value * 100:.{digits - 2}f}{NO_BREAK}%"

    def apart(self, *values: float) -> list[str]:
        """Values of this metric as texts, with so many digits that different ones differ (MOST_DIGITS at most)."""
        wanted = len({value for value in values if math.isfinite(value)})
        for digits in range(DIGITS, MOST_DIGITS):
            if len({self.written(value, digits) for value in values if math.isfinite(value)}) == wanted:
                break
        else:
            digits = MOST_DIGITS
        return [self.written(value, digits) for value in values]


def curve_of(run: Run, tag: str, series: Series) -> Curve:
    """The curve of one tag."""
    parsed = parse_tag(tag)
    direction = direction_of(parsed.metric, run.meta.direction)
    finite = [value for value in series.values if math.isfinite(value)]
    share = bool(finite) and bool(SHARE.search(parsed.metric)) and all(0.0 <= value <= 1.0 for value in finite)
    return Curve(tag, parsed.split, parsed.metric or tag, series, direction, share)


def curves_of(run: Run) -> list[Curve]:
    """All logged numbers that have a point, in natural order of their tags."""
    curves = [curve_of(run, tag, series) for tag, series in run.scalars.items() if len(series)]
    return sorted(curves, key=lambda curve: natural(curve.tag))


NaturalKey = tuple[tuple[tuple[int, str], ...], str]


def natural(text: str) -> NaturalKey:
    """A key that sorts "layer2" before "layer10", and tells texts apart that differ in case only."""
    parts = NATURAL.split(text.casefold())
    # Digits sort by their number: by how many there are, then by themselves.
    return tuple((len(part.lstrip("0")) if k % 2 else 0, part) for k, part in enumerate(parts)), text


def evenly(size: int, limit: int, keep: Sequence[int] = ()) -> list[int]:
    """At most `limit` positions of `size`, evenly spread, ascending; first, last and those in `keep` are among them.

    More than `limit` only when `keep` and the two ends are already more.
    """
    if size <= limit:
        return list(range(size))
    wanted = {0, size - 1, *keep}
    spare = max(0, limit - len(wanted))
    wanted.update(round(k * (size - 1) / (spare + 1)) for k in range(1, spare + 1))
    return sorted(wanted)


def last_step(run: Run) -> int:
    """The number of the last step: of the optimizer's, or of the steps given where these go further."""
    optimizer, steps = 0, 0
    for series in run.scalars.values():
        optimizer = max(optimizer, max(series.optimizer_steps, default=0))
        steps = max(steps, max(series.steps, default=0))
    for predicted in run.predictions:
        optimizer, steps = max(optimizer, predicted.stamp.optimizer_step), max(steps, predicted.stamp.step)
    for group in run.measures.values():
        for series in group.values():
            optimizer = max(optimizer, max(series.optimizer_steps, default=0))
    return max(optimizer, steps)
