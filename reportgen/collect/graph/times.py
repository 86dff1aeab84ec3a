"""How long each module's calls take: plain clocks around them in a few later training forwards."""

from __future__ import annotations

import threading
import time
from collections import deque
from statistics import median
from typing import TYPE_CHECKING

import torch
from torch import nn

from reportgen.run.graph import GraphTimes

if TYPE_CHECKING:
    from reportgen.collect.watched import Watched
    from reportgen.collect.work import Work

# Forwards timed, of which the median is taken; and the step from which on: the first ones allocate and choose kernels.
FORWARDS = 5
FIRST_STEP = 2
# Calls timed in one forward, with two clocks each: a cell in a loop makes very many.
MOST_CALLS = 20_000


class ModuleTimes:
    """Times forwards in which nothing else of ours happens. One at a time, in the thread that began it.

    On CUDA the clocks are events on the module's stream, read at a flush when the device is past them.
    """

    def __init__(self, work: Work) -> None:
        self._work = work
        self.running = False
        self._thread = 0
        self._watched: Watched | None = None
        self._root = 0
        self._cuda = False
        self._open: list[tuple[str, object]] = []
        self._calls: list[tuple[str, object, object]] = []
        self._begun: dict[int, int] = {}  # id of Watched -> forwards timed
        self._last: dict[int, int] = {}
        self._found: dict[str, list[dict[str, float]]] = {}  # name of the model -> path -> seconds a call, by forward
        self._recorded: dict[str, int] = {}  # name of the model -> forwards in its last record
        self._reading = threading.Lock()
        self._waiting: deque[tuple[str, list[tuple[str, torch.cuda.Event, torch.cuda.Event]]]] = deque()

    def wants(self, watched: Watched, step: int) -> bool:
        """Whether a training forward of `watched` at `step`, in which nothing else is looked at, is to be timed."""
        key = id(watched)
        known = watched.graph_known and step >= FIRST_STEP and self._last.get(key) != step
        return known and self._begun.get(key, 0) < FORWARDS and not self._work.schedule.activations(step)

    def begin(self, watched: Watched, root: nn.Module, step: int) -> None:
        """The forward of `root` begins."""
        self._begun[id(watched)] = self._begun.get(id(watched), 0) + 1
        self._last[id(watched)] = step
        self._watched, self._root, self._thread = watched, id(root), threading.get_ident()
        self._cuda = self._on_device(root)
        self._open, self._calls = [], []
        self.running = True
        self._open.append((watched.paths.get(id(root), ""), self._now()))

    def enter(self, module: nn.Module) -> bool:
        """A module is called. False when it is the root: the forward that was timed has ended without a word."""
        watched = self._watched
        if watched is None or threading.get_ident() != self._thread:
            return True
        if id(module) == self._root:
            self.abandon()
            return False
        path = watched.paths.get(id(module))
        if path is not None:
            self._open.append((path, self._now()))
        return True

    def leave(self, module: nn.Module, returned: bool) -> None:
        """Its call is over. One that raised ends the timing."""
        watched = self._watched
        if watched is None or threading.get_ident() != self._thread:
            return
        path = watched.paths.get(id(module))
        if path is None:
            return
        if not returned:
            self.abandon()
            return
        now = self._now()
        while self._open:
            opened, start = self._open.pop()
            if opened == path:
                self._calls.append((path, start, now))
                break
        if len(self._calls) >= MOST_CALLS:
            self.abandon()
        elif id(module) == self._root:
            self._finish(watched.name)

    def abandon(self) -> None:
        """Forget the forward that is being timed: it did not return."""
        self.running = False
        self._watched = None
        self._open, self._calls = [], []

    def deliver(self, last: bool = False) -> None:
        """Read the events the device has passed (`last`: wait for them), and record a model whose forwards are all in.

        Called at each flush, perhaps in another thread.
        """
        with self._reading:
            while self._waiting:
                name, calls = self._waiting[0]
                whole = calls[-1][2]  # the end of the root's call
                if last:
                    whole.synchronize()
                elif not whole.query():  # type: ignore[no-untyped-call]
                    return
                self._waiting.popleft()
                self._add(name, [(path, start.elapsed_time(end) / 1000) for path, start, end in calls])

    def final(self) -> None:
        """Record what was found of models with fewer forwards than wanted. Those still to come are added to them."""
        self.deliver(last=True)
        for name, found in tuple(self._found.items()):
            if len(found) > self._recorded.get(name, 0):
                self._record(name)

    @staticmethod
    def _on_device(root: nn.Module) -> bool:
        return any(parameter.is_cuda for parameter in root.parameters())

    def _now(self) -> object:
        if not self._cuda:
            return time.perf_counter()
        event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        event.record()
        return event

    def _finish(self, name: str) -> None:
        calls = self._calls
        self.abandon()
        if self._cuda:
            self._waiting.append((name, calls))  # type: ignore[arg-type]
        else:
            self._add(name, [(path, end - start) for path, start, end in calls])  # type: ignore[operator]

    def _add(self, name: str, calls: list[tuple[str, float]]) -> None:
        total: dict[str, float] = {}
        number: dict[str, int] = {}
        for path, seconds in calls:
            total[path] = total.get(path, 0.0) + seconds
            number[path] = number.get(path, 0) + 1
        found = self._found.setdefault(name, [])
        found.append({path: seconds / number[path] for path, seconds in total.items()})
        if len(found) == FORWARDS:
            self._record(name)

    def _record(self, name: str) -> None:
        found = self._found[name]
        self._recorded[name] = len(found)
        paths = dict.fromkeys(path for one in found for path in one)
        seconds = {path: median([one[path] for one in found if path in one]) for path in paths}
        self._work.recorder.record("graph_times", GraphTimes(name, len(found), seconds))
