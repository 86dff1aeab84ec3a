"""Scores of samples in histograms, and the curves' areas that follow from them."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from reportgen.collect.predictions.arrays import Array, Floats, Integers

# DESIGN section 3. The bins are equal in log-odds, not in probability: a trained network puts nearly all probabilities
# next to 0 and 1, where equal bins would not tell them apart. One bin is 0.8 % in odds, 0.002 in probability at 0.5.
BINS = 10_000
REACH = 40.0  # log-odds; float64 has no probability nearer to 1 than log-odds of 36.7

# Score histograms take 80 kB a class.
MOST_CLASSES = 100
# Scores that are held back at most before they are put into histograms: one call then counts those of many batches, and
# a set of one batch needs no whole histogram.
HELD = 65_536


class ScoreHistograms:
    """Counts of the scores of `count` classes, for samples of the class and for the others.

    Two scores in one bin count as equal, so average precision and ROC-AUC are those of the rounded scores.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._held: list[tuple[Floats, Array]] = []
        self._size = 0
        # Cells are numbered by class, bin, and whether the sample is of the class. Few scores are a list of cells, many
        # the counts of all cells.
        self._cells: Integers = np.zeros(0, dtype=np.int64)
        self._counts: NDArray[np.uint32] | None = None
        self._areas: list[tuple[float | None, float | None]] = []  # of what was counted when they were asked for

    def add(self, scores: Floats, belongs: Array) -> None:
        """Count the scores of n samples; NaN is in no bin. Both arrays are held for a while, so they must not change.

        belongs: (n,) the class of each sample, with (n, C) log-probabilities as scores; or (n, C) bool, with log-odds.
        """
        self._held.append((scores, belongs))
        self._size += scores.size
        self._areas = []
        if self._size > HELD:
            self._settle()

    def _settle(self) -> None:
        """Find the cells of what is held back."""
        if not self._held:
            return
        scores, belongs = (np.concatenate(column) for column in zip(*self._held, strict=True))
        self._held, self._size = [], 0
        cells = self._found(scores, belongs)
        if self._counts is None and len(self._cells) + len(cells) <= HELD:
            self._cells = np.concatenate((self._cells, cells))
            return
        if self._counts is None:
            self._counts = np.zeros(self._count * BINS * 2, dtype=np.uint32)
            np.add.at(self._counts, self._cells, np.uint32(1))
            self._cells = self._cells[:0]
        np.add.at(self._counts, cells, np.uint32(1))

    def _found(self, scores: Floats, belongs: Array) -> Integers:
        classes = np.arange(self._count)
        if belongs.ndim == 1:
            scores, belongs = log_odds(scores), belongs[:, None] == classes
        known = ~np.isnan(scores)
        classes = np.broadcast_to(classes, scores.shape)
        if not known.all():
            scores, belongs, classes = scores[known], belongs[known], classes[known]
        cells: Integers = ((classes * BINS + bins_of(scores)) * 2 + belongs).reshape(-1)
        return cells

    def average_precision(self, index: int) -> float | None:
        """Sum over thresholds of (R_n - R_n-1) P_n, without interpolation; None without positives.

        The definition of scikit-learn's `average_precision_score`.
        """
        return self._of_each()[index][0]

    def roc_auc(self, index: int) -> float | None:
        """The chance that a positive scores above a negative, ties counting half; None without one of both.

        Mann-Whitney U / (positives * negatives), which is the area under the ROC curve (Hanley, McNeil 1982).
        """
        return self._of_each()[index][1]

    def _of_each(self) -> list[tuple[float | None, float | None]]:
        """Average precision and ROC-AUC of each class, from the cells that hold any score."""
        if self._areas:
            return self._areas
        self._settle()
        if self._counts is None:
            cells, counts = np.unique(self._cells, return_counts=True)
        else:
            cells = np.flatnonzero(self._counts)
            counts = self._counts[cells].astype(np.int64)
        places = cells >> 1
        first = np.flatnonzero(np.diff(places, prepend=-1))
        ours = np.where(cells & 1, counts, 0)
        if len(first):
            ours, counts = np.add.reduceat(ours, first), np.add.reduceat(counts, first)
        self._areas = _areas(self._count, places[first], ours.astype(np.float64), counts.astype(np.float64))
        return self._areas


def _areas(count: int, places: Integers, positive: Floats, scores: Floats) -> list[tuple[float | None, float | None]]:
    """Those of `count` classes. places: class * BINS + bin of all bins that hold a score, ascending, and how many."""
    classes, bins = np.divmod(places, BINS)
    ends = np.searchsorted(classes, np.arange(count + 1))
    # Whole numbers, so that sums over all classes and their differences are exact.
    below, scores_below = (np.concatenate(([0.0], np.cumsum(column))) for column in (positive, scores))
    total = np.diff(below[ends])
    others = np.diff(scores_below[ends]) - total
    hits, above = below[ends[1:]][classes] - below[:-1], scores_below[ends[1:]][classes] - scores_below[:-1]
    steps = positive / np.maximum(total, 1.0)[classes] * (hits / above)
    negative = scores - positive
    negative_below = scores_below[:-1] - below[:-1] - (scores_below - below)[ends[:-1]][classes]
    wins = np.bincount(classes, positive * (negative_below + negative / 2), minlength=count)
    # Summed in the places of the bins, as of a whole histogram: the order of a sum decides its last digits.
    row, places = np.zeros(BINS), BINS - 1 - bins
    found: list[tuple[float | None, float | None]] = []
    for index, (start, end) in enumerate(itertools.pairwise(ends.tolist())):
        if not total[index]:
            found.append((None, None))
            continue
        row[places[start:end]] = steps[start:end]
        pairs = total[index] * others[index]
        found.append((float(row.sum()), float(wins[index] / pairs) if pairs else None))
        row[places[start:end]] = 0.0
    return found


def bins_of(log_odds: Floats) -> Integers:
    """The bin of each score; what is out of REACH falls in the outermost."""
    places = (np.clip(log_odds, -REACH, REACH) + REACH) * (BINS / (2 * REACH))
    return np.minimum(places.astype(np.int64), BINS - 1)


def average_precision(
    positive: Array, negative: Array, truths: int | None = None, envelope: bool = False
) -> float | None:
    """Area under the precision-recall steps of counts by ascending score; None without truths.

    truths: what recall is a share of, where some were never scored (undetected objects); else all positives.
    envelope: precision is first made the best at any larger recall, as PASCAL VOC does since 2010.
    """
    hits = np.cumsum(positive[::-1].astype(np.float64))
    total = hits + np.cumsum(negative[::-1].astype(np.float64))
    all_truths = float(truths if truths is not None else hits[-1])
    if not all_truths:
        return None
    precision = np.divide(hits, total, out=np.zeros_like(hits), where=total > 0)
    if envelope:
        precision = np.maximum.accumulate(precision[::-1])[::-1]
    return float((np.diff(hits, prepend=0.0) / all_truths * precision).sum())


def log_odds(log_probabilities: Floats) -> Floats:
    """log p - log(1 - p) of log p, exact at both ends."""
    with np.errstate(divide="ignore", invalid="ignore"):
        odds: Floats = log_probabilities - np.log(-np.expm1(np.minimum(log_probabilities, 0.0)))
    return odds


def precision_recall_f1(hits: int, predicted: int, support: int) -> tuple[float | None, float | None, float | None]:
    """Precision, recall and their harmonic mean 2 hits / (predicted + support); None where the divisor is 0."""
    return (
        hits / predicted if predicted else None,
        hits / support if support else None,
        2 * hits / (predicted + support) if predicted + support else None,
    )
