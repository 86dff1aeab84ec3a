"""Counts in logarithmic bins as heights over equal-width bins of a drawn axis; mass is conserved."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from reportgen.run.distribution import Distribution, bin_range

# As many as a ridge is drawn with; 8 an octave are as fine in the outer half of a linear axis.
BINS = 32
# The axis spans these shares of all numbers: a few outliers would squeeze the rest into one bin.
TAIL = 0.005
# Below this (in float32) log10 has nothing to say.
SMALLEST = 1e-38


@dataclass(frozen=True, slots=True)
class Scale:
    """An axis from low to high in `bins` equal bins; `log` axes are in log10 of the magnitude."""

    low: float
    high: float
    bins: int
    log: bool = False


def spread(distribution: Distribution, scale: Scale, zeros: bool = True) -> list[float]:
    """How many of the distribution's numbers fall in each bin of the axis; what lies beyond its ends is left out.

    Each stored bin is taken as uniform between its edges, which are cut to minimum and maximum. zeros: whether exact
    zeros (bin 0) are counted, in the bin that holds zero; on a log axis they have no place.
    """
    heights = [0.0] * scale.bins
    width = (scale.high - scale.low) / scale.bins
    for index, amount in zip(distribution.bins, distribution.counts, strict=True):
        low, high = bin_range(index)
        if low < high:
            low, high = max(low, min(distribution.minimum, high)), min(high, max(distribution.maximum, low))
        if index == 0:
            if zeros and not scale.log:
                _add(heights, scale, width, 0.0, 0.0, amount)
        elif scale.log:
            near, far = sorted((abs(low), abs(high)))
            _add(heights, scale, width, math.log10(max(near, SMALLEST)), math.log10(max(far, SMALLEST)), amount)
        else:
            _add(heights, scale, width, low, high, amount)
    return heights


def _add(heights: list[float], scale: Scale, width: float, low: float, high: float, amount: float) -> None:
    if high <= low:  # all at one place; the upper end of the axis belongs to its last bin
        if scale.low <= low <= scale.high:
            heights[min(scale.bins - 1, int((low - scale.low) / width))] += amount
        return
    first = max(0, math.floor((low - scale.low) / width))
    last = min(scale.bins - 1, math.floor((high - scale.low) / width))
    for place in range(first, last + 1):
        left, right = scale.low + place * width, scale.low + (place + 1) * width
        heights[place] += amount * max(0.0, min(high, right) - max(low, left)) / (high - low)


def magnitude_quantiles(snapshots: Sequence[Distribution], shares: Sequence[float]) -> list[float]:
    """Quantiles of |x| over the non-zero numbers of all snapshots, each with the same weight; NaN without any."""
    weights: dict[int, float] = {}
    for snapshot in snapshots:
        total = sum(n for b, n in zip(snapshot.bins, snapshot.counts, strict=True) if b)
        for index, amount in zip(snapshot.bins, snapshot.counts, strict=True):
            if index and total:
                weights[abs(index)] = weights.get(abs(index), 0.0) + amount / total
    most = max((max(abs(s.minimum), abs(s.maximum)) for s in snapshots if s.finite), default=math.nan)
    return [min(value, most) for value in _quantiles(weights, shares)]


def value_quantiles(snapshots: Sequence[Distribution], shares: Sequence[float], zeros: bool = True) -> list[float]:
    """Quantiles of the numbers of all snapshots, each with the same weight; NaN without any."""
    weights: dict[int, float] = {}
    for snapshot in snapshots:
        total = sum(n for b, n in zip(snapshot.bins, snapshot.counts, strict=True) if b or zeros)
        for index, amount in zip(snapshot.bins, snapshot.counts, strict=True):
            if (index or zeros) and total:
                weights[index] = weights.get(index, 0.0) + amount / total
    known = [s for s in snapshots if s.finite]
    low = min((s.minimum for s in known), default=math.nan)
    high = max((s.maximum for s in known), default=math.nan)
    return [min(high, max(low, value)) for value in _quantiles(weights, shares)]


def _quantiles(weights: dict[int, float], shares: Sequence[float]) -> list[float]:
    ordered = sorted(weights.items())
    if not ordered:
        return [math.nan] * len(shares)
    total = math.fsum(weights.values())
    found, below, position = [], 0.0, 0
    for share in shares:
        wanted = share * total
        while position < len(ordered) - 1 and below + ordered[position][1] < wanted:
            below += ordered[position][1]
            position += 1
        low, high = bin_range(ordered[position][0])
        inside = min(1.0, max(0.0, (wanted - below) / ordered[position][1]))
        found.append(low + inside * (high - low))
    return found
