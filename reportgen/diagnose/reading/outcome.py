"""Did the run learn? What was said of a split that was held out, else a logged metric, else the training loss.

A rule of statistics speaks only where something came out badly. Sources: AUTOTRAINER's gate on accuracy (ICSE 2021);
Karpathy's recipe (an input-independent baseline).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from reportgen.blocks.wording import number, percent
from reportgen.diagnose.reading.accuracy import ACCURACY, shares
from reportgen.diagnose.reading.confusion import confusion_of
from reportgen.diagnose.reading.training_loss import TrainingLoss, class_count, training_loss
from reportgen.diagnose.reading.trend import trend, values_of
from reportgen.run.predictions import PredictionSet
from reportgen.run.records import Run
from reportgen.run.series import Series
from reportgen.run.tags import WORDS, direction_of, parse_tag

# Half of the way from the baseline to the best there is.
HALF = 0.5
MEDIOCRE = 0.8
# Fewer samples than these say little.
FEWEST_SAMPLES = 20
# From this share of one class on, accuracy says little, and the mean of the classes' recalls is looked at as well.
IMBALANCED = 0.7
AREA = frozenset({"auc", "auroc"})
SCORES = ACCURACY | AREA | {"r2"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run came out.

    learned: better than the baseline beyond chance; None when that cannot be told. good: at least half of the way from
    the baseline to the best there is (a loss: down by more than half); None when that cannot be told.
    quantity: what was judged ("accuracy", "mean recall", "R2", "loss", ...), "" when nothing could be; last, best:
    its last and its best value; baseline: what needs no learning. why: a sentence. tag: where it was logged.
    loss: the training loss, None when it is not known which it is.
    """

    learned: bool | None = None
    good: bool | None = None
    quantity: str = ""
    last: float | None = None
    best: float | None = None
    baseline: float | None = None
    why: str = "No predictions, no metric and no training loss were recorded."
    tag: str = ""
    loss: TrainingLoss | None = None

    @property
    def bad(self) -> bool:
        """Whether the run is known to have learned nothing or little."""
        return self.learned is False or self.good is False

    @property
    def fine(self) -> bool:
        """Whether the run is known to have learned, and not to have come out badly: what it needs no advice for."""
        return self.learned is True and not self.bad

    @property
    def ended(self) -> str:
        """How a run ended that a rule spares, as the end of a sentence."""
        return "but the run ended well" if self.fine else "but the run is not known to have ended badly"

    @property
    def untrained(self) -> bool:
        """Whether it came out badly in training already, not only on rows that were held out."""
        return self.bad and not (self.loss is not None and self.loss.good)

    @property
    def share(self) -> float | None:
        """How much of the way from the baseline to the best there is was gone: 0 to 1; None of a loss."""
        if self.quantity == "loss" or self.last is None or self.baseline is None:
            return None
        return (self.last - self.baseline) / (1 - self.baseline)

    @property
    def mediocre(self) -> bool:
        """Whether it is bad, or less good than most runs become: for what a second measure bears out.

        Less than 0.8 of that way was gone, or training ended with a loss above its baseline.
        """
        if self.bad or (self.loss is not None and self.loss.above_baseline):
            return True
        return self.share is not None and self.share < MEDIOCRE


@dataclass(slots=True)
class _Once:
    run: Run
    outcome: Outcome | None = None


_once: ContextVar[_Once | None] = ContextVar("run whose outcome is worked out once", default=None)


@contextmanager
def outcome_once(run: Run) -> Iterator[None]:
    """In the block the outcome of this very `run` is worked out once, however many rules ask; then it is forgotten."""
    token = _once.set(_Once(run))
    try:
        yield
    finally:
        _once.reset(token)


def outcome(run: Run) -> Outcome:
    """How `run` came out, by the first that can tell: predictions, logged metrics, the training loss."""
    once = _once.get()
    if once is None or once.run is not run:
        return _outcome(run)
    if once.outcome is None:
        once.outcome = _outcome(run)
    return once.outcome


def _outcome(run: Run) -> Outcome:
    loss = training_loss(run)
    return _predicted(run, loss) or _logged(run, loss) or _lost(run, loss) or Outcome(loss=loss)


