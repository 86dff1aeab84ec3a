"""Accuracies as shares, however they were logged."""

from __future__ import annotations

from collections.abc import Sequence

# Words that a metric of this kind is called by.
ACCURACY = frozenset({"acc", "accuracy", "top1"})
# Above it numbers are in percent: sums of rounded shares may exceed 1 a little.
SHARES = 1.5


def in_percent(values: Sequence[float]) -> bool:
    """Whether finite accuracies are in percent rather than shares of 1."""
    return max(values, default=0.0) > SHARES


def shares(values: Sequence[float]) -> list[float]:
    """Finite accuracies as shares of 1; those in percent are divided by 100."""
    return [value / 100 for value in values] if in_percent(values) else list(values)
