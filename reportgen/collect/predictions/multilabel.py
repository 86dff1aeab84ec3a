"""Several yes-or-no labels a sample."""

from __future__ import annotations

import numpy as np

from reportgen.collect.predictions.arrays import Array, Booleans, Floats, Shape, as_values, to_array
from reportgen.collect.predictions.deciding import scale_of_values
from reportgen.collect.predictions.likelihood import two_columns
from reportgen.collect.predictions.names import Names
from reportgen.collect.predictions.notes import Notes
from reportgen.collect.predictions.scores import MOST_CLASSES, ScoreHistograms, precision_recall_f1
from reportgen.collect.predictions.task import Results, Scored, Shown
from reportgen.errors import InvalidArgumentError
from reportgen.run.predictions import ClassScore

TOP = 5
# Labels named in an example's truth and prediction; the others are counted.
NAMED = 5
MOST_NAMES = 1000


class Multilabel:
    """Counts (N, L) outputs against (N, L) targets of 0 and 1; predicted: those with a probability above 0.5."""

    name = "multilabel"
    side = 160

    def __init__(self, outputs: Array, names: Names, outputs_are: str | None) -> None:
        if outputs.ndim != 2:
            raise InvalidArgumentError("outputs", Shape(outputs), "(N, L) for a multilabel task")
        if outputs_are == "values":
            raise InvalidArgumentError("outputs_are", outputs_are, "logits, probabilities, log-probabilities or labels")
        self.notes = Notes()
        self._names = names
        self._count = outputs.shape[1]
        found, reason = scale_of_values(outputs)
        self.outputs_are = outputs_are or found
        self.reason = "the caller said so" if outputs_are else reason
        names.check(self._count, self.notes)
        scored = self.outputs_are != "labels"
        self._histograms = ScoreHistograms(self._count) if scored and self._count <= MOST_CLASSES else None
        self._samples = self._exact = 0
        self._loss = 0.0
        self._support = np.zeros(self._count, dtype=np.int64)
        self._predicted = np.zeros(self._count, dtype=np.int64)
        self._hits = np.zeros(self._count, dtype=np.int64)
        self._agree = 0

    def add(self, outputs: object, targets: object) -> Scored:
        """Count a batch; see Task."""
        rows, given = to_array(as_values(outputs, "outputs")), to_array(as_values(targets, "targets"))
        if rows.ndim != 2 or rows.shape[1] != self._count:
            raise InvalidArgumentError("outputs", Shape(rows), f"(N, {self._count})")
        if given.shape != rows.shape:
            raise InvalidArgumentError("targets", Shape(given), f"the shape of outputs, {rows.shape}")
        if not np.all((given == 0) | (given == 1)):
            raise InvalidArgumentError(
                "targets", float(given[(given != 0) & (given != 1)][0]), "0 and 1 for each label"
            )
        truth = given.astype(bool)
        no, yes, valid = self._logs(rows)
        answered: Booleans = np.logical_and.reduce(valid, axis=1)
        predicted = (yes > no) & valid
        right: Booleans = np.logical_and.reduce(predicted == truth, axis=1) & answered
        cells = -np.where(truth, yes, no)
        loss = cells.mean(axis=1) if self._count else np.zeros(len(rows))
        use = answered[:, None]
        self._samples += len(rows)
        self._exact += int(right.sum())
        self._agree += int(((predicted == truth) & use).sum())
        self._loss += float(loss.sum())
        self._support += truth.sum(axis=0)
        self._predicted += (predicted & use).sum(axis=0)
        self._hits += (predicted & truth & use).sum(axis=0)
        if self._histograms is not None:
            self._histograms.add((yes - no)[answered], truth[answered])
        self.notes.add(
            "{n} samples whose outputs hold NaN have no prediction; they count as not right.", int((~answered).sum())
        )
        surest = np.where(predicted != truth, np.exp(np.maximum(yes, no)), -np.inf).max(axis=1, initial=-np.inf)
        mistake = np.where(right | ~answered | ~np.isfinite(surest), np.nan, surest)
        badness = np.where(answered, np.nan if self.outputs_are == "labels" else loss, np.inf)

        def show(row: int) -> Shown:
            if not answered[row]:
                return Shown(self._labels(truth[row]), "none (NaN)", False)
            top: tuple[tuple[str, float], ...] = ()
            value = None
            if self.outputs_are != "labels":
                best = np.argsort(-yes[row], kind="stable")[:TOP]
                top = tuple((self._names[int(index)], float(np.exp(yes[row][index]))) for index in best)
                value = float(loss[row])
            return Shown(self._labels(truth[row]), self._labels(predicted[row]), bool(right[row]), None, value, top)

        return Scored(badness, mistake, np.ones(len(rows), dtype=bool), show, lasting=True)

    def _logs(self, rows: Array) -> tuple[Floats, Floats, Booleans]:
        """(n, L) log-probabilities of no and of yes, and where they are known."""
        scale = "probabilities" if self.outputs_are == "labels" else self.outputs_are
        columns, valid = two_columns(rows.reshape(-1), scale)
        return columns[:, 0].reshape(rows.shape), columns[:, 1].reshape(rows.shape), valid.reshape(rows.shape)

    def _labels(self, chosen: Array) -> str:
        indices = np.flatnonzero(chosen)
        named = ", ".join(self._names[int(index)] for index in indices[:NAMED])
        if len(indices) > NAMED:
            return f"{named} and {len(indices) - NAMED} more"
        return named or "none"

    def results(self) -> Results:
        """Metrics so far.

        exact match: share of samples with every label right; label accuracy: share of labels right (1 - Hamming loss);
        loss: binary cross-entropy, mean over samples and labels; macro f1: mean of the labels' f1 where it is defined;
        micro f1: f1 of the counts summed over labels (both as scikit-learn's `f1_score`).
        """
        metrics: dict[str, float] = {}
        if self._samples and self._count:
            metrics["exact match"] = self._exact / self._samples
            metrics["label accuracy"] = self._agree / (self._samples * self._count)
            if self.outputs_are != "labels":
                metrics["loss"] = self._loss / self._samples
        scores = tuple(self._score(index) for index in self._listed())
        every = [
            precision_recall_f1(int(hits), int(predicted), int(support))[2]
            for hits, predicted, support in zip(self._hits, self._predicted, self._support, strict=True)
        ]
        defined = [f1 for f1 in every if f1 is not None]
        if defined:
            metrics["macro f1"] = sum(defined) / len(defined)
        micro = precision_recall_f1(int(self._hits.sum()), int(self._predicted.sum()), int(self._support.sum()))[2]
        if micro is not None:
            metrics["micro f1"] = micro
        classes = self._names.first(self._count) if self._count <= MOST_NAMES else ()
        return Results(classes=classes, metrics=metrics, scores=scores)

    def _listed(self) -> list[int]:
        if self._count <= MOST_CLASSES:
            return list(range(self._count))
        self.notes.fact(
            f"Of {self._count:,} labels only the {MOST_CLASSES} most frequent are listed, without AP and ROC-AUC."
        )
        return sorted(np.argsort(-self._support, kind="stable")[:MOST_CLASSES].tolist())

    def _score(self, index: int) -> ClassScore:
        support, predicted, hits = (int(column[index]) for column in (self._support, self._predicted, self._hits))
        histograms = self._histograms
        return ClassScore(
            self._names[index], support, predicted, hits, *precision_recall_f1(hits, predicted, support),
            histograms.average_precision(index) if histograms else None,
            histograms.roc_auc(index) if histograms else None,
        )  # fmt: skip
