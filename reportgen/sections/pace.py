"""How long the run and one of its steps took."""

from __future__ import annotations

import itertools
import statistics
from dataclasses import dataclass

from reportgen.run.records import Run
from reportgen.run.series import Series
from reportgen.sections.attempts import starts
from reportgen.sections.curves import evenly

# Windows of the run whose pace is taken; their median leaves out those in which an evaluation fell.
WINDOWS = 20


@dataclass(frozen=True, slots=True)
class Pace:
    """step: seconds of one step, the median over the run. waiting: share of it spent waiting for data, if known."""

    step: float
    waiting: float | None


def duration(run: Run) -> float | None:
    """Seconds from the start to the end, or to the last record; None when neither is known.

    Of a resumed run the seconds of its attempts, where their ends are known: nothing ran between them.
    """
    end = run.meta.ended if run.meta.ended is not None else run.meta.last_record
    parts = [(attempt.started, attempt.ended) for attempt in run.meta.attempts]
    if len(parts) > 1 and all(ended is not None for _, ended in parts[:-1]):
        last = parts[-1][1] if parts[-1][1] is not None else end
        known = [(started, ended if ended is not None else last) for started, ended in parts]
        if all(ended is not None for _, ended in known):
            return max(0.0, sum(ended - started for started, ended in known if ended is not None))
    spent = end - run.meta.started if end is not None else None
    return spent if spent is not None and spent >= 0 else None


def pace(run: Run) -> Pace | None:
    """The pace of the train loader where it was tracked, else of what was logged most often."""
    timed = run.measures.get("step_seconds", {}).get("train")
    if timed is not None and timed.finite:
        waits = run.measures.get("data_wait", {}).get("train")
        waiting = statistics.median([waits.values[at] for at in waits.finite]) if waits and waits.finite else None
        return Pace(statistics.median([timed.values[at] for at in timed.finite]), waiting)
    busiest = max(run.scalars.values(), key=len, default=None)
    return _logged(busiest) if busiest is not None else None


def _attempts(series: Series) -> list[range]:
    """The positions of each attempt's points: from one attempt to the next nothing ran."""
    ends = [0, *starts(series), len(series)] if series.restarts else [0, len(series)]
    return [range(first, last) for first, last in itertools.pairwise(ends)]


def _logged(series: Series) -> Pace | None:
    counted = series.optimizer_steps
    steps = counted if len(counted) and counted[-1] > counted[0] else series.steps
    if len(steps) < 3 or len(series.times) != len(steps):
        return None
    found = []
    for part in _attempts(series):
        if any(after < before for before, after in itertools.pairwise(steps[at] for at in part)):
            return None  # steps that began anew do not say how many were done
        ends = evenly(len(part), max(1, WINDOWS * len(part) // len(steps)) + 1)
        for before, after in itertools.pairwise(part[at] for at in ends):
            done, spent = steps[after] - steps[before], series.times[after] - series.times[before]
            if done > 0 and spent > 0:
                found.append(spent / done)
    return Pace(statistics.median(found), None) if found else None
