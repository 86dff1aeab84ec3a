"""Targets of a regression on a scale that a fresh model cannot reach.

A model's first outputs are about 0, give or take 1. Source of the limits: none published; healthy regressions
standardise their targets, and 50 is far beyond.
"""

from __future__ import annotations

from dataclasses import dataclass

from reportgen.blocks.finding import Finding, Where
from reportgen.blocks.table import Column, Table
from reportgen.blocks.wording import number
from reportgen.diagnose.reading.criteria import DISTANCES, NO_DISTANCE
from reportgen.diagnose.reading.outcome import outcome
from reportgen.diagnose.reading.splits import NO_TARGETS, place, rows_of
from reportgen.diagnose.rule import Judgement, NotApplicable, Rule
from reportgen.run.records import Run

LARGEST, LEAST, OFFSET = 50.0, 0.02, 10.0
# Further than so many deviations from a mean near 0 (normal numbers: 4 of 20,000) a few targets make the deviation.
OUTLYING = 12.0
FEWEST_POINTS = 30
OUTLIERS = (
    "A few targets lie far from all others and make most of this deviation: their errors dwarf those of the rest."
)
SOURCE = "a fresh model's outputs are of about mean 0 and deviation 1 (LeCun et al., Efficient BackProp, section 4.3)"


@dataclass(frozen=True, slots=True)
class _Targets:
    """Where targets were seen, and their mean, deviation and range."""

    where: str
    mean: float
    deviation: float
    least: float
    greatest: float

    @property
    def outlying(self) -> bool:
        """Whether a few targets far from all others make the deviation, and not the scale of most of them."""
        far = max(self.greatest - self.mean, self.mean - self.least)
        return far > OUTLYING * self.deviation and abs(self.mean) < self.deviation / 2


def target_not_normalized(run: Run) -> Judgement:
    """A regression's targets have a deviation above 50 or below 0.02, or a mean of 10 deviations."""
    kinds = {use.kind for use in run.evidence.losses if use.kind}
    # Likelihoods of counts and the like take targets as they are.
    if kinds and not kinds & {*DISTANCES}:
        return NO_DISTANCE
    found = _from_loss(run) or (None if _rescaled(run) else _from_data(run) or _from_predictions(run))
    if found is None:
        split = rows_of(run, "train")
        if _rescaled(run):
            return NotApplicable("Predictions are on another scale than the model's outputs.")
        known = (split is not None and split.targets == "classes") or _classifies(run)
        return NotApplicable("Targets are no numbers.") if known else NO_TARGETS
    if found.deviation <= 0:
        return NotApplicable("Targets are all the same.")
    offset = abs(found.mean) / found.deviation
    wide, narrow = found.deviation > LARGEST, found.deviation < LEAST
    if not (wide or narrow or offset > OFFSET):
        return []
    bad = outcome(run)
    # Far from 0 by their own deviation, and yet within reach of a fresh model.
    if not (wide or narrow) and abs(found.mean) < OFFSET / 2:
        return []
    if wide or narrow:
        value, limit = f"deviation {number(found.deviation)}", f"{number(LEAST)} to {number(LARGEST)}"
    else:
        value, limit = f"mean of {number(offset)} deviations", number(OFFSET)
    return [
        Finding(
            id="target_not_normalized",
            tier="statistics",
            severity="warning" if bad.bad and not found.outlying else "info",
            title=f"Targets have mean {number(found.mean)} and standard deviation {number(found.deviation)}, "
            "and are not standardised",
            why=(OUTLIERS if found.outlying else _why(wide, narrow)) + (f" {bad.why}" if bad.bad else ""),
            fix="Look at the targets that lie far out: another unit, a missing value written as a number?"
            if found.outlying
            else "Train on (target - mean) / deviation, and undo it where predictions are used.",
            code=f"- loss = criterion(model(x), y)\n"
            f"+ loss = criterion(model(x), (y - {_plain(found.mean)}) / {_plain(found.deviation)})",
            where=Where(tag=found.where),
            value=value,
            limit=limit,
            evidence=_table(run, found),
            source=SOURCE,
        )
    ]


def _why(wide: bool, narrow: bool) -> str:
    if narrow:
        return "Errors are so small that their squares hardly give a gradient; a fresh model is off by many deviations."
    if wide:
        return (
            "A fresh model's outputs are near 0, so it first has to grow its last layer until it reaches the targets: "
            "at a usual learning rate that takes most of the steps, or its gradients are so large that training breaks."
        )
    return "A fresh model's outputs are near 0, so training first moves its output to the mean, and only then learns."


def _plain(value: float) -> str:
    return f"{value:.4g}"


def _from_loss(run: Run) -> _Targets | None:
    for use in run.evidence.losses:
        facts = use.target
        if use.kind in DISTANCES and facts is not None and facts.deviation is not None and facts.mean is not None:
            return _Targets(
                "targets of the loss", facts.mean, facts.deviation, facts.minimum or 0.0, facts.maximum or 0.0
            )
    return None


def _rescaled(run: Run) -> bool:
    """Whether predictions were brought to another scale than the model's outputs: targets may be, too."""
    outputs = [facts for use in run.evidence.models for facts in use.outputs[:1] if facts.maximum is not None]
    points = [point for one in run.predictions if one.task == "regression" for point in one.points]
    if not outputs or not points:
        return False
    reach = max(max(abs(facts.minimum or 0.0), abs(facts.maximum or 0.0)) for facts in outputs)
    # Outputs are looked at early in a run; they may have grown since.
    return max(abs(said) for _, said in points) > 100 * max(reach, 1e-12)


def _from_data(run: Run) -> _Targets | None:
    for split in run.evidence.splits("train"):
        if split.rows and split.targets == "numbers" and split.target is not None:
            facts = split.target
            return _Targets(place(split), facts.mean, facts.deviation, facts.minimum, facts.maximum)
    return None


def _from_predictions(run: Run) -> _Targets | None:
    sets = [one for one in run.predictions if one.task == "regression" and len(one.points) >= FEWEST_POINTS]
    if not sets or not any(use.outputs for use in run.evidence.models):
        return None
    truths = [truth for truth, _ in sets[-1].points]
    mean = sum(truths) / len(truths)
    deviation = (sum((truth - mean) ** 2 for truth in truths) / len(truths)) ** 0.5
    return _Targets(f"{sets[-1].split} predictions", mean, deviation, min(truths), max(truths))


def _classifies(run: Run) -> bool:
    return any(one.task != "regression" for one in run.predictions)


def _table(run: Run, found: _Targets) -> Table:
    rows: list[tuple[str, float, float, float]] = [("targets", found.deviation, found.least, found.greatest)]
    rows += [
        (f"outputs of {use.model}", facts.deviation, facts.minimum, facts.maximum)
        for use in run.evidence.models
        for facts in use.outputs[:1]
        if facts.deviation is not None and facts.minimum is not None and facts.maximum is not None
    ]
    return Table(
        columns=(
            Column("numbers"),
            Column("deviation", "number"),
            Column("least", "number"),
            Column("greatest", "number"),
        ),
        rows=tuple(rows[:4]),
        caption="The targets, and what the model gave over the steps looked at.",
    )


RULES = (
    Rule(
        "target_not_normalized",
        "Regression targets are on a scale that a model reaches",
        "statistics",
        target_not_normalized,
        needs='report.data("train", train_set)',
        worst="warning",
        checks="Targets deviate by more than 50 or less than 0.02, or have a mean of 10 deviations, and the run came "
        "out badly.",
        source=SOURCE,
    ),
)
