"""The training loss of a run: which series it is, and what it would be without having learned."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from statistics import fmean, median

from reportgen.diagnose.reading.losses import is_loss
from reportgen.diagnose.reading.trend import PARTS, Trend, trend, values_of
from reportgen.run.evidence import LossUse
from reportgen.run.records import Run
from reportgen.run.series import Series
from reportgen.run.tags import parse_tag

# Plain names of what is minimised, before names of parts of it ("loss/policy").
_WHOLE = re.compile(
    r"^(total|overall|sum|full)?[/_. -]?(loss|mse|nll|ce|bce|cross.?entropy)$|^loss[/_. -](total|overall|sum|all)$",
    re.I,
)
# Names of what is only a part, or a penalty.
_PART = re.compile(r"(^|[/_. -])(reg|regulari[sz]\w*|aux\w*|penalty|l1|l2|kl|kld|commit\w*|decay)($|[/_. -])", re.I)
# Where these are logged the loss is no measure of progress: targets of reinforcement learning move with the policy.
_REWARD = re.compile(
    r"(^|[/_. -])(rewards?|returns?|episodes?|rollout|ep_rew|q_?values?|policy|actor|critic|advantages?|td_?error"
    r"|epsilon|win_?rate|elo)($|[/_. -])|^env/|^score$",
    re.I,
)
FEWEST = 10
# A loss that ends within this share of its baseline is at it: batches differ from the whole.
NEARLY, CLEARLY, ROUGHLY = 0.98, 0.95, 0.7
# Beyond so many times the level a single value does not count.
FAR = 20.0


@dataclass(frozen=True, slots=True)
class TrainingLoss:
    """tag, series, trend: of the loss. use: how it was computed, None when unknown.

    baseline: what a model gets that always says the same: log C of cross-entropy, the targets' variance of a mean
    squared error; None when unknown. rough: it is that of another split's targets.
    """

    tag: str
    series: Series
    trend: Trend
    use: LossUse | None = None
    baseline: float | None = None
    rough: bool = False

    @property
    def start(self) -> float:
        """What it would be without having learned: the baseline, else where it began."""
        if self.baseline is not None:
            return self.baseline
        first = [value for value in self.series.values if math.isfinite(value)][:3]
        return max(self.trend.first, median(first))

    @property
    def ended(self) -> float:
        """Its mean in the last tenth, as a baseline is one, without values far from the others."""
        values = [value for value in values_of(self.series) if math.isfinite(value)]
        values = values[-max(len(values) // PARTS, 1) :]
        usual = [value for value in values if abs(value) <= FAR * abs(self.trend.last)]
        return fmean(usual) if usual else self.trend.last

    @property
    def falls(self) -> bool:
        """Whether it fell: by at least 2 standard errors or 3 % of where it began."""
        return not (self.trend.sigmas < 2 and self.trend.share < 0.03)

    @property
    def surely_falls(self) -> bool:
        """Whether it fell beyond its noise, or before the first tenth was over."""
        return self.trend.sigmas >= 2 or self.below_baseline

    @property
    def above_baseline(self) -> bool:
        """Whether it is known to have ended no lower than a model that always says the same."""
        return self.baseline is not None and self.ended >= NEARLY * self.baseline

    @property
    def below_baseline(self) -> bool:
        """Whether it is known to have ended clearly lower than that."""
        return self.baseline is not None and self.ended < (ROUGHLY if self.rough else CLEARLY) * self.baseline

    @property
    def good(self) -> bool:
        """Whether it ended below half of what it would be without having learned."""
        if self.start <= 0:
            return self.trend.share > 0.5
        return (self.trend.last if self.baseline is None else self.ended) < 0.5 * self.start


def training_loss(run: Run) -> TrainingLoss | None:
    """The loss that training minimises, None when none was logged, or several of which none is the whole."""
    if any(_REWARD.search(tag) for tag in run.scalars):
        return None
    found: dict[str, Series] = {}
    for tag, series in run.scalars.items():
        parsed = parse_tag(tag)
        own = parsed.split in ("train", "") and is_loss(parsed.metric) and not _PART.search(parsed.metric)
        if own and len(series) >= FEWEST:
            found[tag] = series
    if any(parse_tag(tag).split == "train" for tag in found):
        found = {tag: series for tag, series in found.items() if parse_tag(tag).split == "train"}
    whole = {tag: series for tag, series in found.items() if _WHOLE.search(parse_tag(tag).metric)}
    chosen = whole or found
    if len({parse_tag(tag).metric.lower() for tag in chosen}) > 1:
        named = {tag: series for tag, series in chosen.items() if "loss" in parse_tag(tag).metric.lower()}
        if len({parse_tag(tag).metric.lower() for tag in named}) != 1 or not whole:
            return None
        chosen = named
    if not chosen:
        return None
    tag = max(chosen, key=lambda one: (len(chosen[one]), one))
    course = trend(values_of(chosen[tag]), FEWEST)
    if course is None:
        return None
    use = _use(run)
    baseline = _baseline(use)
    if baseline is None and use is not None and use.kind == "mse_loss" and use.reduction == "mean":
        return TrainingLoss(tag, chosen[tag], course, use, _variance(run), rough=True)
    return TrainingLoss(tag, chosen[tag], course, use, baseline)


def _use(run: Run) -> LossUse | None:
    """The one way in which a loss was computed; None when there are several."""
    known = [use for use in run.evidence.losses if use.kind]
    kinds = {use.kind for use in known}
    return max(known, key=lambda use: use.looks) if len(kinds) == 1 else None


def class_count(run: Run) -> int | None:
    """How many classes the loss tells apart, None when that is not known."""
    use = _use(run)
    if use is not None and use.classes and use.classes > 1:
        return use.classes
    if any("CrossEntropyLoss" in model.criterion or "NLLLoss" in model.criterion for model in run.models):
        sizes = {len(one.classes) for one in run.predictions if one.task == "classification" and len(one.classes) > 1}
        return sizes.pop() if len(sizes) == 1 else None
    return None


def _baseline(use: LossUse | None) -> float | None:
    if use is None or use.reduction != "mean":
        return None
    if use.kind in ("cross_entropy", "nll_loss") and use.classes and use.classes > 1:
        return _entropy(use.class_counts) if use.class_counts and not use.weighted else math.log(use.classes)
    if use.kind.startswith("binary_cross_entropy") and not use.weighted:
        mean = use.target.mean if use.target is not None else None
        return _binary(mean) if mean is not None and 0.0 <= mean <= 1.0 else math.log(2)
    if use.kind == "mse_loss" and use.target is not None and use.target.deviation:
        return use.target.deviation**2
    return None


def _variance(run: Run) -> float | None:
    """Of the targets that predictions were compared with: R2 is 1 - squared error / variance."""
    for one in reversed(run.predictions):
        r2, rmse = one.metrics.get("r2", math.nan), one.metrics.get("rmse", math.nan)
        if one.task == "regression" and math.isfinite(rmse) and r2 < 1 and rmse > 0:
            return rmse * rmse / (1 - r2)
    return None


def _binary(share: float) -> float | None:
    if not 0.0 < share < 1.0:
        return None
    return -share * math.log(share) - (1 - share) * math.log(1 - share)


def _entropy(counts: tuple[int, ...]) -> float | None:
    total = sum(counts)
    shares = [count / total for count in counts if count] if total else []
    return -sum(share * math.log(share) for share in shares) if len(shares) > 1 else None
