"""Metrics: the charts that a layout asks for, tags logged together, and one chart a metric, its splits as lines."""

from __future__ import annotations

import re
from collections.abc import Sequence

from reportgen.blocks.page import Block, SectionView
from reportgen.blocks.table import Cell, Column, Spark, Table
from reportgen.blocks.text import Fold, Text
from reportgen.blocks.wording import count, counted, cut, named
from reportgen.config import TABLE_ROWS
from reportgen.diagnose import Diagnosis
from reportgen.diagnose.reading.losses import is_loss
from reportgen.run.records import Run
from reportgen.sections.curves import Curve, NaturalKey, curves_of, evenly, natural
from reportgen.sections.layouts import arranged
from reportgen.sections.metric_chart import metric_chart
from reportgen.sections.section import Section
from reportgen.sections.tag_groups import Group, tag_groups

# More than this many charts are not looked at; the rest is listed with a word-sized line each.
CHARTS = 25
LISTED = 200
GROUPS = 20
# A table of numbers takes 8 kB for 100 rows; those of all charts together hold about so many rows.
ALL_ROWS = 500
FEWEST_ROWS = 20
SPARK_POINTS = 40
SPLITS = ("train", "val", "test")


def build(run: Run, diagnosis: Diagnosis) -> SectionView | None:
    """The section, None when nothing was logged."""
    curves = [curve for curve in curves_of(run) if not _told_by_hyperparameters(run, curve)]
    if not curves:
        return None
    by_tag = {curve.tag: curve for curve in curves}
    layout = arranged(run, by_tag, CHARTS, _rows(CHARTS if run.layouts else 0))
    known = {curve.tag for curve in layout.curves}
    groups = tag_groups(run, {tag: curve for tag, curve in by_tag.items() if tag not in known})
    known |= {curve.tag for _, group in groups for curve in group}
    groups += [(group[0].metric, group) for group in grouped([curve for curve in curves if curve.tag not in known])]
    groups.sort(key=lambda group: _rank(group[1]))
    return _view(run, layout.blocks, layout.curves, groups, CHARTS - layout.drawn, layout.left_out)


def _view(
    run: Run,
    arranged_blocks: Sequence[Block],
    arranged_curves: Sequence[Curve],
    groups: list[Group],
    room: int,
    left_out: int,
) -> SectionView:
    rows = _rows(CHARTS - room + len(groups))
    charts: list[Block] = [metric_chart(group, title, rows, run.meta.started) for title, group in groups[:room]]
    if arranged_blocks and charts:
        charts.insert(0, Text("What the custom layout does not show.", muted=True, title="Other metrics"))
    rest = [curve for _, group in groups[room:] for curve in group]
    shown = [*arranged_curves, *(curve for _, group in groups[:room] for curve in group)]
    blocks: list[Block] = [*arranged_blocks, *charts, summary(shown), *listed_groups(rest)]
    how = "Training and validation of one quantity share a chart; the ring marks the best value."
    if rest:
        drawn = len(groups[:room])
        others = f"{drawn} {_are(drawn)} drawn, the others are listed below them"
        said = others if drawn else "they are listed below the charts"
        how += f" {counted(len(groups), 'metric')} in all: {said}."
    if left_out:
        how += f" {counted(left_out, 'more chart')} of the custom layout {_are(left_out)} not drawn."
    return SectionView("metrics", "Metrics", how, tuple(blocks))


def _told_by_hyperparameters(run: Run, curve: Curve) -> bool:
    """Whether all that a series holds is the single value that stands beside the hyperparameters."""
    return len(curve.series) == 1 and any(curve.tag in session.metrics for session in run.hparams)


def _are(amount: int) -> str:
    return "is" if amount == 1 else "are"


