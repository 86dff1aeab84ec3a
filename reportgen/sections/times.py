"""When the points of a chart were recorded: as columns of its table, and as the clock of its axis."""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Sequence

from reportgen.blocks.charts import Clock
from reportgen.blocks.table import Column
from reportgen.blocks.wording import moment
from reportgen.sections.axis import Axis, start_of, timed
from reportgen.sections.curves import Curve

# Knots of a clock: a straight line between two of them is off by less than a pixel, as long as so many are enough.
KNOTS = 12
PIXEL = 1 / 500
# Knots of all attempts together, and attempts a clock is kept for: steps that begin anew each epoch look like these.
ALL_KNOTS = 60
ATTEMPTS = 30

Knots = tuple[tuple[float, float], ...]


def time_column(times: Collection[float]) -> Column:
    """The column for these times (seconds since the Unix epoch): the time of day if all are of one day, else both."""
    days = {moment(end).split(" ")[0] for end in (min(times), max(times))}
    return Column(f"{days.pop()}, UTC", "daytime") if len(days) == 1 else Column("date, time (UTC)", "moment")


def clock(curves: Sequence[Curve], axis: Axis, attempts: Sequence[Sequence[int]], started: float) -> Clock | None:
    """The clock of a chart's axis; None where times are not known, or do not rise with the places on the axis."""
    if not curves or not all(timed(curve.series) for curve in curves):
        return None
    start = start_of(curves, started)
    amount = max(max(numbers) for numbers in attempts) + 1
    if amount > ATTEMPTS:
        return None
    limit = min(KNOTS, ALL_KNOTS // amount)
    knots: list[Knots] = []
    for attempt in range(amount):
        points = _points(curves, axis, attempts, attempt, start)
        if not points:
            return None
        knots.append(_knots(points, limit))
    return Clock(start, tuple(knots)) if all(_rising(one) for one in knots) else None


def _points(
    curves: Sequence[Curve], axis: Axis, attempts: Sequence[Sequence[int]], attempt: int, start: float
) -> list[tuple[float, float]]:
    """Places with the seconds at which they were first reached, of the longest curve and of the ends of the others."""
    found: dict[float, float] = {}
    longest = max(range(len(curves)), key=lambda at: attempts[at].count(attempt))
    for number, curve in enumerate(curves):
        places = axis.positions(curve.series)
        of_attempt = [at for at, own in enumerate(attempts[number]) if own == attempt]
        for at in of_attempt if number == longest else [*of_attempt[:1], *of_attempt[-1:]]:
            seconds = curve.series.times[at] - start
            found[places[at]] = min(seconds, found.get(places[at], math.inf))
    return sorted((float(place), seconds) for place, seconds in found.items())


def _rising(knots: Knots) -> bool:
    """Whether time goes on along the axis, but for what rounding and simultaneous logging do."""
    spent = max(seconds for _, seconds in knots) - min(seconds for _, seconds in knots)
    return all(after >= before - 2 * PIXEL * spent for (_, before), (_, after) in itertools.pairwise(knots))


def _knots(points: list[tuple[float, float]], limit: int) -> Knots:
    """Those of the points between which a straight line comes nearest, the worst place first, as many as are needed."""
    near = PIXEL * abs(points[-1][1] - points[0][1])
    kept = [0, len(points) - 1] if len(points) > 1 else [0]
    known: dict[tuple[int, int], tuple[float, int]] = {}
    while len(kept) < limit:
        for ends in itertools.pairwise(kept):
            if ends not in known:
                known[ends] = _farthest(points, *ends)
        worst = max((known[ends] for ends in itertools.pairwise(kept)), default=(0.0, 0))
        if worst[0] <= near:
            break
        kept = sorted({*kept, worst[1]})
    return tuple((points[at][0], round(points[at][1], 3)) for at in kept)


def _farthest(points: list[tuple[float, float]], low: int, high: int) -> tuple[float, int]:
    """How far the point is off that is farthest from the line between two others, in seconds, and which it is."""
    (x, seconds), (end, last) = points[low], points[high]
    pace = (last - seconds) / (end - x) if end > x else 0.0
    between = ((abs(points[at][1] - seconds - pace * (points[at][0] - x)), at) for at in range(low + 1, high))
    return max(between, default=(0.0, low))
