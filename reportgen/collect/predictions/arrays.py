"""What a user hands over, as arrays: tensors of any device and dtype, numpy arrays, lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from reportgen.errors import InvalidArgumentError

Array = NDArray[Any]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

ACCEPTED = "a tensor, a numpy array or a list of real numbers"

# Tensor dtypes that numpy knows too; the others (bfloat16, the float8 family) go through float32, which holds them.
_SHARED = {
    torch.float16, torch.float32, torch.float64, torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32,
    torch.int64, torch.uint16, torch.uint32, torch.uint64,
}  # fmt: skip


class Shape:
    """How an error message shows a tensor: kind, shape and dtype, never its numbers."""

    def __init__(self, value: object) -> None:
        shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
        if shape is not None and dtype is not None:
            self._text = f"{tuple(shape)} {str(dtype).removeprefix('torch.')}"
        elif isinstance(value, Sequence) and not isinstance(value, str):
            self._text = f"a {type(value).__name__} of {len(value)}"
        else:
            self._text = f"a {type(value).__name__}"

    def __repr__(self) -> str:
        return self._text


def as_values(value: object, argument: str) -> torch.Tensor | Array:
    """`value` as a dense real tensor without gradient where it lies, or as a numpy array; no copy to the host.

    Raises InvalidArgumentError for what holds no real numbers: None, text, complex and meta tensors, ragged lists.
    """
    if isinstance(value, (list, tuple)) and value and all(isinstance(item, torch.Tensor) for item in value):
        try:
            value = torch.stack([item.detach() for item in value])
        except RuntimeError as error:
            raise InvalidArgumentError(argument, Shape(value), f"tensors of one shape ({error})") from error
    if isinstance(value, torch.Tensor):
        return _dense(value, argument)
    if value is None or isinstance(value, (str, bytes, Mapping)):
        raise InvalidArgumentError(argument, value, ACCEPTED)
    try:
        array = np.asarray(value)
    except (ValueError, TypeError) as error:
        raise InvalidArgumentError(argument, Shape(value), f"{ACCEPTED} ({error})") from error
    if array.dtype.kind not in "biuf":
        raise InvalidArgumentError(argument, Shape(value), ACCEPTED)
    return array


def _dense(tensor: torch.Tensor, argument: str) -> torch.Tensor:
    tensor = tensor.detach()
    if tensor.is_meta or tensor.is_complex():
        raise InvalidArgumentError(argument, Shape(tensor), ACCEPTED)
    if tensor.is_quantized:
        tensor = tensor.dequantize()
    return tensor if tensor.layout == torch.strided else tensor.to_dense()


def to_array(value: torch.Tensor | Array) -> Array:
    """The numbers on the host: one copy from a device, none from the CPU (the array shares the tensor's memory)."""
    if not isinstance(value, torch.Tensor):
        return value
    tensor = value if value.is_cpu else value.cpu()
    if tensor.dtype not in _SHARED:
        tensor = tensor.float()
    array: Array = tensor.resolve_neg().numpy()
    return array


def kind_of(value: torch.Tensor | Array) -> str:
    """The kind of its numbers: "b" truth values, "i" whole numbers, "f" floating point."""
    if isinstance(value, torch.Tensor):
        if value.dtype == torch.bool:
            return "b"
        return "f" if value.dtype.is_floating_point else "i"
    return {"b": "b", "f": "f"}.get(value.dtype.kind, "i")


def length_of(value: object, argument: str) -> int:
    """How many samples `value` holds: the length of its first dimension, or of a mapping's first value."""
    if isinstance(value, (torch.Tensor, np.ndarray)) and value.ndim:
        return int(value.shape[0])
    if isinstance(value, Mapping) and value:
        return length_of(next(iter(value.values())), argument)
    shape = getattr(value, "shape", None)
    if shape is not None and len(shape) == 0:
        raise InvalidArgumentError(argument, Shape(value), "a batch: samples along the first dimension")
    try:
        return len(value)  # type: ignore[arg-type]  # TypeError for what has no length, turned into ours below
    except TypeError as error:
        raise InvalidArgumentError(argument, Shape(value), "a batch: samples along the first dimension") from error


def take(value: object, rows: Sequence[int]) -> list[Any]:
    """The samples at `rows`, each on the host: numpy arrays for numbers, dicts of them for a mapping, else as is.

    A batch tensor is indexed on its own device, so that only the wanted rows are copied, in one transfer. What is
    returned may share memory with `value`, see `is_copied`. rows: ascending, each once.
    """
    if isinstance(value, Mapping):
        columns = {str(key): take(column, rows) for key, column in value.items()}
        return [{key: column[place] for key, column in columns.items()} for place in range(len(rows))]
    if isinstance(value, torch.Tensor):
        dense = _dense(value, "inputs")
        if len(rows) == len(dense):
            return list(to_array(dense.to("cpu", copy=True)))
        return list(to_array(dense[torch.as_tensor(list(rows), dtype=torch.long, device=dense.device)]))
    if isinstance(value, np.ndarray):
        return list(value[list(rows)])
    items = [value[row] for row in rows]  # type: ignore[index]  # a sequence: length_of has asked for its length
    return [to_array(_dense(item, "inputs")) if isinstance(item, torch.Tensor) else item for item in items]


def is_copied(value: object) -> bool:
    """Whether what `take` gives of `value` shares no memory with it."""
    if isinstance(value, Mapping):
        return all(is_copied(column) for column in value.values())
    if isinstance(value, np.ndarray):
        return not value.dtype.hasobject
    return value is None or isinstance(value, torch.Tensor)
