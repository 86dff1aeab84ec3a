"""Counts in logarithmic bins as heights over equal-width bins of a drawn axis; mass is conserved."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from reportgen.run.distribution import LARGEST_BIN, Distribution, bin_edge

# As many as a ridge is drawn with; 8 an octave are as fine in the outer half of a linear axis.
BINS = 32
# The axis spans these shares of all numbers: a few outliers would squeeze the rest into one bin.
TAIL = 0.005
# Below this (in float32) log10 has nothing to say.
SMALLEST = 1e-38

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

# Lower edges in magnitude of all bins and, last, the largest float32.
EDGES: Floats = np.array([bin_edge(index) for index in range(LARGEST_BIN + 1)] + [3.4028235e38])


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
    bins, counts = _columns(distribution)
    if scale.log or not zeros:
        bins, counts = bins[bins != 0], counts[bins != 0]
    low, high = _ranges(bins)
    low = np.clip(low, distribution.minimum, np.maximum(high, distribution.minimum))
    high = np.clip(high, np.minimum(low, distribution.maximum), distribution.maximum)
    if scale.log:
        low, high = np.log10(np.maximum(np.abs([low, high]), SMALLEST))
        low, high = np.minimum(low, high), np.maximum(low, high)
    heights = np.zeros(scale.bins)
    wide = high > low
    edges = np.linspace(scale.low, scale.high, scale.bins + 1)
    below = (edges[:, None] - low[wide]) / (high[wide] - low[wide])
    heights += np.diff(np.clip(below, 0.0, 1.0) @ counts[wide])
    # All at one place: the upper end of the axis belongs to its last bin.
    inside = ~wide & (scale.low <= low) & (low <= scale.high)
    places = ((low[inside] - scale.low) / (scale.high - scale.low) * scale.bins).astype(np.int64)
    np.add.at(heights, np.minimum(places, scale.bins - 1), counts[inside])
    return [float(height) for height in heights]


def magnitude_quantiles(snapshots: Sequence[Distribution], shares: Sequence[float]) -> list[float]:
    """Quantiles of |x| over the non-zero numbers of all snapshots, each with the same weight; NaN without any."""
    most = max((max(abs(s.minimum), abs(s.maximum)) for s in snapshots if s.finite), default=math.nan)
    return [min(value, most) for value in _quantiles(snapshots, shares, zeros=False, magnitude=True)]


def value_quantiles(snapshots: Sequence[Distribution], shares: Sequence[float], zeros: bool = True) -> list[float]:
    """Quantiles of the numbers of all snapshots, each with the same weight; NaN without any."""
    known = [s for s in snapshots if s.finite]
    low = min((s.minimum for s in known), default=math.nan)
    high = max((s.maximum for s in known), default=math.nan)
    return [min(high, max(low, value)) for value in _quantiles(snapshots, shares, zeros, magnitude=False)]


def _columns(distribution: Distribution) -> tuple[Integers, Floats]:
    return np.array(distribution.bins, dtype=np.int64), np.array(distribution.counts, dtype=np.float64)


def _ranges(bins: Integers) -> tuple[Floats, Floats]:
    """Lower and upper edges of bins as numbers; bin 0 is the point zero."""
    near, far = EDGES[np.abs(bins)], np.where(bins == 0, 0.0, EDGES[np.abs(bins) + 1])
    return np.where(bins < 0, -far, near), np.where(bins < 0, -near, far)


def _quantiles(snapshots: Sequence[Distribution], shares: Sequence[float], zeros: bool, magnitude: bool) -> list[float]:
    """Interpolated linearly inside a bin."""
    found: list[tuple[Integers, Floats]] = []
    for snapshot in snapshots:
        bins, counts = _columns(snapshot)
        if not zeros:
            bins, counts = bins[bins != 0], counts[bins != 0]
        if counts.sum() > 0:
            found.append((np.abs(bins) if magnitude else bins, counts / counts.sum()))
    if not found:
        return [math.nan] * len(shares)
    bins, places = np.unique(np.concatenate([bins for bins, _ in found]), return_inverse=True)
    weights = np.bincount(places.ravel(), np.concatenate([counts for _, counts in found]))
    upto = np.cumsum(weights)
    wanted = np.array(shares) * upto[-1]
    at = np.minimum(np.searchsorted(upto, wanted), len(bins) - 1)
    low, high = _ranges(bins[at])
    inside = np.clip((wanted - (upto[at] - weights[at])) / weights[at], 0.0, 1.0)
    return [float(value) for value in low + inside * (high - low)]
