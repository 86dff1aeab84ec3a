"""Predictions against what needs no model: always saying the most frequent class, or the mean.

Source: Karpathy's recipe (compare with an input-independent baseline), by two standard errors.
"""

from __future__ import annotations

import math

from reportgen.blocks.finding import Finding, Where
from reportgen.blocks.wording import count, number, percent
from reportgen.diagnose.reading.accuracy import ACCURACY, shares
from reportgen.diagnose.reading.confusion import confusion_of
from reportgen.diagnose.reading.lacking import few_steps
from reportgen.diagnose.reading.learning_rates import slower
from reportgen.diagnose.reading.predicted import (
    FEWEST_SAMPLES,
    NO_CLASSES,
    classes_table,
    few,
    lacking,
    last_of,
    last_set,
    points_chart,
)
from reportgen.diagnose.reading.splits import rows_of
from reportgen.diagnose.reading.trend import trend, values_of
from reportgen.diagnose.rule import Judgement, Rule, Unchecked
from reportgen.diagnose.rules.dynamics.learning import FEWEST_STEPS
from reportgen.run.predictions import PredictionSet
from reportgen.run.records import Run
from reportgen.run.tags import WORDS, parse_tag

# Standard errors by which chance has to be exceeded.
ERRORS = 2.0
# Who weights rare classes gives accuracy away for their recall: so far above chance, the mean recall says it learned.
RECALL = 0.25
# The share of the most frequent class in train stands for that in val give or take so much.
ELSEWHERE = 0.02
RARE = 0.7
SOURCE = "Karpathy, A Recipe for Training Neural Networks: an input-independent baseline"


def _steps(run: Run) -> int | None:
    """How many optimizer steps were made, None where none are counted since no optimizer is watched."""
    groups = (run.scalars, *run.measures.values())
    known = [series.optimizer_steps[-1] for group in groups for series in group.values() if len(series.optimizer_steps)]
    known += [one.stamp.optimizer_step for one in run.predictions]
    made = max(known, default=0)
    return made if made or any(model.optimizers for model in run.models) else None


def worse_than_baseline(run: Run) -> Judgement:
    """Accuracy is no better than the share of the most frequent class, or R2 than 0, by two standard errors."""
    steps = _steps(run)
    if steps is not None and steps < FEWEST_STEPS:
        return few_steps(steps, FEWEST_STEPS)
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
            missing = missing or few(numbers.samples)
        else:
            found += _regression(run, numbers)
    return missing if missing is not None and not found else found


def _above(share: float, samples: int) -> float:
    """What an accuracy has to exceed: the share of the most frequent class, and two standard errors of it."""
    return share + ERRORS * math.sqrt(share * (1 - share) / samples)


def _classified(run: Run, last: PredictionSet) -> list[Finding] | Unchecked:
    confusion = confusion_of(last)
    total, there = confusion.total, confusion.there
    if total < FEWEST_SAMPLES:
        return few(total)
    if len(there) < 2:
        return Unchecked("All recorded samples are of one class.")
    hits, most = confusion.right, confusion.most
    # Pixels of one picture are not independent, so that their number tells nothing of an error.
    least = most / total if last.task == "segmentation" else _above(most / total, total)
    if hits / total > least or confusion.mean_recall > (1 + RECALL * (len(there) - 1)) / len(there):
        return []
    columns, frequent = confusion.said, confusion.truths.index(most)
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
            why=f"{last.classes[frequent]} is the truth of {count(most)} of {count(total)} {counted} "
            f"({percent(most / total)}); the model is right for {count(hits)}.{only}",
            fix="Train on one batch until its loss is near 0. If that fails, look at the learning rate (try a tenth), "
            "at the loss, and at whether inputs and labels belong together.",
            code=slower(run),
            where=Where(tag=f"{last.split} predictions"),
            value=percent(hits / total),
            limit=f"above {percent(least)}",
            evidence=classes_table(last),
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
            code=slower(run),
            where=Where(tag=f"{last.split} predictions"),
            value=number(r2),
            limit=f"above {number(least)}",
            evidence=points_chart(last, points) if points else None,
            source=SOURCE,
            since=last.stamp.optimizer_step or last.stamp.step,
        )
    ]


def _logged(run: Run) -> Judgement:
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
                code=slower(run),
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
        course=True,
    ),
)