def _rows(charts: int) -> int:
    """Rows of a chart's table of numbers on a page of so many charts."""
    return max(FEWEST_ROWS, min(TABLE_ROWS, ALL_ROWS // max(1, min(charts, CHARTS))))


def grouped(curves: list[Curve]) -> list[list[Curve]]:
    """Curves of one metric together: losses first, then metrics known to have a direction, then the rest."""
    groups: dict[str, list[Curve]] = {}
    for curve in curves:
        groups.setdefault(curve.metric.casefold(), []).append(curve)
    for group in groups.values():
        group.sort(key=lambda curve: (SPLITS.index(curve.split) if curve.split in SPLITS else 3, natural(curve.tag)))
    return sorted(groups.values(), key=_rank)


def _rank(group: list[Curve]) -> tuple[int, int, NaturalKey]:
    metric = group[0].metric
    if is_loss(metric):
        rank = 0 if metric.casefold() == "loss" else 1
    elif any(curve.direction for curve in group):
        rank = 2 if any(curve.split in ("val", "test") for curve in group) else 3
    else:
        rank = 4
    return rank, -len({curve.split for curve in group}), natural(metric)


def summary(curves: list[Curve]) -> Table:
    """Last, least, greatest and best value of every drawn series."""
    return Table(
        columns=(
            Column("tag", "code"),
            Column("first", "number"),
            Column("last", "number"),
            Column("least", "number"),
            Column("greatest", "number"),
            Column("best", "number", "the least or the greatest, where the metric's name says which is better"),
            Column("best at step", "step"),
            Column("points", "count", hint="how many were logged"),
        ),
        rows=tuple(_summary_row(curve) for curve in curves[:TABLE_ROWS]),
        title="All drawn series",
        total=len(curves) if len(curves) > TABLE_ROWS else 0,
    )


def _summary_row(curve: Curve) -> tuple[Cell, ...]:
    series, best = curve.series, curve.best()
    first, last, least, greatest = _ends(curve)
    return (
        named(curve.tag),
        first,
        last,
        least,
        greatest,
        (least if curve.direction == "lower" else greatest) if best is not None else None,
        series.steps[best] if best is not None else None,
        max(series.logged, len(series)),
    )


def _ends(curve: Curve) -> tuple[str, str, str | None, str | None]:
    """The first, last, least and greatest value of a series as texts that differ where the numbers do."""
    series, finite = curve.series, [curve.series.values[at] for at in curve.finite]
    texts = curve.apart(series.values[0], series.last, *((min(finite), max(finite)) if finite else ()))
    return texts[0], texts[1], texts[2] if finite else None, texts[3] if finite else None


def listed_groups(rest: list[Curve]) -> list[Fold]:
    """The series without a chart, folded by the first part of their tags; at most LISTED rows in all."""
    groups: dict[str, list[Curve]] = {}
    for curve in rest:
        groups.setdefault(re.split(r"[/._]", curve.metric, maxsplit=1)[0].casefold(), []).append(curve)
    if len(groups) > GROUPS:
        groups = {"": rest}
    share = max(1, LISTED // max(1, len(groups)))
    folds = []
    for name, curves in groups.items():
        rows = curves[: max(share, LISTED if len(groups) == 1 else share)]
        title = f"{counted(len(curves), 'more series', 'more series')}" + (f": {cut(name, 40)}" if name else "")
        detail = "" if len(rows) == len(curves) else f"the first {count(len(rows))} are listed"
        folds.append(Fold(title, (_listing(rows, len(curves)),), detail=detail))
    return folds


def _listing(curves: list[Curve], total: int) -> Table:
    rows = []
    for curve in curves:
        _, last, least, greatest = _ends(curve)
        rows.append((named(curve.tag), last, least, greatest, spark(curve)))
    return Table(
        columns=(
            Column("tag", "code"),
            Column("last", "number"),
            Column("least", "number"),
            Column("greatest", "number"),
            Column("over time"),
        ),
        rows=tuple(rows),
        total=total if total > len(rows) else 0,
    )


def spark(curve: Curve) -> Spark:
    """The curve at word size."""
    values = tuple(curve.series.values[at] for at in evenly(len(curve.series), SPARK_POINTS))
    role = curve.split if curve.split in SPLITS else "neutral"
    return Spark(values, f"from {' to '.join(curve.apart(values[0], values[-1]))}", role)


SECTION = Section("metrics", "metrics", 'report.log({"train/loss": loss, "val/acc": accuracy})', build)
