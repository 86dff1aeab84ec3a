"""Predictions that do not depend on the input, and probabilities that are not frequencies.

Sources: Karpathy's recipe (an input-independent baseline); Guo et al., On Calibration of Modern Neural Networks
(ICML 2017) for the expected calibration error in 15 bins.
"""

from __future__ import annotations

import math
from statistics import fmean, pstdev

from reportgen.blocks.finding import Finding, Where
from reportgen.blocks.table import Column, Table
from reportgen.blocks.wording import cut, number, percent
from reportgen.diagnose.reading.confusion import confusion_of
from reportgen.diagnose.reading.predicted import (
    EARLY,
    FEWEST_SAMPLES,
    NO_PREDICTIONS,
    classes_table,
    few,
    lacking,
    last_of,
    last_set,
    points_chart,
)
from reportgen.diagnose.rule import Judgement, NotApplicable, Rule, Unchecked
from reportgen.run.predictions import PredictionSet
from reportgen.run.records import Run

ONE_CLASS, FREQUENT = 0.99, 0.8
SPREAD = 0.05
ERROR, FEWEST_CALIBRATED = 0.1, 200
ROWS = 8
NO_PROBABILITIES = Unchecked("No probabilities were recorded: call report.predictions(inputs, outputs, targets).")
NONE_GIVEN = NotApplicable("The predictions have no probabilities.")


def constant_predictions(run: Run) -> Judgement:
    """More than 99 % of predictions are one class, or a regression's hardly vary, while the truth does."""
    classified, numbers = last_set(run), last_of(run, ("regression",), lambda one: bool(one.points))
    if classified is None and numbers is None:
        return lacking(run, NO_PREDICTIONS)
    if numbers is None and classified is not None:
        confusion = confusion_of(classified)
        if confusion.total < FEWEST_SAMPLES:
            return few(confusion.total)
        if confusion.most >= FREQUENT * confusion.total:
            return NotApplicable("One class is most of the truth, so that it may be said of nearly all.")
    found = []
    if classified is not None and (one := _one_class(classified)) is not None:
        found.append(one)
    if numbers is not None and (one := _one_number(numbers)) is not None:
        found.append(one)
    return found


def _one_class(last: PredictionSet) -> Finding | None:
    confusion = confusion_of(last)
    truths, said, total = confusion.truths, confusion.said, confusion.total
    if total < FEWEST_SAMPLES:
        return None
    most = max(range(len(said)), key=said.__getitem__)
    if said[most] <= ONE_CLASS * total or confusion.most >= FREQUENT * total:
        return None
    return Finding(
        id="constant_predictions",
        tier="statistics",
        severity="warning",
        title=f"{percent(said[most] / total)} of {last.split} predictions are class {cut(last.classes[most], 40)}, "
        f"which is the truth of {percent(truths[most] / total)}",
        why="The outputs hardly depend on the inputs. Units that are dead or saturated, a learning rate that is far "
        "too high or too low, and inputs that carry nothing lead to it.",
        fix="Compare the outputs for two different inputs, layer by layer: where they become equal is the fault. Then "
        "train on one batch until its loss is near 0.",
        code="+ print(model(x_val[:2]))  # two rows, two outputs?",
        where=Where(tag=f"{last.split} predictions"),
        value=percent(said[most] / total),
        limit=percent(ONE_CLASS),
        evidence=classes_table(last),
        source="Karpathy, A Recipe for Training Neural Networks",
        since=last.stamp.optimizer_step or last.stamp.step,
    )


