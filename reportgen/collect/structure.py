"""The tensors inside whatever a module takes or returns: tuples, lists, mappings, dataclasses, nested."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor

from reportgen.run.graph import TensorSpec

# Deeper or larger structures (a cache of keys and values for each layer) are cut; the graph says what was seen.
DEEPEST = 4
MOST_TENSORS = 64


def tensors_in(value: object) -> list[tuple[str, Tensor]]:
    """(place, tensor) of the first 64 tensors, down to four levels: ("", x), ("0", x), ("hidden.1", x)."""
    found: list[tuple[str, Tensor]] = []
    for place, tensor in _walk(value, "", 0):
        found.append((place, tensor))
        if len(found) == MOST_TENSORS:
            break
    return found


def arguments(args: Sequence[object], kwargs: Mapping[str, object] | None = None) -> list[tuple[str, Tensor]]:
    """The tensors among a call's arguments; a single positional one has the place ""."""
    return [*tensors_in(args[0] if len(args) == 1 else list(args)), *tensors_in(dict(kwargs or {}))]


def spec_of(tensor: Tensor, name: str = "") -> TensorSpec:
    """Shape and dtype of `tensor` under the place `name`."""
    return TensorSpec(tuple(int(size) for size in tensor.shape), str(tensor.dtype).removeprefix("torch."), name)


def nbytes_of(tensor: Tensor) -> int:
    """Bytes the elements of `tensor` take (a view counts as if it were its own)."""
    return tensor.numel() * tensor.element_size()


def _walk(value: object, place: str, depth: int) -> Iterator[tuple[str, Tensor]]:
    if isinstance(value, Tensor):
        yield place, value
        return
    if depth == DEEPEST or value is None or isinstance(value, (str, bytes, int, float)):
        return
    for key, item in _items(value):
        yield from _walk(item, f"{place}.{key}" if place else key, depth + 1)


def _items(value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, torch.nn.utils.rnn.PackedSequence):
        yield "data", value.data
    elif isinstance(value, Mapping):
        yield from ((str(key), item) for key, item in value.items())
    elif isinstance(value, tuple) and hasattr(value, "_fields"):
        yield from zip(value._fields, value, strict=True)
    elif isinstance(value, (list, tuple)):
        yield from ((str(index), item) for index, item in enumerate(value))
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        yield from ((f.name, getattr(value, f.name, None)) for f in dataclasses.fields(value))
