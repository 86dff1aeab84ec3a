"""A loss that is made greater instead of smaller: a minus that is missing, or one too many.

Source: cross-entropy, squared and absolute errors are never below 0 (their definitions in torch.nn).
"""

from __future__ import annotations

import math

from reportgen.blocks.charts import LineChart
from reportgen.blocks.finding import Finding, Where
from reportgen.blocks.wording import named, number
from reportgen.diagnose.reading.criteria import BINARY
from reportgen.diagnose.reading.curves import curve
from reportgen.diagnose.reading.outcome import outcome
from reportgen.diagnose.reading.training_loss import TrainingLoss, training_loss
from reportgen.diagnose.rule import Judgement, NotApplicable, Rule, Unchecked, found
from reportgen.diagnose.rules.loss.criterion import called, labels_seen, nll_given_probabilities
from reportgen.run.evidence import LossUse
from reportgen.run.records import Run
from reportgen.run.series import Series

# Losses that are never below 0, of proper targets.
NEVER_NEGATIVE = (
    "cross_entropy",
    *BINARY,
    "mse_loss",
    "l1_loss",
    "smooth_l1_loss",
    "huber_loss",
    "ctc_loss",
    "multi_margin_loss",
    "multilabel_margin_loss",
    "soft_margin_loss",
)
SLACK = 1e-6
# How near the negative of what a criterion gave has to be to what was logged, to be that.
NEAR = 1e-3
# The share of logged values below 0.
MOST = 0.95
NO_TRAINING_LOSS = Unchecked('No training loss was logged: call report.log({"train/loss": loss}).')
# What else is found makes a loss negative.
EXPLAINED = NotApplicable("The loss is given what it is not for, as another check says.")
SCORES = ("accuracy", "mean recall", "R2", "F1")


def loss_sign(run: Run) -> Judgement:
    """A loss that cannot be negative is, or training makes a likelihood smaller."""
    loss = training_loss(run)
    if loss is None and not run.evidence.losses:
        return NO_TRAINING_LOSS
    if any(nll_given_probabilities(use) for use in run.evidence.losses):
        return EXPLAINED
    if found(labels_seen(run)):
        return EXPLAINED
    for use in run.evidence.losses:
        if use.kind in NEVER_NEGATIVE and use.seen == "criterion" and not use.weighted and _below(use):
            return [_impossible(use, loss)]
    if loss is None:
        looked = any(use.kind in NEVER_NEGATIVE and use.first is not None for use in run.evidence.losses)
        return [] if looked else NO_TRAINING_LOSS
    for use in run.evidence.losses:
        if use.kind in NEVER_NEGATIVE and _negated(use, loss.series):
            return [_minus(use, loss)]
    return _uphill(run, loss)


def _below(use: LossUse) -> bool:
    return any(value is not None and value < -SLACK for value in (use.first, use.last))


def _negated(use: LossUse, series: Series) -> bool:
    """Whether the first value logged is the negative of the first that the criterion gave."""
    if use.seen != "criterion" or use.first is None or use.first < NEAR or not len(series):
        return False
    return math.isclose(series.values[0], -use.first, rel_tol=NEAR) and _negative(series)


def _negative(series: Series) -> bool:
    finite = [value for value in series.values if math.isfinite(value)]
    return bool(finite) and sum(value < 0 for value in finite) >= MOST * len(finite)


def _impossible(use: LossUse, loss: TrainingLoss | None) -> Finding:
    least = min(value for value in (use.first, use.last) if value is not None)
    return Finding(
        id="loss_sign",
        tier="fact",
        severity="error",
        title=f"{called(use)} is {number(least)}, but it cannot be below 0 for proper targets",
        why="Its targets are none that it is meant for, such as weights or probabilities below 0. Then the least loss "
        "is not where the prediction is right.",
        fix="Look at a batch of targets as the loss gets them.",
        code="print(targets.dtype, targets.shape, targets.min(), targets.max())",
        where=Where(model=use.model, tag=loss.tag if loss is not None else ""),
        value=number(least),
        limit="at least 0",
        evidence=_chart(loss) if loss is not None else None,
        source="the definition of the loss in torch.nn",
    )


def _minus(use: LossUse, loss: TrainingLoss) -> Finding:
    return Finding(
        id="loss_sign",
        tier="fact",
        severity="error",
        title=f"{named(loss.tag)} is minus {called(use)}: training makes that greater",
        why=f"{called(use)} gave {number(use.first or 0.0)} where {number(loss.series.values[0])} was logged, and is "
        "never below 0. So each step makes the predictions worse.",
        fix="Take the minus away: the loss of torch is one to be made smaller.",
        code="- loss = -criterion(model(inputs), targets)\n+ loss = criterion(model(inputs), targets)",
        where=Where(model=use.model, tag=loss.tag, step=loss.series.steps[0]),
        value=number(loss.series.values[0]),
        limit="at least 0",
        evidence=_chart(loss),
        source="the definition of the loss in torch.nn",
    )


def _uphill(run: Run, loss: TrainingLoss) -> list[Finding]:
    """The loss is negative and falls, while predictions are no better than without learning."""
    course = loss.trend
    if not _negative(loss.series) or course.drop <= 0 or course.sigmas < 2:
        return []
    known = [use for use in run.evidence.losses if use.kind]
    if any(use.kind not in (*NEVER_NEGATIVE, "nll_loss") for use in known):
        return []
    came = outcome(run)
    if came.learned is not False or came.quantity not in SCORES:
        return []
    what = called(known[0]) if known else "A log-likelihood"
    return [
        Finding(
            id="loss_sign",
            tier="statistics",
            severity="warning",
            title=f"{named(loss.tag)} is negative and falls, while predictions get no better: a minus seems wrong",
            why=f"It fell from {number(course.first)} to {number(course.last)}. {came.why} {what} whose sign is wrong "
            "falls without end, and each step makes the truth less likely.",
            fix="Minimise the negative of a log-likelihood, and a loss of torch as it is.",
            code="- loss = log_probabilities[range(len(targets)), targets].mean()\n"
            "+ loss = -log_probabilities[range(len(targets)), targets].mean()",
            where=Where(model=run.models[0].name if len(run.models) == 1 else "", tag=loss.tag),
            value=number(course.last),
            limit="at least 0",
            evidence=_chart(loss),
            source="the definition of cross-entropy: never below 0",
        )
    ]


def _chart(loss: TrainingLoss) -> LineChart:
    series = loss.series
    caption = f"From {number(series.values[0])} to {number(series.last)}."
    return curve(named(loss.tag), caption, {named(loss.tag, 40): series})


RULES = (Rule("loss_sign", "The loss has the right sign", "fact", loss_sign),)
