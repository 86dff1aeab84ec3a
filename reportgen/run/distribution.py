"""A distribution of numbers as counts in logarithmic bins, 8 an octave, the same for every tensor and step.

The bin of a float32 is the top 12 of its bits without the sign (8 of exponent, 3 of mantissa: `bits >> 20`), given the
sign of the number. So bins are ordered as numbers are, share their edges over tensors, steps and ranks, and need no
range beforehand: counts of two distributions add. Bin 0 holds zeros of both signs (counted exactly in `zeros`) and
subnormals below 2**-129. NaN and infinities are in no bin; they have counts of their own.
"""

from __future__ import annotations

import math
import struct
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

BINS_AN_OCTAVE = 8
LARGEST_BIN = 0x7F7  # the last bin below infinity: float32 bits 0x7f7fffff >> 20
# The edges of all bins nearer to zero.
EDGES = array("f", array("I", [index << 20 for index in range(LARGEST_BIN + 1)]).tobytes()).tolist()


def bin_edge(index: int) -> float:
    """The lower edge in magnitude of bin `index` >= 0 (the edge nearer to zero for the bin `-index`)."""
    return EDGES[index] if index <= LARGEST_BIN else math.inf


def bin_of(value: float) -> int:
    """The bin of a finite number; numbers beyond float32 fall in the outermost bin."""
    if abs(value) >= 3.4028235e38:
        return LARGEST_BIN if value > 0 else -LARGEST_BIN
    bits = int(struct.unpack("<I", struct.pack("<f", abs(value)))[0])
    index = min(bits >> 20, LARGEST_BIN)
    return index if value >= 0 else -index


@dataclass(frozen=True, slots=True)
class Distribution:
    """One tensor's numbers at one moment.

    count: elements counted, non-finite ones included. `elements` is the size of the tensor they were taken from
    (larger than count when only a fixed sample was read). minimum, maximum, total (sum) and squares (sum of squares)
    are over the finite elements, in float64 where the reduction allows; minimum and maximum are NaN without any.
    bins and counts are parallel; only used bins are stored, ascending.
    fine: None as recorded. In a page's Run the octave (bin >> 3) of magnitude from which on counts are known for each
    quarter of an octave, and below it for each octave; within these they are spread evenly over the bins.
    """

    count: int
    elements: int = 0
    minimum: float = math.nan
    maximum: float = math.nan
    total: float = 0.0
    squares: float = 0.0
    zeros: int = 0
    nans: int = 0
    positive_infinities: int = 0
    negative_infinities: int = 0
    bins: array[int] = field(default_factory=lambda: array("h"))
    counts: array[int] = field(default_factory=lambda: array("q"))
    fine: int | None = None

    @property
    def finite(self) -> int:
        """How many of the counted elements are finite."""
        return self.count - self.nans - self.positive_infinities - self.negative_infinities

    @property
    def mean(self) -> float:
        """Mean of the finite elements (NaN without any)."""
        return self.total / self.finite if self.finite else math.nan

    @property
    def rms(self) -> float:
        """Root mean square of the finite elements (NaN without any)."""
        return math.sqrt(self.squares / self.finite) if self.finite else math.nan

    @property
    def std(self) -> float:
        """Population standard deviation of the finite elements (NaN without any)."""
        if not self.finite:
            return math.nan
        return math.sqrt(max(0.0, self.squares / self.finite - self.mean**2))

    @property
    def norm(self) -> float:
        """Euclidean norm of the finite elements, scaled up to the whole tensor when only a sample was read."""
        if not self.count:
            return 0.0
        return math.sqrt(self.squares * max(1.0, self.elements / self.count))

    def quantiles(self, shares: Sequence[float]) -> list[float]:
        """The values below which each share (ascending, 0 to 1) of the finite elements lies.

        Interpolated linearly inside a bin, clamped to [minimum, maximum]: off by at most one bin, 9 % of the value.
        """
        if not self.finite or not self.counts:
            return [math.nan] * len(shares)
        found: list[float] = []
        below, position = 0, 0
        for share in shares:
            wanted = share * self.finite
            while position < len(self.counts) - 1 and below + self.counts[position] < wanted:
                below += self.counts[position]
                position += 1
            inside = min(1.0, max(0.0, (wanted - below) / self.counts[position]))
            low, high = bin_range(self.bins[position])
            found.append(min(self.maximum, max(self.minimum, low + inside * (high - low))))
        return found


def bin_range(index: int) -> tuple[float, float]:
    """Lower and upper edge of a bin as numbers, ascending; bin 0 is the point zero."""
    if index == 0:
        return (0.0, 0.0)
    near, far = bin_edge(abs(index)), bin_edge(abs(index) + 1)
    if math.isinf(far):
        far = 3.4028235e38
    return (near, far) if index > 0 else (-far, -near)


@dataclass(frozen=True, slots=True)
class DistributionSeries:
    """The distributions of one thing over time: parallel columns.

    kind: "weight", "gradient" (of a parameter), "activation" (of a module's output) or "histogram" (user's own).
    name: the parameter's or module's full name (prefixed `model name/` when several models are watched), or the tag.
    logged: snapshots recorded before thinning.
    """

    kind: str
    name: str
    steps: array[int] = field(default_factory=lambda: array("q"))
    optimizer_steps: array[int] = field(default_factory=lambda: array("q"))
    snapshots: tuple[Distribution, ...] = ()
    logged: int = 0
