"""What the model said of a split at a step, against the truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reportgen.run.series import Stamp


@dataclass(frozen=True, slots=True)
class Example:
    """One sample kept for showing.

    index: its place in the order seen, from 0. truth, prediction: as people read them (class name, number, "3 boxes").
    kept: why it was kept: "worst" (largest loss), "mistake" (confident and wrong), "random".
    confidence: probability of the predicted class. top: (class, probability) of the likeliest few, best first.
    image, overlay: names in Run.media; overlay is the image with boxes or masks drawn. text: an input that is no image.
    """

    index: int
    truth: str
    prediction: str
    correct: bool | None = None
    confidence: float | None = None
    loss: float | None = None
    kept: str = "random"
    top: tuple[tuple[str, float], ...] = ()
    image: str | None = None
    overlay: str | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class ClassScore:
    """One class of a classification: counts of its truth, predictions and hits, and what follows (None: undefined)."""

    name: str
    support: int
    predicted: int
    hits: int
    precision: float | None
    recall: float | None
    f1: float | None
    average_precision: float | None = None
    roc_auc: float | None = None


@dataclass(frozen=True, slots=True)
class PredictionSet:
    """All of one split at one step: metrics over every sample, and a few samples to look at.

    task: "classification", "binary", "multilabel", "regression", "segmentation", "detection".
    outputs_are: "logits", "probabilities", "log-probabilities", "labels" or "values"; reason says how that was decided.
    samples: how many were seen. metrics: name -> value over all of them ("accuracy", "loss", "mae", "mean iou" ...).
    confusion: rows are truth, columns prediction, in the order of classes; () where it does not apply or is too large.
    confidence: how often the top probability fell in each of len(confidence) equal bins from 0 to 1, and of these how
    often the prediction was right (`correct`).
    points: (truth, prediction) pairs of a regression's kept sample.
    """

    split: str
    stamp: Stamp
    task: str
    classes: tuple[str, ...] = ()
    outputs_are: str = ""
    reason: str = ""
    samples: int = 0
    metrics: Mapping[str, float] = field(default_factory=dict)
    confusion: tuple[tuple[int, ...], ...] = ()
    scores: tuple[ClassScore, ...] = ()
    confidence: tuple[int, ...] = ()
    correct: tuple[int, ...] = ()
    points: tuple[tuple[float, float], ...] = ()
    examples: tuple[Example, ...] = ()
    notes: tuple[str, ...] = ()
