"""A number over time, in compact columns."""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Stamp:
    """When something was recorded.

    step: what the user passed, else the optimizer steps done, else a counter (DESIGN: "Step").
    optimizer_step: completed `step()` calls of the first watched optimizer; 0 when none is watched.
    epoch: the logged `epoch`, else the completed passes of the train loader; None when unknown.
    time: seconds since the Unix epoch.
    """

    step: int
    optimizer_step: int = 0
    epoch: float | None = None
    time: float = 0.0


def _integers() -> array[int]:
    return array("q")


def _floats() -> array[float]:
    return array("d")


@dataclass(frozen=True, slots=True)
class Series:
    """One scalar over time: columns of equal length, in the order logged.

    epochs holds NaN where the epoch is unknown. `logged` counts the points before thinning, so a series is
    thinned when `logged > len(steps)`. `restarts` are the steps at which a resumed attempt went on.
    """

    steps: array[int] = field(default_factory=_integers)
    values: array[float] = field(default_factory=_floats)
    times: array[float] = field(default_factory=_floats)
    epochs: array[float] = field(default_factory=_floats)
    optimizer_steps: array[int] = field(default_factory=_integers)
    logged: int = 0
    restarts: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def finite(self) -> list[int]:
        """The positions whose value is neither NaN nor infinite."""
        return [position for position, value in enumerate(self.values) if math.isfinite(value)]

    @property
    def last(self) -> float:
        """The last value logged (NaN for an empty series)."""
        return self.values[-1] if self.values else math.nan
