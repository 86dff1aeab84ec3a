"""What the collectors of watched models share: the recorder, the schedule, and an account of the time they take."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from reportgen.collect.later import Later
from reportgen.collect.schedule import DENSE_MEASURES, Schedule
from reportgen.collect.watched import Watched

if TYPE_CHECKING:
    from reportgen.collect.recorder import Recorder


class Work:
    """One watcher's collecting. `models` are the watched ones, in order."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.schedule = Schedule()
        self.later = Later()
        self.models: list[Watched] = []
        self._seconds = 0.0
        self._depth = 0
        self._since: tuple[int, float, float] | None = None

    @contextmanager
    def part(self, where: str) -> Iterator[None]:
        """Do something of ours: no exception of it leaves, and its time is accounted for."""
        started = time.perf_counter()
        self._depth += 1
        try:
            with self.recorder.guard(where):
                yield
        finally:
            self._depth -= 1
            if not self._depth:  # parts lie within parts
                self._seconds += time.perf_counter() - started

    def name(self, watched: Watched, name: str) -> str:
        """The name of a parameter or module in records: led by the model's own when several are watched."""
        return f"{watched.name}/{name}" if len(self.models) > 1 else name

    def review(self, step: int) -> None:
        """Look less often if looking took too much of the time since step 32, which is past the dense beginning."""
        now = time.perf_counter()
        if self._since is None:
            if step >= DENSE_MEASURES - 1:
                self._since = (step, now, self._seconds)
            return
        first, began, before = self._since
        if self.schedule.review(step, self._seconds - before, now - began, step - first):
            self._since = (step, now, self._seconds)
