"""The tensors inside whatever a module takes or returns: tuples, lists, mappings, dataclasses, nested."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor

from reportgen.run.graph import TensorSpec

# Deeper or larger structures (a cache of keys and values for each layer) are cut; the graph says what was seen.
DEEPEST = 4
MOST_TENSORS = 512
# What holds no tensor.
_PLAIN = (str, bytes, int, float, type(None), torch.dtype, torch.device, torch.Size, slice)
_DTYPES: dict[torch.dtype, str] = {}


def tensors_in(value: object) -> list[tuple[str, Tensor]]:
    """(place, tensor) of the first 512 tensors, down to four levels: ("", x), ("0", x), ("hidden.1", x)."""
    if isinstance(value, Tensor):  # most of what is asked
        return [("", value)]
    found: list[tuple[str, Tensor]] = []
    if not isinstance(value, _PLAIN):
        _walk(value, "", 0, found)
    return found


def arguments(args: Sequence[object], kwargs: Mapping[str, object] | None = None) -> list[tuple[str, Tensor]]:
    """The tensors among a call's arguments; a single positional one has the place ""."""
    found: list[tuple[str, Tensor]] = []
    if len(args) == 1:
        found = tensors_in(args[0])
    else:
        _walk(args, "", 0, found)
    if kwargs:
        _walk(kwargs, "", 0, found)
    return found


def spec_of(tensor: Tensor, name: str = "") -> TensorSpec:
    """Shape and dtype of `tensor` under the place `name`; -1 for a size that differs within a nested tensor."""
    dtype = _DTYPES.get(tensor.dtype)
    if dtype is None:
        dtype = _DTYPES[tensor.dtype] = str(tensor.dtype).removeprefix("torch.")
    return TensorSpec(_shape(tensor), dtype, name)


def nbytes_of(tensor: Tensor) -> int:
    """Bytes the elements of `tensor` take (a view counts as if it were its own); 0 if torch cannot say how many."""
    try:
        return int(tensor.numel()) * tensor.element_size()
    except Exception:  # noqa: BLE001 - a nested tensor or another class whose number of elements is no number
        return 0


def _shape(tensor: Tensor) -> tuple[int, ...]:
    try:
        return tuple(map(int, tensor.shape))
    except Exception:  # noqa: BLE001 - a nested tensor has no shape, or one with a symbol
        return tuple(_size(tensor, dim) for dim in range(tensor.dim()))


def _size(tensor: Tensor, dim: int) -> int:
    try:
        return int(tensor.size(dim))
    except Exception:  # noqa: BLE001 - the one that differs
        return -1


def _walk(value: object, place: str, depth: int, found: list[tuple[str, Tensor]]) -> None:
    if depth == DEEPEST:
        return
    for key, item in _items(value):
        if isinstance(item, Tensor):
            if len(found) < MOST_TENSORS:
                found.append((f"{place}.{key}" if place else key, item))
        elif not isinstance(item, _PLAIN):
            _walk(item, f"{place}.{key}" if place else key, depth + 1, found)


def _items(value: object) -> Iterable[tuple[str, object]]:
    if type(value) is tuple or type(value) is list:
        return zip(map(str, range(len(value))), value, strict=True)
    if isinstance(value, torch.nn.utils.rnn.PackedSequence):
        return (("data", value.data),)
    if isinstance(value, Mapping):
        return [(str(key), item) for key, item in value.items()]
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return zip(value._fields, value, strict=True)
    if isinstance(value, (list, tuple)):
        return zip(map(str, range(len(value))), value, strict=True)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [(f.name, getattr(value, f.name, None)) for f in dataclasses.fields(value)]
    return ()
