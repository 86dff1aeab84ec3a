"""The predictions of one split at one step while batches still come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PIL import Image

from reportgen.collect.predictions.arrays import is_copied, take
from reportgen.collect.predictions.images import layout, picture_of, text_of
from reportgen.collect.predictions.notes import Notes
from reportgen.collect.predictions.reservoir import Kept, Reservoir
from reportgen.collect.predictions.task import Scored, Task
from reportgen.run.predictions import Example, PredictionSet
from reportgen.run.series import Stamp

# Bytes of samples that may be held as they were given: 64 pictures of 3 x 224 x 224 are 39 MB.
HELD = 2**26


class OpenSet:
    """Counts batches by its task and keeps a few samples; no tensor of the user's is held after `add`.

    Of the first batch the samples are copied as they are, and made into pictures and words when the next batch comes or
    somebody asks for them: nobody does where each batch is a set of its own, most of which are shown as numbers only.

    samples: how many were counted. dirty: something was counted since the last record. stale: samples were kept since
    the examples were last made. examples: those last made, whose pictures are on disk.
    """

    def __init__(self, split: str, stamp: Stamp, task: Task) -> None:
        self.split = split
        self.stamp = stamp
        self.task = task
        self.samples = 0
        self._reservoir = Reservoir()
        self._first: tuple[Scored, list[Any]] | None = None
        self._notes = Notes()
        self._sentence = ""
        self.dirty = self.stale = True
        self.recorded = False
        self.examples: tuple[Example, ...] = ()

    def add(self, inputs: object, outputs: object, targets: object) -> None:
        """Count a batch. Raises InvalidArgumentError, with nothing counted, when it does not fit the set."""
        self._settle()
        scored = self.task.add(outputs, targets)
        self.dirty = True
        first = not self.samples
        self.samples += len(scored.badness)
        if first and scored.lasting and is_copied(inputs):
            samples = self._taken(inputs, self._reservoir.wanted(scored))
            self._first = scored, samples
            if samples and len(samples) * _bytes(samples[0]) > HELD:
                self._settle()
            return

        def keep(rows: Sequence[int], seen: int) -> list[Kept]:
            self.stale = True
            return self._made(scored, rows, seen, self._taken(inputs, rows))

        self._reservoir.offer(scored, keep)

    def _settle(self) -> None:
        """Make the samples of the first batch."""
        first, self._first = self._first, None
        if first is not None:
            scored, samples = first
            self._reservoir.offer(scored, lambda rows, seen: self._made(scored, rows, seen, samples))
            if self._sentence:
                self._notes.fact(self._sentence)

    def say(self, sentence: str) -> None:
        """Note `sentence` after what there is to say of the first batch."""
        if self._first is None:
            self._notes.fact(sentence)
        else:
            self._sentence = sentence

    @property
    def reservoir(self) -> Reservoir:
        """The samples that are kept of all batches."""
        self._settle()
        return self._reservoir

    def _taken(self, inputs: object, rows: Sequence[int]) -> list[Any]:
        if inputs is None:
            return [None] * len(rows)
        try:
            return take(inputs, rows)
        except (ValueError, TypeError, LookupError, RuntimeError) as error:
            self._notes.add(
                f"The inputs of {{n}} batches cannot be shown ({type(error).__name__}: {str(error)[:200]})."
            )
            return [None] * len(rows)

    def _made(self, scored: Scored, rows: Sequence[int], seen: int, samples: list[Any]) -> list[Kept]:
        pairs = zip(rows, samples, strict=True)
        return [self._kept(Kept(seen + row, scored.show(row)), sample) for row, sample in pairs]

    def _kept(self, kept: Kept, sample: Any) -> Kept:
        if sample is None:
            return kept
        kept.picture = picture_of(sample, self.task.side, self._notes)
        if kept.picture is None:
            kept.text = text_of(sample)
        else:
            kept.scale = kept.picture.shape[1] / _width(sample)
        return kept

    def record(self) -> PredictionSet:
        """All but the examples; what there is to say of their pictures once they are made."""
        results = self.task.results()
        waiting = (self._sentence,) if self._first is not None and self._sentence else ()
        return PredictionSet(
            split=self.split,
            stamp=self.stamp,
            task=self.task.name,
            classes=results.classes,
            outputs_are=self.task.outputs_are,
            reason=self.task.reason,
            samples=self.samples,
            metrics=results.metrics,
            confusion=results.confusion,
            scores=results.scores,
            confidence=results.confidence,
            correct=results.correct,
            points=results.points,
            notes=self.task.notes.texts() + self._notes.texts() + waiting,
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


def _bytes(sample: Any) -> int:
    if isinstance(sample, Mapping):
        return sum(_bytes(value) for value in sample.values())
    return int(getattr(sample, "nbytes", 0))


def _width(sample: Any) -> int:
    if isinstance(sample, Image.Image):
        return int(sample.size[0])
    return int(sample.shape[2 if layout(sample.shape) == "CHW" else 1])
