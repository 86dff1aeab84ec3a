"""Where the points of lines that share a chart stand on its x axis."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from reportgen.blocks.wording import named
from reportgen.run.series import Series
from reportgen.sections.curves import Curve

# Ranges that differ by more than this are not of one unit: one counts epochs, the other steps.
DISAGREEMENT = 2.0


@dataclass(frozen=True, slots=True)
class Axis:
    """label: what the axis counts. optimizer: whether points stand at optimizer steps instead of the steps logged."""

    label: str = "step"
    optimizer: bool = False
    notes: tuple[str, ...] = ()

    def positions(self, series: Series) -> Sequence[int]:
        """The place of each point of a series."""
        return series.optimizer_steps if self.optimizer else series.steps


def _spread(ends: list[int]) -> float:
    return max(ends) / max(1, min(ends))


def _ascending(values: Sequence[int], restarts: bool = False) -> bool:
    return restarts or all(a <= b for a, b in itertools.pairwise(values))


def place(curves: Sequence[Curve]) -> Axis:
    """The axis for lines that share a chart: the steps logged, unless these disagree and optimizer steps do not."""
    series = [curve.series for curve in curves if len(curve.series)]
    known = bool(series) and all(len(s.optimizer_steps) == len(s) and max(s.optimizer_steps) > 0 for s in series)
    if not known:
        return Axis()
    steps, optimizer = _spread([max(s.steps) for s in series]), _spread([max(s.optimizer_steps) for s in series])
    if steps > DISAGREEMENT and optimizer < steps / DISAGREEMENT:
        few = min(curves, key=lambda curve: max(curve.series.steps))
        name, end = named(few.tag, 80), max(few.series.steps)
        note = (
            f"The steps given with {name} end at {end:,}, those of the others do not, so all points are placed by "
            "optimizer steps."
        )
        return Axis("optimizer step", True, (note,))
    disordered = [c for c in curves if not _ascending(c.series.steps, bool(c.series.restarts))]
    if disordered and all(_ascending(s.optimizer_steps) for s in series):
        name = named(disordered[0].tag, 80)
        note = f"The steps given with {name} go back, so points are placed by optimizer steps."
        return Axis("optimizer step", True, (note,))
    return Axis()
