"""Collects predictions: batches in, one record a split and step out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from reportgen.collect.predictions.arrays import Shape, as_values, length_of, to_array
from reportgen.collect.predictions.classification import Classification
from reportgen.collect.predictions.deciding import OUTPUTS_ARE, TASKS, check_choice, decide_task, is_detection
from reportgen.collect.predictions.detection import Detection
from reportgen.collect.predictions.history import History
from reportgen.collect.predictions.images import encode
from reportgen.collect.predictions.multilabel import Multilabel
from reportgen.collect.predictions.names import Names
from reportgen.collect.predictions.open_set import OpenSet, example_of
from reportgen.collect.predictions.overlay import overlay_of
from reportgen.collect.predictions.regression import Regression
from reportgen.collect.predictions.reservoir import Kept
from reportgen.collect.predictions.segmentation import Segmentation
from reportgen.collect.predictions.task import Task
from reportgen.collect.predictions.vision import reason as no_vision
from reportgen.collect.quiet import quiet
from reportgen.errors import InvalidArgumentError
from reportgen.run.series import Stamp
from reportgen.run.tags import SPLITS

if TYPE_CHECKING:
    from reportgen.collect.recorder import Recorder

# A thread that flushes must not wait for a long batch; what it could not read now it reads at its next turn.
PATIENCE = 0.2


class Predictions:
    """Adds up predictions by split and step, and writes each set as a `predictions` record.

    The newest set of each split is written by `recorder.before_flush` within two seconds, again as it grows (the last
    record of a split and step counts), and finally by `flush`. What a run writes is bounded: see `history`.
    Locks are taken in the order adding, writing, counting.
    """

    def __init__(self, recorder: Recorder, clock: Callable[[], float] = time.monotonic) -> None:
        self._recorder = recorder
        self._clock = clock
        self._adding, self._writing, self._counting = threading.RLock(), threading.Lock(), threading.Lock()
        self._open: dict[str, OpenSet] = {}
        self._histories: dict[str, History] = {}
        recorder.before_flush.append(self.write_pending)

    def add(
        self,
        inputs: object,
        outputs: object,
        targets: object,
        classes: object = None,
        task: str = "auto",
        split: str = "val",
        step: int | None = None,
        outputs_are: str | None = None,
    ) -> None:
        """Count a batch of N samples.

        inputs: None, or what the model was given: images (N, 1|3|4, H, W), (N, H, W), (N, H, W, 1|3|4), a list of
        images, token ids, texts. outputs, targets, as tensors of any device and dtype, arrays or lists:
        classification (N, C) or (N,) class indices, with (N,) indices (-100: left out) or (N, C) one-hot or soft
        targets; binary (N,) or (N, 1) with (N,) of 0 and 1; multilabel (N, L) with (N, L) of 0 and 1; regression with
        the same shape; segmentation (N, C, H, W) with (N, H, W); detection lists of dicts as torchvision's.
        classes: names by index, of the first batch of a set. task "auto" decides by shapes and dtypes. outputs_are:
        "logits", "probabilities", "log-probabilities", "labels" or "values"; None decides by the first batch.

        Raises InvalidArgumentError, with nothing counted, for anything that does not fit.
        """
        if not self._recorder.owner:
            return
        check_choice("task", task, ("auto", *TASKS))
        if outputs_are is not None:
            check_choice("outputs_are", outputs_are, OUTPUTS_ARE)
        if not isinstance(split, str) or not split:
            raise InvalidArgumentError("split", split, 'a name such as "train", "val" or "test"')
        count = _count(inputs, outputs, targets)
        if not count:
            self._recorder.note("omission", "predictions", "A batch of 0 samples was skipped.")
            return
        split = SPLITS.get(split.lower(), split)  # as in tags: "validation" and "valid" are "val"
        with self._adding, quiet():
            stamp = self._recorder.stamp(step)
            current = self._open.get(split)
            if current is not None and current.stamp.step == stamp.step:
                _check_same(current.task, task, outputs_are)
                with self._counting:
                    current.add(inputs, outputs, targets)
                return
            begun, *known = _task(task, outputs, targets, Names(classes), outputs_are)
            self._begin(split, stamp, begun, (inputs, *known))

    def _begin(self, split: str, stamp: Stamp, task: Task, batch: tuple[object, ...]) -> None:
        """Start a set with its first batch; the one before it is finished and written."""
        fresh = OpenSet(split, stamp, task)
        fresh.add(*batch)
        with self._writing:
            with self._counting:
                done = self._open.get(split)
                self._open[split] = fresh
            history = self._histories.setdefault(split, History())
            if done is not None and (history.wants() or done.recorded) and done.dirty:
                self._write(done, history, pictures=history.empty or history.pictures.due(self._clock()))
            if history.sentence:
                fresh.say(history.sentence)
            if done is None:
                # The recorder's thread, which asks for what is pending, starts with the first record.
                self._write(fresh, history, pictures=False)

    def write_pending(self) -> None:
        """Write what changed and is due; called before each periodic flush, from any thread."""
        if not self._recorder.owner or not self._writing.acquire(timeout=PATIENCE):
            return
        try:
            now = self._clock()
            for split, current in list(self._open.items()):
                history = self._histories[split]
                pictures = current.stale and history.pictures.due(now)
                if pictures or (current.dirty and history.lines.due(now)):
                    self._write(current, history, pictures=pictures, patience=PATIENCE)
        finally:
            self._writing.release()

    def flush(self) -> None:
        """Write all that is not yet on disk, examples included."""
        if not self._recorder.owner:
            return
        with self._writing:
            for split, current in list(self._open.items()):
                if current.dirty or current.stale:
                    self._write(current, self._histories[split], pictures=True)

    def _write(self, current: OpenSet, history: History, *, pictures: bool, patience: float = -1) -> None:
        """Write a set, with new examples or those last made; `writing` is held. Pictures go to disk before the line."""
        if not self._counting.acquire(timeout=patience):
            return
        try:
            kept = current.reservoir.kept() if pictures else []
            record = current.record()
            current.dirty = False
            if pictures:
                current.stale = False
        finally:
            self._counting.release()
        now = self._clock()
        if pictures:
            before = len(history.names)
            current.examples = tuple(
                example_of(why, self._stored(one, history, current.task.side)) for why, one in kept
            )
            history.pictures.wrote(now, len(history.names) - before)
            if no_vision() and any(one.shown.drawing is not None for _, one in kept):
                self._recorder.note(
                    "omission", "predictions", f"{no_vision()}: boxes and masks are not drawn over the images."
                )
        history.lines.wrote(now)
        record = replace(record, examples=current.examples)
        for one in (record, *history.wrote(record)):
            self._recorder.record("predictions", one, one.stamp)
        current.recorded = True

    def _stored(self, kept: Kept, history: History, side: int) -> Kept:
        """`kept` with its pictures in the run folder; encoded once."""
        if kept.stored:
            return kept
        kept.stored = True
        if kept.picture is not None:
            kept.image = self._recorder.store(*encode(kept.picture))
        if kept.shown.drawing is not None:
            drawn = overlay_of(kept.picture, kept.shown.drawing, kept.scale, side)
            kept.overlay = None if drawn is None else self._recorder.store(*encode(drawn))
        history.names.update(name for name in (kept.image, kept.overlay) if name)
        return kept


def _count(inputs: object, outputs: object, targets: object) -> int:
    """N. Raises InvalidArgumentError where the arguments disagree."""
    count, truths = length_of(outputs, "outputs"), length_of(targets, "targets")
    if count != truths:
        raise InvalidArgumentError("targets", f"{truths} samples for {count} outputs", "as many targets as outputs")
    if inputs is not None:
        given = length_of(inputs, "inputs")
        if given != count:
            raise InvalidArgumentError(
                "inputs", f"{given} samples for {count} outputs", "as many inputs as outputs, or None"
            )
    return count


def _check_same(task: Task, name: str, outputs_are: str | None) -> None:
    if name not in ("auto", task.name):
        raise InvalidArgumentError("task", name, f"{task.name}, as this split and step began with")
    if outputs_are not in (None, task.outputs_are):
        raise InvalidArgumentError("outputs_are", outputs_are, f"{task.outputs_are}, as this split and step began with")


def _task(
    name: str, outputs: object, targets: object, names: Names, outputs_are: str | None
) -> tuple[Task, object, object]:
    """The task for a set that begins with this batch, whose reason says how it was chosen; and the batch.

    What had to be fetched from a device to choose is given back, so that it is fetched once.
    """
    if name == "detection" or (name == "auto" and is_detection(outputs)):
        return Detection(names, outputs_are), outputs, targets
    given, truth = as_values(outputs, "outputs"), as_values(targets, "targets")
    told = f"outputs {Shape(given)!r} and targets {Shape(truth)!r}"
    truth = to_array(truth)
    chosen = decide_task(given, truth) if name == "auto" else name
    made: Task
    if chosen == "segmentation":
        made = Segmentation(given, names, outputs_are)
    else:
        given = to_array(given)
        if chosen in ("classification", "binary"):
            made = Classification(given, names, outputs_are, binary=chosen == "binary")
        elif chosen == "multilabel":
            made = Multilabel(given, names, outputs_are)
        else:
            made = Regression(given, names, outputs_are)
    if name == "auto":
        made.reason += f"; {chosen} was read from {told}"
    return made, given, truth