def half_of(run: Run) -> float:
    """The optimizer step at half of the run: what was judged before says nothing of its end."""
    return max((series.optimizer_steps[-1] for series in run.scalars.values() if len(series)), default=0) / 2


def _chosen(run: Run) -> list[PredictionSet]:
    """All sets of the split to judge by, oldest first."""
    able = [one for one in run.predictions if one.samples >= FEWEST_SAMPLES and _scored(one) is not None]
    if able and max(one.stamp.optimizer_step for one in able) < half_of(run):
        return []
    for split in ("val", "test", None):
        sets = [one for one in able if split is None or one.split == split]
        if sets:
            last = max(sets, key=lambda one: (one.stamp.optimizer_step, one.stamp.step))
            return sorted(
                (one for one in sets if one.split == last.split and one.task == last.task),
                key=lambda one: (one.stamp.optimizer_step, one.stamp.step),
            )
    return []


@dataclass(frozen=True, slots=True)
class _Scored:
    quantity: str
    value: float
    baseline: float
    error: float

    @property
    def learned(self) -> bool:
        return self.value > self.baseline + 2 * self.error

    @property
    def good(self) -> bool:
        return self.value >= self.baseline + HALF * (1 - self.baseline)


def _predicted(run: Run, loss: TrainingLoss | None) -> Outcome | None:
    sets = _chosen(run)
    if not sets:
        return None
    scored = [one for each in sets if (one := _scored(each)) is not None]
    last = scored[-1]
    name = "R²" if last.quantity == "R2" else last.quantity
    said = number if last.quantity == "R2" else percent
    return Outcome(
        learned=last.learned,
        good=last.good,
        quantity=last.quantity,
        last=last.value,
        best=max(one.value for one in scored if one.quantity == last.quantity),
        baseline=last.baseline,
        why=f"{sets[-1].split} {name} ended at {said(last.value)}, where {said(last.baseline)} needs no learning.",
        tag=f"{sets[-1].split} predictions",
        loss=loss,
    )


def well_predicted(one: PredictionSet) -> bool | None:
    """Whether a set of predictions is at least half of the way from the baseline; None when that cannot be told."""
    scored = _scored(one)
    return scored.good if scored is not None and one.samples >= FEWEST_SAMPLES else None


def _scored(one: PredictionSet) -> _Scored | None:
    if one.task == "regression":
        value = one.metrics.get("r2", math.nan)
        # Where nothing was learned R2 lies below 0, and by chance seldom above 1 / sqrt(samples).
        return _Scored("R2", value, 0.0, 0.5 / math.sqrt(one.samples)) if math.isfinite(value) else None
    if one.task == "multilabel" and one.scores:
        return _multilabel(one)
    if one.task in ("classification", "binary", "segmentation") and one.confusion:
        return _classified(one)
    return None


def _classified(one: PredictionSet) -> _Scored | None:
    confusion = confusion_of(one)
    truths, total, there = confusion.truths, confusion.total, confusion.there
    if len(there) < 2:
        return None
    share, accuracy = confusion.most / total, confusion.right / total
    # Pixels of one picture are not independent: of these the pictures count.
    by_accuracy = _Scored("accuracy", accuracy, share, math.sqrt(share * (1 - share) / min(total, one.samples)))
    if share < IMBALANCED:
        return by_accuracy
    chance = 1 / len(there)
    error = math.sqrt(sum(chance * (1 - chance) / min(truths[k], one.samples) for k in there)) / len(there)
    by_recall = _Scored("mean recall", confusion.mean_recall, chance, error)
    # Whichever speaks better for it: a threshold may be set for the one or for the other.
    return max(by_accuracy, by_recall, key=lambda each: (each.good, each.learned))


def _multilabel(one: PredictionSet) -> _Scored | None:
    wrong = sum(score.support + score.predicted - 2 * score.hits for score in one.scores)
    cells = one.samples * len(one.scores)
    base = sum(max(score.support, one.samples - score.support) for score in one.scores) / cells
    if base >= 1:
        return None
    return _Scored("label accuracy", 1 - wrong / cells, base, math.sqrt(base * (1 - base) / cells))


