"""Precision over recall, a chart a tag."""

from __future__ import annotations

import math

from reportgen.blocks.page import Block, SectionView
from reportgen.blocks.shapes import Curve, CurveChart
from reportgen.blocks.slug import slug
from reportgen.blocks.table import Cell, Column, Table
from reportgen.blocks.wording import named, number
from reportgen.diagnose import Diagnosis
from reportgen.run.logged import PRCurve
from reportgen.run.records import Run
from reportgen.sections.by_tag import TAGS, at_step, by_tag, kept, left_out, told
from reportgen.sections.curves import evenly
from reportgen.sections.section import Section

# Curves of one chart, and rows of its table.
CURVES, ROWS = 4, 41
HOW = (
    "A point for each threshold: how many of the samples called positive are (precision), and how many of the "
    "positive ones are found (recall). Average precision, AP, is the sum over thresholds n, from high to low, of "
    "(Rₙ − Rₙ₋₁) · Pₙ."
)


def build(run: Run, diagnosis: Diagnosis) -> SectionView | None:
    """The section, None when no curve was logged."""
    groups = by_tag(run.pr_curves)
    if not groups:
        return None
    blocks: list[Block] = [_chart(run, tag, records) for tag, records in groups[:TAGS]]
    blocks += left_out(min(len(groups), TAGS), len(groups), "tag")
    return SectionView("pr-curves", "Precision and recall", HOW, tuple(blocks))


def points(curve: PRCurve) -> list[tuple[float, float, float]]:
    """Threshold, recall and precision of each threshold, the highest first; those that call nothing are left out.

    Where precision or recall were not recorded they are computed from the counts, which may be weighted.
    """
    found = []
    for at in range(len(curve.thresholds)):
        hits, wrong, missed = (
            column[at] if at < len(column) else math.nan
            for column in (curve.true_positives, curve.false_positives, curve.false_negatives)
        )
        if hits + wrong <= 0:
            continue
        precision = curve.precision[at] if at < len(curve.precision) else hits / (hits + wrong)
        recall = curve.recall[at] if at < len(curve.recall) else hits / (hits + missed) if hits + missed > 0 else 0.0
        if math.isfinite(precision) and math.isfinite(recall):
            found.append((curve.thresholds[at], recall, precision))
    return sorted(found, key=lambda point: (-point[0], point[1]))


def average_precision(curve: PRCurve) -> float:
    """The sum of (R_n - R_(n-1)) * P_n over thresholds n from high to low; NaN without a point."""
    known = points(curve)
    before = [0.0, *(recall for _, recall, _ in known)]
    return sum((r - b) * p for (_, r, p), b in zip(known, before, strict=False)) if known else math.nan


def _chart(run: Run, tag: str, records: list[PRCurve]) -> CurveChart:
    chosen = [records[at] for at in evenly(len(records), CURVES)]
    curves = []
    for record in chosen:
        known = points(record)
        name = f"{at_step(record)}, AP {number(average_precision(record))}"
        curves.append(Curve(name, tuple(r for _, r, _ in known), tuple(p for _, _, p in known)))
    last = chosen[-1]
    caption = f"AP {number(average_precision(last))} at {at_step(last)}"
    if len(chosen) > 1:
        caption += f", {number(average_precision(chosen[0]))} at {at_step(chosen[0])}"
    best = max(points(last), key=lambda point: _f1(point[1], point[2]), default=None)
    most = ""
    if best is not None:
        most = f"the highest F1, {number(_f1(best[1], best[2]))}, is at the threshold {number(best[0])}"
    return CurveChart(
        named(tag, 80),
        tuple(curves),
        told(caption, most, kept(run, "pr_curves", tag, records), *last.notes),
        "recall",
        "precision",
        slug("pr", tag),
        _numbers(last),
    )


def _f1(recall: float, precision: float) -> float:
    return 2 * recall * precision / (recall + precision) if recall + precision > 0 else 0.0


def _numbers(curve: PRCurve) -> Table:
    columns = (
        Column("threshold", "number"),
        Column("precision", "number"),
        Column("recall", "number"),
        Column("TP", "count", "true positives"),
        Column("FP", "count", "false positives"),
        Column("TN", "count", "true negatives"),
        Column("FN", "count", "false negatives"),
    )
    of = (
        curve.thresholds,
        curve.precision,
        curve.recall,
        curve.true_positives,
        curve.false_positives,
        curve.true_negatives,
        curve.false_negatives,
    )
    rows: list[tuple[Cell, ...]] = [
        tuple(column[at] if at < len(column) else None for column in of) for at in evenly(len(curve.thresholds), ROWS)
    ]
    total = len(curve.thresholds)
    return Table(columns, tuple(rows), f"Thresholds at {at_step(curve)}", total=total if total > len(rows) else 0)


SECTION = Section("pr-curves", "", "", build)
