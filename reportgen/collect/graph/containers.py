"""Python's own containers put back as they were: what a forward appends to, counts in or pops from."""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

import numpy as np

# Containers that are kept, items of each that are looked into for further ones, and how deep these lie.
MOST, MOST_ITEMS, DEEPEST = 10_000, 5_000, 4
# Numbers of an array of numpy's that is copied.
MOST_NUMBERS = 1 << 24
_IN_ORDER = (list, deque, bytearray)
_KEYED = (dict, OrderedDict, defaultdict, Counter)
_PLAIN = (str, bytes, bool, int, float, complex, type(None))


def keep(values: Iterable[object]) -> Callable[[], None]:
    """What puts the containers among `values`, and in these, back in place: lists, deques, dicts, sets, arrays.

    So it does with the attributes of objects that hold nothing but numbers, texts and containers (a count of calls).
    Others may be anything, a logger with a thread of its own, and are left alone; nothing of the user's is called.
    """
    kept: list[Callable[[], None]] = []
    seen: dict[int, object] = {}
    level = list(values)
    for _ in range(DEEPEST):
        below: list[object] = []
        for value in level:
            if id(value) not in seen and len(seen) < MOST:
                found = _inside(value, kept)
                if found is not None:
                    seen[id(value)] = value
                    below += found
        level = below

    def put_back() -> None:
        for one in kept:
            one()

    return put_back


def _inside(value: Any, kept: list[Callable[[], None]]) -> list[object] | None:
    """Add to `kept` what puts `value` back, and give what it holds; None for what is no container."""
    kind = type(value)
    if kind in _PLAIN:
        return None
    if kind in _IN_ORDER:
        items = value.copy()
        kept.append(lambda: _refill(value, items))
        return list(islice(items, MOST_ITEMS)) if kind is not bytearray else []
    if kind in _KEYED:
        return _keep_dict(value, kept)
    if kind is set:
        members = value.copy()
        kept.append(lambda: _refill_set(value, members))
        return []
    if kind is np.ndarray:
        if value.flags.writeable and not value.dtype.hasobject and value.size <= MOST_NUMBERS:
            numbers = value.copy()
            kept.append(lambda: np.copyto(value, numbers))
        return []
    if issubclass(kind, tuple):
        return list(islice(tuple.__iter__(value), MOST_ITEMS))
    if kind.__module__ == "builtins" or not isinstance(vars(kind).get("__module__"), str):
        return None
    try:
        attributes = object.__getattribute__(value, "__dict__")
    except (AttributeError, TypeError):
        return None
    simple = (*_PLAIN, *_IN_ORDER, *_KEYED, set)
    if type(attributes) is not dict or not all(type(one) in simple for one in attributes.values()):
        return None
    return _keep_dict(attributes, kept)


def _keep_dict(value: Any, kept: list[Callable[[], None]]) -> list[object]:
    items = list(value.items())
    kept.append(lambda: _refill_dict(value, items))
    return [item for _, item in items[:MOST_ITEMS]]


def _refill(value: Any, items: Any) -> None:
    if len(value) != len(items) or any(a is not b for a, b in zip(value, items, strict=True)):
        value.clear()
        value.extend(items)


def _refill_dict(value: Any, items: list[tuple[Any, Any]]) -> None:
    now = list(value.items())
    if len(now) != len(items) or any(a is not c or b is not d for (a, b), (c, d) in zip(now, items, strict=True)):
        value.clear()  # an OrderedDict's own, which keeps an order of its own
        for key, item in items:
            value[key] = item


def _refill_set(value: set[Any], members: set[Any]) -> None:
    if len(value) != len(members) or value != members:
        value.clear()
        value.update(members)
