"""What memory a training takes, and whether graphs of steps that are over are kept alive."""

from __future__ import annotations

import contextlib
import os
import weakref
from collections import deque
from pathlib import Path

import torch
from torch import Tensor

from reportgen.collect.structure import tensors_in
from reportgen.collect.watched import Watched
from reportgen.collect.work import Work

# Memory is looked at each so many optimizer steps of the first SHORT ones, and half as often in each doubling of them.
EVERY, SHORT = 50, 1600
# An output is old, and its graph should be gone, after so many steps.
OLD = 32
# Graphs remembered of each model.
MOST = 256
PAGES = Path("/proc/self/statm")

MARK = "reportgen"


class Mark:
    """Lies in the metadata that torch keeps with a node of a graph, and so lives as long as that does."""

    __slots__ = ("__weakref__",)


class Memory:
    """Records the measures "memory" (bytes: resident, accelerator) and "live_graphs" (outputs by model).

    Nothing is kept of an output: its node in the graph is given a mark, of which a weak reference tells whether the
    graph is still there (a list of losses that were not detached keeps it).
    """

    def __init__(self, work: Work) -> None:
        self._work = work
        self._outputs: dict[int, deque[tuple[int, weakref.ref[Mark]]]] = {}

    def output(self, watched: Watched, output: object, step: int) -> None:
        """A training forward at optimizer step `step` returned `output`."""
        known = self._outputs.get(id(watched))
        if known is None:
            known = self._outputs[id(watched)] = deque(maxlen=MOST)
        tensor = output if type(output) is Tensor else next((tensor for _, tensor in tensors_in(output)), None)
        node = tensor.grad_fn if type(tensor) is Tensor else None
        if node is not None:
            mark = node.metadata[MARK] = Mark()  # type: ignore[index]
            known.append((step, weakref.ref(mark)))

    def stepped(self, watched: Watched, count: int) -> None:
        """The optimizer of `watched` has completed `count` steps."""
        if is_due(count):
            self.look(watched, count)

    def look(self, watched: Watched, count: int) -> None:
        """Record both after `count` steps."""
        with self._work.part("watch.memory"):
            values = {"live_graphs": {watched.name: float(self._alive(watched, count))}}
            taken = _taken()
            if taken and self._work.models and watched is self._work.models[0]:
                values["memory"] = taken
            self._work.recorder.measures(values, self._work.recorder.stamp(step=count))

    def _alive(self, watched: Watched, count: int) -> int:
        known = [entry for entry in self._outputs.get(id(watched), ()) if entry[1]() is not None]
        self._outputs[id(watched)] = deque(known, maxlen=MOST)
        return sum(count - step > OLD for step, _ in known)


def is_due(count: int) -> bool:
    """Whether memory is looked at after `count` optimizer steps."""
    return not count % EVERY and not count % (EVERY << (count // SHORT).bit_length())


def _taken() -> dict[str, float]:
    found: dict[str, float] = {}
    with contextlib.suppress(OSError, ValueError, IndexError, AttributeError):  # not on this system
        found["resident"] = float(PAGES.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        found["accelerator"] = float(torch.cuda.memory_allocated())
    return found
