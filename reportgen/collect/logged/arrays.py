"""Arrays on the host and as .npy files, which is how the run folder keeps what is large."""

from __future__ import annotations

import io
import math

import numpy as np
from torch import Tensor

from reportgen.collect.numbers import reason_against
from reportgen.collect.predictions.arrays import Array, as_values, to_array
from reportgen.collect.quiet import quiet
from reportgen.errors import InvalidArgumentError

NPY = "npy"


def numbers_in(value: object, argument: str) -> Array:
    """The real numbers of a tensor (any device, dtype, layout), array or list, on the host; may share its memory.

    bfloat16 and float8 become float32. Raises InvalidArgumentError for what holds no real numbers.
    """
    reason = reason_against(value) if isinstance(value, Tensor) else ""
    if reason:
        raise InvalidArgumentError(argument, "a tensor that cannot be read", f"one with numbers: {reason}")
    with quiet():
        return to_array(as_values(value, argument))


def npy(array: Array) -> bytes:
    """The .npy file of an array: C order, little endian."""
    buffer = io.BytesIO()
    plain = np.asarray(array, dtype=array.dtype.newbyteorder("<"), order="C")
    np.save(buffer, plain, allow_pickle=False)
    return buffer.getvalue()


def finite(values: Array) -> tuple[Array, int]:
    """The values with zeros in place of NaN and infinities, and how many these were."""
    if values.dtype.kind != "f" or math.isfinite(float(values.sum(dtype=np.float64))):
        return values, 0
    known = np.isfinite(values)
    return np.where(known, values, values.dtype.type(0)), int(values.size - np.count_nonzero(known))


def evenly(count: int, most: int) -> list[int]:
    """At most `most` (2 or more) of the positions 0 to count - 1, as evenly spaced as can be, first and last always."""
    if count <= most:
        return list(range(count))
    return [round(place * (count - 1) / (most - 1)) for place in range(most)]
