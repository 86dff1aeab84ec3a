"""A tensor as a file, its first values and its distribution."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from reportgen.collect.distribution import distributions_of
from reportgen.collect.numbers import reason_against
from reportgen.collect.predictions.arrays import Array, to_array
from reportgen.collect.quiet import quiet
from reportgen.errors import InvalidArgumentError
from reportgen.run.distribution import Distribution
from reportgen.run.logged import Plain
from reportgen.run.plain_value import plain_value

FIRST = 24
ACCEPTED = "a tensor that holds numbers"


def dense(tensor: Tensor) -> tuple[Array, tuple[str, ...]]:
    """All values of a tensor of any dtype, layout and device on the host, and what was changed to keep them.

    bfloat16, float8 and quantised numbers become float32, complex32 complex64. Raises InvalidArgumentError for a
    tensor without numbers of its own (on the meta device, inside vmap, nested).
    """
    reason = reason_against(tensor)
    if reason:
        raise InvalidArgumentError("tensor", f"a tensor of shape {_shape(tensor)}", f"{ACCEPTED}: {reason}")
    notes: list[str] = []
    with quiet():
        tensor = tensor.detach()
        if tensor.is_quantized:
            tensor = tensor.dequantize()
            notes.append("Stored dequantised, as float32.")
        elif tensor.layout is not torch.strided:
            notes.append(f"Stored with its zeros: its layout was {str(tensor.layout).removeprefix('torch.')}.")
            tensor = tensor.to_dense()
        if tensor.is_complex():
            tensor = tensor.to(torch.complex64) if tensor.dtype is torch.complex32 else tensor
            values: Array = tensor.cpu().resolve_conj().resolve_neg().numpy()
        else:
            values = to_array(tensor)
    return values, tuple(notes)


def first_values(values: Array) -> tuple[Plain, ...]:
    """The first values in C order; complex and non-finite ones as text."""
    return tuple(plain_value(value) for value in values.reshape(-1)[:FIRST].tolist())


def distribution_in(values: Array) -> Distribution | None:
    """How the values are distributed; None for truth values, complex numbers (by magnitude) included."""
    if values.dtype == np.bool_ or not values.size:
        return None
    numbers = np.abs(values) if values.dtype.kind == "c" else values
    if numbers.dtype.kind == "u" and numbers.dtype.itemsize > 1:  # torch lacks most operations on these
        numbers = numbers.astype(np.float64)
    (made,) = distributions_of([torch.from_numpy(np.array(numbers))])
    return made


def _shape(tensor: Tensor) -> tuple[int, ...] | str:
    return "unknown" if tensor.is_nested else tuple(tensor.shape)
