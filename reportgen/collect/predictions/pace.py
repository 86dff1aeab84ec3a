"""When pending predictions are written, so that a kill loses little and a long run writes a bounded amount."""

from __future__ import annotations

# What DESIGN promises to lose at most.
SECONDS = 2.0


class Pace:
    """Says when the next write is due: SECONDS apart while less than `free` units were written, then ever further.

    Afterwards two writes are at least `share` of the time since the start apart, so their number grows with the
    logarithm of the run's length only.
    """

    def __init__(self, free: int, share: float) -> None:
        self._free = free
        self._share = share
        self._started: float | None = None
        self._last: float | None = None
        self._written = 0

    def due(self, now: float) -> bool:
        """Whether to write at `now` (seconds on any steady clock)."""
        if self._started is None:
            self._started = now
        if self._last is None:
            return True
        distance = SECONDS if self._written < self._free else max(SECONDS, self._share * (now - self._started))
        # A second of grace: the thread that asks wakes every second and a half, and not exactly so.
        return now - self._last >= distance - 1.0

    def wrote(self, now: float, units: int = 1) -> None:
        """Count a write of `units`."""
        self._last = now
        self._written += units
