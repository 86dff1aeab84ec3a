"""Features that are distributed otherwise in one split than in another."""

from __future__ import annotations

import math

import numpy as np

from reportgen.collect.predictions.arrays import Array, Floats
from reportgen.run.evidence import Shift

ROWS, COLUMNS, MOST, LEAST_ROWS = 2_000, 256, 5, 30
# sqrt(-ln(0.001 / 2) / 2): the two-sample statistic exceeds this times sqrt(1/n + 1/m) with probability 0.001.
CHANCE = 1.95


def shifts(values: Array, others: Array, names: tuple[str, ...], other: str) -> tuple[Shift, ...]:
    """The features of rows (n, columns) that differ most from those of `others` (m, columns), at most MOST.

    By the two-sample Kolmogorov-Smirnov statistic, of those where it is greater than chance.
    """
    if values.shape[1:] != others.shape[1:] or min(len(values), len(others)) < LEAST_ROWS:
        return ()
    values, others = _some(values), _some(others)
    found: list[Shift] = []
    for place in range(min(values.shape[1], COLUMNS)):
        ours, theirs = _finite(values[:, place]), _finite(others[:, place])
        if min(len(ours), len(theirs)) < LEAST_ROWS:
            continue
        chance = CHANCE * math.sqrt(1 / len(ours) + 1 / len(theirs))
        statistic = _apart(ours, theirs)
        if statistic > chance:
            found.append(Shift(names[place], other, statistic, chance))
    return tuple(sorted(found, key=lambda one: -one.statistic)[:MOST])


def _some(values: Array) -> Array:
    found: Array = values[np.linspace(0, len(values) - 1, min(len(values), ROWS)).astype(np.int64)]
    return found


def _finite(values: Array) -> Floats:
    known: Floats = np.asarray(values[np.isfinite(values)], np.float64)
    return known


def _apart(ours: Floats, theirs: Floats) -> float:
    ours, theirs = np.sort(ours), np.sort(theirs)
    both = np.concatenate((ours, theirs))
    share = np.searchsorted(ours, both, side="right") / len(ours)
    return float(np.abs(share - np.searchsorted(theirs, both, side="right") / len(theirs)).max())
