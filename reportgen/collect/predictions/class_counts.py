"""Counts over all samples of a classification, and every metric that follows from them."""

from __future__ import annotations

import numpy as np

from reportgen.collect.predictions.arrays import Array, Booleans, Floats, Integers
from reportgen.collect.predictions.names import Names
from reportgen.collect.predictions.notes import Notes
from reportgen.collect.predictions.scores import MOST_CLASSES, ScoreHistograms, precision_recall_f1
from reportgen.collect.predictions.task import Results
from reportgen.run.predictions import ClassScore

# Equal bins of the top probability for the calibration error, as Guo et al. 2017 (and torchmetrics) use.
CONFIDENCE_BINS = 15
# Top-5 accuracy says something from this many classes on.
TOP, TOP5_CLASSES = 5, 10
# Class indices given as predictions are bounded by nothing else.
MOST_LABELS = 100_000
# Names listed in a record; more would make every record long, and no page shows them.
MOST_NAMES = 1000


class ClassCounts:
    """The counts of one split at one step: bounded by the number of classes, whatever the number of samples.

    count: number of classes; it grows when `add_labels` meets larger ones. scored: whether probabilities are given.
    """

    def __init__(self, count: int, *, scored: bool) -> None:
        self.count = count
        self.samples = 0
        self._scored = scored
        self._support = np.zeros(count, dtype=np.int64)
        self._predicted = np.zeros(count, dtype=np.int64)
        self._hits = np.zeros(count, dtype=np.int64)
        self._confusion: Integers | None = None
        if count <= MOST_CLASSES:
            self._confusion = np.zeros((count, count), dtype=np.int64)
        self._histograms = ScoreHistograms(count) if scored and count <= MOST_CLASSES else None
        self._loss = 0.0
        self._top5 = 0
        self._bin_counts = np.zeros(CONFIDENCE_BINS, dtype=np.int64)
        self._bin_right = np.zeros(CONFIDENCE_BINS, dtype=np.int64)
        self._bin_confidence = np.zeros(CONFIDENCE_BINS)

    def add(
        self, logs: Floats, valid: Booleans, truth: Integers, soft: Floats | None
    ) -> tuple[Floats, Floats, Integers]:
        """Count (n, C) log-probabilities; a truth below 0 is left out. Returns loss, confidence, predicted class.

        The loss is the cross-entropy -sum(target * log p) in nats. NaN, NaN and -1 where a row is not valid.
        """
        count = len(truth)
        known = truth >= 0
        use = valid & known
        if use.all():  # nearly always, and then nothing has to be picked out
            loss, confidence, predicted = self._add_rows(logs, truth, soft)
            self._loss += float(loss.sum())
            self._count(predicted, truth, truth)
        else:
            loss, confidence = np.full(count, np.nan), np.full(count, np.nan)
            predicted = np.full(count, -1, dtype=np.int64)
            shares = None if soft is None else soft[use]
            loss[use], confidence[use], predicted[use] = self._add_rows(logs[use], truth[use], shares)
            rest = valid & ~known
            predicted[rest] = logs[rest].argmax(axis=1)
            confidence[rest] = np.exp(logs[rest, predicted[rest]])
            self._loss += float(loss[known].sum())  # NaN when one row has no prediction, as the criterion's mean is
            self._count(predicted[use], truth[use], truth[known])
        return loss, confidence, predicted

    def _add_rows(self, logs: Floats, truth: Integers, soft: Floats | None) -> tuple[Floats, Floats, Integers]:
        """Of rows that have a prediction and a truth."""
        rows = np.arange(len(truth))
        predicted = logs.argmax(axis=1)
        confidence = np.exp(logs[rows, predicted])
        of_truth = logs[rows, truth]
        if soft is None:
            loss = -of_truth
        else:
            with np.errstate(invalid="ignore"):
                loss = -np.where(soft > 0, soft * logs, 0.0).sum(axis=1)
        if self.count >= TOP5_CLASSES:
            self._top5 += int(np.count_nonzero(np.count_nonzero(logs > of_truth[:, None], axis=1) < TOP))
        bins = np.minimum(np.maximum((confidence * CONFIDENCE_BINS).astype(np.int64), 0), CONFIDENCE_BINS - 1)
        self._bin_counts += np.bincount(bins, minlength=CONFIDENCE_BINS)
        self._bin_right += np.bincount(bins[predicted == truth], minlength=CONFIDENCE_BINS)
        self._bin_confidence += np.bincount(bins, weights=confidence, minlength=CONFIDENCE_BINS)
        if self._histograms is not None:
            self._histograms.add(logs, truth)
        return loss, confidence, predicted

    def add_labels(self, predicted: Integers, truth: Integers) -> None:
        """Count predicted classes without probabilities; a truth below 0 is left out."""
        self._grow(max(self.count, int(predicted.max(initial=-1)) + 1, int(truth.max(initial=-1)) + 1))
        known = truth >= 0
        self._count(predicted[known], truth[known], truth[known])

    def _count(self, predicted: Integers, truth: Integers, known: Integers) -> None:
        """Predicted and true classes of rows that have both; known: the true ones of those without prediction, too."""
        self.samples += len(known)
        self._support += np.bincount(known, minlength=self.count)
        self._predicted += np.bincount(predicted, minlength=self.count)
        self._hits += np.bincount(truth[predicted == truth], minlength=self.count)
        if self._confusion is not None:
            pairs = truth * self.count + predicted
            self._confusion += np.bincount(pairs, minlength=self.count**2).reshape(self.count, self.count)

    def _grow(self, count: int) -> None:
        more = count - self.count
        if more <= 0:
            return
        self._support, self._predicted, self._hits = (
            np.pad(column, (0, more)) for column in (self._support, self._predicted, self._hits)
        )
        if self._confusion is not None:
            self._confusion = np.pad(self._confusion, ((0, more), (0, more))) if count <= MOST_CLASSES else None
        self.count = count

    def results(self, names: Names, notes: Notes, *, binary: bool) -> Results:
        """The metrics and tables; what is left out for size is noted.

        accuracy: share of right predictions; macro f1: mean of f1 over the classes that occur in truth or prediction;
        weighted f1: mean weighted by support (scikit-learn's `f1_score`). calibration error: sum over the confidence
        bins of (their share) * |accuracy - mean confidence| (ECE, Guo et al. 2017, eq. 3).
        """
        support = self._support.tolist()
        all_scores = [
            precision_recall_f1(*counts)[2]
            for counts in zip(self._hits.tolist(), self._predicted.tolist(), support, strict=True)
        ]
        chosen = self._listed(notes, all_scores)
        metrics = {"accuracy": float(self._hits.sum()) / self.samples} if self.samples else {}
        if self.samples and self._scored:
            metrics["loss"] = self._loss / self.samples
            if self.count >= TOP5_CLASSES:
                metrics["top-5 accuracy"] = self._top5 / self.samples
            answered = int(self._bin_counts.sum())
            if answered:
                gaps = np.abs(self._bin_right - self._bin_confidence)
                metrics["calibration error"] = float(gaps.sum() / answered)
        defined = [f1 for f1 in all_scores if f1 is not None]
        if defined:
            metrics["macro f1"] = sum(defined) / len(defined)
            weights = [(f1, n) for f1, n in zip(all_scores, support, strict=True) if f1 is not None and n]
            metrics["weighted f1"] = sum(f1 * n for f1, n in weights) / sum(n for _, n in weights) if weights else 0.0
        scores = tuple(self._score(index, names) for index in chosen)
        if binary and len(scores) == 2:
            yes = scores[1]
            answers = {"precision": yes.precision, "recall": yes.recall, "f1": yes.f1,
                       "average precision": yes.average_precision, "roc auc": yes.roc_auc}  # fmt: skip
            metrics.update({name: value for name, value in answers.items() if value is not None})
        listed = self._scored and self.samples
        return Results(
            classes=names.first(self.count) if self.count <= MOST_NAMES else (),
            metrics=metrics,
            confusion=() if self._confusion is None else _table(self._confusion),
            scores=scores,
            confidence=tuple(self._bin_counts.tolist()) if listed else (),
            correct=tuple(self._bin_right.tolist()) if listed else (),
        )

    def _listed(self, notes: Notes, f1: list[float | None]) -> list[int]:
        """The classes that get a line: all of up to MOST_CLASSES, else those with the lowest f1 that occur."""
        if self.count <= MOST_CLASSES:
            return list(range(self.count))
        notes.fact(
            f"With {self.count:,} classes the confusion matrix, average precision and ROC-AUC "
            f"are left out, and only the {MOST_CLASSES} classes with the lowest F1 that occur in the truth are listed."
        )
        if self.count > MOST_NAMES:
            notes.fact(f"The names of the classes are not listed: there are more than {MOST_NAMES:,}.")
        occurring = np.flatnonzero(self._support).tolist()
        return sorted(sorted(occurring, key=lambda index: f1[index] or 0.0)[:MOST_CLASSES])

    def _score(self, index: int, names: Names) -> ClassScore:
        support, predicted, hits = (int(column[index]) for column in (self._support, self._predicted, self._hits))
        precision, recall, f1 = precision_recall_f1(hits, predicted, support)
        histograms = self._histograms
        return ClassScore(
            names[index], support, predicted, hits, precision, recall, f1,
            histograms.average_precision(index) if histograms else None,
            histograms.roc_auc(index) if histograms else None,
        )  # fmt: skip


def _table(counts: Array) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(row) for row in counts.tolist())
