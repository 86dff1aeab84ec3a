"""The lifetime of a SummaryWriter: opening, closing, opening again, and what every add_* method begins with."""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, TypeVar

from reportgen.errors import InvalidArgumentError, shown
from reportgen.writer.arguments import LARGEST_STEP, step_of, tag_of, time_of
from reportgen.writer.file_writer import FileWriter
from reportgen.writer.hparams import Sessions
from reportgen.writer.recording import default_folder, recording_in

Self = TypeVar("Self", bound="Writing")

# torch's default. A journal writes within a second or two, which is sooner than any larger number here would ask for.
QUEUE = 10
SECONDS = 2


class Writing:
    """See SummaryWriter."""

    def __init__(
        self,
        log_dir: str | os.PathLike[str] | None = None,
        comment: str = "",
        purge_step: int | None = None,
        max_queue: int = QUEUE,
        flush_secs: float = 120,
        filename_suffix: str = "",
        *,
        logdir: str | os.PathLike[str] | None = None,
        write_to_disk: bool = True,
        strict: bool = False,
    ) -> None:
        if log_dir and logdir and log_dir != logdir:
            raise ValueError(f"log_dir is {shown(log_dir)} and logdir {shown(logdir)}; accepted: one of them")
        if purge_step is not None and not hasattr(purge_step, "__index__"):
            raise TypeError(f"purge_step is {shown(purge_step)}; accepted: an integer, or None")
        for name, value in (("max_queue", max_queue), ("flush_secs", flush_secs)):
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise TypeError(f"{name} is {shown(value)}; accepted: a number")
        if not isinstance(filename_suffix, str):
            raise TypeError(f"filename_suffix is {shown(filename_suffix)}; accepted: a str")
        given = log_dir or logdir
        folder = (
            default_folder(str(comment)) if not given else Path(given if hasattr(given, "__fspath__") else str(given))
        )
        self.log_dir: Any = given or str(folder)
        self.purge_step = None if purge_step is None else purge_step.__index__()
        self.max_queue = max_queue
        self.flush_secs = flush_secs
        self.filename_suffix = filename_suffix
        self.file_writer: FileWriter | None = None
        self._lock = threading.RLock()
        self._recording = recording_in(folder, self.purge_step, write_to_disk, strict)
        self._report = self._recording.report
        self._recorder = self._report._recorder
        self._sessions = Sessions()
        self._described: dict[str, str] = {}
        self._default_step: int | None = None
        self._default_time: float | None = None
        self._pending = 0
        self._flushed = time.monotonic()
        self._eager = max_queue < QUEUE or flush_secs < SECONDS
        self._open()
        if filename_suffix:
            self._recorder.note(
                "omission",
                "SummaryWriter",
                f"filename_suffix={filename_suffix!r} names no file: journals have fixed names",
            )

    # -- where, and whether it is open ----------------------------------------------------------------------------

    @property
    def all_writers(self) -> dict[str, FileWriter] | None:
        """The one open journal by its folder; None when it is closed."""
        return None if self.file_writer is None else {self.file_writer.get_logdir(): self.file_writer}

    def get_logdir(self) -> Any:
        """The run folder, as it was given."""
        return self.log_dir

    def flush(self) -> None:
        """Write all that was added to disk. Nothing happens when the writer is closed."""
        if self.file_writer is not None:
            with self._recorder.guard("flush"):
                self._report._flush()
            self._pending, self._flushed = 0, time.monotonic()

    def close(self) -> None:
        """Write everything and build the report, `report.html` in log_dir. May be called twice.

        An add_* after it opens the run again, and the next close builds again. While another writer of this process
        has the same folder open, the run is built as one that goes on.
        """
        self._end(None, None, None)

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> Literal[False]:
        self._end(kind, error, traceback)
        return False

    def __copy__(self: Self) -> Self:
        return self

    def __deepcopy__(self: Self, memo: dict[int, object]) -> Self:
        """A writer is one recording: a copied trainer that holds it goes on with the same one."""
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled (a saved trainer, a spawned worker's data set) it becomes one that records nothing."""
        return (_silent, (type(self), self.log_dir))

    def __repr__(self) -> str:
        state = "closed" if self.file_writer is None else "open"
        return f"<reportgen.{type(self).__name__} {str(self.log_dir)!r}, {state}>"

    def _get_file_writer(self) -> FileWriter:
        """The open journal, opened again when it is closed; scripts written for torch's writer ask for it."""
        self._ready()
        return self.file_writer or self._open()

    def _open(self) -> FileWriter:
        self.file_writer = FileWriter(self.log_dir, self.flush, self.close)
        self._recording.open.add(self)
        return self.file_writer

    def _ready(self) -> None:
        """Open the run again when it was closed."""
        if self.file_writer is None:
            with self._lock:
                if self.file_writer is None:
                    with self._recorder.guard("open"):
                        self._report._reopen()
                    self._open()

    def _end(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._lock:
            if self.file_writer is None:
                return
            self.file_writer = None
            self._recording.open.discard(self)
        if self._recording.open:
            self._report.build(final=False)
        else:
            self._report.__exit__(kind, error, traceback)

    # -- what every add_* begins and ends with --------------------------------------------------------------------

    def _when(self, tag: object, step: object, walltime: object) -> tuple[str, int | None, float | None]:
        """Tag, step and time as they are recorded. Raises what torch's writer does for what they cannot be."""
        name = tag if type(tag) is str else tag_of(tag)
        at = self._time(walltime)
        return name, self._step(step), at

    def _step(self, step: object) -> int | None:
        if step is None:
            return self._default_step
        if type(step) is int and -LARGEST_STEP <= step < LARGEST_STEP:
            return step
        return step_of(step)

    def _time(self, walltime: object) -> float | None:
        if walltime is None:
            return self._default_time
        at = time_of(walltime)
        if math.isnan(at):
            told = "seconds since 1970; the time of the call is kept"
            self._recorder.reject(InvalidArgumentError("walltime", walltime, told))
            return None
        return at

    @contextmanager
    def _adding(self, where: str) -> Iterator[None]:
        """Record something: what fails inside becomes a warning and a note on the page."""
        self._ready()
        with self._recorder.guard(where):
            yield
        if self._eager:
            self._hasten()

    def _hasten(self) -> None:
        """Write now when as many calls or seconds have passed as max_queue and flush_secs allow."""
        self._pending += 1
        late = self.flush_secs < SECONDS and time.monotonic() - self._flushed >= self.flush_secs
        if late or (self.max_queue < QUEUE and self._pending >= self.max_queue):
            self.flush()


def _silent(kind: type[Writing], log_dir: str | os.PathLike[str]) -> Writing:
    return kind(log_dir, write_to_disk=False)
