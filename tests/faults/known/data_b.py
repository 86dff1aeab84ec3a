"""Data and scores that the scripts with faults of dynamics and of data share.

All data is drawn anew for each seed and comes as `(train inputs, train targets, val inputs, val targets)`.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from sklearn import datasets
from torch import Tensor

Split = tuple[Tensor, Tensor, Tensor, Tensor]

# What a run that learns nothing, or little, shows beside its cause.
UNLEARNED = ("loss_not_decreasing", "plateau", "underfitting", "worse_than_baseline", "constant_predictions")
# What steps that are far too long lead to.
TOO_FAR = (
    *UNLEARNED,
    "divergence",
    "oscillation",
    "exploding_gradients",
    "exploding_activations",
    "dead_relu",
    "dead_channels",
    "rank_collapse",
    "saturated_activation",
)


def split(inputs: np.ndarray, targets: np.ndarray, seed: int, train: float = 0.7) -> Split:
    """Shuffle rows and cut: inputs float32 (N, ...), targets int64 (N,) of classes or float32 of numbers."""
    order = np.random.default_rng(seed).permutation(len(inputs))
    at = int(train * len(order))
    x = torch.tensor(inputs[order], dtype=torch.float32)
    y = torch.tensor(targets[order])
    y = y.float() if y.is_floating_point() else y.long()
    return x[:at], y[:at], x[at:], y[at:]


def digits(seed: int) -> Split:
    """Handwritten digits: inputs (N, 64) within [0, 1], ten classes."""
    inputs, targets = datasets.load_digits(return_X_y=True)
    return split(inputs / 16, targets, seed)


def images(seed: int) -> Split:
    """The same digits as images (N, 1, 8, 8)."""
    x, y, x_val, y_val = digits(seed)
    return x.view(-1, 1, 8, 8), y, x_val.view(-1, 1, 8, 8), y_val


def table(name: str, seed: int, train: float = 0.7) -> Split:
    """A table of scikit-learn ("wine", "iris", "breast_cancer", "diabetes") with standardised columns."""
    inputs, targets = raw_table(name)
    x, y, x_val, y_val = split(inputs, targets, seed, train)
    mean, std = x.mean(0), x.std(0) + 1e-6
    return (x - mean) / std, y, (x_val - mean) / std, y_val


def raw_table(name: str) -> tuple[np.ndarray, np.ndarray]:
    """A table of scikit-learn as it is stored."""
    inputs, targets = getattr(datasets, f"load_{name}")(return_X_y=True)
    return inputs, targets


def made(seed: int, rows: int = 1000, features: int = 20, flip: float = 0.01, apart: float = 1.0, **more) -> Split:
    """scikit-learn's make_classification: two classes unless told otherwise, about unit variance."""
    inputs, targets = datasets.make_classification(
        rows, features, n_informative=features // 2, flip_y=flip, class_sep=apart, random_state=seed, **more
    )
    return split(inputs, targets, seed)


def spirals(seed: int, rows: int = 900, arms: int = 3) -> Split:
    """Points (N, 2) on interleaved spiral arms, one class an arm: no straight line parts them."""
    rng = np.random.default_rng(seed)
    arm = rng.integers(0, arms, rows)
    radius = rng.uniform(0.1, 1.0, rows)
    angle = 2 * math.pi * (arm / arms + radius) + rng.normal(0, 0.15, rows)
    return split(np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1) * 1.7, arm, seed)


def accuracy(outputs: Tensor, targets: Tensor) -> float:
    """Share of rows (N, C) whose largest output is at the target (N,)."""
    return float((outputs.argmax(1) == targets).float().mean())


def r2(outputs: Tensor, targets: Tensor) -> float:
    """Coefficient of determination of outputs against targets of the same shape."""
    return float(1 - ((outputs - targets) ** 2).sum() / ((targets - targets.mean()) ** 2).sum())
