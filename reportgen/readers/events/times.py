"""Wall times as a clock may tell them: a user may give any number, and a damaged file may hold any."""

from __future__ import annotations

from array import array

import numpy as np

LATEST = 253_402_300_800.0  # the year 10,000


def is_told(time: float) -> bool:
    """Whether a clock may tell this time (seconds since the Unix epoch)."""
    return 0 <= time < LATEST


def possible(times: array[float]) -> tuple[array[float], int]:
    """`times` with the time before in the place of each that no clock tells (at the beginning the first one after), and
    how many these were."""
    found = np.frombuffer(times, "f8")
    good = (found >= 0) & (found < LATEST)
    if good.all():
        return times, 0
    odd = len(times) - int(np.count_nonzero(good))
    if not good.any():
        return array("d", bytes(8 * len(times))), odd
    places = np.maximum.accumulate(np.where(good, np.arange(len(found)), 0))
    places = np.where(good[places], places, int(np.argmax(good)))
    return array("d", found[places].tobytes()), odd
