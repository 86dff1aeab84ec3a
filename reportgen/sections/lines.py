"""Curves as lines of a chart, and the table of their numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

from reportgen.blocks.charts import Line, Point
from reportgen.blocks.table import Cell, Column, Table
from reportgen.blocks.wording import count, cut, named
from reportgen.config import TABLE_ROWS
from reportgen.sections.attempts import numbered, overlapping
from reportgen.sections.axis import Axis, start_of, timed
from reportgen.sections.curves import Curve
from reportgen.sections.times import time_column

SPLITS = {"train": 1, "val": 2, "test": 3}
# Positive values over more decades than this are drawn on a logarithmic axis.
DECADES = 2.5
# Points at either end that do not count for that: one batch with a tiny loss, or the last steps of a cosine schedule,
# would press everything else into a corner of a logarithmic axis.
OUTERMOST = 0.05


def logarithmic(curves: Sequence[Curve]) -> bool:
    """Whether a logarithmic axis shows more: all values positive, and most of them spread over more than DECADES."""
    finite = sorted(curve.series.values[at] for curve in curves for at in curve.finite)
    if not finite or finite[0] <= 0:
        return False
    outermost = int(OUTERMOST * len(finite))
    return math.log10(finite[-1 - outermost]) - math.log10(finite[outermost]) > DECADES


def names_of(curves: Sequence[Curve]) -> list[str]:
    """A short name for each line: the one it was given, its split where that tells it apart, else its tag."""
    splits = [curve.split for curve in curves]
    return [
        cut(curve.name, 40) or (curve.split if splits.count(curve.split) == 1 and curve.split else named(curve.tag, 40))
        for curve in curves
    ]


def roles_of(curves: Sequence[Curve]) -> list[str]:
    """The colour role of each line: its split, or a number whose colour no split of the chart has."""
    roles: list[str] = []
    free = [k for k in range(1, 7) if k not in {SPLITS.get(curve.split) for curve in curves}] + [7, 8]
    for curve in curves:
        if curve.split in SPLITS and curve.split not in roles:
            roles.append(curve.split)
        else:
            numbered = sum(role not in SPLITS for role in roles)
            roles.append(str(free[numbered % len(free)]))
    return roles


def order_of(curve: Curve, axis: Axis) -> list[int]:
    """The positions of a curve's points from left to right, one attempt after the other."""
    places, attempts = axis.positions(curve.series), numbered(curve.series)
    return sorted(range(len(places)), key=lambda at: (attempts[at], places[at], at))


def to_lines(curves: Sequence[Curve], axis: Axis) -> tuple[Line, ...]:
    """The lines. The best value is ringed on validation and test lines, and on the only line of a chart."""
    lines = []
    attempts = overlapping(curves)
    for number, (curve, name, role) in enumerate(zip(curves, names_of(curves), roles_of(curves), strict=True)):
        order, places = order_of(curve, axis), axis.positions(curve.series)
        own = numbered(curve.series)
        x = tuple(float(places[at]) for at in order)
        best = curve.best() if curve.split in ("val", "test") or len(curves) == 1 else None
        lines.append(
            Line(
                name=name,
                x=x,
                y=tuple(curve.series.values[at] for at in order),
                role=role,
                best=_ring(curve, best, float(places[best])) if best is not None and len(x) > 1 else None,
                breaks=tuple(at for at in range(1, len(order)) if own[order[at]] != own[order[at - 1]]),
                attempt=min(attempts[number], default=0),
            )
        )
    return tuple(lines)


def _ring(curve: Curve, best: int, x: float) -> Point:
    value = curve.series.values[best]
    return Point(x, value, curve.apart(value, curve.series.last)[0])


AFTER = Column("after", "elapsed", "time since the run began")

# Where a row of a table belongs: the attempt, as far as attempts overlap, and the place on the axis.
Key = tuple[int, float]


def numbers_table(
    curves: Sequence[Curve], axis: Axis, style: str, limit: int = TABLE_ROWS, started: float = 0.0
) -> Table:
    """The numbers of a chart in about `limit` rows (at most TABLE_ROWS), evenly thinned.

    The ends of each line, its best and its first value that is not finite are among them; of steps next to each other
    one at which more lines have a value is preferred. Steps that two attempts of a resumed run share are two rows.
    started: when the run began, in seconds since the Unix epoch; where the points' times are known, each row says when
    the first of its values was recorded. Where the axis counts time, rows begin with it, and end with the step that was
    given with the first of their values.
    """
    values: dict[Key, list[Cell]] = {}
    times: dict[Key, float] = {}
    given: dict[Key, int] = {}
    keep: set[Key] = set()
    for column, (curve, attempts) in enumerate(zip(curves, overlapping(curves), strict=True)):
        keys = list(zip(attempts, axis.positions(curve.series), strict=True))
        known = timed(curve.series)
        for at, value in enumerate(curve.series.values):
            values.setdefault(keys[at], [None] * len(curves))[column] = value
            given.setdefault(keys[at], curve.series.steps[at])
            if known:
                times[keys[at]] = min(curve.series.times[at], times.get(keys[at], math.inf))
        wanted = {0, len(curve.series) - 1, curve.best()}
        wanted.add(next((at for at, value in enumerate(curve.series.values) if not math.isfinite(value)), None))
        keep.update(keys[at] for at in wanted if at is not None)
    order = sorted(values)
    chosen = [order[at] for at in _rows(order, values, keep, limit)]
    total = max([len(order), *(curve.series.logged for curve in curves)])
    what = "steps" if axis.start is None else "moments"
    title = f"Numbers: {count(len(chosen))} of {count(total)} {what}" if len(chosen) < total else "Numbers"
    first = Column(axis.label, "step") if axis.start is None else AFTER
    columns = [first, *(Column(name, style) for name in names_of(curves))]
    rows: list[tuple[Cell, ...]] = [
        (key[1] if axis.start is None else key[1] * axis.unit, *values[key]) for key in chosen
    ]
    if order and order[-1][0]:
        columns.append(Column("attempt", "count", "0 is the first; the run was resumed"))
        rows = [(*row, key[0]) for row, key in zip(rows, chosen, strict=True)]
    if axis.start is not None:
        columns += [Column("step", "step", "as it was given; the lines count differently"), time_column(times.values())]
        rows = [(*row, given[key], times[key]) for row, key in zip(rows, chosen, strict=True)]
    elif times:
        start = start_of(curves, started)
        columns += [AFTER, time_column(times.values())]
        rows = [
            (*row, times[key] - start if key in times else None, times.get(key))
            for row, key in zip(rows, chosen, strict=True)
        ]
    return Table(
        columns=tuple(columns),
        rows=tuple(rows),
        title=title,
        total=total if total > len(chosen) else 0,
        folded=True,
    )


def _rows(order: list[Key], values: dict[Key, list[Cell]], keep: set[Key], limit: int) -> list[int]:
    """The positions of the rows to list: those to keep, and of equal stretches the fullest one nearest the middle."""
    if len(order) <= limit:
        return list(range(len(order)))
    wanted = {at for at, key in enumerate(order) if key in keep}
    stretches = max(1, limit - len(wanted))
    for k in range(stretches if len(wanted) < limit else 0):
        low, high = k * len(order) // stretches, (k + 1) * len(order) // stretches
        middle = (low + high - 1) / 2
        gaps = {at: values[order[at]].count(None) for at in range(low, high)}
        wanted.add(min(gaps, key=lambda at: (gaps[at], abs(at - middle), at)))
    return sorted(wanted)
