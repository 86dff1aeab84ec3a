"""What add_histogram and add_histogram_raw are given: bins, and counts in buckets."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from reportgen.errors import InvalidArgumentError, shown
from reportgen.run.distribution import Distribution
from reportgen.run.spread import spread
from reportgen.writer.arguments import length_of, number_of, numbers_of

ESTIMATORS = ("auto", "doane", "fd", "rice", "scott", "sqrt", "stone", "sturges")
TENSORFLOW = "tensorflow"


def default_bins() -> list[float]:
    """The edges of torch's writer: from 1e-12 up, each 1.1 times the one before, their negatives, and 0 between."""
    edge, positive = 1e-12, []
    while edge < 1e20:
        positive.append(edge)
        edge *= 1.1
    return [*(-edge for edge in reversed(positive)), 0.0, *positive]


def check_bins(bins: Any, max_bins: Any) -> bool:
    """Whether other bins than the default are asked for.

    ValueError and TypeError for what NumPy takes for no bins, ZeroDivisionError for max_bins=0, as in torch's writer.
    """
    accepted = f'"tensorflow", one of {", ".join(ESTIMATORS)}, a number of bins, or their edges ascending'
    if isinstance(bins, str):
        if bins != TENSORFLOW and bins not in ESTIMATORS:
            raise ValueError(f"bins is {shown(bins)}; accepted: {accepted}")
    elif isinstance(bins, (int, np.integer)):
        if bins < 1:
            raise ValueError(f"bins is {shown(bins)}; accepted: {accepted}")
    else:
        edges = np.asarray(bins, dtype=object)
        if edges.ndim != 1:
            raise TypeError(f"bins is {shown(bins)}; accepted: {accepted}")
        numbers = numbers_of(bins, "bins")
        if any(not low <= high for low, high in pairwise(numbers)):
            raise ValueError(f"bins is {shown(bins)}, which descends; accepted: {accepted}")
    if max_bins is not None:
        if not isinstance(max_bins, (int, float, np.number)):
            raise TypeError(f"max_bins is {shown(max_bins)}; accepted: a number of bins, 1 or more")
        if max_bins == 0:
            raise ZeroDivisionError("max_bins is 0; accepted: a number of bins, 1 or more")
    return max_bins is not None or not (isinstance(bins, str) and bins == TENSORFLOW)


class RawHistogram:
    """Checked arguments of add_histogram_raw. ValueError for lengths that differ, TypeError for what is no number."""

    def __init__(self, low: Any, high: Any, count: Any, total: Any, squares: Any, limits: Any, counts: Any) -> None:
        if length_of(limits, "bucket_limits") != length_of(counts, "bucket_counts"):
            what = f"bucket_limits has {len(limits)} and bucket_counts {len(counts)} items"
            raise ValueError(f"{what}; accepted: the right edge and the count of each bucket")
        self._limits, self._counts = numbers_of(limits, "bucket_limits"), numbers_of(counts, "bucket_counts")
        given = {"minimum": low, "maximum": high, "total": total, "squares": squares, "count": count}
        names = {"minimum": "min", "maximum": "max", "total": "sum", "squares": "sum_squares", "count": "num"}
        self._known = {name: None if value is None else number_of(value, names[name]) for name, value in given.items()}

    def distribution(self) -> Distribution:
        """The counts over logarithmic bins. InvalidArgumentError for edges that descend and negative counts."""
        try:
            return spread(self._limits, self._counts, **self._known)
        except ValueError as error:
            accepted = f"right edges that ascend, and counts of 0 or more ({error})"
            raise InvalidArgumentError("bucket_limits", self._limits, accepted) from error
