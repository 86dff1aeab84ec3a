"""How numbers ceased to be finite: by growing until they overflowed, or at once."""

from __future__ import annotations

import math

from reportgen.blocks.wording import number
from reportgen.diagnose.reading.losses import is_loss
from reportgen.diagnose.rule import Unchecked
from reportgen.run.evidence import NonFinite
from reportgen.run.records import Run
from reportgen.run.series import Series
from reportgen.run.tags import parse_tag

# A loss, or the norm of a weight, that grew by this factor before it ceased to be finite overflowed: healthy noise
# stays
# within a factor of ten (healthy runs: gradient norms at most 35 times their median).
GREW = 1e3


def grew_to(series: Series) -> float | None:
    """The greatest value before the first that is not finite, where it grew to GREW times the first one; else None."""
    values = list(series.values)
    end = next((at for at, value in enumerate(values) if not math.isfinite(value)), None)
    if end is None or end < 2:
        return None
    first, most = abs(values[0]), max(abs(value) for value in values[1:end])
    return most if most > GREW * max(first, 1e-6) and most > GREW else None


def overflowed(run: Run) -> bool:
    """Whether numbers grew step by step until they were beyond what floats hold: training diverged.

    Then the operation that overflowed first tells nothing: the step size does.
    """
    if any(grew_to(series) is not None for series in _losses(run)):
        return True
    return any(
        grew_to(series) is not None
        for quantity in ("weight_norm", "gradient_norm")
        for series in run.measures.get(quantity, {}).values()
    )


def broken_off(run: Run) -> Unchecked | None:
    """Why the course of training cannot be judged to its end: a loss ended in NaN or infinity. None where none did."""
    last = next((series.last for series in _losses(run) if len(series) and not math.isfinite(series.last)), None)
    return None if last is None else Unchecked(f"A loss ended in {number(last)}: the numbers before it are no outcome.")


def _losses(run: Run) -> list[Series]:
    return [series for tag, series in run.scalars.items() if is_loss(parse_tag(tag).metric)]


def outside(run: Run) -> NonFinite | None:
    """The record of a loss that was not finite while the outputs it was computed from were; None without one."""
    return next((one for one in run.evidence.non_finite if one.outside), None)
