"""The columns of tags as series, with the places where a writer began anew or the steps did."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence

import numpy as np

from reportgen.readers.events.log_parts import Column
from reportgen.readers.events.times import possible
from reportgen.run.series import Series

# Steps that go back more often than this share of the points are no restarts: they come in no order.
DISORDER = 0.25


class Clock:
    """The epoch at each moment, as a run's tag "epoch" tells it, and which times are none. replaced: how many were."""

    def __init__(self, columns: Sequence[Column] = ()) -> None:
        times = np.array([time for column in columns for time in column.times], "f8")
        values = np.array([value for column in columns for value in column.values], "f8")
        order = np.argsort(times, kind="stable")
        self._times, self._values = times[order], values[order]
        self.replaced = 0
        # Series of one length share what they do not tell.
        self._unknown: dict[int, array[float]] = {}
        self._no_steps: dict[int, array[int]] = {}

    def no_steps(self, length: int) -> array[int]:
        """The optimizer steps of a series of this length: none are known."""
        return self._no_steps.setdefault(length, array("q", bytes(8 * length)))

    def told(self, times: array[float]) -> array[float]:
        """`times` with others in the place of those that no clock tells."""
        told, odd = possible(times)
        self.replaced += odd
        return told

    def epochs(self, times: array[float]) -> array[float]:
        """The epoch at each of these times, NaN where none was told before."""
        if not len(self._times):
            return self._unknown.setdefault(len(times), array("d", [math.nan]) * len(times))
        places = np.searchsorted(self._times, np.frombuffer(times, "f8"), side="right")
        return array("d", np.concatenate([[math.nan], self._values])[places].tobytes())

    def epoch(self, time: float) -> float | None:
        """The epoch at a time, None where none was told before."""
        (found,) = self.epochs(array("d", [time]))
        return found if math.isfinite(found) else None


def series_of(columns: Sequence[Column], clock: Clock) -> Series:
    """One series of what each log recorded under a tag, in order."""
    first = columns[0]
    # Not copied where there is one: they are most of the memory.
    steps, values, times = first.steps, first.values, first.times
    breaks = {at for at in first.breaks if 0 < at < len(steps)}
    for column in columns[1:]:
        breaks |= {len(steps) + at for at in (0, *column.breaks) if len(steps) + at > 0 and at < len(column.steps)}
        steps, values, times = steps + column.steps, values + column.values, times + column.times
    times = clock.told(times)
    resets = _resets(steps)
    if len(resets) <= max(1, int(DISORDER * len(steps))):
        breaks |= set(resets)
    return Series(
        steps=steps,
        values=values,
        times=times,
        epochs=clock.epochs(times),
        optimizer_steps=clock.no_steps(len(steps)),
        logged=len(steps),
        restarts=tuple(steps[at] for at in sorted(breaks)),
    )


def _resets(steps: array[int]) -> list[int]:
    """The positions whose step is below that of the position before."""
    if len(steps) < 2:
        return []
    found = np.frombuffer(steps, np.int64)
    return [int(at) + 1 for at in np.flatnonzero(found[1:] < found[:-1])]
