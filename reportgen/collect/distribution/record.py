"""A Distribution from what was counted of a tensor, wherever that was."""

from __future__ import annotations

import math
from array import array

import numpy as np
import numpy.typing as npt

from reportgen.collect.numbers import Numbers
from reportgen.run.distribution import Distribution

Integers = npt.NDArray[np.int64]
Bins = npt.NDArray[np.int16]

# The top 12 bits of a float32: 1 of sign, 8 of exponent, 3 of mantissa.
SHIFT = 20
BINS = 4096
HALF = 2048
FLOAT32_MAX = 3.4028234663852886e38


# The signed bin of each value of the top bits.
_SIGNED = np.concatenate((np.arange(HALF), -np.arange(HALF))).astype(np.int16)


def folded(counts: Integers) -> tuple[Bins, Integers]:
    """Counts by the top bits (0 to 2047 positive, 2048 to 4095 negative) as used signed bins, ascending, and counts.

    Moves the count of minus zero to that of zero.
    """
    if counts[HALF]:
        counts[0] += counts[HALF]
        counts[HALF] = 0
    used = (counts != 0).nonzero()[0]  # three times as fast on booleans as on integers
    positive = int(used.searchsorted(HALF))
    ordered = np.concatenate((used[positive:][::-1], used[:positive]))
    return _SIGNED[ordered], counts[ordered]


def recorded(
    one: Numbers,
    bins: Bins,
    counts: Integers,
    low: float,
    high: float,
    total: float,
    squares: float,
    zeros: int = 0,
    nans: int = 0,
    positive: int = 0,
    negative: int = 0,
    size: int | None = None,
) -> Distribution:
    """The record. bins and counts are of the finite numbers; low > high when there are none. size: numbers read."""
    further = one.zeros
    read = one.count if size is None else size + further
    if further:
        low, high = min(low, 0.0), max(high, 0.0)
        bins, counts = _with_zeros(bins, counts, further)
    nothing = low > high
    return Distribution(
        read, one.elements, math.nan if nothing else low, math.nan if nothing else high, total, squares,
        zeros + further, nans, positive, negative,
        array("h", bins.tobytes()), array("q", counts.tobytes()),
    )  # fmt: skip


def without_values(one: Numbers) -> Distribution:
    """The record of a tensor none of whose numbers can be read, or that stores none (all zero, or empty)."""
    if not one.zeros:
        return Distribution(count=0, elements=one.elements)
    nothing = np.zeros(0, dtype=np.int64)
    return recorded(one, nothing.astype(np.int16), nothing, math.inf, -math.inf, 0.0, 0.0)


def _with_zeros(bins: Bins, counts: Integers, zeros: int) -> tuple[Bins, Integers]:
    place = int(np.searchsorted(bins, 0))
    if place < len(bins) and bins[place] == 0:
        counts = counts.copy()
        counts[place] += zeros
        return bins, counts
    return np.insert(bins, place, 0), np.insert(counts, place, zeros)
