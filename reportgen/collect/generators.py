"""Generators of random numbers (torch's, Python's, numpy's) that a model or a data set holds, put back as they were."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from typing import Any

import torch


def setting_back(value: object) -> Iterator[Callable[[], Any]]:
    """What sets a generator of random numbers back to where it is now; nothing for any other value."""
    numpy = sys.modules.get("numpy")  # who holds a generator of numpy's has imported it
    if isinstance(value, torch.Generator):
        state = value.get_state()
        yield lambda: value.set_state(state)
    elif isinstance(value, random.Random):
        python = value.getstate()
        yield lambda: value.setstate(python)
    elif numpy is not None and isinstance(value, numpy.random.RandomState):
        legacy = value.get_state()
        yield lambda: value.set_state(legacy)
    elif numpy is not None and isinstance(value, numpy.random.Generator):
        bits = value.bit_generator
        numbers = bits.state
        yield lambda: setattr(bits, "state", numbers)