def _logged(run: Run, loss: TrainingLoss | None) -> Outcome | None:
    """By an accuracy or R2 of val, else test, else no split that was named, else train."""
    half = half_of(run)
    scores = [
        (tag, parsed, series)
        for tag, series in run.scalars.items()
        if len(series) and SCORES.intersection(WORDS.findall((parsed := parse_tag(tag)).metric.lower()))
        if series.optimizer_steps[-1] >= half
    ]
    for split in ("val", "test", "", "train"):
        known = [
            judged
            for tag, parsed, series in scores
            if parsed.split == split and (judged := _metric(run, tag, parsed.metric, series, loss)) is not None
        ]
        if known:  # of several the one that speaks best for it: an accuracy says little of rare classes
            return max(known, key=lambda each: (each.good is True, each.learned is True))
    return None


def _metric(run: Run, tag: str, metric: str, series: Series, loss: TrainingLoss | None) -> Outcome | None:
    words = frozenset(WORDS.findall(metric.lower()))
    values = [value for value in values_of(series) if math.isfinite(value)]
    if not values:
        return None
    if words & ACCURACY and "top5" not in words:
        values = shares(values)
        if not all(0 <= value <= 1 for value in values):
            return None
        baseline, samples = _chance(run, parse_tag(tag).split)
        quantity = "accuracy"
    elif "r2" in words and all(value <= 1 for value in values):
        baseline, samples, quantity = 0.0, 0, "R2"
    elif words & AREA and all(0 <= value <= 1 for value in values):
        baseline, samples, quantity = 0.5, 0, "AUC"
    else:
        return None
    # Batches are noisy: the level of the end, not its last point.
    course = trend(values)
    last = course.last if course is not None and course.count >= 20 else values[-1]
    if baseline is None:
        # Chance is not known: above three quarters it is good of all but a rare class.
        if last < 0.75:
            return None
        return Outcome(True, True, quantity, last, max(values), None, f"{tag} ended at {number(last)}.", tag, loss)
    error = math.sqrt(baseline * (1 - baseline) / (samples or 100))
    scored = _Scored(quantity, last, baseline, error)
    return Outcome(
        learned=scored.learned,
        good=scored.good if baseline < IMBALANCED or scored.good else None,
        quantity=quantity,
        last=last,
        best=max(values),
        baseline=baseline,
        why=f"{tag} ended at {number(last)}, where {number(baseline)} needs no learning.",
        tag=tag,
        loss=loss,
    )


def _chance(run: Run, split: str) -> tuple[float | None, int]:
    """The share of the most frequent class and the samples it is known from (0: not known), of the split if known."""
    for name in dict.fromkeys((split or "val", "val", "train")):
        for data in run.evidence.splits(name):
            share = _most(data.class_counts)
            if share is not None:
                return share, sum(data.class_counts.values()) if name == split else 0
    for use in run.evidence.losses:
        share = _most({str(k): count for k, count in enumerate(use.class_counts)})
        if share is not None and sum(use.class_counts) >= 100:
            return share, 0
    classes = class_count(run)
    return (1 / classes if classes else None), 0


def _most(counts: Mapping[str, int]) -> float | None:
    total = sum(counts.values())
    return max(counts.values()) / total if total and sum(1 for amount in counts.values() if amount) > 1 else None


def _improved(run: Run) -> bool:
    """Whether any number of val or test became better beyond its noise."""
    for tag, series in run.scalars.items():
        parsed = parse_tag(tag)
        course = trend(values_of(series), 5) if parsed.split in ("val", "test") else None
        way = direction_of(parsed.metric, run.meta.direction)
        if course is not None and way:
            better = course.share if way == "lower" else -course.share
            if better > 0.03 and abs(course.sigmas) > 2:
                return True
    return False


def _lost(run: Run, loss: TrainingLoss | None) -> Outcome | None:
    if loss is None:
        return None
    course = loss.trend
    # Begun from a trained model, there is little left to fall: what lies far below the baseline was learned before.
    known = loss.baseline is not None and loss.good
    # Down by less than a fifth and not below the baseline: outputs became calmer, not better.
    learned = loss.below_baseline or (loss.falls and not (loss.above_baseline and course.share < 0.2)) or _improved(run)
    return Outcome(
        learned=learned,
        good=loss.good or known or (None if learned else False),
        quantity="loss",
        last=course.last,
        best=course.lowest,
        baseline=loss.baseline,
        why=f"{loss.tag} went from {number(course.first)} to {number(course.last)}.",
        tag=loss.tag,
        loss=loss,
    )
