"""Counts in buckets of any edges, spread over the logarithmic bins of a Distribution.

Within a bucket the values are taken to be evenly spread, which is all that a bucket says. Each bucket's count stays
whole: what falls to its bins adds up to it.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Sequence
from functools import lru_cache

from reportgen.run.distribution import LARGEST_BIN, Distribution, bin_edge, bin_of

# The innermost edges of TensorBoard's buckets are 0 and +-1e-12: a bucket there holds what cannot be told from zero.
ZERO = 1e-12
LARGEST = 3.4028234663852886e38
# A bucket that covers more bins than this is spread anew each time.
FEW = 64


def spread(
    edges: Sequence[float],
    counts: Sequence[float],
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    total: float | None = None,
    squares: float | None = None,
    count: float | None = None,
) -> Distribution:
    """The distribution of counts in neighbouring buckets: counts[i] values lie between edges[i] and edges[i + 1].

    edges: ascending, one more than counts; or as many, then they are the right edges, and the first bucket begins at
    `minimum` (without it, at its own right edge). The outermost may be infinite. minimum, maximum, total (sum), squares
    (sum of squares) and count (how many values there were, non-finite ones included) are those of the values where they
    are known; what is missing or not finite is estimated from the buckets. Values that `count` says there are and no
    bucket holds are NaN or infinite where minimum, maximum or total say so, else at the end that reaches further than
    the buckets. Raises ValueError for lengths that do not fit, edges that descend or are NaN, and negative counts.
    """
    if len(edges) == len(counts) and counts:
        first = float(edges[0])
        known = minimum is not None and minimum < first and math.isfinite(minimum)
        edges = [minimum if known and minimum is not None else first, *edges]
    elif len(edges) != len(counts) + 1 and counts:
        raise ValueError(f"{len(edges)} edges do not fit {len(counts)} counts: as many (right edges), or one more")
    return spread_buckets(
        edges[:-1],
        edges[1:],
        counts,
        minimum=minimum,
        maximum=maximum,
        total=total,
        squares=squares,
        count=count,
    )


def spread_buckets(
    lefts: Sequence[float],
    rights: Sequence[float],
    counts: Sequence[float],
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    total: float | None = None,
    squares: float | None = None,
    count: float | None = None,
) -> Distribution:
    """The same for buckets each with a left and a right edge, which need not touch; equal ones hold a single value."""
    if not len(lefts) == len(rights) == len(counts):
        raise ValueError(f"{len(lefts)} left edges, {len(rights)} right edges, {len(counts)} counts: as many of each")
    floor = minimum if minimum is not None and minimum == minimum else -math.inf
    ceiling = maximum if maximum is not None and maximum == maximum else math.inf
    bins: dict[int, int] = {}
    zeros = found = 0
    low, high, sums, squared = math.inf, -math.inf, 0.0, 0.0
    for left, right, size in zip(map(float, lefts), map(float, rights), _whole(counts), strict=True):
        if not left <= right:
            raise ValueError(f"a bucket from {left!r} to {right!r}: edges ascend")
        if not size:
            continue
        if left < floor or right > ceiling or left == -math.inf or right == math.inf:
            left, right = _narrowed(left, right, floor, ceiling)
        found += size
        low, high = min(low, left), max(high, right)
        middle = left / 2 + right / 2
        sums += middle * size
        squared += middle * middle * size
        if -ZERO <= left <= 0 <= right <= ZERO:
            zeros += size
            bins[0] = bins.get(0, 0) + size
        else:
            _spread_one(left, right, size, bins)
    rest = max(0, round(count) - found) if count is not None and math.isfinite(count) else 0
    nans, above, below = _non_finite(rest, minimum, maximum, total)
    outside = rest - nans - above - below
    if outside:  # beyond the last bucket, as values over 1e20 are in TensorBoard's
        low, high = _outside(outside, low, high, minimum, maximum, bins)
    used = sorted(bins)
    return Distribution(
        count=found + rest,
        elements=found + rest,
        minimum=_known(minimum, low) if used else math.nan,
        maximum=_known(maximum, high) if used else math.nan,
        total=_known(total, sums),
        squares=max(0.0, _known(squares, squared)),
        zeros=zeros,
        nans=nans,
        positive_infinities=above,
        negative_infinities=below,
        bins=array("h", used),
        counts=array("q", [bins[index] for index in used]),
    )


def _whole(counts: Iterable[float]) -> list[int]:
    """Whole counts with the same sums from the left, rounded."""
    given = list(counts)
    if any(not 0 <= size < math.inf for size in given):
        raise ValueError("a bucket's count is negative or not finite")
    if all(size == int(size) for size in given):
        return [int(size) for size in given]
    whole: list[int] = []
    reached, before = 0.0, 0
    for size in given:
        reached += size
        whole.append(round(reached) - before)
        before = round(reached)
    return whole


def _narrowed(left: float, right: float, floor: float, ceiling: float) -> tuple[float, float]:
    """A bucket with finite edges, as narrow as the known range makes it; a range that contradicts it is not heeded."""
    low = floor if left < floor <= right else left
    high = ceiling if low <= ceiling < right else right
    # Of a bucket without an end nothing is known but where it begins.
    if math.isinf(low):
        low = high if math.isfinite(high) else math.copysign(LARGEST, low)
    if math.isinf(high):
        high = low
    return low, high


def _spread_one(left: float, right: float, size: int, bins: dict[int, int]) -> None:
    """Add a bucket's count to the bins it covers, in proportion to how much of it each covers."""
    first, last = _ends(left, right)
    if first == last:
        bins[first] = bins.get(first, 0) + size
        return
    if last - first < FEW:
        steps = _steps(left, right, first, last)
    else:
        # Bins nearer to zero than this hold less than half a value all together; there are a thousand of them.
        least = bin_of(min((right / 2 - left / 2) / size, LARGEST))
        steps = [
            (index, _reached(left, right, index, last))
            for index in range(first, last + 1)
            if not -least < index < least or index == last
        ]
    placed = 0
    for index, share in steps:
        reached = int(size * share + 0.5)
        if reached > placed:
            bins[index] = bins.get(index, 0) + reached - placed
            placed = reached


