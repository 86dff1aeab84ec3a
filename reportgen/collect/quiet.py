"""A context in which our own torch calls touch nothing of the user's: no autograd, no modes, no subclasses' methods."""

from __future__ import annotations

import torch
from torch.utils._python_dispatch import _disable_current_modes


class quiet:  # noqa: N801 - a context like torch.no_grad
    """No gradient is recorded, and no mode on the user's stacks sees or changes what is called inside.

    Without it a `torch.device("meta")` context would move our scratch tensors, a flop counter would count our
    reductions, and a logging mode would print them. The stacks are as before when the block is left, however it is.
    """

    __slots__ = ("_functions", "_grad", "_modes")

    def __enter__(self) -> None:
        self._functions = torch._C.DisableTorchFunction()
        self._grad = torch.is_grad_enabled()
        self._modes = None
        try:  # the handler of a signal may raise after each of these calls
            self._functions.__enter__()
            # What torch.no_grad does; a generator around it and this would cost as much again.
            torch._C._set_grad_enabled(False)
            if torch._C._len_torch_dispatch_stack():
                self._modes = _disable_current_modes()  # 8 us, hence only where there is one
                self._modes.__enter__()
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *error: object) -> None:
        try:
            torch._C._set_grad_enabled(self._grad)
        finally:
            try:
                if self._modes is not None:
                    self._modes.__exit__(None, None, None)
            finally:
                self._functions.__exit__(None, None, None)


def capturing() -> bool:
    """Whether a CUDA graph is being captured: what we compute then would be computed again at each replay."""
    # Asked of a CUDA build on a machine without a driver, torch raises.
    return torch.cuda.is_initialized() and torch.cuda.is_current_stream_capturing()  # type: ignore[no-untyped-call]
