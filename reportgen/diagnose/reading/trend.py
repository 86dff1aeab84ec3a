"""The trend of a noisy series: levels that single steps do not move, and by how much chance alone may move them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from reportgen.run.series import Series

PARTS = 10
# Blocks for the noise of long series: adjacent levels differ by what chance does to a level, also where a page's series
# keeps the extremes of what it leaves out.
BLOCKS = 40
# A median absolute deviation to a standard deviation, and the standard error of a median to that of a mean (both of
# normally distributed numbers: Rousseeuw and Croux, Alternatives to the Median Absolute Deviation, JASA 1993).
TO_DEVIATION = 1.4826
MEDIAN_ERROR = 1.2533


@dataclass(frozen=True, slots=True)
class Trend:
    """A series of `count` finite numbers, in parts of equal length.

    first, last: medians of the first and the last part. levels: those of all parts, 1 to 10 of them. noise: standard
    deviation of a single number around its level. error: standard error of `last - first` by chance.
    slope, slope_error: of a straight line through the levels, from the series' begin to its end.
    broken: how many numbers were NaN or infinite.
    """

    count: int
    first: float
    last: float
    levels: tuple[float, ...]
    noise: float
    error: float
    slope: float
    slope_error: float
    broken: int = 0

    @property
    def drop(self) -> float:
        """By how much the level fell from the first part to the last; negative where it rose."""
        return self.first - self.last

    @property
    def share(self) -> float:
        """The drop as a share of the first level's size."""
        return self.drop / abs(self.first) if self.first else math.inf * self.drop if self.drop else 0.0

    @property
    def sigmas(self) -> float:
        """The drop in standard errors."""
        return self.drop / self.error if self.error > 0 else math.inf * self.drop if self.drop else 0.0

    @property
    def lowest(self) -> float:
        """The least level."""
        return min(self.levels)


def values_of(series: Series) -> list[float]:
    """What counts of a series: without what a resumed attempt did again."""
    if not series.restarts:
        return list(series.values)
    kept: list[float] = []
    again, after = math.inf, math.inf  # from which step on it was done again, and the step of the next value
    for step, value in zip(reversed(series.steps), reversed(series.values), strict=True):
        if after < step:
            again = min(again, after)
        if step < again:
            kept.append(value)
        after = step
    return kept[::-1]


def trend(values: Sequence[float], fewest: int = 3) -> Trend | None:
    """The trend of numbers in their order; None when fewer than `fewest` of them are finite."""
    finite = [value for value in values if math.isfinite(value)]
    if len(finite) < max(fewest, 1):
        return None
    count = len(finite)
    parts = min(PARTS, count) if count < 2 * PARTS else PARTS
    levels = _levels(finite, parts)
    noise = _noise(finite)
    in_part = max(count // parts, 1)
    level_error = noise * (MEDIAN_ERROR if in_part > 2 else 1.0) / math.sqrt(in_part)
    if count >= 2 * BLOCKS:
        level_error = _noise(_levels(finite, BLOCKS)) / math.sqrt(BLOCKS / parts)
    slope, slope_error = _line(levels, level_error)
    return Trend(
        count=count,
        first=levels[0],
        last=levels[-1],
        levels=tuple(levels),
        noise=noise,
        error=level_error * math.sqrt(2),
        slope=slope,
        slope_error=slope_error,
        broken=len(values) - count,
    )


def _levels(values: Sequence[float], parts: int) -> list[float]:
    count = len(values)
    return [median(values[k * count // parts : (k + 1) * count // parts]) for k in range(parts)]


def _noise(values: Sequence[float]) -> float:
    """Of one number: from differences of neighbours, in which a trend cancels."""
    if len(values) < 2:
        return 0.0
    differences = [after - before for before, after in pairwise(values)]
    centre = median(differences)
    return TO_DEVIATION * median(abs(each - centre) for each in differences) / math.sqrt(2)


def _line(levels: Sequence[float], error: float) -> tuple[float, float]:
    """Least squares over 0 to 1: the slope and its standard error, from `error` of each level."""
    count = len(levels)
    if count < 2:
        return 0.0, 0.0
    places = [k / (count - 1) - 0.5 for k in range(count)]
    spread = sum(place * place for place in places)
    middle = sum(levels) / count
    slope = sum(place * (level - middle) for place, level in zip(places, levels, strict=True)) / spread
    return slope, error / math.sqrt(spread)