@lru_cache(maxsize=8192)
def _ends(left: float, right: float) -> tuple[int, int]:
    return bin_of(left), bin_of(right)


@lru_cache(maxsize=8192)
def _steps(left: float, right: float, first: int, last: int) -> Sequence[tuple[int, float]]:
    """The bins a bucket covers, each with the share of the bucket up to its upper edge. Kept, since edges recur."""
    return tuple((index, _reached(left, right, index, last)) for index in range(first, last + 1))


def _reached(left: float, right: float, index: int, last: int) -> float:
    # Halved: the difference of two float64 may be beyond float64.
    upper = right if index == last else min(right, max(left, _upper(index)))
    return (upper / 2 - left / 2) / (right / 2 - left / 2)


def _upper(index: int) -> float:
    """The upper edge of a bin; of bin 0 its outer edge."""
    if index < 0:
        return -bin_edge(-index)
    return bin_edge(index + 1) if index < LARGEST_BIN else math.inf


def _non_finite(rest: int, minimum: float | None, maximum: float | None, total: float | None) -> tuple[int, int, int]:
    """Of `rest` values in no bucket: NaN, positive and negative infinities. How many of several kinds is not known."""
    above, below = maximum == math.inf, minimum == -math.inf
    nan = any(value is not None and value != value for value in (minimum, maximum)) or (
        total is not None and total != total and not (above and below)
    )
    kinds = [nan, above, below]
    shares = [rest // sum(kinds) if kind else 0 for kind in kinds] if any(kinds) else [0, 0, 0]
    for place, kind in enumerate(kinds):
        if kind:
            shares[place] += rest - sum(shares)
            break
    return shares[0], shares[1], shares[2]


def _outside(
    size: int, low: float, high: float, minimum: float | None, maximum: float | None, bins: dict[int, int]
) -> tuple[float, float]:
    """Put `size` values at the end of the known range that no bucket reaches; the new range."""
    bottom, top = _known(minimum, low), _known(maximum, high)
    if not math.isfinite(bottom):
        bottom = top if math.isfinite(top) else 0.0
    if not math.isfinite(top):
        top = bottom
    place = bottom if bottom < low and top <= high else top
    bins[bin_of(place)] = bins.get(bin_of(place), 0) + size
    return bottom, top


def _known(value: float | None, otherwise: float) -> float:
    return otherwise if value is None or not math.isfinite(value) else float(value)
