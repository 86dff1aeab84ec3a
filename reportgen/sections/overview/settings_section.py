"""Hyperparameters against the metric that runs are ranked by; and what all runs have in common."""

from __future__ import annotations

from statistics import median

from reportgen.blocks.charts import ScatterChart
from reportgen.blocks.page import Block, SectionView
from reportgen.blocks.table import Cell, Column, Table
from reportgen.blocks.text import Fold, KeyValues
from reportgen.blocks.wording import count, counted, cut, listed, named, number
from reportgen.sections.overview.comparison import Comparison
from reportgen.sections.overview.metrics import Metric
from reportgen.sections.overview.settings import Setting, in_order, written

# A chart of fewer runs, or of two values, says no more than the table.
FEWEST_RUNS, FEWEST_VALUES = 3, 3
SCATTERS = 6
# Different values of one setting beyond which they are not listed, and rows of the table in all.
VALUES, ROWS = 12, 60
# The same where each run has a value of its own.
FEW_VALUES = 5
EQUAL = 200
# A range of positive values beyond this factor is drawn on a logarithmic axis.
FACTOR = 8


def build(comparison: Comparison) -> SectionView | None:
    """The section, None when the runs were given no settings."""
    if len(comparison.members) < 2 or not (comparison.differing or comparison.equal):
        return None
    blocks: list[Block] = []
    main = comparison.main
    told = "What the runs were given: configuration, hyperparameters, seeds, commit."
    if main is not None and comparison.differing:
        charts = [chart for each in comparison.differing if (chart := _scatter(main, each)) is not None]
        blocks.extend(charts[:SCATTERS])
        if len(charts) > SCATTERS:
            told += f" The first {SCATTERS} of {count(len(charts))} settings with numbers are drawn."
        table = _table(main, comparison.differing)
        if table is not None:
            blocks.append(table)
    elif comparison.differing:
        blocks.append(_values(comparison))
    if not comparison.differing:
        told = "The runs differ in no recorded setting."
    if comparison.equal:
        items = tuple((cut(each.name, 80), each.text(0)) for each in comparison.equal[:EQUAL])
        title = f"The same in all runs: {counted(len(comparison.equal), 'setting')}"
        blocks.append(Fold(title, (KeyValues(items),), open=not comparison.differing))
    return SectionView("hyperparameters", "Hyperparameters", told, tuple(blocks), count=len(comparison.differing))


def _best(main: Metric, at: int) -> float | None:
    """The best value of a run, None where it has none."""
    curve = main.curves.get(at)
    best = curve.best() if curve is not None else None
    return curve.series.values[best] if curve is not None and best is not None else None


def _scatter(main: Metric, setting: Setting) -> ScatterChart | None:
    if not setting.numeric:
        return None
    points = []
    for at, (value, given) in enumerate(zip(setting.values, setting.given, strict=True)):
        best = _best(main, at)
        if given and best is not None and isinstance(value, (int, float)):
            points.append((float(value), best))
    values = [value for value, _ in points]
    if len(points) < FEWEST_RUNS or len(set(values)) < FEWEST_VALUES:
        return None
    sign = 1 if main.direction == "lower" else -1
    value, best = min(points, key=lambda point: sign * point[1])
    write = next(iter(main.curves.values())).written
    return ScatterChart(
        title=named(setting.name, 60),
        points=tuple(points),
        caption=f"{counted(len(points), 'run')}; the best has {named(setting.name, 40)} {written_number(value)} "
        f"({write(best)}).",
        x_label=named(setting.name, 24),
        y_label=f"{'lowest' if main.direction == 'lower' else 'highest'} {named(main.tag, 40)}",
        log_x=min(values) > 0 and max(values) > FACTOR * min(values),
        y_format="percent" if main.share else "number",
    )


def written_number(value: float) -> str:
    """A setting's number with the digits that tell it from its neighbours."""
    return number(value, 4)


def _table(main: Metric, settings: tuple[Setting, ...]) -> Table | None:
    rows: list[tuple[Cell, ...]] = []
    strong, many, total = [], [], 0
    sign = 1 if main.direction == "lower" else -1
    write = next(iter(main.curves.values())).written
    for setting in settings:
        values = in_order([value for value, given in zip(setting.values, setting.given, strict=True) if given])
        groups: list[tuple[str, int, list[float]]] = []
        for text in [*dict.fromkeys(map(written, values)), *([""] if not all(setting.given) else [])]:
            members = [at for at in range(len(setting.values)) if setting.text(at) == text]
            found = [best for at in members if (best := _best(main, at)) is not None]
            groups.append((text or "not given", len(members), found))
        alone = all(amount == 1 for _, amount, _ in groups)
        if len(groups) > (FEW_VALUES if alone else VALUES):  # the table of runs says the same, and the chart
            many.append(setting.name)
            continue
        total += len(groups)
        reached = [min(found, key=lambda value: sign * value) for *_, found in groups if found]
        best = min(reached, key=lambda value: sign * value) if len(reached) > 1 else None
        for text, amount, found in groups[: ROWS - len(rows)]:
            top = min(found, key=lambda value: sign * value) if found else None
            if top is not None and top == best:
                strong.append((len(rows), 3))
            rows.append(
                (
                    named(setting.name, 60),
                    cut(text, 60),
                    amount,
                    write(top) if top is not None else None,
                    write(median(found)) if found else None,
                )
            )
    word = "lowest" if main.direction == "lower" else "highest"
    if not rows:
        return None
    caption = f"Of runs with the same value, the {word} {named(main.tag, 40)} of all and their median."
    if many:
        caption += f" {listed(many, 5)} {'has' if len(many) == 1 else 'have'} nearly another value in each run."
    return Table(
        columns=(
            Column("setting", "code"),
            Column("value"),
            Column("runs", "count"),
            Column(f"{word} {named(main.tag, 40)}", "number"),
            Column("median", "number", f"of the {word} value of each run"),
        ),
        rows=tuple(rows),
        caption=caption,
        strong=tuple(strong),
        total=total if total > len(rows) else 0,
    )


def _values(comparison: Comparison) -> Table:
    """Settings without a metric to set them against: which values there are."""
    rows = []
    for setting in comparison.differing[:ROWS]:
        values = in_order([value for value, given in zip(setting.values, setting.given, strict=True) if given])
        rows.append((named(setting.name, 60), listed([written(value) for value in values], VALUES)))
    total = len(comparison.differing)
    return Table((Column("setting", "code"), Column("values")), tuple(rows), total=total if total > len(rows) else 0)
