"""The curves of several runs overlaid: one chart a metric and split, one line a run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from reportgen.blocks.charts import Line, LineChart
from reportgen.blocks.legend import Legend
from reportgen.blocks.page import Block, SectionView
from reportgen.blocks.slug import slug
from reportgen.blocks.table import Column, Table
from reportgen.blocks.wording import count, counted, named, number
from reportgen.figures.foot import with_foot
from reportgen.sections.axis import Axis, place
from reportgen.sections.curves import Curve
from reportgen.sections.lines import logarithmic, to_lines
from reportgen.sections.overview.comparison import Comparison, has_curve, role
from reportgen.sections.overview.metrics import Metric
from reportgen.sections.overview.thinning import CHARTS, COLOURED, GREY

LISTED = 200
# Rows of all tables of numbers together.
ROWS = 400
NAMED_BAD = 2


def build(comparison: Comparison) -> SectionView | None:
    """The section, None when nothing was logged."""
    if not comparison.metrics:
        return None
    drawn = [metric for metric in comparison.metrics if has_curve(metric)][:CHARTS]
    rest = [metric for metric in comparison.metrics if not any(metric is one for one in drawn)]
    blocks: list[Block] = []
    if drawn:
        blocks.append(_legend(comparison))
        rows = max(COLOURED, ROWS // len(drawn))
        blocks.extend(_chart(comparison, metric, rows) for metric in drawn)
    if rest:
        blocks.append(_listing(comparison, rest))
    return SectionView("metrics", "Metrics", _how(comparison, drawn), tuple(blocks))


def _how(comparison: Comparison, drawn: list[Metric]) -> str:
    known, carried = comparison.overview.metrics, len(comparison.metrics)
    told = []
    if drawn:
        told.append(
            "One chart a metric, one line a run; a run has the same colour and dash on every chart. Of long series "
            "typical points are drawn, and the least and the greatest."
        )
    if carried > len(drawn):
        told.append(
            f"{counted(len(drawn), 'metric')} of {count(max(known, carried))} {'is' if len(drawn) == 1 else 'are'} "
            "drawn, the rest is listed below."
        )
    if known > carried:
        told.append(f"{count(carried)} of {count(known)} metrics are kept on this page.")
    return " ".join(told)


def _legend(comparison: Comparison) -> Legend:
    amount = len(comparison.members)
    items = [comparison.link(at) for at in range(min(amount, COLOURED))]
    grey = min(amount, COLOURED + GREY) - len(items)
    note = ""
    if grey > 0:
        first, last = len(items) + 1, len(items) + grey
        places = f"rank {first}" if first == last else f"ranks {first} to {last}"
        note = f"Thin and grey: the {counted(grey, 'run')} of {places}."
    if amount > COLOURED + GREY:
        note += f" Those of lower rank are not drawn ({count(amount - COLOURED - GREY)} in the table above)."
    return Legend(tuple(items), note)


def _chart(comparison: Comparison, metric: Metric, rows: int) -> LineChart:
    shown = {at: curve for at, curve in metric.curves.items() if at < COLOURED + GREY and len(curve.series)}
    named_curves = {at: _called(curve, comparison.labels[at]) for at, curve in shown.items()}
    axis = place(list(named_curves.values())) if len(named_curves) > 1 else Axis()
    chart = LineChart(
        title=named(metric.tag),
        lines=_lines(named_curves, axis),
        caption=_caption(comparison, metric),
        x_label=axis.label,
        y_format="percent" if metric.share else "number",
        log_y=not metric.share and logarithmic(list(shown.values())),
        anchor=slug("metric", metric.tag),
        numbers=_numbers(comparison, metric, rows),
        notes=(*axis.notes, *_notes(comparison, metric)),
        over_time=True,
    )
    return with_foot(chart)


def _called(curve: Curve, label: str) -> Curve:
    """The curve with its run's name as its tag, so that what is said of lines names runs."""
    return replace(curve, tag=label, split="")


def _lines(curves: dict[int, Curve], axis: Axis) -> tuple[Line, ...]:
    """The lines, grey ones first, so that they lie under the others."""
    made = to_lines(list(curves.values()), axis)
    lines = [replace(line, role=role(at), best=None) for at, line in zip(curves, made, strict=True)]
    grey = [line for at, line in zip(curves, lines, strict=True) if at >= COLOURED]
    return (*grey, *(line for at, line in zip(curves, lines, strict=True) if at < COLOURED))


