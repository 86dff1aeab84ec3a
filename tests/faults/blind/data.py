"""The rows that these scripts train on: drawn and split by the seed."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.datasets import load_digits, make_classification, make_friedman1
from torch import Tensor

Split = tuple[Tensor, Tensor, Tensor, Tensor]


def digits(seed: int, rows: int = 1797) -> Split:
    """Handwritten digits: (n, 64) float32 in 0..1 and (n,) int64 labels; training rows, then a fifth of validation."""
    x, y = load_digits(return_X_y=True)
    return split(x / 16.0, y.astype(np.int64), seed, rows)


def pictures(seed: int, rows: int = 1797) -> Split:
    """The digits as images (n, 1, 8, 8), standardised over all pixels."""
    xt, yt, xv, yv = digits(seed, rows)
    mean, std = xt.mean(), xt.std()
    return ((xt - mean) / std).view(-1, 1, 8, 8), yt, ((xv - mean) / std).view(-1, 1, 8, 8), yv


def table(seed: int, rows: int = 2000, classes: int = 2, gap: float = 1.5, **more: float) -> Split:
    """Synthetic rows of 20 standardised columns, of which 10 tell the class."""
    x, y = make_classification(
        rows, 20, n_informative=10, n_redundant=2, n_classes=classes, class_sep=gap, random_state=seed, **more
    )
    return split((x - x.mean(0)) / x.std(0), y.astype(np.int64), seed, rows)


def curve(seed: int, rows: int = 1500) -> Split:
    """Friedman's first regression problem: 10 columns in 0..1, targets (n,) of about 14 with a deviation of 5."""
    x, y = make_friedman1(rows, 10, noise=0.5, random_state=seed)
    return split(x, y.astype(np.float32), seed, rows)


def split(x: np.ndarray, y: np.ndarray, seed: int, rows: int) -> Split:
    """`rows` rows in an order drawn by the seed, as float32 and as they are; the last fifth is for validation."""
    order = np.random.RandomState(seed).permutation(len(x))[:rows]
    cut = int(0.8 * len(order))
    inputs, targets = torch.tensor(x[order], dtype=torch.float32), torch.tensor(y[order])
    return inputs[:cut], targets[:cut], inputs[cut:], targets[cut:]


def r2(outputs: Tensor, targets: Tensor) -> float:
    """The coefficient of determination of outputs for targets of the same number of values."""
    outputs, targets = outputs.detach().flatten(), targets.flatten()
    return 1 - float(((outputs - targets) ** 2).sum() / ((targets - targets.mean()) ** 2).sum())


def accuracy(outputs: Tensor, targets: Tensor) -> float:
    """The share of rows whose largest output is that of the target."""
    return float((outputs.argmax(1) == targets).float().mean())
