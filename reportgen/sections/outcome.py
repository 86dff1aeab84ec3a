"""What a run is judged by: its main metric and its losses."""

from __future__ import annotations

import re
from array import array
from collections.abc import Sequence

from reportgen.diagnose.reading.losses import is_loss
from reportgen.run.records import Run
from reportgen.run.series import Series
from reportgen.sections.curves import Curve, curve_of, curves_of

# What people look at first, most telling first. Others with a direction come after these, losses last.
MAIN = [
    "accuracy",
    "acc",
    "top1",
    "f1",
    "auc",
    "map",
    "miou",
    "iou",
    "dice",
    "r2",
    "psnr",
    "ssim",
    "bleu",
    "mae",
    "rmse",
]
# A loss that others are parts of.
SUM = re.compile(r"(^|[/_. -])(total|overall|sum|combined|joint)($|[/_. -])", re.IGNORECASE)
PART = 2
NAMES = {"val": "validation", "test": "test", "train": "training"}
WORDS = {
    "acc": "accuracy",
    "auc": "AUC",
    "f1": "F1",
    "iou": "IoU",
    "map": "mAP",
    "mae": "MAE",
    "miou": "mIoU",
    "mse": "MSE",
    "r2": "R²",
    "rmse": "RMSE",
}


def main_metric(run: Run) -> Curve | None:
    """The curve a run is judged by: a metric of the validation split, else of test, else of training.

    Where none was logged for a split, the metrics of its recorded predictions stand in.
    """
    sources = (curves_of(run), predicted(run))
    for split in ("val", "test", "train", ""):
        for curves in sources:
            candidates = [c for c in curves if c.split == split and c.direction and not is_loss(c.metric) and c.finite]
            if candidates:
                return min(candidates, key=lambda curve: rank_of(curve.metric))
    return None


def rank_of(metric: str) -> int:
    """The place of a metric among those that people look at, 0 for the most telling."""
    name = metric.casefold()
    for rank, known in enumerate(MAIN):
        if known in (name, name.rpartition("/")[2]):
            return rank
    return len(MAIN)


def losses(run: Run) -> dict[str, Curve]:
    """The most general loss of each split ("train", "val", "test"); a bare "loss" counts as the training loss."""
    return {split: curves[0] for split, curves in _all_losses(run).items()}


def headline_losses(run: Run) -> list[Curve]:
    """The losses a run without another metric is judged by: of the validation split, else of test, else of training.

    Several where none is more general than the others, as the losses of two models that train against each other.
    """
    found = _all_losses(run)
    curves = found.get("val") or found.get("test") or found.get("train") or []
    return curves[:1] if curves and _generality(curves[0]) < PART else curves


def _all_losses(run: Run) -> dict[str, list[Curve]]:
    """The losses of each split, the most general first."""
    found: dict[str, list[Curve]] = {}
    for curve in curves_of(run):
        if is_loss(curve.metric):
            found.setdefault(curve.split or "train", []).append(curve)
    return {split: sorted(curves, key=_generality) for split, curves in found.items()}


def _generality(curve: Curve) -> int:
    """0 for "loss" itself, 1 for a sum of losses, PART for one of them."""
    if curve.metric.casefold() == "loss":
        return 0
    return 1 if SUM.search(curve.metric) else PART


def predicted(run: Run) -> list[Curve]:
    """The metrics of the recorded predictions over time, as if they had been logged."""
    points: dict[str, list[tuple[int, int, float]]] = {}
    for each in run.predictions:
        for metric, value in each.metrics.items():
            at = (each.stamp.optimizer_step, each.stamp.step, value)
            points.setdefault(f"{each.split}/{metric}", []).append(at)
    return [curve_of(run, tag, _series(sorted(found))) for tag, found in points.items()]


def _series(points: Sequence[tuple[int, int, float]]) -> Series:
    return Series(
        steps=array("q", [step for _, step, _ in points]),
        values=array("d", [value for *_, value in points]),
        optimizer_steps=array("q", [optimizer for optimizer, *_ in points]),
        logged=len(points),
    )


def spoken(curve: Curve) -> str:
    """What a curve is called in a sentence: "validation accuracy"."""
    metric = WORDS.get(curve.metric.casefold(), curve.metric)
    return f"{NAMES[curve.split]} {metric}" if curve.split in NAMES else metric
