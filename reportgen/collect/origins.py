"""Where a tensor came from: which module call (or input) made it, and through which operations it passed since.

Found from what autograd keeps anyway, without a mode and without a second forward: a tensor handed on as it is is known
by its identity; one that passed through functions (relu, add, flatten) by walking from its `grad_fn` back to that of a
tensor known. A tensor without gradient that is a view is known by its base.
"""

from __future__ import annotations

import re
import weakref
from collections import deque
from dataclasses import dataclass

from torch import Tensor

# Operations between two modules are a handful; beyond these the walk stops and the connection is left out.
MOST_STEPS = 400
# Operations named on one edge.
MOST_NAMES = 12
# What stands for operations that leave no trace.
UNTRACED = "operations without gradient"

_BACKWARD = re.compile(r"Backward\d*$")
_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z][a-z])")
# Autograd's own bookkeeping, no operation of the user's.
_SILENT = {"AccumulateGrad", "TBackward0", "AliasBackward0"}


@dataclass(slots=True)
class _Made:
    tensor: weakref.ref[Tensor]
    node: str
    version: int
    function: object


class Origins:
    """Who made which tensor within one forward. Holds autograd functions, never tensors; `clear` lets them go."""

    def __init__(self) -> None:
        self._by_identity: dict[int, _Made] = {}
        self._by_function: dict[object, list[str]] = {}
        self._without_gradient: list[str] = []

    def clear(self) -> None:
        """Forget everything, so that no autograd graph is kept alive."""
        self._by_identity.clear()
        self._by_function.clear()
        self._without_gradient.clear()

    def knows(self, tensor: Tensor) -> bool:
        """Whether `tensor` is known as it is, made by some node and not changed since."""
        made = self._made(tensor)
        return made is not None and made.version == _version(tensor)

    def traces(self, tensor: Tensor) -> bool:
        """Whether the way of `tensor` back to a node can be looked for."""
        return tensor.grad_fn is not None or self.knows(tensor)

    def made(self, tensor: Tensor, node: str) -> None:
        """`node` made `tensor`, or (an identity, a dropout that is off) passed it on as it was."""
        function = tensor.grad_fn
        self._by_identity[id(tensor)] = _Made(weakref.ref(tensor), node, _version(tensor), function)
        if function is None:
            self._without_gradient.append(node)
        else:
            self._by_function.setdefault(function, []).append(node)

    def of(self, tensor: Tensor) -> list[tuple[str, tuple[str, ...]]]:
        """(node, operations from it to here, in their order) of every node whose output reached `tensor`."""
        made = self._made(tensor)
        if made is not None:
            if made.version == _version(tensor):
                return [(made.node, ())]
            if tensor.grad_fn is None:  # changed in place, which leaves no trace
                return [(made.node, (UNTRACED,))]
        if tensor.grad_fn is not None:
            return self._walk(tensor.grad_fn)
        base = tensor._base
        if base is not None and (held := self._made(base)) is not None:
            return [(held.node, ("view",))]
        # Only one thing without gradient was there to be made from: the input, or the one frozen module before.
        only = set(self._without_gradient)
        return [(only.pop(), (UNTRACED,))] if len(only) == 1 else []

    def _made(self, tensor: Tensor) -> _Made | None:
        made = self._by_identity.get(id(tensor))
        return made if made is not None and made.tensor() is tensor else None

    def _walk(self, start: object) -> list[tuple[str, tuple[str, ...]]]:
        found: list[tuple[str, tuple[str, ...]]] = []
        reached: set[str] = set()
        paths: dict[object, tuple[str, ...]] = {start: ()}
        waiting = deque([start])
        while waiting and len(paths) <= MOST_STEPS:
            function = waiting.popleft()
            path = paths[function]
            if function in self._by_function:
                node = self._by_function[function][-1]
                if node not in reached:
                    reached.add(node)
                    found.append((node, path))
                continue
            name = operation_name(function)
            longer = (name, *path)[:MOST_NAMES] if name else path
            for following, _ in getattr(function, "next_functions", ()):
                if following is not None and following not in paths:
                    paths[following] = longer
                    waiting.append(following)
        return found


def operation_name(function: object) -> str:
    """`ReluBackward0` as people call it: "relu"; "" for autograd's own bookkeeping."""
    name = type(function).__name__
    if name in _SILENT:
        return ""
    return _CAPITAL.sub("_", _BACKWARD.sub("", name)).lower()


def _version(tensor: Tensor) -> int:
    return -1 if tensor.is_inference() else tensor._version
