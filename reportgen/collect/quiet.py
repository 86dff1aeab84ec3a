"""A context in which our own torch calls touch nothing of the user's: no autograd, no modes, no subclasses' methods."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.utils._python_dispatch import _disable_current_modes


@contextmanager
def quiet() -> Iterator[None]:
    """No gradient is recorded, and no mode on the user's stacks sees or changes what is called inside.

    Without it a `torch.device("meta")` context would move our scratch tensors, a flop counter would count our
    reductions, and a logging mode would print them. The stacks are as before when the block is left, however it is.
    """
    with torch._C.DisableTorchFunction(), torch.no_grad():
        if torch._C._len_torch_dispatch_stack():
            with _disable_current_modes():  # 8 us, hence only where there is one
                yield
        else:
            yield


def capturing() -> bool:
    """Whether a CUDA graph is being captured: what we compute then would be computed again at each replay."""
    # Asked of a CUDA build on a machine without a driver, torch raises.
    return torch.cuda.is_initialized() and torch.cuda.is_current_stream_capturing()  # type: ignore[no-untyped-call]
