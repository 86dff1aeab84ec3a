"""Pictures, sounds and arrays on their way into files: copied where they are logged, encoded in a thread of its own."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from reportgen.collect.predictions.arrays import Array

if TYPE_CHECKING:
    from reportgen.collect.recorder import Recorder

# Copies that wait to be encoded: more than a second or two's work, and the loop does some of it itself.
MOST_HELD, MOST_JOBS = 32_000_000, 256
# The thread looks for work this often. Woken by each call it would take the interpreter from the loop at once.
PAUSE_SECONDS = 0.02
# It ends when nothing has come for so long, and begins again with the next.
IDLE_SECONDS = 2.0


@dataclass(slots=True)
class _Job:
    where: str
    work: Callable[..., None]
    arrays: tuple[Array, ...]
    size: int


class Encoding:
    """Does what is handed over one after the other, in the order in which it came.

    A failure becomes a note like one in the loop; a strict recorder raises it at the next flush. A flush waits until
    everything is done, and so does the end of a run or of the process. In a forked process nothing happens.
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._jobs: deque[_Job] = deque()
        self._held = 0
        self._thread: threading.Thread | None = None
        self._failure: Exception | None = None
        self._changing = threading.RLock()  # a signal's handler may add something, too
        self._one_at_a_time = threading.RLock()
        recorder.before_flush.append(self._asked)

    def hand_over(self, where: str, work: Callable[..., None], *arrays: Array, owned: bool = False) -> None:
        """Call `work` with copies of `arrays` (owned: nobody else writes to them, no copy is needed) in the thread.

        At once where they are too many bytes to keep a copy of. `where`: the guard that its failures belong to.
        """
        if not self._recorder.owner:
            return
        size = sum(array.nbytes for array in arrays)
        if size > MOST_HELD:
            self._finish()
            work(*arrays)
            return
        copies = arrays if owned else tuple(np.array(array) for array in arrays)
        with self._changing:
            self._jobs.append(_Job(where, work, copies, size))
            self._held += size
            started = self._thread is not None or self._start()
        if not started:
            self._finish()
        while (self._held > MOST_HELD or len(self._jobs) > MOST_JOBS) and self._next():
            pass

    def _start(self) -> bool:
        thread = threading.Thread(target=self._run, name="reportgen encoding", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the process is ending, or may have no more threads: the caller does the work
            return False
        self._thread = thread
        return True

    def _run(self) -> None:
        # Where strict, a failure is raised, and kept for a thread of the user's.
        self._recorder._depth.background = not self._recorder.strict
        worked = time.monotonic()
        while True:
            time.sleep(PAUSE_SECONDS)
            try:
                while self._next():
                    worked = time.monotonic()
            except Exception as error:  # noqa: BLE001 - see above
                self._failure = self._failure or error
                continue
            with self._changing:
                if not self._jobs and time.monotonic() - worked >= IDLE_SECONDS:
                    self._thread = None
                    return

    def _next(self) -> bool:
        """Do the oldest job; False when there is none, and none under way."""
        with self._one_at_a_time:
            with self._changing:
                if not self._jobs:
                    return False
                job = self._jobs.popleft()
            try:
                with self._recorder.guard(job.where):
                    job.work(*job.arrays)
            finally:
                with self._changing:
                    self._held -= job.size
        return True

    def _finish(self) -> None:
        while self._next():
            pass

    def _asked(self) -> None:
        """Before lines are written: for a thread of the user's everything is done first."""
        if not self._recorder.asked:
            return
        self._finish()
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure
