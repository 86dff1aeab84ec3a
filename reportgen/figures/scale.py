"""From values to places in a picture."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable
from dataclasses import dataclass

LARGEST = sys.float_info.max
SMALLEST = math.ulp(0.0)


@dataclass(frozen=True, slots=True)
class Scale:
    """Maps low..high to start..end, linearly or by logarithm; safe for the whole range of finite floats.

    A logarithmic scale has what is below its low end at that end.
    """

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def place(self, value: float) -> float:
        """The place of a finite value (a positive one on a logarithmic scale)."""
        return self.start + self.share(value) * (self.end - self.start)

    def share(self, value: float) -> float:
        """The place as a share of the scale; 0.5 where low and high are the same."""
        if self.log:
            low, high, at = math.log10(self.low), math.log10(self.high), math.log10(max(self.low, value))
        else:  # halves: the difference of two finite numbers may be infinite
            low, high, at = self.low / 2, self.high / 2, value / 2
        return (at - low) / (high - low) if high > low else 0.5

    def drawable(self, value: float) -> bool:
        """Whether a value has a place."""
        return math.isfinite(value) and (value > 0 or not self.log)


def value_scale(values: Iterable[float], start: float, end: float, log: bool = False) -> Scale | None:
    """A scale for the drawable ones of `values`, a little wider than they are; None when there are none.

    A constant gets a range around it. From a range that begins near zero, zero is shown.
    """
    shown = [value for value in values if math.isfinite(value) and (value > 0 or not log)]
    if not shown:
        return None
    low, high = min(shown), max(shown)
    if log:
        if low == high:
            low, high = max(low / 2, SMALLEST), min(high * 2, LARGEST)
        return Scale(low, high, start, end, True)
    if low == high:
        room = abs(low) * 0.1 or 1.0
        return Scale(max(low - room, -LARGEST), min(high + room, LARGEST), start, end)
    if 0 < low < 0.35 * high:
        low = 0.0
    elif 0 > high > 0.35 * low:
        high = 0.0
    return Scale(low, high, start, end)
