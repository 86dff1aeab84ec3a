"""The table of runs: how each ended, how good it is, what is wrong with it, and in which settings it differs."""

from __future__ import annotations

from reportgen.blocks.page import Block, SectionView
from reportgen.blocks.table import Cell, Column, Table
from reportgen.blocks.text import Callout
from reportgen.blocks.wording import count, counted, cut, listed, named
from reportgen.sections.curves import Curve
from reportgen.sections.overview.comparison import Comparison, findings_text, has_curve
from reportgen.sections.overview.metrics import Metric
from reportgen.sections.pace import duration

# Columns of metrics beside the main one, and of settings: more would not be read.
METRICS, SETTINGS = 3, 8
LONGEST_VALUE = 40


def build(comparison: Comparison) -> SectionView:
    """The section; it is always there."""
    blocks: list[Block] = []
    if comparison.members:
        blocks.append(_table(comparison))
    blocks.extend(_unread(comparison))
    return SectionView("runs", "Runs", _how(comparison), tuple(blocks), count=comparison.overview.runs)


def _how(comparison: Comparison) -> str:
    if not comparison.members:
        return "None of the runs could be read."
    main, left_out = comparison.main, comparison.overview.left_out.runs
    if main is None:
        told = "In the order of their places; no metric that says which is better was logged by two of them."
    else:
        told = f"Best first, by the {_extreme(main)} {named(main.tag, 60)}."
    if left_out:
        total = count(comparison.overview.runs)
        told += f" The first {count(len(comparison.members))} of {total} are shown, the others are counted above."
    return told


def _extreme(metric: Metric) -> str:
    return "lowest" if metric.direction == "lower" else "highest"


def _table(comparison: Comparison) -> Table:
    columns = [Column("run"), Column("status"), Column("findings")]
    main = comparison.main
    if main is not None:
        columns += [Column(f"{_extreme(main)} {named(main.tag, 40)}", "number"), Column("at step", "step")]
        columns.append(Column(f"last {named(main.tag, 40)}", "number"))
    telling = [metric for metric in comparison.metrics if metric.direction or has_curve(metric)]
    others = [metric for metric in telling if metric is not main][:METRICS]
    columns += [
        Column(f"{_extreme(metric) if metric.direction else 'last'} {named(metric.tag, 40)}", "number")
        for metric in others
    ]
    settings = comparison.differing[:SETTINGS]
    columns += [Column(named(each.name, 40), "number" if each.numeric else "text") for each in settings]
    columns += [Column("duration", "seconds"), Column("points", "count", hint="numbers logged in all metrics")]
    rows, marks = [], []
    for number, member in enumerate(comparison.members):
        run = member.run
        found = findings_text(member)
        if member.errors:
            marks.append((number, 2))
        row: list[Cell] = [comparison.link(number), run.meta.status, found or "none"]
        if main is not None:
            row += _main(main.curves.get(number))
        row += [_value(metric, metric.curves.get(number)) for metric in others]
        row += [cut(each.text(number), LONGEST_VALUE) or None for each in settings]
        row += [duration(run), sum(series.logged for series in run.scalars.values())]
        rows.append(tuple(row))
    return Table(
        columns=tuple(columns),
        rows=tuple(rows),
        caption=_caption(comparison),
        marks=tuple(marks),
        total=comparison.overview.runs if comparison.overview.left_out.runs else 0,
    )


def _main(curve: Curve | None) -> list[Cell]:
    if curve is None:
        return [None, None, None]
    best, last = curve.best(), curve.written(curve.series.last)
    if best is None:
        return [None, None, last]
    return [curve.written(curve.series.values[best]), curve.series.steps[best], last]


def _value(metric: Metric, curve: Curve | None) -> Cell:
    if curve is None:
        return None
    best = curve.best() if metric.direction else None
    return curve.written(curve.series.values[best] if best is not None else curve.series.last)


def _caption(comparison: Comparison) -> str:
    if len(comparison.members) < 2:
        return ""
    more = [setting.name for setting in comparison.differing[SETTINGS:]]
    if more:
        return f"They also differ in {listed(more, 5)}; all settings are in the section on them."
    if not comparison.differing:
        return "No recorded setting differs between them."
    return f"{counted(len(comparison.differing), 'setting')} {_verb(len(comparison.differing))} between them."


def _verb(amount: int) -> str:
    return "differs" if amount == 1 else "differ"


def _unread(comparison: Comparison) -> list[Block]:
    unread, total = comparison.overview.unread, comparison.overview.unread_total
    if not unread:
        return []
    rows = tuple((named(each.name), cut(each.reason, 300)) for each in unread)
    return [
        Callout("warning", f"{counted(total, 'run')} could not be read", "What is wrong with each is said below."),
        Table(
            (Column("run"), Column("why it could not be read")),
            rows,
            title="Not read",
            total=total if total > len(rows) else 0,
        ),
    ]
