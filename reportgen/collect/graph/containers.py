"""Python's own containers, and plain objects, put back as they were: what a forward appends to, counts in or pops."""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from torch import Tensor, nn

# Objects that are looked into, and how deep they lie.
MOST, DEEPEST = 10_000, 6
_LISTS = (list, deque, bytearray)
_KEYED = (dict, OrderedDict, defaultdict)


def keep(values: Iterable[object]) -> Callable[[], None]:
    """What puts back the contents of the containers and of the objects with attributes among `values`, and in these.

    Lists, deques, bytearrays, dicts, sets and arrays of numpy are put back in place, and the attributes of objects of
    classes written in Python; tensors and modules are left to others, as are containers of classes of their own.
    """
    kept: list[Callable[[], None]] = []
    seen: set[int] = set()
    level = list(values)
    for _ in range(DEEPEST):
        below: list[object] = []
        for value in level:
            if id(value) in seen or isinstance(value, (Tensor, nn.Module, type)) or len(seen) >= MOST:
                continue
            seen.add(id(value))
            below += _inside(value, kept)
        level = below

    def put_back() -> None:
        for one in kept:
            one()

    return put_back


def _inside(value: Any, kept: list[Callable[[], None]]) -> list[object]:
    """Add to `kept` what puts `value` back, and give what it holds."""
    kind = type(value)
    if kind in _LISTS:
        items = value.copy()
        kept.append(lambda: _refill_list(value, items))
        return [] if kind is bytearray else list(items)
    if kind in _KEYED:
        held = dict(value)
        kept.append(lambda: _refill_dict(value, held))
        return list(held.values())
    if kind is set:
        members = set(value)
        kept.append(lambda: _refill_set(value, members))
        return []
    if kind is np.ndarray:
        if value.flags.writeable and not value.dtype.hasobject:
            numbers = value.copy()
            kept.append(lambda: np.copyto(value, numbers))
        return []
    if isinstance(value, tuple):
        return list(tuple.__iter__(value))
    attributes = getattr(value, "__dict__", None) if type(kind.__dict__.get("__dict__")) is not property else None
    if type(attributes) is dict and not callable(value):
        before = dict(attributes)
        kept.append(lambda: _refill_dict(attributes, before))
        return list(before.values())
    return []


def _refill_list(value: Any, items: Any) -> None:
    if len(value) != len(items) or any(a is not b for a, b in zip(value, items, strict=True)):
        value.clear()
        value.extend(items)


def _refill_dict(value: Any, held: dict[Any, Any]) -> None:
    if len(value) != len(held) or any(key not in value or value[key] is not item for key, item in held.items()):
        value.clear()
        value.update(held)


def _refill_set(value: set[Any], members: set[Any]) -> None:
    value.clear()
    value.update(members)
