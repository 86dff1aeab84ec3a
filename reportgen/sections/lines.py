"""Curves as lines of a chart, and the table of their numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

from reportgen.blocks.charts import Line, Point
from reportgen.blocks.table import Cell, Column, Table
from reportgen.blocks.wording import count, named
from reportgen.config import TABLE_ROWS
from reportgen.sections.axis import Axis
from reportgen.sections.curves import Curve

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
    """A short name for each line: its split where that tells it apart, else its tag."""
    splits = [curve.split for curve in curves]
    return [curve.split if curve.split and splits.count(curve.split) == 1 else named(curve.tag, 40) for curve in curves]


def roles_of(curves: Sequence[Curve]) -> list[str]:
    """The colour role of each line: its split, or a number whose colour no split of the chart has."""
    roles: list[str] = []
    free = [k for k in range(1, 7) if k not in {SPLITS.get(curve.split) for curve in curves}]
    for curve in curves:
        if curve.split in SPLITS and curve.split not in roles:
            roles.append(curve.split)
        else:
            numbered = sum(role not in SPLITS for role in roles)
            roles.append(str(free[numbered % len(free)]))
    return roles


def order_of(curve: Curve, axis: Axis) -> list[int]:
    """The positions of a curve's points from left to right."""
    places = axis.positions(curve.series)
    return sorted(range(len(places)), key=lambda at: (places[at], at))


def to_lines(curves: Sequence[Curve], axis: Axis) -> tuple[Line, ...]:
    """The lines. The best value is ringed on validation and test lines, and on the only line of a chart."""
    lines = []
    for curve, name, role in zip(curves, names_of(curves), roles_of(curves), strict=True):
        order, places = order_of(curve, axis), axis.positions(curve.series)
        x = tuple(float(places[at]) for at in order)
        best = curve.best() if curve.split in ("val", "test") or len(curves) == 1 else None
        lines.append(
            Line(
                name=name,
                x=x,
                y=tuple(curve.series.values[at] for at in order),
                role=role,
                best=_ring(curve, best, float(places[best])) if best is not None and len(x) > 1 else None,
                breaks=_breaks(curve, order),
            )
        )
    return tuple(lines)


def _ring(curve: Curve, best: int, x: float) -> Point:
    value = curve.series.values[best]
    return Point(x, value, curve.written(value))


def _breaks(curve: Curve, order: list[int]) -> tuple[int, ...]:
    """The positions in `order` at which a resumed attempt's points begin."""
    steps = curve.series.steps
    found = {next((k for k, at in enumerate(order) if steps[at] >= restart), 0) for restart in curve.series.restarts}
    return tuple(sorted(found - {0}))


def numbers_table(curves: Sequence[Curve], axis: Axis, style: str, limit: int = TABLE_ROWS) -> Table:
    """The numbers of a chart in about `limit` rows (at most TABLE_ROWS), evenly thinned.

    The ends of each line, its best and its first value that is not finite are among them; of steps next to each other
    one at which more lines have a value is preferred.
    """
    values: dict[int, list[Cell]] = {}
    keep: set[int] = set()
    for column, curve in enumerate(curves):
        places = axis.positions(curve.series)
        for at, value in enumerate(curve.series.values):
            values.setdefault(places[at], [None] * len(curves))[column] = value
        wanted = {0, len(curve.series) - 1, curve.best()}
        wanted.add(next((at for at, value in enumerate(curve.series.values) if not math.isfinite(value)), None))
        keep.update(places[at] for at in wanted if at is not None)
    steps = sorted(values)
    chosen = _rows(steps, values, keep, limit)
    total = max([len(steps), *(curve.series.logged for curve in curves)])
    title = f"Numbers: {count(len(chosen))} of {count(total)} steps" if len(chosen) < total else "Numbers"
    return Table(
        columns=(Column(axis.label, "step"), *(Column(name, style) for name in names_of(curves))),
        rows=tuple((steps[at], *values[steps[at]]) for at in chosen),
        title=title,
        total=total if total > len(chosen) else 0,
        folded=True,
    )


def _rows(steps: list[int], values: dict[int, list[Cell]], keep: set[int], limit: int) -> list[int]:
    """The positions of the steps to list: those to keep, and of equal stretches the fullest one nearest the middle."""
    if len(steps) <= limit:
        return list(range(len(steps)))
    wanted = {at for at, step in enumerate(steps) if step in keep}
    stretches = max(1, limit - len(wanted))
    for k in range(stretches if len(wanted) < limit else 0):
        low, high = k * len(steps) // stretches, (k + 1) * len(steps) // stretches
        middle = (low + high - 1) / 2
        gaps = {at: values[steps[at]].count(None) for at in range(low, high)}
        wanted.add(min(gaps, key=lambda at: (gaps[at], abs(at - middle), at)))
    return sorted(wanted)
