"""Single features that tell the target: the area under the ROC curve of each, or its correlation."""

from __future__ import annotations

import numpy as np

from reportgen.collect.predictions.arrays import Array, Floats, Integers
from reportgen.run.evidence import Leak

# Rows and columns compared: the ranks of 2,000 x 256 numbers take a tenth of a second.
ROWS, COLUMNS = 2_000, 256
LEAST_SCORE, MOST = 0.9, 5
LEAST_ROWS, LEAST_OF_CLASS, MOST_CLASSES = 30, 5, 50


def leaks(values: Array, names: tuple[str, ...], labels: Array | None, numbers: Array | None) -> tuple[Leak, ...]:
    """The features of rows (n, columns) with a score of LEAST_SCORE or more, at most MOST, the highest first.

    Of two classes the score is the AUC of one against the other. Of several it is that of the class which the feature
    tells worst, by how near a row is to the middle rank of the class: one class that stands apart is no leak. Of
    numbers it is the greater of Pearson's and Spearman's |correlation|.
    """
    rows = np.linspace(0, len(values) - 1, min(len(values), ROWS)).astype(np.int64)
    values = values[rows]
    places = np.flatnonzero(np.isfinite(values).all(axis=0))
    if len(rows) < LEAST_ROWS or not len(places):
        return ()
    if len(places) > COLUMNS:
        places = places[_promising(values[:, places], _at(rows, labels, numbers))]
    values = np.asarray(values[:, places], np.float64)
    ranks = _ranks(values)
    if labels is not None:
        scores, measure = _of_classes(ranks, labels[rows]), "AUC"
    elif numbers is not None and np.isfinite(numbers[rows]).all():
        target = numbers[rows][:, None]
        scores = np.maximum(_correlation(values, target), _correlation(ranks, _ranks(target)))
        measure = "correlation"
    else:
        return ()
    if scores is None:
        return ()
    best = np.argsort(-scores, kind="stable")[:MOST]
    return tuple(
        Leak(names[places[place]], float(scores[place]), measure, len(rows))
        for place in best
        if scores[place] >= LEAST_SCORE
    )


def _at(rows: Integers, labels: Array | None, numbers: Array | None) -> Array | None:
    target = labels if labels is not None else numbers
    return None if target is None else target[rows]


def _promising(values: Array, target: Array | None) -> Integers:
    """The COLUMNS columns that go along best with a class or with the number, in their order."""
    if target is None:
        return np.arange(COLUMNS)
    wanted = target if target.dtype.kind == "f" else np.unique(target, return_inverse=True)[1]
    best = _correlation(np.asarray(values, np.float64), np.asarray(wanted, np.float64)[:, None])
    found: Integers = np.sort(np.argsort(-best, kind="stable")[:COLUMNS])
    return found


def _of_classes(ranks: Floats, labels: Array) -> Floats | None:
    classes, of, counts = np.unique(labels, return_inverse=True, return_counts=True)
    known = np.flatnonzero(counts >= LEAST_OF_CLASS)
    if not 2 <= len(known) <= MOST_CLASSES:
        return None
    if len(classes) == 2:
        return _auc(ranks, of == 1)
    worst = np.ones(ranks.shape[1])
    for place in known:
        left = np.flatnonzero(worst >= LEAST_SCORE)  # few columns after the first class or two
        if not len(left):
            break
        members, held = of == place, ranks[:, left]
        near = _ranks(-np.abs(held - np.median(held[members], axis=0)))
        worst[left] = np.minimum(worst[left], _auc(near, members))
    return worst


def _auc(ranks: Floats, members: Array) -> Floats:
    """Of the rows in `members` against the others, in the direction that is better; by the sum of ranks."""
    positive = int(members.sum())
    negative = len(members) - positive
    area: Floats = (ranks[members].sum(axis=0) - positive * (positive + 1) / 2) / (positive * negative)
    return np.maximum(area, 1 - area)


def _ranks(values: Array) -> Floats:
    """The ranks of each column from 1, equal numbers having their mean rank."""
    count = len(values)
    order = np.argsort(values, axis=0, kind="stable")
    ordered = np.take_along_axis(values, order, axis=0)
    found = np.empty(values.shape)
    places = np.arange(count)
    for column in range(values.shape[1]):
        first = np.flatnonzero(np.concatenate(([True], ordered[1:, column] != ordered[:-1, column])))
        ends = np.append(first[1:], count)
        mean: Floats = (first + ends + 1) / 2
        group: Integers = np.searchsorted(first, places, side="right") - 1
        found[order[:, column], column] = mean[group]
    return found


def _correlation(values: Array, target: Array) -> Floats:
    with np.errstate(all="ignore"):
        apart, wanted = values - values.mean(axis=0), target - target.mean()
        spread = np.sqrt((apart * apart).sum(axis=0) * (wanted * wanted).sum())
        found: Floats = np.abs((apart * wanted).sum(axis=0) / spread)
    return np.nan_to_num(found, nan=0.0, posinf=0.0)
