"""Scores of samples in histograms, and the curves' areas that follow from them."""

from __future__ import annotations

import numpy as np

from reportgen.collect.predictions.arrays import Array, Floats, Integers

# DESIGN section 3. The bins are equal in log-odds, not in probability: a trained network puts nearly all probabilities
# next to 0 and 1, where equal bins would not tell them apart. One bin is 0.8 % in odds, 0.002 in probability at 0.5.
BINS = 10_000
REACH = 40.0  # log-odds; float64 has no probability nearer to 1 than log-odds of 36.7

# Score histograms take 80 kB a class.
MOST_CLASSES = 100


class ScoreHistograms:
    """Counts of the scores of `count` classes, for samples of the class and for the others.

    Two scores in one bin count as equal, so average precision and ROC-AUC are those of the rounded scores.
    """

    def __init__(self, count: int) -> None:
        self._counts = np.zeros((count, 2, BINS), dtype=np.uint32)

    def add(self, log_odds: Floats, positive: Array) -> None:
        """Count (n, C) scores as log-odds; positive (n, C) bool says which belong to the class. NaN is in no bin."""
        known = ~np.isnan(log_odds)
        bins = bins_of(np.where(known, log_odds, 0.0))
        classes = np.broadcast_to(np.arange(log_odds.shape[1]), log_odds.shape)
        flat = (classes * 2 + positive) * BINS + bins
        np.add.at(self._counts.reshape(-1), flat[known], 1)

    def average_precision(self, index: int) -> float | None:
        """Sum over thresholds of (R_n - R_n-1) P_n, without interpolation; None without positives.

        The definition of scikit-learn's `average_precision_score`.
        """
        return average_precision(self._counts[index, 1], self._counts[index, 0])

    def roc_auc(self, index: int) -> float | None:
        """The chance that a positive scores above a negative, ties counting half; None without one of both.

        Mann-Whitney U / (positives * negatives), which is the area under the ROC curve (Hanley, McNeil 1982).
        """
        positive, negative = (self._counts[index, row].astype(np.float64) for row in (1, 0))
        pairs = positive.sum() * negative.sum()
        if not pairs:
            return None
        below = np.cumsum(negative) - negative
        return float((positive * (below + negative / 2)).sum() / pairs)


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
