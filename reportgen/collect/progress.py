"""A progress bar of one line on a terminal; nothing anywhere else."""

from __future__ import annotations

import shutil
import time
from typing import TextIO

# Ten redraws a second look smooth and cost nothing measurable.
INTERVAL = 0.1


class ProgressBar:
    """Draws `label ████░░░ 45/90 12.3/s` on `stream` when that is a terminal, at most ten times a second.

    total is None when the length is unknown. A stream that can no longer be written to turns the bar off.
    """

    def __init__(self, label: str, total: int | None, stream: TextIO | None) -> None:
        self._label = label
        self._total = total
        self._stream = stream
        self._started = time.perf_counter()
        self._next = 0.0
        self._drawn = False
        try:
            self._on = stream is not None and stream.isatty()
        except (AttributeError, ValueError):  # not a file, or a closed one
            self._on = False

    def advance(self, done: int) -> None:
        """Say that `done` iterations are complete."""
        if not self._on:
            return
        now = time.perf_counter()
        if now >= self._next or done == self._total:
            self._next = now + INTERVAL
            self._draw(f"\r{self._line(done, now - self._started)}\x1b[K")
            self._drawn = True

    def close(self) -> None:
        """Leave the line, so that what is printed next begins on one of its own."""
        if self._on and self._drawn:
            self._draw("\n")
        self._on = False

    def _line(self, done: int, elapsed: float) -> str:
        rate = f"{done / elapsed:.1f}/s" if elapsed > 0 else ""
        if not self._total:
            return f"{self._label} {done} {rate}"
        width = max(5, min(30, shutil.get_terminal_size().columns - len(self._label) - 30))
        filled = min(width, width * done // self._total)
        return f"{self._label} {'█' * filled}{'░' * (width - filled)} {done}/{self._total} {rate}"

    def _draw(self, text: str) -> None:
        try:
            if self._stream is not None:
                self._stream.write(text)
                self._stream.flush()
        except (OSError, ValueError, UnicodeEncodeError):
            self._on = False  # a closed pipe, or a terminal that knows no block characters
