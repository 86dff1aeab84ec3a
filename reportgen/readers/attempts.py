"""What is seen of several attempts: a resumed one hides what earlier ones had recorded from the resumed step on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from reportgen.readers.rows import chosen
from reportgen.run.series import Series


def visible(steps: Sequence[Sequence[int]], resumed: Sequence[int | None]) -> list[tuple[int, int]]:
    """The rows that are seen, as (attempt, position), in order.

    steps: of each attempt the steps of its rows. resumed: the step from which each attempt went on, None where it was
    not known. A row of an earlier attempt is hidden when its step is not below the later one's resumed step, or not
    below the first step that the later one recorded of the same thing (things may count different steps).
    """
    kept: list[tuple[int, int]] = []
    for attempt, own in enumerate(steps):
        cuts = [step for step in (resumed[attempt], min(own, default=None)) if step is not None]
        if kept and cuts:
            cut = min(cuts)
            kept = [(part, row) for part, row in kept if steps[part][row] < cut]
        kept += [(attempt, row) for row in range(len(own))]
    return kept


def joined(attempts: Sequence[Series | None], resumed: Sequence[int | None]) -> Series:
    """One series of what each attempt recorded of it (None: nothing)."""
    recorded = [position for position, one in enumerate(attempts) if one is not None]
    if len(attempts) == 1 and attempts[0] is not None:
        return attempts[0]
    series = [one if one is not None else Series() for one in attempts]
    rows = visible([one.steps for one in series], resumed)
    restarts = [min(series[position].steps) for position in recorded if any(part < position for part, _ in rows)]
    return replace(chosen(series, rows), restarts=tuple(restarts))
