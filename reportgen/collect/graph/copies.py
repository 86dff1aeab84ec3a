"""Numbers kept before an operation overwrites them: what a forward of ours writes into is put back.

A model's weights may fill the device's memory, so they are not copied beforehand. A mode of torch's dispatcher sees
each operation that is about to write; then, and only then, the tensors in that memory are copied.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.grad_mode import _unsafe_preserve_version_counter
from torch.utils._python_dispatch import TorchDispatchMode, _get_current_dispatch_mode_stack

from reportgen.collect.graph.stacks import close_holders, pop_dispatched, take_out
from reportgen.collect.graph.undo import Undo
from reportgen.collect.structure import tensors_in

# Written into without being declared so in torch's schemas (native_batch_norm, cudnn_batch_norm).
_UNDECLARED = frozenset(("running_mean", "running_var"))


def put_back(undo: Undo, tensors: Sequence[Tensor]) -> None:
    """Have `undo` give `tensors` their numbers, memory, requires_grad and versions back.

    Known is what torch's dispatcher runs in this thread. What writes elsewhere (numpy, an extension that hides that it
    writes, another thread) stays.
    """
    each = {id(tensor): tensor for tensor in tensors}
    kept = [_Kept(tensor) for tensor in each.values()]
    # As the last thing: putting numbers back is a write, too.
    undo.add(_unsafe_preserve_version_counter(tuple(t for t in each.values() if not t.is_inference())).__exit__)
    for one in kept:
        undo.add(one.restore)
    mode = _CopiesFirst(kept)
    undo.add(lambda: _off(mode))
    _push(mode)


def _off(mode: _CopiesFirst) -> None:
    # By identity, as the observer's: a forward may leave a mode of its own on the stack, which stays there.
    if not take_out(mode, _get_current_dispatch_mode_stack(), pop_dispatched, _push):
        close_holders(mode)
        take_out(mode, _get_current_dispatch_mode_stack(), pop_dispatched, _push)


def _push(mode: object) -> None:
    torch._C._push_on_torch_dispatch_stack(mode)  # type: ignore[arg-type]


class _Kept:
    """One tensor as it was."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor
        self.place = _memory(tensor)
        self._as_was = tensor.detach()  # shares the memory, and stays of this shape whatever becomes of `tensor`
        self._requires = tensor.requires_grad
        self._numbers: Tensor | None = None

    def copy(self) -> None:
        """Keep the numbers, once."""
        if self._numbers is None:
            self._numbers = self._as_was.clone()

    def restore(self) -> None:
        with torch.inference_mode(self.tensor.is_inference()), torch.no_grad():
            if self._numbers is not None:
                self._as_was.copy_(self._numbers)
            if self._moved():
                self.tensor.data = self._as_was
        if self.tensor.is_leaf and self.tensor.requires_grad is not self._requires:
            self.tensor.requires_grad_(self._requires)

    def _moved(self) -> bool:
        """Whether the tensor has other memory or another shape than it had (`.data =`, set_, resize_)."""
        now, before = self.tensor, self._as_was
        if _memory(now) != self.place and isinstance(self.place, tuple):
            return True
        if now.is_nested or now.layout is not torch.strided:
            return False
        return (now.shape, now.stride(), now.storage_offset()) != (
            before.shape,
            before.stride(),
            before.storage_offset(),
        )


class _CopiesFirst(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Has tensors copied before an operation writes into their memory."""

    # As for the mode that counts FLOPs: see observer.py.
    supports_higher_order_operators = True

    def __init__(self, kept: Sequence[_Kept]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._kept: dict[object, list[_Kept]] = {}
        for one in kept:
            self._kept.setdefault(one.place, []).append(one)
        self._written: dict[str, tuple[tuple[int, str], ...]] = {}  # name of an operation -> arguments it writes into

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False

    @classmethod
    def ignore_compile_internals(cls) -> bool:
        """Whether compiling goes on as if this mode were not there."""
        return True

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        for place, name in self._writes(func):
            value = args[place] if place < len(args) else kwargs.get(name)
            for _, tensor in tensors_in(value):
                for one in self._kept.get(_memory(tensor), ()):
                    one.copy()
        return func(*args, **kwargs)

    def _writes(self, func: Any) -> tuple[tuple[int, str], ...]:
        schema = getattr(func, "_schema", None)
        if schema is None:
            return ()
        key = f"{schema.name}.{schema.overload_name}"
        if key not in self._written:
            self._written[key] = tuple(
                (place, argument.name)
                for place, argument in enumerate(schema.arguments)
                if argument.name in _UNDECLARED or (argument.alias_info is not None and argument.alias_info.is_write)
            )
        return self._written[key]


def _memory(tensor: Tensor) -> object:
    """What tensors that share memory have in common; of one that has no memory of its own, itself."""
    try:
        return "memory", tensor.untyped_storage()._cdata
    except (NotImplementedError, RuntimeError):  # sparse, or a wrapper of others
        return id(tensor)
