"""Counts in buckets of any edges, spread over the logarithmic bins of a Distribution.

Within a bucket the values are taken to be evenly spread, which is all that a bucket says. Each bucket's count stays
whole: what falls to its bins adds up to it.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from itertools import compress
from operator import le

from reportgen.run.distribution import LARGEST_BIN, Distribution, bin_edge, bin_of

# The innermost edges of TensorBoard's buckets are 0 and +-1e-12: a bucket there holds what cannot be told from zero.
ZERO = 1e-12
LARGEST = 3.4028234663852886e38
# A bucket that covers as many bins or more is wide: its steps take much memory. All wide ones of a histogram may cover
# so many, which is several times all bins there are.
FEW, MOST_COVERED = 64, 1 << 16
# Counts below this stay exact when a half is added.
EXACT = 1 << 50
# Bins that a bucket covers, each with the share of the bucket up to its upper edge.
Steps = Sequence[tuple[int, float]]
# How a bucket is spread: its first and last bin, the share of the first, and all its steps: none for a bucket of one
# bin, or of FEW or more, and None for one of zeros.
Plan = tuple[int, int, float, Steps | None]
# Writers make the same buckets again and again. Kept are plans by both edges of a bucket, plans by all edges of a
# histogram (None at first sight: many are never met again), and the steps of wide buckets.
MOST_PLANS, MOST_EDGES, MOST_WIDE = 1 << 13, 1 << 6, 1 << 7
_plans_of_buckets: dict[tuple[float, float], Plan] = {}
_plans_of_edges: dict[bytes, list[Plan] | None] = {}
# Positive edges of torch's writer: each is RUNG times the one before.
FIRST_RUNG, LAST_RUNG, RUNG = 1e-12, 1e20, 1.1


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
    edges = list(map(float, edges))
    given = 0  # the first bucket of which both edges are
    if len(edges) == len(counts) and counts:
        known = minimum is not None and minimum < edges[0] and math.isfinite(minimum)
        edges = [minimum if known and minimum is not None else edges[0], *edges]
        given = 1
    elif len(edges) != len(counts) + 1 and counts:
        raise ValueError(f"{len(edges)} edges do not fit {len(counts)} counts: as many (right edges), or one more")
    lefts, rights, sizes = edges[:-1], edges[1:], _whole(counts)
    tally = _Tally(minimum, maximum)
    summed = total is not None and squares is not None and math.isfinite(total) and math.isfinite(squares)
    plans = _plans(edges[given:]) if sizes and summed else None
    if plans is not None:
        begin, end = tally.within(lefts, rights)
        begin = max(begin, given)
        end = max(begin, end)
        inner = slice(begin, end)
        tally.add_planned(lefts[inner], rights[inner], sizes[inner], plans[begin - given : end - given])
        for outer in (slice(begin), slice(end, None)):
            tally.add(lefts[outer], rights[outer], sizes[outer])
    else:  # bucket after bucket, with estimates of the sums
        tally.add(lefts, rights, sizes)
    return tally.distribution(total, squares, count)


def spread_buckets(lefts: Sequence[float], rights: Sequence[float], counts: Sequence[float]) -> Distribution:
    """The same for buckets each with a left and a right edge, which need not touch; equal ones hold a single value.

    Raises ValueError as well for wide buckets that lie over each other.
    """
    if not len(lefts) == len(rights) == len(counts):
        raise ValueError(f"{len(lefts)} left edges, {len(rights)} right edges, {len(counts)} counts: as many of each")
    tally = _Tally()
    tally.add(list(map(float, lefts)), list(map(float, rights)), _whole(counts))
    return tally.distribution()


def _no_counts() -> defaultdict[int, int]:
    return defaultdict(int)


@dataclass(slots=True)
class _Tally:
    """What buckets come to, within a range that may be known (minimum, maximum).

    counts: by bin. low, high: the range of what was found; sums,
    squared: estimates; covered: how many bins wide buckets covered.
    """

    minimum: float | None = None
    maximum: float | None = None
    counts: defaultdict[int, int] = field(default_factory=_no_counts)
    zeros: int = 0
    found: int = 0
    low: float = math.inf
    high: float = -math.inf
    sums: float = 0.0
    squared: float = 0.0
    covered: int = 0

    def _range(self) -> tuple[float, float]:
        low, high = self.minimum, self.maximum
        return (
            low if low is not None and low == low else -math.inf,
            high if high is not None and high == high else math.inf,
        )

    def within(self, lefts: Sequence[float], rights: Sequence[float]) -> tuple[int, int]:
        """Which of ascending buckets lie within the range and have two ends: from which on, and before which."""
        floor, ceiling = self._range()
        begin = max(bisect_left(lefts, floor), bisect_right(lefts, -math.inf))
        return begin, min(bisect_right(rights, ceiling), bisect_left(rights, math.inf))

    def add_planned(
        self, lefts: Sequence[float], rights: Sequence[float], sizes: Sequence[int], plans: Sequence[Plan]
    ) -> None:
        """Add ascending buckets within the range by their plans, without estimates of sums."""
        filled = list(compress(zip(lefts, rights, sizes, plans, strict=True), sizes))
        if not filled:
            return
        self.found += sum(sizes)
        self.low, self.high = min(self.low, filled[0][0]), max(self.high, filled[-1][1])
        counts = self.counts
        # This loop is most of what reading many histograms takes.
        for left, right, size, (first, last, share, steps) in filled:
            if first == last:
                counts[first] += size
                if steps is None:
                    self.zeros += size
            elif last - first == 1 and size < EXACT:
                reached = int(size * share + 0.5)
                counts[first] += reached
                counts[last] += size - reached
            else:
                self._step(left, right, size, first, last, steps)

    def add(self, lefts: Sequence[float], rights: Sequence[float], sizes: Sequence[int]) -> None:
        """Add buckets of any order, narrowed to the range. Raises ValueError for edges that descend or are NaN."""
        floor, ceiling = self._range()
        for left, right, size in zip(lefts, rights, sizes, strict=True):
            if not left <= right:
                raise ValueError(f"a bucket from {left!r} to {right!r}: edges ascend")
            if not size:
                continue
            if left < floor or right > ceiling or left == -math.inf or right == math.inf:
                left, right = _narrowed(left, right, floor, ceiling)
            self.found += size
            self.low, self.high = min(self.low, left), max(self.high, right)
            middle = left / 2 + right / 2
            self.sums += middle * size
            self.squared += middle * middle * size
            first, last, _, steps = _plan(left, right)
            if first == last:
                self.counts[first] += size
                if steps is None:
                    self.zeros += size
            else:
                self._step(left, right, size, first, last, steps)

    def _step(self, left: float, right: float, size: int, first: int, last: int, steps: Steps | None) -> None:
        """Add a bucket's count to the bins it covers, in proportion to how much of it each covers."""
        if not steps:
            self.covered += last - first
            if self.covered > MOST_COVERED:
                raise ValueError("wide buckets that lie over each other")
            # Bins nearer to zero than this hold less than half a value all together; there are a thousand of them.
            least = bin_of(min((right / 2 - left / 2) / size, LARGEST))
            steps = _steps_of_wide(left, right, least, first, last)
        placed = 0
        for index, share in steps:
            reached = int(size * share + 0.5)
            if reached > placed:
                self.counts[index] += reached - placed
                placed = reached

    def distribution(
        self, total: float | None = None, squares: float | None = None, count: float | None = None
    ) -> Distribution:
        """The distribution of all that was added; total, squares and count where they are known."""
        rest = max(0, round(count) - self.found) if count is not None and math.isfinite(count) else 0
        nans, above, below = _non_finite(rest, self.minimum, self.maximum, total)
        outside = rest - nans - above - below
        if outside:  # beyond the last bucket, as values over 1e20 are in TensorBoard's
            self._add_outside(outside)
        used = sorted(index for index, size in self.counts.items() if size)
        return Distribution(
            count=self.found + rest,
            elements=self.found + rest,
            minimum=_known(self.minimum, self.low) if used else math.nan,
            maximum=_known(self.maximum, self.high) if used else math.nan,
            total=_known(total, self.sums),
            squares=max(0.0, _known(squares, self.squared)),
            zeros=self.zeros,
            nans=nans,
            positive_infinities=above,
            negative_infinities=below,
            bins=array("h", used),
            counts=array("q", [self.counts[index] for index in used]),
        )

    def _add_outside(self, size: int) -> None:
        """Put `size` values at the end of the known range that no bucket reaches, and widen what was found to it."""
        bottom, top = _known(self.minimum, self.low), _known(self.maximum, self.high)
        if not math.isfinite(bottom):
            bottom = top if math.isfinite(top) else 0.0
        if not math.isfinite(top):
            top = bottom
        self.counts[bin_of(bottom if bottom < self.low and top <= self.high else top)] += size
        self.low, self.high = bottom, top


