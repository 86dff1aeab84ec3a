"""Classification by class: who is taken for whom, and how well each class is found."""

from __future__ import annotations

from reportgen.blocks.charts import Matrix
from reportgen.blocks.page import Block
from reportgen.blocks.table import Bar, Cell, Column, Table
from reportgen.blocks.wording import count, cut, percent
from reportgen.run.predictions import PredictionSet

# A matrix of more classes cannot be read; the pairs that are confused most can.
LARGEST_MATRIX = 25
PAIRS = 20
ROWS = 100
LABEL = 30


def confusion(each: PredictionSet) -> list[Block]:
    """The confusion matrix, or its largest entries beside the diagonal where it is too large to read."""
    counts = each.confusion
    if not counts:
        return []
    labels = tuple(cut(name, LABEL) for name in each.classes)
    total = sum(map(sum, counts))
    right = sum(row[k] for k, row in enumerate(counts))
    pairs = sorted(
        ((n, t, p) for t, row in enumerate(counts) for p, n in enumerate(row) if t != p and n),
        key=lambda pair: (-pair[0], pair[1], pair[2]),
    )
    if len(counts) <= LARGEST_MATRIX:
        counted = "pixels" if each.task == "segmentation" else "samples"
        told = f"{count(right)} of {count(total)} {counted} lie on the diagonal ({percent(right / max(1, total))})."
        if pairs:
            amount, truth, said = pairs[0]
            often = "once" if amount == 1 else f"{count(amount)} times"
            told += f" The most frequent mistake: {labels[truth]} taken for {labels[said]}, {often}."
        return [Matrix("Confusion matrix", labels, counts, told)]
    if not pairs:
        return []
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (labels[truth], labels[said], amount, Bar(amount / sum(counts[truth]))) for amount, truth, said in pairs[:PAIRS]
    )
    return [
        Table(
            (Column("truth"), Column("taken for"), Column("times", "count"), Column("of this truth", "percent")),
            rows,
            title="Most frequent mistakes",
            caption=f"{len(counts)} classes: too many for a confusion matrix that can be read.",
            total=len(pairs) if len(pairs) > PAIRS else 0,
        )
    ]


def class_table(each: PredictionSet) -> list[Block]:
    """Precision, recall and F1 of each class; of very many classes those with the lowest F1."""
    scores = list(each.scores)
    if not scores:
        return []
    shown = scores
    if len(scores) > ROWS:
        shown = sorted(scores, key=lambda score: score.f1 if score.f1 is not None else 2.0)[:ROWS]
    columns = (
        Column("class"),
        Column("samples", "count", "how often it is the truth"),
        Column("predicted", "count", "how often it was said"),
        Column("precision", "percent", "share of its predictions that are right"),
        Column("recall", "percent", "share of its samples that are found"),
        Column("F1", "percent", "harmonic mean of precision and recall"),
        Column("average precision", "percent"),
        Column("ROC AUC", "percent"),
    )
    rows: list[tuple[Cell, ...]] = [
        (
            cut(score.name, LABEL),
            score.support,
            score.predicted,
            _bar(score.precision),
            _bar(score.recall),
            _bar(score.f1),
            score.average_precision,
            score.roc_auc,
        )
        for score in shown
    ]
    used = [c for c in range(len(columns)) if c < 3 or any(row[c] is not None for row in rows)]
    return [
        Table(
            tuple(columns[c] for c in used),
            tuple(tuple(row[c] for c in used) for row in rows),
            title="Each class",
            caption="" if len(shown) == len(scores) else "The classes with the lowest F1.",
            total=len(scores) if len(shown) < len(scores) else 0,
        )
    ]


def _bar(share: float | None) -> Cell:
    return None if share is None else Bar(share)
