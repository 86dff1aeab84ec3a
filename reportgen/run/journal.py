"""The journal: one file of one process, appended to line by line, on disk at most two seconds after each line.

Entries wait in a buffer. One daemon thread, started with the first entry, makes them lines and writes these whole, in
one os.write, when there are FLUSH_LINES of them or the oldest is FLUSH_SECONDS old: the training loop itself never
waits for a disk. A process that is not the journal's creator (a forked worker) never writes, and no fork happens while
a line is being written.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

FLUSH_LINES = 64
# Half of the promise: a machine with more threads than cores wakes the thread late.
FLUSH_SECONDS = 1.0
# A loop that logs faster than the thread can write writes itself from here on, so that memory stays bounded.
MOST_BUFFERED = 8192
# What waits for a full disk to have room again.
MOST_UNWRITTEN = 32_000_000
# After one of these kinds of lines a run that had ended goes on.
PROGRESS = frozenset(
    {"scalars", "measures", "distributions", "predictions", "images", "text", "table", "audio", "video", "pr_curve"}
    | {"embedding", "mesh", "tensor", "hparams", "layout", "group"}
)
# How long a fork, or the end of the process, waits for a disk that does not answer.
PATIENCE = 5.0

_open: weakref.WeakSet[Journal] = weakref.WeakSet()


class Journal:
    """Appends lines to the file `path`.

    encode turns what was buffered into lines (without the newline). on_flush is called by the thread, every
    FLUSH_SECONDS, before it writes. on_error is given what either of them raised, and the OSError of a write that
    failed: the lines are kept, up to MOST_UNWRITTEN bytes of them, and tried again. It must not raise.
    """

    def __init__(
        self,
        path: Path,
        encode: Callable[[list[Any]], list[str]],
        on_flush: Callable[[], None],
        on_error: Callable[[Exception], None],
    ) -> None:
        self.path = path
        self.lost = 0
        self._encode = encode
        self._on_flush = on_flush
        self._on_error = on_error
        self._creator = os.getpid()
        self._descriptor: int | None = None
        self._thread: threading.Thread | None = None
        self._threadless = False
        self._unwritten = b""
        # Appending to and taking from a deque is atomic: no entry falls between two buffers.
        self._buffer: deque[Any] = deque()
        self._writing = threading.RLock()
        self._encoding = False
        self._wake = threading.Event()
        self._closing = False
        _open.add(self)

    @property
    def owner(self) -> bool:
        """Whether this process may write."""
        return os.getpid() == self._creator

    def append(self, entry: Any) -> None:
        """Buffer one entry, which costs well under a microsecond. Nothing happens in a forked process."""
        if os.getpid() != self._creator:
            return
        buffer = self._buffer
        buffer.append(entry)
        if self._thread is None and not self._threadless:
            self._start()
        waiting = len(buffer)
        if waiting == FLUSH_LINES:
            self._wake.set()
        if waiting >= (FLUSH_LINES if self._threadless else MOST_BUFFERED):
            self.flush()

    def flush(self) -> None:
        """Write what is buffered. Raises nothing: on_error is told."""
        if not self.owner:
            return
        with self._writing:
            if self._encoding:  # what encoding notes is buffered, and written next time
                return
            taken = [self._buffer.popleft() for _ in range(len(self._buffer))]
            if taken:
                self._encoding = True
                try:
                    lines = self._encode(taken)
                    self._unwritten += "".join([f"{line}\n" for line in lines]).encode("ascii")
                except Exception as error:  # noqa: BLE001 - on_error makes a note of it; the next entries are tried
                    self._on_error(error)
                finally:
                    self._encoding = False
            if self._unwritten:
                try:
                    self._write()
                except OSError as error:
                    self._keep()
                    self._on_error(error)

    def close(self) -> None:
        """Flush, end the thread and close the file. A later append opens them again."""
        if not self.owner:
            return
        thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread():
            self._closing = True
            self._wake.set()
            thread.join(timeout=PATIENCE)
        self.flush()
        with self._writing:
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None
        _open.discard(self)

    def _write(self) -> None:
        if self._descriptor is not None and os.fstat(self._descriptor).st_nlink == 0:
            os.close(self._descriptor)  # the file was deleted: what is written to it now is gone with it
            self._descriptor = None
        if self._descriptor is None:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
            self._descriptor = os.open(self.path, flags, 0o666)
        while self._unwritten:
            written = os.write(self._descriptor, self._unwritten)
            self._unwritten = self._unwritten[written:]

    def _keep(self) -> None:
        """Keep the oldest lines that fit, whole; the first may be the rest of a line that was written in part."""
        if len(self._unwritten) > MOST_UNWRITTEN:
            end = self._unwritten.rfind(b"\n", 0, MOST_UNWRITTEN) + 1
            self.lost += self._unwritten.count(b"\n", end)
            self._unwritten = self._unwritten[:end]

    def _start(self) -> None:
        with self._writing:
            if self._thread is not None:
                return
            self._closing = False
            self._wake.clear()
            thread = threading.Thread(target=self._run, name="reportgen", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # the process is ending, or may have no more threads: the caller writes
                self._threadless = True
                return
            self._thread = thread
            _open.add(self)

    def _run(self) -> None:
        due = time.monotonic() + FLUSH_SECONDS
        while not self._closing:
            self._wake.wait(max(0.0, due - time.monotonic()))
            self._wake.clear()
            if time.monotonic() >= due and not self._closing:
                due = time.monotonic() + FLUSH_SECONDS
                try:
                    self._on_flush()
                except Exception as error:  # noqa: BLE001 - on_error makes a note of it; the thread must live on
                    self._on_error(error)
            self.flush()

    def _before_fork(self) -> bool:
        return self._writing.acquire(timeout=PATIENCE)

    def _after_fork_in_parent(self) -> None:
        self._writing.release()

    def _after_fork_in_child(self) -> None:
        self._writing = threading.RLock()
        self._thread = None
        self._buffer.clear()
        self._unwritten = b""
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = None


def written_here(folder: Path) -> bool:
    """Whether this process has a journal open in the run folder `folder`."""
    here = os.path.realpath(folder)
    return any(journal.owner and os.path.realpath(journal.path.parent) == here for journal in list(_open))


def encoded(entry: dict[str, Any]) -> str:
    """One entry as a line: ASCII, so that no text can break it. Raises ValueError for a non-finite number."""
    return json.dumps(entry, separators=(",", ":"), allow_nan=False)


class _Forking(threading.local):
    """The journals of a fork that is under way, each with whether it is held; two threads may fork at once."""

    journals: tuple[tuple[Journal, bool], ...] = ()


_forking = _Forking()


def _before_fork() -> None:
    _forking.journals = tuple((journal, journal._before_fork()) for journal in list(_open) if journal.owner)


def _after_fork_in_parent() -> None:
    journals, _forking.journals = _forking.journals, ()
    for journal, held in journals:
        if held:
            journal._after_fork_in_parent()


def _after_fork_in_child() -> None:
    journals, _forking.journals = _forking.journals, ()
    for journal, _ in journals:
        journal._after_fork_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
