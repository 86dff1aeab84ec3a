"""How long each module's calls take: plain clocks around them in a few later training forwards."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING

import torch
from torch import nn

from reportgen.collect.beside import beside, may_work
from reportgen.collect.graph.device_clock import DeviceClock, Marks, only_device
from reportgen.run.graph import GraphTimes

if TYPE_CHECKING:
    from reportgen.collect.watched import Watched
    from reportgen.collect.work import Work

# Forwards timed, of which the median is taken; and the step from which on: the first ones allocate and choose kernels.
FORWARDS = 5
FIRST_STEP = 2
# The same on a device, whose clock is disturbed by less; and further ones, where it had to wait for the loop, so that
# its clock said nothing.
DEVICE_FORWARDS = 3
MORE_FORWARDS = 3
# Calls timed in one forward, with two clocks each: a cell in a loop makes very many.
MOST_CALLS = 20_000
MOST_DEVICE_CALLS = 4_000

Call = tuple[str, float, float]  # path, and when it began and ended: seconds, or places of a device's marks


@dataclass(slots=True)
class _Tried:
    """What is known of one model's timing."""

    forwards: int = FORWARDS
    begun: int = 0
    in_vain: int = 0
    last: int = -1
    delay: float = 0.0
    spare: list[torch.cuda.Event] = field(default_factory=list)


class ModuleTimes:
    """Times forwards in which nothing else of ours happens. One at a time, in the thread that began it.

    On CUDA the clocks are events, read at a flush when the device is past them; where it had to wait for the loop there
    is no time. Models on several devices, or on those without such clocks, are not timed.
    """

    def __init__(self, work: Work) -> None:
        self._work = work
        self.running = False
        self._thread = 0
        self._watched: Watched | None = None
        self._root = 0
        self._clock: DeviceClock | None = None
        self._open: list[tuple[str, float]] = []
        self._calls: list[Call] = []
        self._tried: dict[int, _Tried] = {}  # by id of Watched
        self._found: dict[str, list[dict[str, float]]] = {}  # name of the model -> path -> seconds a call, by forward
        self._recorded: dict[str, int] = {}  # name of the model -> forwards in its last record
        self._reading = threading.Lock()
        self._waiting: deque[tuple[str, list[Call], Marks, _Tried]] = deque()

    def wants(self, watched: Watched, step: int) -> bool:
        """Whether a training forward of `watched` at `step`, in which nothing else is looked at, is to be timed."""
        if not watched.graph_known or step < FIRST_STEP or self._work.later.busy:
            return False
        tried = self._tried.get(id(watched))
        if tried is not None and (tried.last == step or tried.begun >= tried.forwards):
            return False
        return not self._work.schedule.activations(step)

    def begin(self, watched: Watched, root: nn.Module, step: int) -> None:
        """The forward of `root` begins."""
        tried = self._tried.setdefault(id(watched), _Tried())
        tried.begun, tried.last = tried.begun + 1, step
        device = only_device(list(root.parameters()))
        if device is None or device.type not in ("cpu", "cuda"):
            return
        self._watched, self._root, self._thread = watched, id(root), threading.get_ident()
        self._clock = None
        if device.type == "cuda":
            tried.forwards = DEVICE_FORWARDS
            self._clock = DeviceClock(device, tried.spare, tried.delay)
        self._open, self._calls = [], []
        self.running = True
        self._enter(watched.paths.get(id(root), ""))

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
            self._enter(path)
        return True

    def leave(self, module: nn.Module, returned: bool) -> None:
        """Its call is over. One that raised ends the timing."""
        watched = self._watched
        if watched is None or threading.get_ident() != self._thread:
            return
        path = watched.paths.get(id(module))
        if path is None:
            return
        now = self._now() if returned else None
        if now is None:
            self.abandon()
            return
        while self._open:
            opened, start = self._open.pop()
            if opened == path:
                self._calls.append((path, start, now))
                break
        if len(self._calls) >= (MOST_CALLS if self._clock is None else MOST_DEVICE_CALLS):
            self.abandon()
        elif id(module) == self._root:
            self._finish(watched)

    def abandon(self) -> None:
        """Forget the forward that is being timed: it did not return."""
        self.running = False
        self._watched = self._clock = None
        self._open, self._calls = [], []

    def deliver(self, last: bool = False) -> None:
        """Read the events the device has passed (`last`: wait for them), and record a model whose forwards are all in.

        Called at each flush, perhaps in another thread.
        """
        with self._reading:
            while self._waiting and may_work(asked=last or self._work.recorder.asked):
                name, calls, marks, tried = self._waiting[0]
                whole = marks.events[-1]  # the end of the root's call
                with beside(whole.device):
                    if last:
                        whole.synchronize()
                    elif not whole.query():  # type: ignore[no-untyped-call]
                        return
                    self._waiting.popleft()
                    self._add(name, [(path, marks.seconds(int(start), int(end))) for path, start, end in calls], tried)
                tried.spare = [*tried.spare, *marks.events] if tried.begun < tried.forwards else []

    def final(self) -> None:
        """Record what was found of models with fewer forwards than wanted. Those still to come are added to them."""
        self.deliver(last=True)
        for name, found in tuple(self._found.items()):
            if len(found) > self._recorded.get(name, 0):
                self._record(name)

    def _enter(self, path: str) -> None:
        now = self._now()
        if now is None:
            self.abandon()
        else:
            self._open.append((path, now))

    def _now(self) -> float | None:
        return time.perf_counter() if self._clock is None else self._clock.mark()

    def _finish(self, watched: Watched) -> None:
        calls, clock = self._calls, self._clock
        tried = self._tried[id(watched)]
        self.abandon()
        if clock is None:
            self._add(watched.name, [(path, end - start) for path, start, end in calls], tried)
            return
        if clock.marks.pauses[-1]:
            tried.delay = clock.better_delay(tried.delay)
            if tried.in_vain < MORE_FORWARDS:
                tried.in_vain, tried.begun = tried.in_vain + 1, tried.begun - 1
                return
        self._waiting.append((watched.name, calls, clock.marks, tried))

    def _add(self, name: str, calls: list[tuple[str, float | None]], tried: _Tried) -> None:
        """Take in a forward. seconds: None of a call whose time is not known; its module then has none."""
        total: dict[str, float] = {}
        number: dict[str, int] = {}
        unknown = {path for path, seconds in calls if seconds is None}
        for path, seconds in calls:
            if seconds is not None and path not in unknown:
                total[path] = total.get(path, 0.0) + seconds
                number[path] = number.get(path, 0) + 1
        found = self._found.setdefault(name, [])
        found.append({path: seconds / number[path] for path, seconds in total.items()})
        if len(found) == tried.forwards:
            self._record(name)

    def _record(self, name: str) -> None:
        found = self._found[name]
        self._recorded[name] = len(found)
        paths = dict.fromkeys(path for one in found for path in one)
        seconds = {path: median([one[path] for one in found if path in one]) for path in paths}
        if seconds:
            self._work.recorder.record("graph_times", GraphTimes(name, len(found), seconds))
