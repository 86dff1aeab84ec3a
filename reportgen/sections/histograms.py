"""The user's own histograms: how their numbers spread, and how that changes over the steps."""

from __future__ import annotations

import math
from collections.abc import Sequence

from reportgen.blocks.charts import Band, Line, LineChart, Ridgelines
from reportgen.blocks.page import Block
from reportgen.blocks.table import Cell, Column, Table
from reportgen.blocks.text import Text
from reportgen.blocks.wording import count, counted, named, number, percent, sentence
from reportgen.run.distribution import Distribution, DistributionSeries
from reportgen.run.records import Run
from reportgen.sections.curves import evenly, natural
from reportgen.sections.layer_list import finite_or_none
from reportgen.sections.ridges import ridgeline, spread_of

TAGS = 40
ROWS = 20
# TensorBoard's percentiles: those of a normal distribution at 1.5, 1, 0.5 and 0 standard deviations.
PERCENTILES = (0.0668, 0.1587, 0.3085, 0.5, 0.6915, 0.8413, 0.9332)
NAMES = ("7 %", "16 %", "31 %", "median", "69 %", "84 %", "93 %")


def blocks(run: Run) -> list[Block]:
    """Ridgelines and percentiles of each tag, in natural order; none when no histogram was logged."""
    known = sorted(run.distributions.get("histogram", {}).items(), key=lambda each: natural(each[0]))
    found: list[Block] = []
    for tag, series in known[:TAGS]:
        drawn = ridgeline(series, named(tag, 60))
        chart = percentile_chart(series, named(tag, 60))
        table = _numbers(series)
        if drawn is not None:
            found.append(Ridgelines((drawn,), table, chart))
        elif chart is not None:
            found.append(Ridgelines((), table, chart))
        elif series.snapshots:
            found += [Text(f"{named(tag, 60)} holds {_held(series)}.", muted=True), table]
    if len(known) > TAGS:
        found.append(Text(f"{count(TAGS)} of {counted(len(known), 'histogram')} are shown.", muted=True))
    return found


def _held(series: DistributionSeries) -> str:
    """What numbers are that have no shape to draw: one value, few of them beside zeros, all of one size, or none."""
    finite = [one for one in series.snapshots if one.finite]
    if not finite:
        return "nothing but NaN and infinities" if any(one.count for one in series.snapshots) else "no number"
    least, greatest = min(one.minimum for one in finite), max(one.maximum for one in finite)
    if least == greatest:
        told = f"{counted(finite[-1].finite, 'number')}, {number(least)}"
        others = any(one.count > one.finite for one in series.snapshots)
        return f"nothing but {number(least)}{', NaN and infinities' if others else ''}"
    told = f"numbers from {number(least)} to {number(greatest)}"
    zeros = sum(one.zeros for one in finite) / sum(one.finite for one in finite)
    return f"{told}, {percent(zeros)} of them exactly 0" if zeros else told


def percentile_chart(series: DistributionSeries, title: str) -> LineChart | None:
    """Percentiles over steps as bands around the median; None unless two snapshots hold a finite number."""
    order = sorted(range(len(series.snapshots)), key=lambda at: (series.steps[at], at))
    known = [at for at in order if series.snapshots[at].finite]
    if len(known) < 2:
        return None
    rows = [_percentiles(series.snapshots[at]) if series.snapshots[at].finite else [math.nan] * 9 for at in order]
    x = tuple(float(series.steps[at]) for at in order)
    columns = [tuple(row[k] for row in rows) for k in range(9)]
    names = ("least to greatest", *(f"{NAMES[k]} to {NAMES[6 - k]}" for k in range(3)))
    first, last = _percentiles(series.snapshots[known[0]]), _percentiles(series.snapshots[known[-1]])
    return LineChart(
        title=f"{title}: percentiles",
        lines=(Line("median", x, columns[4], "spread"),),
        caption=_caption(first, last, series.steps[known[0]], series.steps[known[-1]]),
        bands=tuple(Band(0, x, columns[k], columns[8 - k], names[k]) for k in range(4)),
        over_time=True,
    )


def _percentiles(snapshot: Distribution) -> list[float]:
    """Least, the PERCENTILES, greatest."""
    return [snapshot.minimum, *snapshot.quantiles(PERCENTILES), snapshot.maximum]


def _caption(first: Sequence[float], last: Sequence[float], begin: int, end: int) -> str:
    """ "Median 0.01 at step 0, -0.2 at step 90; two thirds lie from -1.1 to 0.9 at the end. ..." """
    told = f"median {number(first[4])} at step {count(begin)}, {number(last[4])} at step {count(end)}; "
    told += f"at the end two thirds lie between {number(last[2])} and {number(last[6])}, all between "
    told += f"{number(last[0])} and {number(last[8])}"
    return (
        f"{sentence(told)} Areas from the outside: all, then 7 to 93 %, 16 to 84 %, 31 to 69 %; the line is the median."
    )


def _numbers(series: DistributionSeries) -> Table:
    """Counts, moments and percentiles of at most ROWS snapshots."""
    columns = [
        Column("step", "step"),
        Column("count", "count", "numbers logged"),
        Column("mean", "number"),
        Column("std", "number", "standard deviation"),
        Column("least", "number"),
        *(Column(name, "number") for name in NAMES),
        Column("greatest", "number"),
        Column("zeros", "count", "exactly 0"),
        Column("NaN", "count"),
        Column("+∞", "count"),
        Column("−∞", "count"),
    ]
    chosen = evenly(len(series.snapshots), ROWS)
    rows = [_row(series.steps[at], series.snapshots[at]) for at in chosen]
    # Columns of nothing but 0 say nothing, but for the zeros and NaN that people look for.
    kept = [at for at in range(len(columns)) if at < len(columns) - 2 or any(row[at] for row in rows)]
    total = max(series.logged, len(series.snapshots))
    return Table(
        columns=tuple(columns[at] for at in kept),
        rows=tuple(tuple(row[at] for at in kept) for row in rows),
        title=f"Numbers: {count(len(rows))} of {counted(total, 'step')}" if len(rows) < total else "Numbers",
        folded=True,
    )


def _row(step: int, snapshot: Distribution) -> tuple[Cell, ...]:
    return (
        step,
        snapshot.count,
        finite_or_none(snapshot.mean),
        spread_of(snapshot),
        *map(finite_or_none, _percentiles(snapshot)),
        snapshot.zeros,
        snapshot.nans,
        snapshot.positive_infinities,
        snapshot.negative_infinities,
    )
