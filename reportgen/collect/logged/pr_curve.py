"""Precision and recall at evenly spaced thresholds, counted as torch's writer counts."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import numpy as np

from reportgen.collect.predictions.arrays import Array, Floats
from reportgen.errors import InvalidArgumentError
from reportgen.run.curve_columns import LEAST, even_thresholds
from reportgen.run.logged import PRCurve
from reportgen.run.series import Stamp

MOST_THRESHOLDS = 1000


def counted(tag: str, stamp: Stamp, labels: Array, scores: Array, count: int, weights: Array | float) -> PRCurve:
    """The curve of labels (0 or 1, or between them) and scores in [0, 1], both of one shape, at `count` thresholds.

    A sample is predicted positive where floor(score * (count - 1)) reaches the threshold's index. weights: one a
    sample, or one for all. Scores outside [0, 1], NaN, and samples with a NaN label are left out, which is noted.
    """
    truth, given = labels.astype(np.float64).reshape(-1), scores.reshape(-1)
    if truth.size != given.size:
        raise InvalidArgumentError("predictions", given.size, f"one for each of {truth.size} labels")
    notes: list[str] = []
    weight = np.broadcast_to(np.asarray(weights, dtype=np.float64).reshape(-1), truth.shape)
    inside = (given >= 0) & (given <= 1) & np.isfinite(truth)
    left = int(truth.size - np.count_nonzero(inside))
    if left:
        notes.append(f"{left:,} of {truth.size:,} samples are not counted: a prediction outside 0 to 1, or a NaN.")
        truth, given, weight = truth[inside], given[inside], weight[inside]
    places = np.floor(given * (count - 1)).astype(np.int64)
    positive = np.bincount(places, weights=truth * weight, minlength=count)[::-1].cumsum()[::-1]
    negative = np.bincount(places, weights=(1.0 - truth) * weight, minlength=count)[::-1].cumsum()[::-1]
    if not truth.size:
        notes.append("Nothing was counted, so that there is no precision and no recall.")
    elif not positive[0]:
        notes.append("No label is positive, so that recall is not defined and drawn as 0.")
    missed = positive[0] - positive
    precision = positive / np.maximum(LEAST, positive + negative)
    recall = positive / np.maximum(LEAST, positive + missed)
    columns = (positive, negative, negative[0] - negative, missed, precision, recall)
    return _curve(tag, stamp, even_thresholds(count), columns, notes)


def given_curve(tag: str, stamp: Stamp, columns: Sequence[Array], notes: Sequence[str] = ()) -> PRCurve:
    """The curve of given columns: true and false positives, true and false negatives, precision, recall, each (T,)."""
    doubles = [column.astype(np.float64) for column in columns]
    return _curve(tag, stamp, even_thresholds(len(columns[0])), doubles, notes)


def _curve(
    tag: str, stamp: Stamp, thresholds: array[float], columns: Sequence[Floats], notes: Sequence[str]
) -> PRCurve:
    tp, fp, tn, fn, precision, recall = (
        array("d", np.ascontiguousarray(column, dtype=np.float64).tobytes()) for column in columns
    )
    return PRCurve(tag, stamp, thresholds, tp, fp, tn, fn, precision, recall, tuple(notes))
