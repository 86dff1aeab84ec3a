"""Arrays of a run's media, and numbers rounded to what a drawing can show."""

from __future__ import annotations

import io
import math
import warnings
from array import array
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
# A drawing is a few hundred px wide: coordinates in so many parts of their extent are exact in it.
PARTS = 2048
LARGEST = 3e38  # within float32


def stored_array(data: bytes | None, columns: int | None = None) -> npt.NDArray[Any] | None:
    """The two-dimensional array of numbers in an .npy file; None for anything else. columns: how many it must have."""
    if data is None:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            values = np.lib.format.read_array(io.BytesIO(data), allow_pickle=False)
    except Exception:  # noqa: BLE001 - of a damaged header NumPy lets through whatever Python's own parser raises
        return None
    if values.ndim != 2 or values.dtype.kind not in "biuf":
        return None
    return values if columns is None or values.shape[1] == columns else None


def coarse(values: Floats) -> array[float]:
    """Finite numbers as float32, whole parts of a power of two that is at most 1/PARTS of their extent."""
    extent = float(np.abs(values).max()) if values.size else 0.0
    if extent == 0.0 or not math.isfinite(extent):
        return array("f", [0.0] * values.size)
    unit = math.ldexp(1.0, max(math.frexp(extent)[1] - PARTS.bit_length() + 1, -120))
    whole = np.rint(np.clip(values.ravel(), -LARGEST, LARGEST) / unit) * unit
    return array("f", (whole + 0.0).tolist())
