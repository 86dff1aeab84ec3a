"""Training rows against rows that were held out.

Sources: AUTOTRAINER (ICSE 2021): accuracies more than 0.1 apart, 0.07 where training is above 0.9; SageMaker Debugger's
Overfit, with the level of the loss instead of single values; UMLAUT for a validation that is better.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import median

from reportgen.blocks.finding import Finding, Where
from reportgen.blocks.wording import count, counted, named, number, percent
from reportgen.diagnose.reading.accuracy import ACCURACY, shares
from reportgen.diagnose.reading.curves import curve
from reportgen.diagnose.reading.lacking import NO_MODEL
from reportgen.diagnose.reading.losses import is_loss
from reportgen.diagnose.reading.outcome import outcome
from reportgen.diagnose.reading.trend import trend, values_of
from reportgen.diagnose.rule import Judgement, NotApplicable, Rule, Unchecked, found
from reportgen.run.records import Run
from reportgen.run.series import Series
from reportgen.run.tags import WORDS, parse_tag

RISE, FOR = 1.15, 3
GAP, HIGH_GAP, HIGH = 0.1, 0.07, 0.9
BETTER = 0.15
BETTER_LOSS = 0.7
FEWEST_EVALUATIONS = 4
NUMBERS_A_ROW = 10
RANDOM_LAYERS = ("Dropout", "AlphaDropout", "DropPath", "StochasticDepth")
NO_PAIR = Unchecked(
    'Not both of training and validation were logged: call report.log({"train/loss": loss, "val/loss": val_loss}).'
)


@dataclass(frozen=True, slots=True)
class Pair:
    """A metric of both splits."""

    train: str
    val: str
    metric: str


def pairs(run: Run) -> list[Pair]:
    """Metrics logged of train (or of no split) and of val (else test)."""
    by: dict[tuple[str, str], str] = {}
    for tag in run.scalars:
        parsed = parse_tag(tag)
        by.setdefault((parsed.split, parsed.metric.lower()), tag)
    found = []
    for (split, metric), tag in by.items():
        if split not in ("train", ""):
            continue
        if split == "" and ("train", metric) in by:
            continue
        other = by.get(("val", metric)) or by.get(("test", metric))
        if other is not None:
            found.append(Pair(tag, other, metric))
    return found


def _known(series: Series) -> list[float]:
    return [value for value in values_of(series) if math.isfinite(value)]


def _level(series: Series) -> float:
    """The level of the end: a single number where each is an evaluation, a median where each is a batch."""
    values = _known(series)
    return values[-1] if len(values) < 20 else median(values[-max(len(values) // 10, 3) :])


def _accuracies(run: Run) -> tuple[float, float, Pair | None] | None:
    """Accuracy of training and validation at the end, as logged, else of recorded predictions."""
    for pair in pairs(run):
        if frozenset(WORDS.findall(pair.metric)) & ACCURACY:
            train, val = run.scalars[pair.train], run.scalars[pair.val]
            if _known(train) and _known(val):
                ends = _level(train), _level(val)
                first, second = shares(ends)
                return first, second, pair
    last = {one.split: one.metrics["accuracy"] for one in run.predictions if "accuracy" in one.metrics}
    held_out = last.get("val", last.get("test"))
    return (last["train"], held_out, None) if "train" in last and held_out is not None else None


def overfitting(run: Run) -> Judgement:
    """The validation loss rose while that of training fell, or accuracies lie apart, and validation came out worse."""
    both = pairs(run)
    accuracies = _accuracies(run)
    if accuracies is None and not any(is_loss(pair.metric) for pair in both):
        return NO_PAIR
    result = outcome(run)
    if result.loss is not None and not result.loss.falls:
        return NotApplicable("The training loss did not fall, so nothing was learned by heart.")
    rising = next((one for pair in both if is_loss(pair.metric) and (one := _rising(run, pair)) is not None), None)
    gap = None
    if accuracies is not None:
        train, val, _ = accuracies
        gap = train - val if train - val > (HIGH_GAP if train > HIGH else GAP) else None
    # At chance on other rows: that is more than rows learned by heart, and worse_than_baseline says so.
    chance = result.learned is False and result.quantity == "accuracy"
    if rising is None and gap is None:
        return []
    severe = (result.mediocre if gap is None else not _fine(gap, result.share)) and not chance
    if rising is None and not severe and not result.mediocre:
        return []
    return [_overfit(run, rising, accuracies if gap is not None else None, severe)]


def _fine(gap: float, share: float | None) -> bool:
    """Whether the model generalises well all the same: most of the way was gone on rows it has not seen."""
    return share is not None and share >= 0.8 and gap < 2 * GAP


@dataclass(frozen=True, slots=True)
class Rising:
    """A validation loss that rises: its lowest value, the step of that, and its level at the end."""

    pair: Pair
    lowest: float
    step: int
    since: int
    last: float


def _rising(run: Run, pair: Pair) -> Rising | None:
    val, train = run.scalars[pair.val], run.scalars[pair.train]
    places = val.finite
    course = trend([val.values[k] for k in places], FEWEST_EVALUATIONS)
    fitted = trend(_known(train), FEWEST_EVALUATIONS)
    if course is None or fitted is None or len(places) < FEWEST_EVALUATIONS:
        return None
    at = min(places, key=lambda k: val.values[k])
    lowest = val.values[at]
    end = [val.values[k] for k in places[-FOR:]]
    last = median(end)
    # Where the loss is below zero a share of it says nothing.
    if lowest <= 0 or min(end) <= RISE * lowest or places.index(at) > len(places) - 1 - FOR:
        return None
    if last - lowest < 3 * course.noise or fitted.share < 0.1 or fitted.sigmas < 2 or last <= _level(train):
        return None
    return Rising(pair, lowest, val.steps[at], val.optimizer_steps[at] or val.steps[at], last)


def _overfit(
    run: Run, rising: Rising | None, accuracies: tuple[float, float, Pair | None] | None, severe: bool
) -> Finding:
    said, title, tag, lines = [], "", "", {}
    value = limit = ""
    if accuracies is not None:
        train, val, pair = accuracies
        title = (
            f"The model knows its training rows by heart: accuracy {percent(train)} on them, {percent(val)} on others"
        )
        said.append(f"Accuracies lie {number(train - val)} apart.")
        value, limit = number(train - val), number(HIGH_GAP if train > HIGH else GAP)
        if pair is not None:
            tag = pair.val
            lines = {named(pair.train, 40): run.scalars[pair.train], named(pair.val, 40): run.scalars[pair.val]}
    if rising is not None:
        said.append(
            f"{rising.pair.val} was lowest at step {count(rising.step)} ({number(rising.lowest)}) and rose to "
            f"{number(rising.last)} since, while {rising.pair.train} went on falling."
        )
        tag = rising.pair.val
        lines = {
            named(rising.pair.train, 40): run.scalars[rising.pair.train],
            named(tag, 40): run.scalars[tag],
        }
        if not title:
            title = (
                f"{named(tag, 40)} rose from {number(rising.lowest)} to {number(rising.last)} while training went on"
            )
            value, limit = number(rising.last / rising.lowest), f"{number(RISE)} times its lowest"
    return Finding(
        id="overfitting",
        tier="statistics",
        severity="warning" if severe else "info",
        title=title,
        why=" ".join(said) + " What is learned since holds for the training rows only.",
        fix="Stop at the lowest validation loss, and use more data, augmentation, dropout, weight decay or a smaller "
        "model.",
        code="if val_loss < best:\n    best = val_loss; torch.save(model.state_dict(), 'best.pt')"
        if rising is not None
        else "- optimizer = torch.optim.Adam(model.parameters(), lr=lr)\n"
        "+ optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=0.05)",
        where=Where(tag=tag or "val predictions", step=rising.step if rising else None),
        value=value,
        limit=limit,
        evidence=curve("Training and validation", "The same metric of both splits.", lines) if lines else None,
        source="AUTOTRAINER (ICSE 2021): accuracies 0.1 apart; a validation loss 15 % above its lowest for three "
        "evaluations",
        since=rising.since if rising else 0,
    )


def small_dataset(run: Run) -> Judgement:
    """The model has more than ten numbers for each training row, and fits these rows better than others."""
    rows = next((split.total or split.rows for split in run.evidence.splits("train")), None) or next(
        (use.rows for use in run.evidence.loaders if use.split == "train" and use.rows), None
    )
    if not rows:
        return Unchecked('The number of training rows is not known: call report.data("train", train_set).')
    if not run.models:
        return NO_MODEL
    size = sum(p.numel for model in run.models for p in model.parameters if p.trainable and not p.tied_to)
    if size <= NUMBERS_A_ROW * rows:
        return []
    apart = overfitting(run)
    if not found(apart):
        return apart
    return [
        Finding(
            id="small_dataset",
            tier="statistics",
            severity="info",
            title=f"{count(size)} numbers are trained on {counted(rows, 'row')}",
            why=f"That is {number(size / rows)} for each row, and the model does better on these rows than on others.",
            fix="Get more rows, augment them, begin from a trained model, or take a smaller one.",
            where=Where(tag="train"),
            value=number(size / rows),
            limit=number(NUMBERS_A_ROW),
            source="new: ten numbers a row, and a gap to validation",
        )
    ]


def val_better_than_train(run: Run) -> Judgement:
    """Validation is clearly better than training, without dropout that would explain it."""
    accuracies = _accuracies(run)
    losses = [pair for pair in pairs(run) if is_loss(pair.metric)]
    if accuracies is None and not losses:
        return NO_PAIR
    if any(kind.startswith(RANDOM_LAYERS) for model in run.models for kind in model.modules.values()):
        return NotApplicable("Dropout makes training rows harder than others.")
    better = accuracies is not None and accuracies[1] - accuracies[0] > BETTER
    pair = accuracies[2] if accuracies is not None else None
    said = ""
    if better and accuracies is not None:
        said = f"accuracy {percent(accuracies[1])} against {percent(accuracies[0])}"
    elif accuracies is None:
        for each in losses:
            train, val = run.scalars[each.train], run.scalars[each.val]
            # A mean over an epoch lags behind; only a level that both had for long counts.
            if len(_known(val)) < FEWEST_EVALUATIONS or len(_known(train)) < FEWEST_EVALUATIONS:
                continue
            late = median(_known(train)[-max(len(_known(train)) // 4, 2) :])
            if 0 < max(_known(val)[-2:]) < BETTER_LOSS * late and late > 0.1 * _known(train)[0] > 0:
                better, pair = True, each
                said = f"{named(each.val, 40)} {number(_level(val))} against {number(late)}"
                break
    if not better:
        return []
    return [
        Finding(
            id="val_better_than_train",
            tier="statistics",
            severity="info",
            title=f"Validation is better than training: {said}",
            why="Without dropout or augmentation training rows are the easier ones. The validation rows may be easier, "
            "known to training, or treated otherwise.",
            fix="Compare how both splits are made and prepared. With augmentation this is as it should be.",
            where=Where(tag=pair.val if pair else "val predictions"),
            value=said,
            limit=number(BETTER) if accuracies is not None else f"{number(BETTER_LOSS)} of the training loss",
            source="UMLAUT (CHI 2021), from 0.05 raised to 0.15",
        )
    ]


RULES = (
    Rule("overfitting", "What is learned holds for validation too", "statistics", overfitting, course=True),
    Rule("small_dataset", "There are enough rows for the model", "statistics", small_dataset, course=True),
    Rule(
        "val_better_than_train",
        "Validation is not better than training",
        "statistics",
        val_better_than_train,
        course=True,
    ),
)
