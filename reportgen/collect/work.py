"""What the collectors of watched models share: the recorder, the schedule, and an account of the time they take."""

from __future__ import annotations

import time
import weakref
from types import TracebackType
from typing import TYPE_CHECKING

from reportgen.collect.later import Later
from reportgen.collect.schedule import DENSE_MEASURES, Schedule
from reportgen.collect.watched import Watched

if TYPE_CHECKING:
    from reportgen.collect.recorder import Recorder


class Part:
    """A context of `Work.part`, made anew for each use."""

    __slots__ = ("__weakref__", "_guard", "_outermost", "_started", "_work")

    def __init__(self, work: Work, where: str) -> None:
        self._work = work
        self._guard = work.recorder.guard(where)

    def __enter__(self) -> None:
        self._started = time.perf_counter()
        # By its life, since a signal may keep `__exit__` from being called.
        self._outermost = self._work.outermost is None or self._work.outermost() is None
        if self._outermost:  # parts lie within parts
            self._work.outermost = weakref.ref(self)
        self._guard.__enter__()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        work = self._work
        try:
            return bool(self._guard.__exit__(kind, error, traceback))
        finally:
            if self._outermost:
                work.outermost = None
                work.seconds += time.perf_counter() - self._started


class Work:
    """One watcher's collecting. `models` are the watched ones, in order.

    seconds: what its parts took so far. outermost: the one under way that lies in no other, while it lives.
    """

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.schedule = Schedule()
        self.later = Later()
        self.models: list[Watched] = []
        self.seconds = 0.0
        self.outermost: weakref.ref[Part] | None = None
        self._since: tuple[int, float, float] | None = None

    def part(self, where: str) -> Part:
        """Do something of ours: no exception of it leaves, and its time is accounted for."""
        return Part(self, where)

    def name(self, watched: Watched, name: str) -> str:
        """The name of a parameter or module in records: led by the model's own when several are watched."""
        return f"{watched.name}/{name}" if len(self.models) > 1 else name

    def deliver(self) -> None:
        """Write what waits on accelerators: what they are done with, or all of it if the recorder is asked to flush."""
        self.later.deliver(self.recorder.asked)

    def review(self, step: int) -> None:
        """Look less often if looking took too much of the time. To be called before `step` is looked at.

        The dense beginning and what comes after it are measured apart.
        """
        now, spent = time.perf_counter(), self.seconds + self.later.seconds
        if self._since is not None and (self._since[0] >= DENSE_MEASURES or step < DENSE_MEASURES):
            first, began, before = self._since
            if not self.schedule.review(step, spent - before, now - began, step - first):
                return
        self._since = (step, now, spent)
        self.later.forget_costs()
