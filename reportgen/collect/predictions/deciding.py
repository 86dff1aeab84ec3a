"""Which task a batch belongs to, and what its outputs are: from shapes, dtypes and a look at the numbers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from reportgen.collect.predictions.arrays import Array, Shape, kind_of, to_array
from reportgen.errors import InvalidArgumentError

TASKS = ("classification", "binary", "multilabel", "regression", "segmentation", "detection")
OUTPUTS_ARE = ("logits", "probabilities", "log-probabilities", "labels", "values")

# How far the sum of a row may be from 1 (its logsumexp from 0): half-precision softmax rows of 1,000 classes are off by
# up to 4e-3, while rows of logits miss it by whole numbers.
TOLERANCE = 1e-2

LOGITS = "rows neither sum to 1 nor have a logsumexp of 0"
SHAPES = (
    "outputs (N, C) with targets (N,) or (N, C); (N,) or (N, 1) with (N,); (N, C, H, W) with (N, H, W); the same float "
    "shape twice (regression); or lists of dicts with boxes (detection); else name it with task="
)


def check_choice(argument: str, value: object, accepted: tuple[str, ...]) -> None:
    """Raise InvalidArgumentError unless `value` is one of `accepted`."""
    if not isinstance(value, str) or value not in accepted:
        raise InvalidArgumentError(argument, value, ", ".join(accepted))


def is_detection(outputs: object) -> bool:
    """Whether `outputs` is a list of dicts with boxes, one an image."""
    return (
        isinstance(outputs, (list, tuple))
        and len(outputs) > 0
        and all(isinstance(item, Mapping) and "boxes" in item for item in outputs)
    )


def decide_task(outputs: torch.Tensor | Array, targets: torch.Tensor | Array) -> str:
    """The task of a batch with N >= 1 samples. Raises InvalidArgumentError when shapes and dtypes fit none."""
    shape, truth = tuple(outputs.shape), tuple(targets.shape)
    whole = kind_of(targets) != "f"
    if (
        len(shape) == 4
        and truth in (shape[:1] + shape[2:], (shape[0], 1, *shape[2:]))
        and (whole or _is_whole(targets))
    ):
        return "segmentation"
    if len(shape) == 3 and truth == shape and kind_of(outputs) != "f" and whole:
        return "segmentation"
    if len(shape) <= 2 and len(truth) <= 2:
        found = _decide_flat(outputs, targets, _columns(shape), _columns(truth))
        if found:
            return found
    if shape == truth and kind_of(outputs) == "f" and kind_of(targets) == "f":
        return "regression"
    raise InvalidArgumentError("outputs, targets", _Pair(outputs, targets), SHAPES)


def _decide_flat(outputs: torch.Tensor | Array, targets: torch.Tensor | Array, wide: int, wide_truth: int) -> str:
    """The task of (N,) or (N, C) outputs; "" when none fits. (N, 1) is treated as (N,)."""
    if wide == 1 and wide_truth == 1:
        if kind_of(outputs) != "f" and kind_of(targets) != "f":
            return "classification"
        return "binary" if _is_zero_one(targets) else "regression"
    if wide > 1 and wide_truth == 1:
        return "classification" if _is_whole(targets) else ""
    if wide != wide_truth:
        return ""
    if _rows_are_shares(to_array(targets)):
        return "classification"
    if _is_zero_one(targets):
        return "multilabel"
    return "regression"


def _columns(shape: tuple[int, ...]) -> int:
    return shape[1] if len(shape) == 2 else 1


def _is_whole(values: torch.Tensor | Array) -> bool:
    array = to_array(values)
    return array.dtype.kind != "f" or bool(np.all(np.isfinite(array) & (array == np.round(array))))


def _is_zero_one(values: torch.Tensor | Array) -> bool:
    array = to_array(values)
    return array.dtype.kind == "b" or bool(np.all((array == 0) | (array == 1)))


def _rows_are_shares(array: Array) -> bool:
    """Whether all rows are >= 0 and sum to 1 within TOLERANCE."""
    rows = array.astype(np.float64)
    return bool(np.all(rows >= 0) and np.all(np.abs(rows.sum(axis=1) - 1) <= TOLERANCE))


class _Pair:
    def __init__(self, outputs: object, targets: object) -> None:
        self._pair = Shape(outputs), Shape(targets)

    def __repr__(self) -> str:
        return "outputs {!r} with targets {!r}".format(*self._pair)


def scale_of_rows(rows: Array) -> tuple[str, str]:
    """What (N, C) outputs of one class a row are, and why; rows that hold NaN or infinities have no say."""
    if rows.dtype.kind != "f" and rows.ndim == 1:
        return "labels", "whole numbers, one a sample, are the predicted classes"
    if rows.size and rows.min() < 0 and TOLERANCE < rows.max() < np.inf:  # what most are, told by a look
        return "logits", LOGITS
    values = rows.astype(np.float64)
    known = values[~np.isnan(values).any(axis=1) & ~np.isposinf(values).any(axis=1)]
    if not len(known):
        return "logits", "no row without NaN was there to judge by"
    if _rows_are_shares(known):
        return "probabilities", "all rows are >= 0 and sum to 1"
    if np.all(known <= TOLERANCE) and np.all(np.abs(np.log(np.exp(known).sum(axis=1) + 1e-300)) <= TOLERANCE):
        return "log-probabilities", "the logsumexp of all rows is 0"
    return "logits", LOGITS


def scale_of_values(values: Array) -> tuple[str, str]:
    """What outputs of independent yes-or-no answers are, and why. All zeros are logits: a new layer's."""
    if values.dtype.kind != "f":
        return "labels", "whole numbers are the predicted answers"
    known = values[np.isfinite(values)]
    if len(known) and known.min() >= 0 and known.max() <= 1 and known.max() > 0:
        return "probabilities", "all values lie in [0, 1]"
    return "logits", "values lie outside [0, 1]" if len(known) and known.max() != known.min() else "no probabilities"
