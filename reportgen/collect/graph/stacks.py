"""torch's stacks of modes, changed by hand: `with` could not take one out from between the user's own."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from types import GeneratorType
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode


def take_out(mode: object, stack: Sequence[object], pop: Callable[[], object], push: Callable[[Any], None]) -> bool:
    """Take one mode off a stack and put those above it back. Whether it was there."""
    if not any(one is mode for one in stack):
        return False
    above: list[object] = []
    while (one := pop()) is not mode:
        above.append(one)
    for one in reversed(above):
        push(one)
    return True


def pop_function() -> object:
    """Take the topmost mode off the stack of function modes."""
    return torch._C._pop_torch_function_stack()


def pop_dispatched() -> TorchDispatchMode:
    """Take the topmost mode off the dispatcher's stack."""
    top: TorchDispatchMode = torch._C._pop_torch_dispatch_stack(None)
    return top


def close_holders(mode: object) -> None:
    """Have torch's generators that set `mode` aside put it back now. To be called when what they surround is over.

    A signal that is raised in the first line of a context's `__exit__` leaves its generator as it is, and the traceback
    holds that: once that is let go, long after the forward, the generator would put the mode back. To look for it takes
    some 20 ms, hence only where a mode is missing.
    """
    holders = gc.get_referrers(mode)
    for held in tuple(holders):
        if isinstance(held, list):  # of several modes
            holders += gc.get_referrers(held)
    for holder in holders:
        if isinstance(holder, GeneratorType) and not holder.gi_running and _of_torch(holder):
            holder.close()


def _of_torch(generator: GeneratorType[Any, Any, Any]) -> bool:
    frame = generator.gi_frame
    return frame is not None and str(frame.f_globals.get("__name__")).startswith("torch.")
