"""The streams of random numbers, put back after a data set was asked for rows: its augmentation draws from them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice

import numpy as np
import torch

from reportgen.collect.generators import setting_back

# Objects of a data set (its transforms, the data set it is a part of) that are searched for generators of their own.
MOST_OBJECTS, DEEPEST = 200, 5


@contextmanager
def untouched(dataset: object) -> Iterator[None]:
    """Afterwards the global streams of torch, Python and numpy, and those that `dataset` holds, are as before."""
    host, python, numbers = torch.get_rng_state(), random.getstate(), np.random.get_state(legacy=False)
    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()  # type: ignore[no-untyped-call]
    cuda = [(index, torch.cuda.get_rng_state(index)) for index in devices]
    mps = torch.mps.get_rng_state() if torch.backends.mps.is_available() else None
    own = [restore for held in _held(dataset) for restore in setting_back(held)]
    try:
        yield
    finally:
        torch.set_rng_state(host)
        random.setstate(python)
        np.random.set_state(numbers)
        for index, state in cuda:
            torch.cuda.set_rng_state(state, index)
        if mps is not None:
            torch.mps.set_rng_state(mps)
        for restore in own:
            restore()


def _held(dataset: object) -> list[object]:
    """What a data set holds in its attributes, lists and dicts, itself included."""
    found: list[object] = []
    known: set[int] = set()
    level: list[object] = [dataset]
    for _ in range(DEEPEST):
        below: list[object] = []
        for value in level:
            if id(value) in known or len(found) >= MOST_OBJECTS:
                continue
            known.add(id(value))
            found.append(value)
            if isinstance(value, (list, tuple, dict)):
                items = islice(value.values() if isinstance(value, dict) else value, 20)
                below += [item for item in items if not isinstance(item, (int, float, str, torch.Tensor))]
            elif not isinstance(value, (type, torch.Tensor, np.ndarray, torch.nn.Module)):
                below += list(getattr(value, "__dict__", {}).values())
        level = below
    return found
