"""Predictions against what needs no model: always saying the most frequent class.

Source: Karpathy's recipe (compare with an input-independent baseline); the comparison is exact for the recorded set.
"""

from __future__ import annotations

from reportgen.blocks.finding import Finding, Where
from reportgen.blocks.table import Column, Table
from reportgen.blocks.wording import count, number, percent
from reportgen.diagnose.rule import Rule, Unchecked
from reportgen.run.predictions import PredictionSet
from reportgen.run.records import Run

# Below this many samples a good model may fail by bad luck alone, as on one small batch.
FEWEST_SAMPLES = 50
ROWS = 5
SOURCE = "Karpathy, A Recipe for Training Neural Networks: an input-independent baseline"


def last_set(run: Run) -> PredictionSet | None:
    """The latest set with a confusion matrix: of val, else test, else any split."""
    sets = [p for p in run.predictions if p.confusion]
    for split in ("val", "test", None):
        chosen = [p for p in sets if split is None or p.split == split]
        if chosen:
            return max(chosen, key=lambda p: (p.stamp.optimizer_step, p.stamp.step))
    return None


def worse_than_baseline(run: Run) -> list[Finding] | Unchecked:
    """Accuracy is no better than the share of the most frequent class."""
    last = last_set(run)
    if last is None:
        return Unchecked("No classification was recorded: call report.predictions(inputs, outputs, targets).")
    truths = [sum(row) for row in last.confusion]
    total = sum(truths)
    if total < FEWEST_SAMPLES:
        return Unchecked(f"{count(total)} predictions were recorded; {FEWEST_SAMPLES} are needed.")
    if sum(1 for amount in truths if amount) < 2:
        return Unchecked("All recorded samples are of one class.")
    hits = sum(row[k] for k, row in enumerate(last.confusion))
    most = max(truths)
    if hits > most:
        return []
    columns = [sum(row[k] for row in last.confusion) for k in range(len(last.confusion))]
    said = max(range(len(columns)), key=columns.__getitem__)
    counted = "pixels" if last.task == "segmentation" else "samples"
    only = f" Every {counted[:-1]} is predicted as {last.classes[said]}." if columns[said] == total else ""
    return [
        Finding(
            id="worse_than_baseline",
            tier="fact",
            severity="warning",
            title=f"{last.split} accuracy ended at {percent(hits / total)}, no better than always saying one class",
            why=f"{last.classes[truths.index(most)]} is the truth of {count(most)} of {count(total)} {counted} "
            f"({percent(most / total)}); the model is right for {count(hits)}.{only}",
            fix="Train on one batch until its loss is near 0. If that fails, look at the learning rate (try a tenth), "
            "at the loss, and at whether inputs and labels belong together.",
            code=_rate(run),
            where=Where(tag=f"{last.split} predictions"),
            value=percent(hits / total),
            limit=f"above {percent(most / total)}",
            evidence=_evidence(last, truths, columns, total),
            source=SOURCE,
            since=last.stamp.optimizer_step or last.stamp.step,
        )
    ]


def _rate(run: Run) -> str:
    for model in run.models:
        for group in model.groups:
            rate = group.get("lr")
            if isinstance(rate, (int, float)) and rate > 0:
                return f"- lr={number(rate)}\n+ lr={number(rate / 10)}"
    return ""


def _evidence(last: PredictionSet, truths: list[int], columns: list[int], total: int) -> Table:
    order = sorted(range(len(columns)), key=lambda k: (-columns[k], k))[:ROWS]
    return Table(
        columns=(Column("class"), Column("predicted", "percent"), Column("truth", "percent")),
        rows=tuple((last.classes[k], columns[k] / total, truths[k] / total) for k in order),
        total=len(columns),
        caption="How often each class is predicted, and how often it is the truth.",
    )


RULES = (Rule("worse_than_baseline", "Predictions beat always saying one class", "fact", worse_than_baseline),)