def _one_number(last: PredictionSet) -> Finding | None:
    points = [point for point in last.points if all(map(math.isfinite, point))]
    if len(points) < FEWEST_SAMPLES:
        return None
    truth, said = pstdev([a for a, _ in points]), pstdev([b for _, b in points])
    if not truth or said >= SPREAD * truth:
        return None
    return Finding(
        id="constant_predictions",
        tier="statistics",
        severity="warning",
        title=f"{last.split} predictions hardly vary: all are about {number(fmean(b for _, b in points))}",
        why=f"Their standard deviation is {number(said)}, that of the truth {number(truth)}. The outputs hardly depend "
        "on the inputs: units that are dead or saturated, targets on another scale than outputs, or inputs and targets "
        "that do not belong together lead to it.",
        fix="Compare the outputs for two different inputs, layer by layer: where they become equal is the fault. Then "
        "train on one batch until its loss is near 0.",
        code="+ print(model(x_val[:2]))  # two rows, two outputs?",
        where=Where(tag=f"{last.split} predictions"),
        value=percent(said / truth),
        limit=percent(SPREAD),
        evidence=points_chart(last, points),
        source="Karpathy, A Recipe for Training Neural Networks",
        since=last.stamp.optimizer_step or last.stamp.step,
    )


def calibration_off(run: Run) -> Judgement:
    """The expected calibration error over at least 200 samples is above 0.1."""
    last = last_of(run, ("classification", "binary"), lambda one: bool(one.confidence))
    if last is None:
        reason = lacking(run, NO_PROBABILITIES)
        return NONE_GIVEN if run.predictions and reason != EARLY else reason
    samples = sum(last.confidence)
    if samples < FEWEST_CALIBRATED:
        return few(samples, FEWEST_CALIBRATED)
    error = last.metrics.get("calibration error", math.nan)
    if not error > ERROR:
        return []
    bins = len(last.confidence)
    middle = sum((k + 0.5) / bins * amount for k, amount in enumerate(last.confidence)) / samples
    right = sum(last.correct) / samples
    sure = middle > right
    return [
        Finding(
            id="calibration_off",
            tier="statistics",
            severity="info",
            title=f"The model is {'surer' if sure else 'less sure'} than it is right: {last.split} probabilities are "
            f"off by {percent(error)} on average",
            why=f"It gives its answers a probability of about {percent(middle)}, and {percent(right)} of them are "
            "right. Accuracy does not suffer, but a threshold, an expected cost or a ranking by probability does.",
            fix="Divide the logits by one temperature that is fitted to held-out rows"
            + (", or stop earlier; check that the loss and the evaluation scale logits alike." if sure else ".")
            + ("" if sure else " Label smoothing, mixing of rows and an early stop lead to it as well."),
            code="- probabilities = logits.softmax(dim=1)\n+ probabilities = (logits / temperature).softmax(dim=1)",
            where=Where(tag=f"{last.split} predictions"),
            value=number(error),
            limit=number(ERROR),
            evidence=_reliability(last),
            source="Guo et al. 2017, expected calibration error",
            since=last.stamp.optimizer_step or last.stamp.step,
        )
    ]


def _reliability(last: PredictionSet) -> Table:
    bins = len(last.confidence)
    fullest = sorted(sorted(range(bins), key=lambda k: -last.confidence[k])[:ROWS])
    return Table(
        columns=(Column("probability"), Column("samples", "count"), Column("right", "percent")),
        rows=tuple(
            (f"{k / bins:.2f} to {(k + 1) / bins:.2f}", last.confidence[k], last.correct[k] / last.confidence[k])
            for k in fullest
            if last.confidence[k]
        ),
        caption="How often answers of about the same probability are right.",
    )


RULES = (
    Rule(
        "constant_predictions",
        "Predictions depend on the input",
        "statistics",
        constant_predictions,
        needs="report.predictions(inputs, outputs, targets)",
        worst="warning",
        checks="One class is above 99 % of predictions while no class is 80 % of the truth; a regression's predictions "
        "deviate by less than 5 % of the targets' deviation.",
        source="Karpathy, A Recipe for Training Neural Networks",
        course=True,
    ),
    Rule(
        "calibration_off",
        "Probabilities are about as often right as they say",
        "statistics",
        calibration_off,
        needs="report.predictions(inputs, outputs, targets)",
        worst="info",
        checks="The expected calibration error over at least 200 samples is above 0.1.",
        source="Guo et al. 2017, expected calibration error",
    ),
)