def _plans(edges: list[float]) -> list[Plan] | None:
    """The plans of the buckets between these edges; None where they are met for the first time."""
    ladder, places, planned = _ladder()
    place = places.get(edges[0], 0) if edges else 0
    if ladder[place : place + len(edges)] == edges:
        return planned[place : place + max(0, len(edges) - 1)]
    key = array("d", edges).tobytes()
    plans = _plans_of_edges.get(key, [])
    if plans:
        return plans
    again = plans is None and all(map(le, edges, edges[1:]))
    plans = list(map(_plan, edges, edges[1:])) if again else None
    if len(_plans_of_edges) >= MOST_EDGES:
        _plans_of_edges.clear()
    if len(edges) < MOST_PLANS:
        _plans_of_edges[key] = plans
    return plans


@cache
def _ladder() -> tuple[list[float], dict[float, int], list[Plan]]:
    """The edges that torch's writer has by default, of which a histogram holds a part: their places and plans."""
    edges = [FIRST_RUNG]
    while edges[-1] * RUNG < LAST_RUNG:
        edges.append(edges[-1] * RUNG)
    edges = [*(-edge for edge in reversed(edges)), 0.0, *edges]
    return edges, {edge: place for place, edge in enumerate(edges)}, list(map(_plan, edges, edges[1:]))


