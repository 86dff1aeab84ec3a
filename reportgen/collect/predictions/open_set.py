"""The predictions of one split at one step while batches still come."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PIL import Image

from reportgen.collect.predictions.arrays import take
from reportgen.collect.predictions.images import layout, picture_of, text_of
from reportgen.collect.predictions.notes import Notes
from reportgen.collect.predictions.reservoir import Kept, Reservoir
from reportgen.collect.predictions.task import Task
from reportgen.run.predictions import Example, PredictionSet
from reportgen.run.series import Stamp


class OpenSet:
    """Counts batches by its task and keeps a few samples; no tensor of the user's is held after `add`.

    dirty: something was counted since the last record. stale: samples were kept since the examples were last made.
    examples: those last made, whose pictures are on disk.
    """

    def __init__(self, split: str, stamp: Stamp, task: Task) -> None:
        self.split = split
        self.stamp = stamp
        self.task = task
        self.reservoir = Reservoir()
        self.notes = Notes()
        self.dirty = self.stale = True
        self.recorded = False
        self.examples: tuple[Example, ...] = ()

    def add(self, inputs: object, outputs: object, targets: object) -> None:
        """Count a batch. Raises InvalidArgumentError, with nothing counted, when it does not fit the set."""
        scored = self.task.add(outputs, targets)

        def keep(rows: Sequence[int], seen: int) -> list[Kept]:
            self.stale = True
            samples = self._taken(inputs, rows)
            return [self._kept(Kept(seen + row, scored.show(row)), it) for row, it in zip(rows, samples, strict=True)]

        self.reservoir.offer(scored, keep)
        self.dirty = True

    def _taken(self, inputs: object, rows: Sequence[int]) -> list[Any]:
        if inputs is None:
            return [None] * len(rows)
        try:
            return take(inputs, rows)
        except (ValueError, TypeError, LookupError, RuntimeError) as error:
            self.notes.add(f"The inputs of {{n}} batches cannot be shown ({type(error).__name__}: {str(error)[:200]}).")
            return [None] * len(rows)

    def _kept(self, kept: Kept, sample: Any) -> Kept:
        if sample is None:
            return kept
        kept.picture = picture_of(sample, self.task.side, self.notes)
        if kept.picture is None:
            kept.text = text_of(sample)
        else:
            kept.scale = kept.picture.shape[1] / _width(sample)
        return kept

    def record(self) -> PredictionSet:
        """All but the examples."""
        results = self.task.results()
        return PredictionSet(
            split=self.split,
            stamp=self.stamp,
            task=self.task.name,
            classes=results.classes,
            outputs_are=self.task.outputs_are,
            reason=self.task.reason,
            samples=self.reservoir.seen,
            metrics=results.metrics,
            confusion=results.confusion,
            scores=results.scores,
            confidence=results.confidence,
            correct=results.correct,
            points=results.points,
            notes=self.task.notes.texts() + self.notes.texts(),
        )


def example_of(why: str, kept: Kept) -> Example:
    """The record of a kept sample whose pictures are stored."""
    shown = kept.shown
    return Example(
        index=kept.index,
        truth=shown.truth,
        prediction=shown.prediction,
        correct=shown.correct,
        confidence=shown.confidence,
        loss=shown.loss,
        kept=why,
        top=shown.top,
        image=kept.image,
        overlay=kept.overlay,
        text=kept.text,
    )


def _width(sample: Any) -> int:
    if isinstance(sample, Image.Image):
        return int(sample.size[0])
    return int(sample.shape[2 if layout(sample.shape) == "CHW" else 1])
