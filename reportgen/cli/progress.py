"""A bar on a terminal while something large is read."""

from __future__ import annotations

import sys
import time

from reportgen.collect.progress import ProgressBar

# What takes less time than this needs no bar.
PATIENCE = 1.0
MEGABYTE = 1_000_000


class Reading:
    """Bars for bytes and for runs, drawn on stderr once reading has taken PATIENCE seconds; none when `quiet`."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._started = time.perf_counter()
        self._bar: ProgressBar | None = None
        self._label = ""

    def bytes(self, done: int, whole: int) -> None:
        """Say that so many of so many bytes are read."""
        self._advance("MB read", done // MEGABYTE, max(1, whole // MEGABYTE))

    def runs(self, done: int, whole: int) -> None:
        """Say that so many of so many runs are read."""
        self._advance("runs read", done, whole)

    def close(self) -> None:
        """Leave the bar's line."""
        if self._bar is not None:
            self._bar.close()
        self._bar = None

    def _advance(self, label: str, done: int, whole: int) -> None:
        if self._quiet or time.perf_counter() - self._started < PATIENCE:
            return
        if label != self._label:
            self.close()
            self._bar, self._label = ProgressBar(label, whole, sys.stderr), label
        if self._bar is not None:
            self._bar.advance(done)
