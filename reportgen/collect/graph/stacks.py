"""torch's stacks of modes, changed by hand: `with` could not take one out from between the user's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
