"""The tensors inside whatever a module takes or returns: tuples, lists, mappings, dataclasses, nested."""

from __future__ import annotations

import dataclasses
from collections import UserDict
from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor

from reportgen.collect.guard import of_a_signal
from reportgen.run.graph import TensorSpec

# Deeper or larger structures (a cache of keys and values for each layer) are cut; the graph says what was seen.
DEEPEST = 4
MOST_TENSORS = 512
# Items looked at of one call's arguments, or of what it returned.
MOST_ITEMS = 5_000
# What holds no tensor.
_PLAIN = (str, bytes, int, float, type(None), torch.dtype, torch.device, torch.Size, slice)
_DTYPES: dict[torch.dtype, str] = {}


def tensors_in(value: object) -> list[tuple[str, Tensor]]:
    """(place, tensor) of the first 512 tensors, down to four levels: ("", x), ("0", x), ("hidden.1", x)."""
    if isinstance(value, Tensor):  # most of what is asked
        return [("", value)]
    return [] if isinstance(value, _PLAIN) else _Walk().into(value)


def arguments(args: Sequence[object], kwargs: Mapping[str, object] | None = None) -> list[tuple[str, Tensor]]:
    """The tensors among a call's arguments; a single positional one has the place ""."""
    walk = _Walk()
    if len(args) != 1:
        walk.into(args)
    elif isinstance(args[0], Tensor):
        walk.found.append(("", args[0]))
    elif not isinstance(args[0], _PLAIN):
        walk.into(args[0])
    return walk.into(kwargs) if kwargs else walk.found


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
    except Exception as error:  # a nested tensor or another class whose number of elements is no number
        if of_a_signal(error):
            raise
        return 0


def _shape(tensor: Tensor) -> tuple[int, ...]:
    try:
        return tuple(map(int, tensor.shape))
    except Exception as error:  # a nested tensor has no shape, or one with a symbol
        if of_a_signal(error):
            raise
        return tuple(_size(tensor, dim) for dim in range(tensor.dim()))


def _size(tensor: Tensor, dim: int) -> int:
    try:
        return int(tensor.size(dim))
    except Exception as error:  # the one that differs
        if of_a_signal(error):
            raise
        return -1


class _Walk:
    """Goes through a structure and keeps what it finds. It stops after MOST_ITEMS: a batch may be a list of numbers."""

    def __init__(self) -> None:
        self.found: list[tuple[str, Tensor]] = []
        self._left = MOST_ITEMS

    def into(self, value: object, place: str = "", depth: int = 0) -> list[tuple[str, Tensor]]:
        """The tensors found in all structures so far."""
        if depth == DEEPEST:
            return self.found
        for key, item in _items(value):
            self._left -= 1
            if self._left < 0:
                break
            if isinstance(item, Tensor):
                if len(self.found) < MOST_TENSORS:
                    self.found.append((f"{place}.{key}" if place else str(key), item))
            elif not isinstance(item, _PLAIN):
                self.into(item, f"{place}.{key}" if place else str(key), depth + 1)
        return self.found


def _items(value: object) -> Iterable[tuple[object, object]]:
    """What is in a container, without calling anything of the user's: a mapping may load what it is asked for."""
    if isinstance(value, torch.nn.utils.rnn.PackedSequence):
        return (("data", value.data),)
    if isinstance(value, UserDict):
        value = value.data
    if isinstance(value, dict):
        return dict.items(value)
    if isinstance(value, tuple):
        names = getattr(type(value), "_fields", range(tuple.__len__(value)))
        return zip(names, tuple.__iter__(value), strict=False)
    if isinstance(value, list):
        return zip(range(list.__len__(value)), list.__iter__(value), strict=False)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        held = getattr(value, "__dict__", None)
        names = [field.name for field in dataclasses.fields(value)]
        return [(name, held[name] if held and name in held else getattr(value, name, None)) for name in names]
    return ()
