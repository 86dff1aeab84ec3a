"""One quantity in all runs, and the one of them that runs are ranked by."""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from reportgen.diagnose.reading.losses import is_loss
from reportgen.run.overview import Judged
from reportgen.run.records import Run
from reportgen.run.series import Series
from reportgen.sections.curves import Curve, NaturalKey, curve_of, curves_of, natural
from reportgen.sections.outcome import predicted, rank_of

SPLITS = ("val", "test", "", "train")


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric of one split. curves: by the number of the run that logged it, ascending.

    tag: as the first of these runs wrote it. direction: what all of them agree on, else "".
    """

    split: str
    metric: str
    tag: str
    curves: Mapping[int, Curve]
    direction: str
    share: bool

    @property
    def key(self) -> tuple[str, str]:
        """What makes two tags of different runs the same metric."""
        return self.split, self.metric.casefold()

    @property
    def best(self) -> Curve | None:
        """The first curve with the best value of all, None where better is not known."""
        known = [curve for curve in self.curves.values() if curve.best() is not None]
        return min(known, key=self.merit) if known else None

    def merit(self, curve: Curve) -> float:
        """Of two curves the one with the smaller merit reached the better value; infinite without a best value."""
        at = curve.best()
        if at is None:
            return math.inf
        return curve.series.values[at] if self.direction == "lower" else -curve.series.values[at]


def metrics_of(runs: Sequence[Run]) -> list[Metric]:
    """All metrics of `runs`, those worth a chart first: what several runs logged, then losses, then the rest."""
    found: dict[tuple[str, str], dict[int, Curve]] = {}
    for number, run in enumerate(runs):
        for curve in all_curves(run):
            key = curve.split, curve.metric.casefold()
            if number in found.get(key, {}):  # a second spelling of the same is a metric of its own
                curve = replace(curve, split="", metric=curve.tag)
                key = "", curve.tag
            found.setdefault(key, {})[number] = curve
    metrics = [_metric(curves) for curves in found.values()]
    return sorted(metrics, key=lambda metric: _rank(metric, len(runs)))


def _metric(curves: dict[int, Curve]) -> Metric:
    first = next(iter(curves.values()))
    directions = {curve.direction for curve in curves.values()}
    direction = directions.pop() if len(directions) == 1 else ""
    share = all(curve.share for curve in curves.values())
    alike = {
        number: curve
        if (curve.direction, curve.share) == (direction, share)
        else replace(curve, direction=direction, share=share)
        for number, curve in curves.items()
    }
    return Metric(first.split, first.metric, first.tag, alike, direction, share)


def _rank(metric: Metric, runs: int) -> tuple[bool, int, int, NaturalKey, str]:
    alone = runs > 1 and len(metric.curves) < 2
    loss = is_loss(metric.metric)
    kind = int(metric.metric.casefold() != "loss") if loss else 2 if metric.direction else 3
    return alone, kind, SPLITS.index(metric.split), natural(metric.metric), metric.split


def all_curves(run: Run) -> list[Curve]:
    """What was logged; of what was not, the metrics of recorded predictions and those given with hyperparameters."""
    curves = curves_of(run)
    known = {(curve.split, curve.metric.casefold()) for curve in curves}
    for curve in (*predicted(run), *_given(run)):
        key = curve.split, curve.metric.casefold()
        if key not in known:
            known.add(key)
            curves.append(curve)
    return curves


def _given(run: Run) -> list[Curve]:
    """The metrics given with hyperparameters, each a single point; the last of several wins."""
    last: dict[str, Curve] = {}
    for record in run.hparams:
        for tag, value in record.metrics.items():
            stamp = record.stamp
            series = Series(
                steps=array("q", [stamp.step]),
                values=array("d", [value]),
                times=array("d", [stamp.time]),
                epochs=array("d", [math.nan if stamp.epoch is None else stamp.epoch]),
                optimizer_steps=array("q", [stamp.optimizer_step]),
                logged=1,
            )
            last[tag] = curve_of(run, tag, series)
    return list(last.values())


def judged_by(metrics: Sequence[Metric], runs: int) -> Judged | None:
    """The metric that `runs` runs are ranked by: one with a direction that all of them logged, else that most did.

    Validation comes before test, a metric before a loss. None when no two runs share one.
    """
    known = [(metric, _finite(metric)) for metric in metrics if metric.direction]
    most = max((amount for _, amount in known), default=0)
    if most < min(2, runs):
        return None
    shared = [metric for metric, amount in known if amount == most]
    chosen = min(shared, key=_telling)
    return Judged(chosen.split, chosen.metric, most)


def _finite(metric: Metric) -> int:
    return sum(1 for curve in metric.curves.values() if curve.best() is not None)


def _telling(metric: Metric) -> tuple[int, bool, int, NaturalKey]:
    loss = is_loss(metric.metric)
    split = "train" if loss and not metric.split else metric.split
    return SPLITS.index(split), loss, rank_of(metric.metric), natural(metric.metric)


def main_of(metrics: Sequence[Metric], judged: Judged | None) -> Metric | None:
    """The metric that was chosen, among `metrics`."""
    if judged is None:
        return None
    key = judged.split, judged.metric.casefold()
    return next((metric for metric in metrics if metric.key == key), None)
