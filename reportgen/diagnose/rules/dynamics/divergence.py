"""A loss that runs away or swings.

Source: AUTOTRAINER (ICSE 2021) on oscillation; a rise of half beyond the noise of steps as divergence.
"""

from __future__ import annotations

import math
from itertools import pairwise
from statistics import fmean, pstdev

from reportgen.blocks.finding import Finding, Where
from reportgen.blocks.wording import count, named, number
from reportgen.diagnose.reading.curves import curve
from reportgen.diagnose.reading.lacking import NO_LOSS
from reportgen.diagnose.reading.layers import ratios
from reportgen.diagnose.reading.learning_rates import slower
from reportgen.diagnose.reading.losses import is_loss
from reportgen.diagnose.reading.outcome import Outcome, outcome
from reportgen.diagnose.reading.training_loss import TrainingLoss
from reportgen.diagnose.reading.trend import trend, values_of
from reportgen.diagnose.rule import Judgement, NotApplicable, Rule, Unchecked
from reportgen.run.records import Run
from reportgen.run.tags import direction_of, parse_tag

RISE, FROM_LOWEST, SIGMAS = 1.5, 3.0, 3.0
SWING = 0.35
# AUTOTRAINER: an accuracy that moves by 0.03 or more from one evaluation to the next in a fifth of them.
ACCURACY_SWING, SWINGS = 0.03, 0.2
FEWEST_EVALUATIONS = 10
MANY = 40


def divergence(run: Run) -> Judgement:
    """The last tenth of the loss lies more than half above the first, or three times above its lowest level."""
    result = outcome(run)
    loss = result.loss
    if loss is None:
        return NO_LOSS
    course = loss.trend
    infinite = any(math.isinf(value) for value in loss.series.values)
    rise = course.first > 0 and course.last > RISE * course.first and course.sigmas < -SIGMAS
    # It fell, and then ran away: what lies near 0 may do so by chance and stay small.
    climbed = (
        course.lowest > 0
        and course.last > FROM_LOWEST * course.lowest
        and course.last - course.lowest > max(SIGMAS * course.error, 0.25 * abs(course.first))
    )
    if not (rise or climbed or infinite):
        return []
    if not result.bad or result.good:
        grew = f"rose from {number(course.first if rise else course.lowest)} to {number(course.last)}"
        told = grew if rise or climbed else "was infinite at some steps"
        return NotApplicable(f"{named(loss.tag, 40)} {told}, {result.ended}.")
    low = min(range(len(course.levels)), key=course.levels.__getitem__)
    values = loss.series.values
    at = min(low * len(values) // max(len(course.levels), 1), len(values) - 1)
    step, since = loss.series.steps[at], loss.series.optimizer_steps[at] or loss.series.steps[at]
    return [
        Finding(
            id="divergence",
            tier="statistics",
            severity="warning",
            title=f"{named(loss.tag, 40)} runs away: from {number(course.first)} to {number(course.last)}",
            why=f"Its lowest level is {number(course.lowest)}, around step {count(step)}; from there it rises to "
            f"{number(course.last)}. Steps that overshoot make the next ones longer.",
            fix="Divide the learning rate by 3 to 10, clip gradients, and check the sign of the loss and the schedule.",
            code=slower(run),
            where=Where(tag=loss.tag, step=step),
            value=number(course.last),
            limit=number(RISE * course.first if rise else FROM_LOWEST * course.lowest),
            evidence=curve(
                named(loss.tag), "The training loss.", {named(loss.tag, 40): loss.series}, log_y=course.lowest > 0
            ),
            source="new: the mean of the last tenth above 1.5 times that of the first, by 3 standard errors",
            since=since,
        )
    ]


def oscillation(run: Run) -> Judgement:
    """The loss swings by more than 0.35 of its mean without falling, and evaluations or weights swing with it."""
    result = outcome(run)
    loss = result.loss
    if loss is None:
        return NO_LOSS
    values = [value for value in values_of(loss.series) if math.isfinite(value)]
    late = values[len(values) // 3 :]
    course = trend(late, MANY)
    if course is None:
        return Unchecked(f"{count(len(values))} values of {named(loss.tag, 40)} are known; {3 * MANY // 2} are needed.")
    mean = fmean(late)
    swing = _around(late) / mean if mean > 0 else 0.0
    falls = course.slope < -2 * course.slope_error
    if swing <= SWING or falls:
        return []
    if not result.untrained or not _corroborated(run):
        told = f"{named(loss.tag, 40)} swings by {number(swing * 100)} % of its mean"
        but = "but nothing else swings with it" if result.untrained else f"{result.ended} in training"
        return NotApplicable(f"{told}, {but}.")
    return [_oscillates(run, loss, result, swing)]


def _around(values: list[float]) -> float:
    """Standard deviation around the straight line through `values`."""
    size = len(values)
    centre, mean = (size - 1) / 2, fmean(values)
    spread = sum((k - centre) ** 2 for k in range(size))
    slope = sum((k - centre) * (value - mean) for k, value in enumerate(values)) / spread
    return pstdev([value - mean - slope * (k - centre) for k, value in enumerate(values)])


def _corroborated(run: Run) -> bool:
    """Whether what is no batch swings, too: a score of val, its loss, or the weights themselves."""
    for tag, series in run.scalars.items():
        parsed = parse_tag(tag)
        known = [value for value in series.values if math.isfinite(value)]
        if parsed.split not in ("val", "test") or len(known) < FEWEST_EVALUATIONS:
            continue
        moves = [abs(after - before) for before, after in pairwise(known)]
        size = fmean(abs(value) for value in known)
        limit = SWING / 2 * size if is_loss(parsed.metric) else ACCURACY_SWING
        if (is_loss(parsed.metric) or direction_of(parsed.metric) == "higher") and (
            sum(move >= limit for move in moves) >= SWINGS * len(moves)
        ):
            return True
    found = list(ratios(run).values())
    return len(found) >= 20 and sorted(found)[len(found) // 2] > 3e-2


def _oscillates(run: Run, loss: TrainingLoss, result: Outcome, swing: float) -> Finding:
    return Finding(
        id="oscillation",
        tier="statistics",
        severity="warning",
        title=f"{named(loss.tag, 40)} swings by {number(swing * 100)} % of its mean and does not come down",
        why="In the last two thirds of the run it varies that much around its trend, which does not fall, and what is "
        f"measured apart from single batches swings as well. {result.why}",
        fix="Divide the learning rate by 3, lower the momentum, or take larger batches.",
        code=slower(run),
        where=Where(tag=loss.tag),
        value=f"deviation / mean {number(swing)}",
        limit=number(SWING),
        evidence=curve(named(loss.tag), "The training loss.", {named(loss.tag, 40): loss.series}),
        source="AUTOTRAINER (ICSE 2021): oscillating loss",
    )


RULES = (
    Rule("divergence", "The training loss does not run away", "statistics", divergence, course=True),
    Rule("oscillation", "The training loss does not swing", "statistics", oscillation, course=True),
)