def _plan(left: float, right: float) -> Plan:
    """The plan of one bucket."""
    plan = _plans_of_buckets.get((left, right))
    if plan is None:
        if -ZERO <= left <= 0 <= right <= ZERO:
            plan = (0, 0, 1.0, None)
        else:
            first, last = bin_of(left), bin_of(right)
            steps: Steps = ()
            if 0 < last - first < FEW:
                steps = tuple((index, _reached(left, right, index, last)) for index in range(first, last + 1))
            plan = (first, last, steps[0][1] if steps else 1.0, steps)
        if len(_plans_of_buckets) >= MOST_PLANS:
            _plans_of_buckets.clear()
        _plans_of_buckets[left, right] = plan
    return plan


@lru_cache(maxsize=MOST_WIDE)
def _steps_of_wide(left: float, right: float, least: int, first: int, last: int) -> Steps:
    """The steps of a bucket of FEW bins or more, without those nearer to zero than bin `least`."""
    return [
        (index, _reached(left, right, index, last))
        for index in range(first, last + 1)
        if not -least < index < least or index == last
    ]


def _whole(counts: Iterable[float]) -> list[int]:
    """Whole counts with the same sums from the left, rounded."""
    given = list(counts)
    if not all(map(math.isfinite, given)) or min(given, default=0) < 0:
        raise ValueError("a bucket's count is negative or not finite")
    whole = list(map(int, given))
    if whole == given:
        return whole
    whole.clear()
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


def _known(value: float | None, otherwise: float) -> float:
    return otherwise if value is None or not math.isfinite(value) else float(value)
