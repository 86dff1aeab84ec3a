"""Numbers against numbers: one or several values a sample."""

from __future__ import annotations

import numpy as np

from reportgen.collect.predictions.arrays import Array, Booleans, Floats, Shape, as_values, to_array
from reportgen.collect.predictions.names import Names
from reportgen.collect.predictions.notes import Notes
from reportgen.collect.predictions.reservoir import chances
from reportgen.collect.predictions.task import Results, Scored, Shown
from reportgen.errors import InvalidArgumentError

# Points of the scatter of prediction against truth.
POINTS = 400
# Up to here R2 is taken for each value of a sample and averaged; beyond (images), over all values together.
MOST_VALUES = 1000
SHOWN = 3
# Bytes of numbers that may be held until the samples are put into words.
HELD = 2**20


class Regression:
    """Counts float outputs against targets of the same shape ((N, 1) and (N,) are the same)."""

    name = "regression"
    outputs_are = "values"
    side = 160

    def __init__(self, outputs: Array, names: Names, outputs_are: str | None) -> None:
        if outputs_are not in (None, "values"):
            raise InvalidArgumentError("outputs_are", outputs_are, "values for a regression")
        self.reason = "the caller said so" if outputs_are else "a regression's outputs are the numbers themselves"
        self.notes = Notes()
        self._names = names
        self._width = int(np.prod(outputs.shape[1:], dtype=np.int64))
        columns = self._width if self._width <= MOST_VALUES else 1
        if names.given:
            names.check(self._width, self.notes)
        self._samples = 0
        self._values = 0
        self._absolute = self._signed = 0.0
        self._squares = np.zeros(columns)  # of errors
        self._count = 0  # values a column
        self._mean = np.zeros(columns)  # of the truth
        self._spread = np.zeros(columns)  # sum of squared distances from that mean
        self._points: list[tuple[float, float, float]] = []

    def add(self, outputs: object, targets: object) -> Scored:
        """Count a batch; see Task."""
        predicted, truth = (
            _flat(to_array(as_values(value, argument)))
            for value, argument in ((outputs, "outputs"), (targets, "targets"))
        )
        if predicted.shape[1] != self._width:
            raise InvalidArgumentError(
                "outputs", Shape(predicted), f"{self._width} values a sample, as the set began with"
            )
        if predicted.shape != truth.shape:
            raise InvalidArgumentError("targets", Shape(truth), f"the shape of outputs, {predicted.shape}")
        errors = predicted - truth
        with np.errstate(all="ignore"):
            squares = errors**2
            loss = squares[:, 0] if self._width == 1 else squares.mean(axis=1)
            self._absolute += float(np.abs(errors).sum())
            self._signed += float(errors.sum())
            self._add_spread(truth, squares)
        every = np.isfinite(errors)
        finite: Booleans = every[:, 0] if self._width == 1 else np.logical_and.reduce(every, axis=1)
        self._values += errors.size
        self._keep_points(truth, predicted, finite)
        self._samples += len(errors)
        badness = loss
        if not finite.all():
            badness = np.where(np.isnan(loss), np.inf, loss)
            self.notes.add("{n} samples hold NaN or infinities; so do the metrics.", int((~finite).sum()))

        def show(row: int) -> Shown:
            value = float(loss[row])
            return Shown(
                self._text(truth[row]), self._text(predicted[row]), None, None, value if np.isfinite(value) else None
            )

        everywhere = np.ones(len(errors), dtype=bool)
        return Scored(badness, np.full(len(errors), np.nan), everywhere, show, lasting=errors.nbytes <= HELD)

    def _add_spread(self, truth: Floats, squares: Floats) -> None:
        """Merge the batch's mean and spread of the truth (Chan, Golub, LeVeque 1983), exact for large offsets."""
        if self._width > MOST_VALUES:
            truth, squares = truth.reshape(-1, 1), squares.reshape(-1, 1)
        self._squares += squares.sum(axis=0)
        count = len(truth)
        mean = truth.sum(axis=0) / count
        gap, total = mean - self._mean, self._count + count
        self._spread += ((truth - mean) ** 2).sum(axis=0) + gap**2 * self._count * count / total
        self._mean += gap * count / total
        self._count = total

    def _keep_points(self, truth: Floats, predicted: Floats, finite: Array) -> None:
        """Keep the (truth, prediction) pairs of a random sample: the first value of each kept one."""
        if not self._width:
            return
        keys = chances(self._samples, len(truth))
        floor = self._points[-1][0] if len(self._points) == POINTS else -1.0
        (rows,) = (finite & (keys > floor)).nonzero()
        if len(rows):
            columns = (column[rows].tolist() for column in (keys, truth[:, 0], predicted[:, 0]))
            self._points = sorted([*self._points, *zip(*columns, strict=True)], reverse=True)[:POINTS]

    def _text(self, values: Floats) -> str:
        if self._width == 1:
            return f"{values[0]:.5g}"
        named = [
            f"{self._names[index]}: {value:.4g}" if self._names.given else f"{value:.4g}"
            for index, value in enumerate(values[:SHOWN])
        ]
        return ", ".join(named) + (f" … ({self._width:,} values)" if self._width > SHOWN else "")

    def results(self) -> Results:
        """Metrics so far.

        mae: mean absolute error; rmse: root of the mean squared error; bias: mean of prediction - truth; r2: 1 -
        squared error / spread of the truth, mean over a sample's values (scikit-learn's `r2_score`);
        not given where a value of the truth never varies.
        """
        if not self._values:
            return Results()
        with np.errstate(all="ignore"):
            metrics = {
                "mae": self._absolute / self._values,
                "rmse": float(np.sqrt(self._squares.sum() / self._values)),
                "bias": self._signed / self._values,
            }
            if np.all(self._spread > 0) or np.isnan(self._spread).any():
                metrics["r2"] = float(np.mean(1 - self._squares / self._spread))
        if self._width > 1:
            self.notes.fact("The points show the first value of each sample.")
        points = tuple(sorted((truth, predicted) for _, truth, predicted in self._points))
        return Results(metrics=metrics, points=points)


def _flat(array: Array) -> Floats:
    return array.astype(np.float64).reshape(len(array), -1)
