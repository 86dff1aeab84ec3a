"""What every task gives: the interface between counting a batch and keeping its samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from reportgen.collect.predictions.arrays import Array, Booleans, Floats
from reportgen.collect.predictions.notes import Notes
from reportgen.run.predictions import ClassScore


@dataclass(frozen=True, slots=True)
class Boxes:
    """Boxes of one image: (n, 4) float x1, y1, x2, y2 in its pixels, n names, n scores (NaN for truth)."""

    corners: Array
    names: tuple[str, ...]
    scores: Array


@dataclass(frozen=True, slots=True)
class Drawing:
    """What is drawn over a kept image: class maps (H, W) or boxes, of truth and prediction."""

    truth: Array | Boxes
    prediction: Array | Boxes


@dataclass(frozen=True, slots=True)
class Shown:
    """One sample in words, as run.predictions.Example has it, and what is drawn over its image."""

    truth: str
    prediction: str
    correct: bool | None = None
    confidence: float | None = None
    loss: float | None = None
    top: tuple[tuple[str, float], ...] = ()
    drawing: Drawing | None = None


@dataclass(frozen=True, slots=True)
class Scored:
    """A counted batch of n samples.

    badness (n,): ranks the worst; +inf where there is no prediction. mistake (n,): the confidence of a wrong
    prediction, NaN for a right one. counted (n,): False for samples that are not to be kept (ignored labels).
    show: says what the sample at a row of this batch is; only valid until the batch is given back to its owner, unless
    it is lasting: then until the task counts the next batch.
    """

    badness: Floats
    mistake: Floats
    counted: Booleans
    show: Callable[[int], Shown]
    lasting: bool = False


@dataclass(frozen=True, slots=True)
class Results:
    """The fields of a PredictionSet that a task fills."""

    classes: tuple[str, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    confusion: tuple[tuple[int, ...], ...] = ()
    scores: tuple[ClassScore, ...] = ()
    confidence: tuple[int, ...] = ()
    correct: tuple[int, ...] = ()
    points: tuple[tuple[float, float], ...] = ()


class Task(Protocol):
    """Counts batches of one split at one step in bounded memory."""

    name: str
    outputs_are: str
    reason: str
    notes: Notes
    side: int  # pixels a kept image has at most on its longer side

    def add(self, outputs: object, targets: object) -> Scored:
        """Count a batch. Raises InvalidArgumentError before anything is counted."""
        ...

    def results(self) -> Results:
        """Metrics and tables over all samples counted so far."""
        ...
