"""A distribution of the numbers of a NumPy array, as collect makes one of a tensor."""

from __future__ import annotations

import math
from array import array
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reportgen.run.distribution import LARGEST_BIN, Distribution

# Bits of a float32 below those that make its bin (run/distribution.py).
SHIFT = 20
LARGEST = float(np.finfo(np.float32).max)


def distribution_in(values: NDArray[Any]) -> Distribution | None:
    """How the values are distributed, complex numbers by their magnitude; None for truth values and for none at all."""
    if values.dtype == np.bool_ or not values.size:
        return None
    numbers = (np.abs(values) if values.dtype.kind == "c" else values).reshape(-1).astype(np.float64)
    finite = numbers[np.isfinite(numbers)]
    with np.errstate(over="ignore"):
        short = np.clip(finite, -LARGEST, LARGEST).astype(np.float32)
        squares = float(np.dot(finite, finite))
    places = np.minimum(np.abs(short).view(np.uint32) >> SHIFT, LARGEST_BIN).astype(np.int64)
    bins, counts = np.unique(np.where(short < 0, -places, places), return_counts=True)
    return Distribution(
        count=numbers.size,
        elements=numbers.size,
        minimum=float(finite.min()) if finite.size else math.nan,
        maximum=float(finite.max()) if finite.size else math.nan,
        total=float(finite.sum()),
        squares=squares,
        zeros=int(np.count_nonzero(finite == 0)),
        nans=int(np.count_nonzero(np.isnan(numbers))),
        positive_infinities=int(np.count_nonzero(numbers == np.inf)),
        negative_infinities=int(np.count_nonzero(numbers == -np.inf)),
        bins=array("h", bins.tolist()),
        counts=array("q", counts.tolist()),
    )
