"""The labels of batches in the order in which they came, against what batches drawn at random would have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import lgamma

import numpy as np

from reportgen.collect.data.targets import counts_of
from reportgen.collect.predictions.arrays import Array

# In order: fewer changes than so many for each label beyond the first, and than this share of what chance gives.
CHANGES, CHANCE = 2, 0.25
# Rows of a number that only rises, or only falls, as share of all.
STEADY, LEAST_ROWS = 0.98, 32


def expected_labels(counts: Sequence[int], size: int) -> float:
    """How many different labels `size` rows have on average, drawn from counts of each without replacement.

    The hypergeometric distribution: a label with k of n rows is missing with probability C(n - k, size) / C(n, size).
    """
    total = sum(counts)
    size = min(size, total)
    return sum(1.0 - _missing(total, count, size) for count in counts)


def labels_seen(batches: Sequence[Array], known: Mapping[str, int]) -> tuple[float, float]:
    """(mean number of different labels in a batch, what is expected).

    known: how often each label is in the whole split, as texts, where more of it was read than these batches.
    """
    seen = [len(np.unique(labels)) for labels in batches]
    own = counts_of(np.concatenate(batches))
    counts = list((known if len(known) >= len(own) and sum(known.values()) > sum(own.values()) else own).values())
    sizes, of = np.unique([len(labels) for labels in batches], return_inverse=True)
    chances = np.array([expected_labels(counts, int(size)) for size in sizes])
    return float(np.mean(seen)), float(chances[of].mean())


def in_order(labels: Array) -> bool:
    """Whether each label is in one stretch, or nearly so."""
    _, of, counts = np.unique(labels, return_inverse=True, return_counts=True)
    if len(counts) < 2:
        return False
    changes = int((of[1:] != of[:-1]).sum())
    share = counts / len(labels)
    chance = (len(labels) - 1) * float(1 - (share * share).sum())
    return changes <= CHANGES * (len(counts) - 1) and changes <= CHANCE * chance


def rises_or_falls(numbers: Array) -> bool:
    """Whether numbers are sorted, or nearly so."""
    if len(numbers) < LEAST_ROWS:
        return False
    steps = np.diff(numbers)
    steady = max(float((steps >= 0).mean()), float((steps <= 0).mean()))
    return steady >= STEADY and bool(numbers[0] != numbers[-1])


def telling(labels: Array) -> bool:
    """Whether the same labels in the same order again can hardly be chance."""
    _, counts = np.unique(labels, return_counts=True)
    share = counts / len(labels)
    # The probability that two draws agree in each place.
    return bool(len(labels) * np.log10(float((share * share).sum())) < -6) if len(counts) > 1 else False


def _missing(total: int, count: int, size: int) -> float:
    if total - count < size:
        return 0.0
    found = lgamma(total - count + 1) - lgamma(total - count - size + 1)
    return float(np.exp(found - lgamma(total + 1) + lgamma(total - size + 1)))
