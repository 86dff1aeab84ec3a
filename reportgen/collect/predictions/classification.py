"""One class a sample: classification of two or more classes, and binary answers as two classes."""

from __future__ import annotations

import numpy as np

from reportgen.collect.predictions.arrays import Array, Floats, Integers, Shape, as_values, to_array
from reportgen.collect.predictions.class_counts import MOST_LABELS, ClassCounts
from reportgen.collect.predictions.deciding import scale_of_rows, scale_of_values
from reportgen.collect.predictions.likelihood import log_probabilities, two_columns
from reportgen.collect.predictions.names import Names
from reportgen.collect.predictions.notes import Notes
from reportgen.collect.predictions.task import Results, Scored, Shown
from reportgen.errors import InvalidArgumentError

# torch.nn.CrossEntropyLoss' ignore_index: such samples are not part of the loss, so neither of the metrics.
IGNORED = -100
# Numbers of a block of rows that is worked on at once: 32 MB in float64, whatever the vocabulary.
BLOCK = 4_000_000
TOP = 5
# Bytes of outputs that are copied, so that the samples can be put into words later, or never.
HELD = 2**20


class Classification:
    """Counts (N, C) outputs, or (N,) class indices, against (N,) class indices or (N, C) one-hot or soft targets.

    binary: (N,) or (N, 1) outputs against 0 and 1, counted as two classes whose boundary is a probability of 0.5.
    """

    side = 160

    def __init__(self, outputs: Array, names: Names, outputs_are: str | None, *, binary: bool = False) -> None:
        self.name = "binary" if binary else "classification"
        self.notes = Notes()
        self._names = names
        outputs = _narrow(outputs, binary)
        found, reason = scale_of_values(outputs) if outputs.ndim == 1 and binary else scale_of_rows(_rows(outputs))
        self.outputs_are = outputs_are or found
        self.reason = "the caller said so" if outputs_are else reason
        self._check_scale(outputs)
        count = 2 if binary else (outputs.shape[1] if outputs.ndim == 2 else names.count)
        self._counts = ClassCounts(count, scored=self.outputs_are != "labels")
        if not (self.outputs_are == "labels" and names.given):
            names.check(max(count, 2) if binary else count, self.notes)

    def add(self, outputs: object, targets: object) -> Scored:
        """Count a batch; see Task."""
        binary = self.name == "binary"
        rows = _narrow(to_array(as_values(outputs, "outputs")), binary)
        self._check_scale(rows)
        given = to_array(as_values(targets, "targets"))
        if self.outputs_are == "labels":
            return self._add_labels(_indices(rows, "outputs"), given)
        if not binary and rows.shape[1] != self._counts.count:
            accepted = f"(N, {self._counts.count}), the classes that this set began with"
            raise InvalidArgumentError("outputs", Shape(rows), accepted)
        truth, soft = self._truth(given, self._counts.count)
        self._check_still(rows)
        size = max(1, BLOCK // self._counts.count)
        parts = []
        for start in range(0, len(rows), size):
            part = slice(start, start + size)
            logs, valid = self._logs(rows[part])
            parts.append(self._counts.add(logs, valid, truth[part], soft[part] if soft is not None else None))
        loss, confidence, predicted = parts[0] if len(parts) == 1 else map(np.concatenate, zip(*parts, strict=True))
        return self._scored(truth, predicted, loss, confidence, rows)

    def _add_labels(self, predicted: Integers, given: Array) -> Scored:
        truth, _ = self._truth(given, MOST_LABELS)
        if len(predicted) and (predicted.min() < 0 or predicted.max() >= MOST_LABELS):
            raise InvalidArgumentError("outputs", int(predicted.min()), f"class indices from 0 to {MOST_LABELS - 1:,}")
        self._counts.add_labels(predicted, truth)
        return self._scored(truth, predicted, np.full(len(truth), np.nan), np.full(len(truth), np.nan), None)

    def _truth(self, given: Array, count: int) -> tuple[Integers, Floats | None]:
        """The true classes, IGNORED where there is none, and the target shares where they are given."""
        soft = None
        if given.ndim == 2 and given.shape[1] == count and count > 1 and self.outputs_are != "labels":
            soft = given.astype(np.float64)
            off = np.flatnonzero(~((soft >= 0).all(axis=1) & (np.abs(soft.sum(axis=1) - 1) < 0.01)))
            if len(off):
                accepted = 'rows >= 0 that sum to 1; several labels a sample: task="multilabel"'
                raise InvalidArgumentError(f"targets[{off[0]}]", soft[off[0]].tolist(), accepted)
            return soft.argmax(axis=1).astype(np.int64), soft
        if given.ndim == 2 and given.shape[1] == 1:
            given = given[:, 0]
        if given.ndim != 1:
            raise InvalidArgumentError("targets", Shape(given), f"(N,) class indices or (N, {count}) shares")
        truth = _indices(given, "targets")
        if truth.view(np.uint64).max(initial=0) < count:  # those below 0 are the largest then
            return truth, soft
        wrong = np.flatnonzero((truth != IGNORED) & ((truth < 0) | (truth >= count)))
        if len(wrong):
            accepted = f"class indices from 0 to {count - 1}, or {IGNORED} to leave a sample out"
            raise InvalidArgumentError(f"targets[{wrong[0]}]", int(truth[wrong[0]]), accepted)
        self.notes.add(f"{{n}} samples with the label {IGNORED} are left out.", int(np.sum(truth == IGNORED)))
        return truth, soft

    def _logs(self, rows: Array) -> tuple[Floats, Array]:
        """Log-probabilities (n, C) in float64, and which rows have any."""
        if self.name == "binary":
            return two_columns(rows, self.outputs_are)
        return log_probabilities(rows, self.outputs_are)

    def _check_scale(self, outputs: Array) -> None:
        accepted = {"labels": ("biuf", 1), "values": ("", 0)}.get(
            self.outputs_are, ("biuf", 1 if self.name == "binary" else 2)
        )
        if outputs.ndim != accepted[1]:
            shape = {0: "another task: a class has no values", 1: "(N,)", 2: "(N, C)"}[accepted[1]]
            raise InvalidArgumentError("outputs", Shape(outputs), f"{shape} for {self.name} with {self.outputs_are}")

    def _check_still(self, rows: Array) -> None:
        """Note a batch that cannot be what the first one was taken for."""
        if self.outputs_are == "probabilities" and self.reason != "the caller said so":
            if not np.any((rows < 0) | (rows > 1)):
                return
            found, _ = scale_of_values(rows) if self.name == "binary" else scale_of_rows(rows)
            if found == "logits":
                self.outputs_are, self.reason = "logits", "later batches are no probabilities"
                self.notes.add(
                    "The first batches looked like probabilities, later ones do not: from there on they are taken "
                    'as logits. Say which they are with outputs_are="logits".'
                )

    def _scored(
        self, truth: Integers, predicted: Integers, loss: Floats, confidence: Floats, rows: Array | None
    ) -> Scored:
        lasting = rows is None or rows.nbytes <= HELD
        if lasting and rows is not None:
            rows = rows.copy()
        counted = truth != IGNORED
        badness, missing = loss, predicted < 0
        if missing.any():
            badness = np.where(missing, np.inf, loss)
            self.notes.add("{n} samples whose outputs hold NaN or +inf have no prediction; they count as not right.",
                           int(np.sum(missing & counted)))  # fmt: skip
        mistake = np.where(counted & (predicted != truth), confidence, np.nan)

        def show(row: int) -> Shown:
            if predicted[row] < 0:
                return Shown(self._names[int(truth[row])], "none (NaN)", False)
            top: tuple[tuple[str, float], ...] = ()
            if rows is not None:
                logs = self._logs(rows[row : row + 1])[0][0]
                best = np.argsort(-logs, kind="stable")[:TOP]
                top = tuple((self._names[int(index)], float(np.exp(logs[index]))) for index in best)
            return Shown(
                self._names[int(truth[row])],
                self._names[int(predicted[row])],
                bool(predicted[row] == truth[row]),
                None if np.isnan(confidence[row]) else float(confidence[row]),
                None if np.isnan(loss[row]) else float(loss[row]),
                top,
            )

        return Scored(badness, mistake, counted, show, lasting)

    def results(self) -> Results:
        """Metrics and tables so far; see Task."""
        return self._counts.results(self._names, self.notes, binary=self.name == "binary")


def _narrow(outputs: Array, binary: bool) -> Array:
    if outputs.ndim == 2 and outputs.shape[1] == 1:
        outputs = outputs[:, 0]
    if binary and outputs.ndim != 1:
        raise InvalidArgumentError("outputs", Shape(outputs), "(N,) or (N, 1) for a binary task")
    return outputs


def _rows(outputs: Array) -> Array:
    """What decides between labels and scores: (N,) whole numbers stored as floats are labels too."""
    if outputs.ndim == 1:
        return _indices(outputs, "outputs")
    if outputs.ndim != 2:
        raise InvalidArgumentError("outputs", Shape(outputs), "(N, C) scores or (N,) class indices")
    return outputs


def _indices(values: Array, argument: str) -> Integers:
    if values.ndim != 1:
        raise InvalidArgumentError(argument, Shape(values), "(N,) class indices")
    if values.dtype.kind == "f":
        wrong = np.flatnonzero(~np.isfinite(values) | (values != np.round(values)))
        if len(wrong):
            raise InvalidArgumentError(
                f"{argument}[{wrong[0]}]", float(values[wrong[0]]), "whole numbers: class indices"
            )
    return values.astype(np.int64)
