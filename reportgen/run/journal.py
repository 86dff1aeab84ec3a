"""The journal: one file of one process, appended to line by line, on disk at most two seconds after each line.

Lines wait in a buffer and go out whole in one os.write, when there are many or when a daemon thread finds the oldest
two seconds old. The thread starts with the first line. A process that is not the journal's creator (a forked worker)
never writes, and inherits neither the thread nor the lock's state.
"""

from __future__ import annotations

import json
import os
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

FLUSH_LINES = 64
FLUSH_SECONDS = 2.0
# What waits for a full disk to have room again.
MOST_UNWRITTEN = 32_000_000

_open: weakref.WeakSet[Journal] = weakref.WeakSet()


class Journal:
    """Appends lines to the file `path`.

    encode turns what was buffered into lines (without the newline); it runs outside of the caller's step. on_flush is
    called before each write by the thread, on_error with the exception of a write that failed: the lines stay buffered
    up to MOST_UNWRITTEN bytes and are tried again.
    """

    def __init__(
        self,
        path: Path,
        encode: Callable[[list[Any]], list[str]],
        on_flush: Callable[[], None],
        on_error: Callable[[OSError], None],
    ) -> None:
        self.path = path
        self._encode = encode
        self._on_flush = on_flush
        self._on_error = on_error
        self._creator = os.getpid()
        self._descriptor: int | None = None
        self._thread: threading.Thread | None = None
        self._unwritten = b""
        self._renew()
        _open.add(self)

    def _renew(self) -> None:
        self._buffer: list[Any] = []
        self._writing = threading.RLock()
        self._closing = threading.Event()

    @property
    def owner(self) -> bool:
        """Whether this process may write."""
        return os.getpid() == self._creator

    def append(self, entry: Any) -> None:
        """Buffer one entry. Costs well under a microsecond; the 64th writes them all."""
        self._buffer.append(entry)
        if self._thread is None:
            self._start()
        if len(self._buffer) >= FLUSH_LINES:
            self.flush()

    def flush(self) -> None:
        """Write what is buffered. Raises nothing: on_error is told."""
        if not self.owner:
            return
        with self._writing:
            # The list is replaced in one step, so that an append by another thread is in the one or in the other.
            taken, self._buffer = self._buffer, []
            if taken:
                self._unwritten += "".join(f"{line}\n" for line in self._encode(taken)).encode("ascii")
            if not self._unwritten:
                return
            try:
                self._write()
            except OSError as error:
                self._unwritten = self._unwritten[:MOST_UNWRITTEN]
                self._on_error(error)

    def close(self) -> None:
        """Flush, end the thread and close the file. A later append opens them again."""
        if not self.owner:
            return
        thread, self._thread = self._thread, None
        self._closing.set()
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout=5.0)
        self.flush()
        with self._writing:
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None

    def _write(self) -> None:
        if self._descriptor is None:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
            self._descriptor = os.open(self.path, flags, 0o666)
        while self._unwritten:
            written = os.write(self._descriptor, self._unwritten)
            self._unwritten = self._unwritten[written:]

    def _start(self) -> None:
        if not self.owner:
            return
        with self._writing:
            if self._thread is None:
                self._closing = threading.Event()
                self._thread = threading.Thread(target=self._run, args=(self._closing,), name="reportgen", daemon=True)
                self._thread.start()

    def _run(self, closing: threading.Event) -> None:
        # Three quarters of the promise: a machine with more threads than cores wakes this one late.
        while not closing.wait(FLUSH_SECONDS * 0.75):
            self._on_flush()
            self.flush()


def written_here(folder: Path) -> bool:
    """Whether this process has a journal open in the run folder `folder`."""
    here = os.path.realpath(folder)
    return any(journal.owner and os.path.realpath(journal.path.parent) == here for journal in list(_open))


def encoded(entry: dict[str, Any]) -> str:
    """One entry as a line: ASCII, so that no text can break it. Raises ValueError for a non-finite number."""
    return json.dumps(entry, separators=(",", ":"), allow_nan=False)


def _after_fork() -> None:
    # The child has a copy of the buffer, and of locks in whatever state they were: drop both, write nothing.
    for journal in list(_open):
        journal._renew()
        journal._thread = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
