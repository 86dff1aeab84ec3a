"""Predictions against what needs no model: always saying the most frequent class, or the mean.

Source: Karpathy's recipe (compare with an input-independent baseline), by two standard errors.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from reportgen.blocks.charts import ScatterChart
from reportgen.blocks.finding import Finding, Where
from reportgen.blocks.table import Column, Table
from reportgen.blocks.wording import code_number, count, counted, number, percent
from reportgen.diagnose.reading.accuracy import shares
from reportgen.diagnose.reading.outcome import half_of
from reportgen.diagnose.reading.splits import rows_of
from reportgen.diagnose.reading.trend import trend, values_of
from reportgen.diagnose.rule import Rule, Unchecked
from reportgen.diagnose.rules.dynamics.learning import FEWEST_STEPS
from reportgen.run.predictions import PredictionSet
from reportgen.run.records import Run
from reportgen.run.tags import WORDS, parse_tag

# Below this many samples a good model may fail by bad luck alone, as on one small batch.
FEWEST_SAMPLES = 50
# Standard errors by which chance has to be exceeded.
ERRORS = 2.0
# Who weights rare classes gives accuracy away for their recall: so far above chance, the mean recall says it learned.
RECALL = 0.25
# The share of the most frequent class in train stands for that in val give or take so much.
ELSEWHERE = 0.02
RARE = 0.7
ACCURACY = frozenset(("acc", "accuracy", "top1"))
ROWS, POINTS = 5, 200
SOURCE = "Karpathy, A Recipe for Training Neural Networks: an input-independent baseline"
NO_CLASSES = Unchecked("No classification was recorded: call report.predictions(inputs, outputs, targets).")
NO_PREDICTIONS = Unchecked("No predictions were recorded: call report.predictions(inputs, outputs, targets).")
EARLY = Unchecked(
    "Predictions were recorded in the first half of the run only: call report.predictions(inputs, outputs, targets)."
)


def last_of(run: Run, tasks: Sequence[str], able: Callable[[PredictionSet], bool]) -> PredictionSet | None:
    """The latest set of one of `tasks` (() for any) that is `able`: of val, else test, else any split.

    One of the first half of the run says nothing of its end, and is left out.
    """
    sets = [p for p in run.predictions if (not tasks or p.task in tasks) and able(p) and not _early(run, p)]
    for split in ("val", "test", None):
        chosen = [p for p in sets if split is None or p.split == split]
        if chosen:
            return max(chosen, key=lambda p: (p.stamp.optimizer_step, p.stamp.step))
    return None


def _early(run: Run, one: PredictionSet) -> bool:
    """Whether it was recorded before half of the run, by optimizer steps, else by the steps of its own split."""
    half = half_of(run)
    if half > 0:
        return one.stamp.optimizer_step < half
    steps = [
        series.steps[-1] for tag, series in run.scalars.items() if len(series) and parse_tag(tag).split == one.split
    ]
    return one.stamp.step < max(steps, default=0) / 2


def lacking(run: Run, reason: Unchecked) -> Unchecked:
    """Why no set could be judged: there are early ones only, or for `reason`."""
    return EARLY if run.predictions and all(_early(run, one) for one in run.predictions) else reason


def _steps(run: Run) -> int | None:
    """How many optimizer steps were made, None where none are counted since no optimizer is watched."""
    groups = (run.scalars, *run.measures.values())
    known = [series.optimizer_steps[-1] for group in groups for series in group.values() if len(series.optimizer_steps)]
    known += [one.stamp.optimizer_step for one in run.predictions]
    made = max(known, default=0)
    return made if made or any(model.optimizers for model in run.models) else None


def last_set(run: Run) -> PredictionSet | None:
    """The latest set with a confusion matrix: of val, else test, else any split."""
    return last_of(run, (), lambda one: bool(one.confusion))


def worse_than_baseline(run: Run) -> list[Finding] | Unchecked:
    """Accuracy is no better than the share of the most frequent class, or R2 than 0, by two standard errors."""
    steps = _steps(run)
    if steps is not None and steps < FEWEST_STEPS:
        return Unchecked(f"{counted(steps, 'optimizer step')} were made; {FEWEST_STEPS} are needed.")
    last, numbers = last_set(run), last_of(run, ("regression",), lambda one: "r2" in one.metrics)
    if last is None and numbers is None:
        return _logged(run)
    found: list[Finding] = []
    missing = None
    if last is not None:
        judged = _classified(run, last)
        if isinstance(judged, Unchecked):
            missing = judged
        else:
            found += judged
    if numbers is not None:
        if numbers.samples < FEWEST_SAMPLES:
            missing = missing or _few(numbers.samples)
        else:
            found += _regression(run, numbers)
    return missing if missing is not None and not found else found


def _above(share: float, samples: int) -> float:
    """What an accuracy has to exceed: the share of the most frequent class, and two standard errors of it."""
    return share + ERRORS * math.sqrt(share * (1 - share) / samples)


def _few(samples: int) -> Unchecked:
    return Unchecked(f"{count(samples)} predictions were recorded; {FEWEST_SAMPLES} are needed.")


def _classified(run: Run, last: PredictionSet) -> list[Finding] | Unchecked:
    truths = [sum(row) for row in last.confusion]
    total = sum(truths)
    if total < FEWEST_SAMPLES:
        return _few(total)
    there = [k for k, amount in enumerate(truths) if amount]
    if len(there) < 2:
        return Unchecked("All recorded samples are of one class.")
    hits = sum(row[k] for k, row in enumerate(last.confusion))
    most = max(truths)
    recall = sum(last.confusion[k][k] / truths[k] for k in there) / len(there)
    # Pixels of one picture are not independent, so that their number tells nothing of an error.
    least = most / total if last.task == "segmentation" else _above(most / total, total)
    if hits / total > least or recall > (1 + RECALL * (len(there) - 1)) / len(there):
        return []
    columns = [sum(row[k] for row in last.confusion) for k in range(len(last.confusion))]
    said = max(range(len(columns)), key=columns.__getitem__)
    counted = "pixels" if last.task == "segmentation" else "samples"
    only = f" Every {counted[:-1]} is predicted as {last.classes[said]}." if columns[said] == total else ""
    return [
        Finding(
            id="worse_than_baseline",
            tier="statistics",
            severity="warning",
            title=f"{last.split} accuracy ended at {percent(hits / total)}, no better than always saying one class"
            + (" beyond chance" if hits > most else ""),
            why=f"{last.classes[truths.index(most)]} is the truth of {count(most)} of {count(total)} {counted} "
            f"({percent(most / total)}); the model is right for {count(hits)}.{only}",
            fix="Train on one batch until its loss is near 0. If that fails, look at the learning rate (try a tenth), "
            "at the loss, and at whether inputs and labels belong together.",
            code=_rate(run),
            where=Where(tag=f"{last.split} predictions"),
            value=percent(hits / total),
            limit=f"above {percent(least)}",
            evidence=_evidence(last, truths, columns, total),
            source=SOURCE,
            since=last.stamp.optimizer_step or last.stamp.step,
        )
    ]


def _regression(run: Run, last: PredictionSet) -> list[Finding]:
    r2 = last.metrics["r2"]
    # Where nothing was learned R2 lies below 0, and its error by chance is about 0.5 / sqrt(samples).
    least = ERRORS * 0.5 / math.sqrt(last.samples)
    if not r2 <= least:
        return []
    points = [point for point in last.points if all(map(math.isfinite, point))]
    return [
        Finding(
            id="worse_than_baseline",
            tier="statistics",
            severity="warning",
            title=f"{last.split} R² ended at {number(r2)}, no better than always saying the mean"
            + (" beyond chance" if r2 > 0 else ""),
            why="R² compares squared errors with those of always saying the mean of the targets: R² = 0. "
            f"The root mean squared error is {number(last.metrics.get('rmse', math.nan))}.",
            fix="Train on one batch until its loss is near 0. If that fails, look at the learning rate, at the scale "
            "of the targets, at whether outputs and targets have the same shape, and belong together.",
            code=_rate(run),
            where=Where(tag=f"{last.split} predictions"),
            value=number(r2),
            limit=f"above {number(least)}",
            evidence=ScatterChart(
                "Prediction against truth",
                tuple(points[:: max(1, len(points) // POINTS)]),
                f"{count(len(points))} predictions of {last.split} at step {last.stamp.step:,}.",
                "truth",
                "prediction",
            )
            if points
            else None,
            source=SOURCE,
            since=last.stamp.optimizer_step or last.stamp.step,
        )
    ]


def _logged(run: Run) -> list[Finding] | Unchecked:
    """By a logged accuracy of val or test, against the most frequent of the classes that are known of the data."""
    for tag, series in run.scalars.items():
        parsed = parse_tag(tag)
        words = frozenset(WORDS.findall(parsed.metric.lower()))
        # Nothing but accuracy: that of a part ("domain_acc") is of other classes than those known.
        if parsed.split not in ("val", "test") or not words or not words <= ACCURACY:
            continue
        share, rows = _most_frequent(run, parsed.split)
        same = rows > 0
        if share is not None and share >= RARE:
            continue  # less of it may be given away for the recall of rare classes
        values = [value for value in values_of(series) if math.isfinite(value)]
        if share is None or not values or min(values) < 0:
            continue
        values = shares(values)
        course = trend(values)
        last = course.last if course is not None and course.count >= 20 else values[-1]
        least = _above(share, rows) if same else share - ELSEWHERE
        if last > least:
            return []
        return [
            Finding(
                id="worse_than_baseline",
                tier="statistics",
                severity="warning",
                title=f"{tag} ended at {percent(last)}, no better than always saying one class"
                + (" beyond chance" if last > share else ""),
                why=f"The most frequent class is {percent(share)} of the {parsed.split if same else 'train'} rows.",
                fix="Train on one batch until its loss is near 0. If that fails, look at the learning rate (try a "
                "tenth), at the loss, and at whether inputs and labels belong together.",
                code=_rate(run),
                where=Where(tag=tag),
                value=percent(last),
                limit=f"above {percent(least)}",
                source=SOURCE,
                since=int(series.optimizer_steps[-1] or series.steps[-1]) if len(series.optimizer_steps) else 0,
            )
        ]
    return lacking(run, NO_CLASSES)


def _most_frequent(run: Run, split: str) -> tuple[float | None, int]:
    """The share of the most frequent class, and the rows it is of; 0 where it is known of train only."""
    for name in (split, "train"):
        rows = rows_of(run, name)
        counts = [amount for amount in rows.class_counts.values() if amount] if rows is not None else []
        if len(counts) > 1 and sum(counts) >= FEWEST_SAMPLES:
            return max(counts) / sum(counts), sum(counts) if name == split else 0
    return None, 0


def _rate(run: Run) -> str:
    for model in run.models:
        for group in model.groups:
            rate = group.get("lr")
            if isinstance(rate, (int, float)) and rate > 0:
                return f"- lr={code_number(rate)}\n+ lr={code_number(rate / 10)}"
    return ""


def _evidence(last: PredictionSet, truths: list[int], columns: list[int], total: int) -> Table:
    order = sorted(range(len(columns)), key=lambda k: (-columns[k], k))[:ROWS]
    return Table(
        columns=(Column("class"), Column("predicted", "percent"), Column("truth", "percent")),
        rows=tuple((last.classes[k], columns[k] / total, truths[k] / total) for k in order),
        total=len(columns),
        caption="How often each class is predicted, and how often it is the truth.",
    )


RULES = (
    Rule(
        "worse_than_baseline",
        "Predictions beat always saying one class, or the mean",
        "statistics",
        worse_than_baseline,
        needs="report.predictions(inputs, outputs, targets)",
        worst="warning",
        checks=f"After {FEWEST_STEPS} steps, accuracy is not above the share of the most frequent class, or R2 not "
        "above 0, by 2 standard errors.",
        source=SOURCE,
    ),
)