def _caption(comparison: Comparison, metric: Metric) -> str:
    told = _extremes(comparison, metric)
    bad = []
    for at, curve in metric.curves.items():
        first = next((k for k, value in enumerate(curve.series.values) if not math.isfinite(value)), None)
        if first is not None:
            value, step = number(curve.series.values[first]), count(curve.series.steps[first])
            bad.append(f"{comparison.labels[at]} is {value} first at step {step}")
    if bad:
        others = len(bad) - NAMED_BAD
        more = f"; so {'is' if others == 1 else 'are'} {counted(others, 'more run')}" if others > 0 else ""
        told.append(f"{'; '.join(bad[:NAMED_BAD])}{more}.")
    return " ".join(told)


def _extremes(comparison: Comparison, metric: Metric) -> list[str]:
    if metric.direction:
        known = [(at, curve) for at, curve in metric.curves.items() if curve.best() is not None]
        if not known:
            return ["No run has a finite value."]
        ranked = sorted(known, key=lambda pair: metric.merit(pair[1]))
        word = "Lowest" if metric.direction == "lower" else "Highest"
        at, curve = ranked[0]
        best = curve.best()
        assert best is not None  # of known curves only
        said = f"{word} is {comparison.labels[at]}, {curve.written(curve.series.values[best])}"
        said += f" at step {count(curve.series.steps[best])}"
        if len(ranked) > 1:
            at, curve = ranked[-1]
            said += f"; {comparison.labels[at]} gets no further than {curve.written(-_gain(metric, curve))}"
        return [f"{said}."]
    ends = sorted((curve.series.last, at) for at, curve in metric.curves.items() if math.isfinite(curve.series.last))
    if not ends:
        return ["No run ends with a finite value."]
    (low, first), (high, last) = ends[0], ends[-1]
    write = metric.curves[first].written
    if low == high:
        every = "Every run ends" if len(ends) > 1 else f"{comparison.labels[first]} ends"
        return [f"{every} at {write(low)}."]
    return [f"Ends between {write(low)} ({comparison.labels[first]}) and {write(high)} ({comparison.labels[last]})."]


def _gain(metric: Metric, curve: Curve) -> float:
    merit = metric.merit(curve)
    return -merit if metric.direction == "lower" else merit


def _notes(comparison: Comparison, metric: Metric) -> list[str]:
    missing = len(comparison.members) - len(metric.curves)
    if not missing:
        return []
    return [f"{count(missing)} of {counted(len(comparison.members), 'run')} did not log it."]


def _numbers(comparison: Comparison, metric: Metric, rows: int) -> Table:
    drawn = [(at, curve) for at, curve in metric.curves.items() if at < COLOURED + GREY]
    style = "percent" if metric.share else "number"
    cells = []
    for at, curve in drawn[:rows]:
        finite = [curve.series.values[k] for k in curve.finite]
        best = curve.best()
        cells.append(
            (
                comparison.labels[at],
                curve.series.last,
                min(finite) if finite else None,
                max(finite) if finite else None,
                curve.series.steps[best] if best is not None else None,
                max(curve.series.logged, len(curve.series)),
            )
        )
    columns = (
        Column("run"),
        Column("last", style),
        Column("least", style),
        Column("greatest", style),
        Column("best at step", "step"),
        Column("points", "count"),
    )
    total = len(metric.curves) if len(metric.curves) > len(cells) else 0
    return Table(columns, tuple(cells), title="Numbers", total=total, folded=True)


def _listing(comparison: Comparison, rest: Sequence[Metric]) -> Table:
    rows = []
    for metric in rest[:LISTED]:
        best = metric.best
        leader = next((at for at, curve in metric.curves.items() if curve is best), None)
        finite = [curve.series.last for curve in metric.curves.values() if math.isfinite(curve.series.last)]
        write = next(iter(metric.curves.values())).written
        at = best.best() if best is not None else None
        rows.append(
            (
                named(metric.tag),
                len(metric.curves),
                write(min(finite)) if finite else None,
                write(max(finite)) if finite else None,
                write(best.series.values[at]) if best is not None and at is not None else None,
                comparison.labels[leader] if leader is not None else None,
            )
        )
    return Table(
        columns=(
            Column("metric", "code"),
            Column("runs", "count", "how many of the runs shown logged it"),
            Column("least last", "number"),
            Column("greatest last", "number"),
            Column("best", "number"),
            Column("best run"),
        ),
        rows=tuple(rows),
        title="Metrics without a chart",
        total=len(rest) if len(rest) > len(rows) else 0,
    )
