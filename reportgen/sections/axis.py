"""Where the points of lines that share a chart stand on its x axis."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from reportgen.blocks.wording import named
from reportgen.run.series import Series
from reportgen.sections.curves import Curve

# Ranges that differ by more than this are not of one unit: one counts epochs, the other steps.
DISAGREEMENT = 2.0
# Seconds that clocks tell apart.
TICK = 1e-6
# What a time axis counts: the first unit of which the run took fewer than SEVERAL.
SEVERAL = 180.0
UNITS = ((1.0, "seconds"), (60.0, "minutes"), (3600.0, "hours"))


@dataclass(frozen=True, slots=True)
class Axis:
    """label: what the axis counts. optimizer: whether points stand at optimizer steps instead of the steps logged.

    start: the moment (seconds since the Unix epoch) from which points stand at their times, each `unit` seconds; None
    where they stand at steps.
    """

    label: str = "step"
    optimizer: bool = False
    notes: tuple[str, ...] = ()
    start: float | None = None
    unit: float = 1.0

    def positions(self, series: Series) -> Sequence[float]:
        """The place of each point of a series."""
        if self.start is not None:
            return [(time - self.start) / self.unit for time in series.times]
        return series.optimizer_steps if self.optimizer else series.steps


def _spread(ends: Sequence[float], least: float = 1.0) -> float:
    return max(ends) / max(least, min(ends))


def _ascending(values: Sequence[float], restarts: bool = False) -> bool:
    return restarts or all(a <= b for a, b in itertools.pairwise(values))


def timed(series: Series) -> bool:
    """Whether every point has a time."""
    return 0 < len(series.times) == len(series) and math.isfinite(sum(series.times)) and min(series.times) > 0


def start_of(curves: Sequence[Curve], started: float) -> float:
    """The moment relative times count from: the run's start, or the first point where that is earlier."""
    firsts = [min(curve.series.times) for curve in curves if timed(curve.series)]
    first = min(firsts, default=started)
    return started if 0 < started <= first else first


def place(curves: Sequence[Curve], started: float | None = None) -> Axis:
    """The axis for lines that share a chart: the steps logged, unless these disagree and optimizer steps do not.

    started: when the run began, in seconds since the Unix epoch (0: not known), for lines of one run that may stand at
    their times instead; None where they may not.
    """
    series = [curve.series for curve in curves if len(curve.series)]
    known = bool(series) and all(len(s.optimizer_steps) == len(s) and max(s.optimizer_steps) > 0 for s in series)
    if not known:
        return _without_optimizer(curves, started) if started is not None else Axis()
    steps, optimizer = _spread([max(s.steps) for s in series]), _spread([max(s.optimizer_steps) for s in series])
    if steps > DISAGREEMENT and optimizer < steps / DISAGREEMENT:
        note = f"{_ends(curves)}, so all points are placed by optimizer steps."
        return Axis("optimizer step", True, (note,))
    disordered = [c for c in curves if not _ascending(c.series.steps, bool(c.series.restarts))]
    if disordered and all(_ascending(s.optimizer_steps) for s in series):
        name = named(disordered[0].tag, 80)
        note = f"The steps given with {name} go back, so points are placed by optimizer steps."
        return Axis("optimizer step", True, (note,))
    return Axis()


def _ends(curves: Sequence[Curve]) -> str:
    """Whose steps end early, as the beginning of a sentence."""
    few = min((curve for curve in curves if len(curve.series)), key=lambda curve: max(curve.series.steps))
    return f"The steps given with {named(few.tag, 80)} end at {max(few.series.steps):,}, those of the others do not"


def _without_optimizer(curves: Sequence[Curve], started: float) -> Axis:
    """The axis where nothing but steps and times was recorded: times, where these agree better than the steps do."""
    drawn = [curve for curve in curves if len(curve.series)]
    steps = _spread([max(curve.series.steps) for curve in drawn]) if drawn else 1.0
    if steps <= DISAGREEMENT:
        return Axis()
    unclear = f"{_ends(drawn)}: they may count something else, such as epochs."
    if not all(timed(c.series) and _ascending(c.series.times) for c in drawn):
        return Axis(notes=(unclear,))
    start = start_of(drawn, started)
    ends = [max(curve.series.times) - start for curve in drawn]
    if _spread(ends, least=TICK) >= steps / DISAGREEMENT:
        return Axis()  # what ends at an early step ends early in time too
    unit, label = next(each for each in UNITS if max(ends) < SEVERAL * each[0] or each is UNITS[-1])
    note = f"{_ends(drawn)}, so all points are placed by the time since the run began."
    return Axis(label, notes=(note,), start=start, unit=unit)
