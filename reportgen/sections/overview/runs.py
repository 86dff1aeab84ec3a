"""The table of runs: how each ended, how good it is, what is wrong with it, and in which settings it differs."""

from __future__ import annotations

from reportgen.blocks.page import Block, SectionView
from reportgen.blocks.table import Cell, Column, Table
from reportgen.blocks.text import Callout
from reportgen.blocks.wording import count, counted, cut, listed, named
from reportgen.sections.curves import Curve
from reportgen.sections.overview.columns import Candidate, fitting
from reportgen.sections.overview.comparison import Comparison, findings_text, has_curve
from reportgen.sections.overview.metrics import Metric
from reportgen.sections.pace import duration

# Columns of metrics beside the main one, and of settings: more would not be read.
METRICS, SETTINGS = 3, 8
# Settings that have a column before anything else that is left out where room is short.
FIRST_SETTINGS = 3
LONGEST_VALUE, HEADING = 40, 40
FINDINGS = "findings"


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
    shown, same = fitting(_candidates(comparison))
    names = [one.column.name for one in shown]
    wrong = [number for number, member in enumerate(comparison.members) if member.errors]
    return Table(
        columns=tuple(one.column for one in shown),
        rows=tuple(zip(*(one.cells for one in shown), strict=True)),
        caption=_caption(comparison, set(names), same),
        marks=tuple((number, names.index(FINDINGS)) for number in wrong if FINDINGS in names),
        total=comparison.overview.runs if comparison.overview.left_out.runs else 0,
    )


def _candidates(comparison: Comparison) -> list[Candidate]:
    """All columns there could be, in the order in which they stand."""
    members, main = comparison.members, comparison.main
    found = tuple(findings_text(member) or "none" for member in members)
    columns = [
        Candidate(Column("run"), tuple(comparison.link(number) for number in range(len(members)))),
        Candidate(Column("status"), tuple(member.run.meta.status for member in members), same="status"),
        # The same errors in all runs stay, since they are marked and want attention.
        Candidate(Column(FINDINGS), found, same="" if any(member.errors for member in members) else "findings"),
    ]
    if main is not None:
        best, step, last = zip(*(_main(main.curves.get(number)) for number in range(len(members))), strict=True)
        name = named(main.tag, HEADING)
        columns += [
            Candidate(Column(f"{_extreme(main)} {name}", "number"), best),
            Candidate(Column("at step", "step"), step, 4, "best at step"),
            Candidate(Column(f"last {name}", "number"), last, 5),
        ]
    telling = [metric for metric in comparison.metrics if metric.direction or has_curve(metric)]
    for at, metric in enumerate([metric for metric in telling if metric is not main][:METRICS]):
        heading = f"{_extreme(metric) if metric.direction else 'last'} {named(metric.tag, HEADING)}"
        cells = tuple(_value(metric, metric.curves.get(number)) for number in range(len(members)))
        columns.append(Candidate(Column(heading, "number"), cells, 3 if at == 0 else 6))
    for at, each in enumerate(comparison.differing[:SETTINGS]):
        values = tuple(cut(each.text(number), LONGEST_VALUE) or None for number in range(len(members)))
        column = Column(named(each.name, HEADING), "number" if each.numeric else "text")
        columns.append(Candidate(column, values, 1 if at < FIRST_SETTINGS else 7))
    points = tuple(sum(series.logged for series in member.run.scalars.values()) for member in members)
    return [
        *columns,
        Candidate(Column("duration", "seconds"), tuple(duration(member.run) for member in members), 2),
        Candidate(Column("points", "count", hint="numbers logged in all metrics"), points, 8, "points"),
    ]


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


def _caption(comparison: Comparison, shown: set[str], same: list[str]) -> str:
    """shown: the headings there are. same: what all runs have in common, in words."""
    if len(comparison.members) < 2:
        return ""
    more = [each.name for each in comparison.differing if named(each.name, HEADING) not in shown]
    if more:
        told = f"They also differ in {listed(more, 5)}; all settings are in the section on them."
    elif not comparison.differing:
        told = "No recorded setting differs between them."
    else:
        told = f"{counted(len(comparison.differing), 'setting')} {_verb(len(comparison.differing))} between them."
    return f"{told} The same in all: {', '.join(same)}." if same else told


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
