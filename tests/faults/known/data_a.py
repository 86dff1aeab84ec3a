"""Small data sets, drawn by seed, of the scripts with exact faults."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
import torch
from sklearn import datasets
from sklearn.model_selection import train_test_split
from torch import Tensor

Choice = TypeVar("Choice")
Split = tuple[Tensor, Tensor, Tensor, Tensor]


def pick(seed: int, *choices: Choice) -> Choice:
    """One of some choices, by seed."""
    return choices[seed % len(choices)]


def digits(seed: int, images: bool = False) -> Split:
    """Handwritten digits, 1437 to train with and 360 to validate: (N,64) or (N,1,8,8), standardised as a whole."""
    x, y = datasets.load_digits(return_X_y=True)
    x = (x - 4.88) / 6.02
    if images:
        x = x.reshape(-1, 1, 8, 8)
    return _split(x, y, seed, torch.int64)


def table(load: Callable[..., Any], seed: int, regression: bool = False) -> Split:
    """A bundled table of scikit-learn by its loader, every column standardised, and the target of a regression too."""
    x, y = load(return_X_y=True)
    x = _standard(x)
    if regression:
        return _split(x, _standard(y), seed, torch.float32)
    return _split(x, y, seed, torch.int64)


def moons(seed: int, rows: int = 1000) -> Split:
    """Two interleaved half circles: (N,2), two classes."""
    x, y = datasets.make_moons(rows, noise=0.15, random_state=seed)
    return _split(_standard(x), y, seed, torch.int64)


def circles(seed: int, rows: int = 1000) -> Split:
    """A ring around a disc: (N,2), two classes that no line parts."""
    x, y = datasets.make_circles(rows, noise=0.08, factor=0.45, random_state=seed)
    return _split(_standard(x), y, seed, torch.int64)


def surface(seed: int, rows: int = 1200, columns: int = 6) -> Split:
    """A smooth regression with a little noise: (N,columns), target (N,) of mean 0 and std 1."""
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(rows, columns))
    y = np.sin(1.5 * x[:, 0]) + 0.6 * x[:, 1] * x[:, 2] + x[:, 3] + 0.1 * draw.normal(size=rows)
    return _split(x, _standard(y), seed, torch.float32)


def waves(seed: int, rows: int = 800, length: int = 20, classes: int = 3) -> Split:
    """Noisy sine waves of random phase: (N,length,1), the class is the frequency."""
    draw = np.random.default_rng(seed)
    y = draw.integers(0, classes, size=rows)
    phase = draw.uniform(0, 2 * np.pi, size=(rows, 1))
    time = np.linspace(0, 2 * np.pi, length)[None, :]
    x = np.sqrt(2) * np.sin((1 + y[:, None]) * time + phase) + 0.3 * draw.normal(size=(rows, length))
    return _split(x[..., None], y, seed, torch.int64)


def words(seed: int, rows: int = 1000, length: int = 12, vocabulary: int = 60, classes: int = 4) -> Split:
    """Token sequences (N,length) int64; each class prefers a quarter of the vocabulary."""
    draw = np.random.default_rng(seed)
    y = draw.integers(0, classes, size=rows)
    own = draw.integers(0, vocabulary // classes, size=(rows, length)) * classes + y[:, None]
    any_word = draw.integers(0, vocabulary, size=(rows, length))
    x = np.where(draw.random((rows, length)) < 0.4, own, any_word)
    split = _split(x, y, seed, torch.int64)
    return split[0].long(), split[1], split[2].long(), split[3]


def accuracy(outputs: Tensor, targets: Tensor) -> float:
    """Share of rows (N,C) whose largest output is the target (N,)."""
    return (outputs.argmax(dim=1) == targets).float().mean().item()


def r2(outputs: Tensor, targets: Tensor) -> float:
    """Coefficient of determination of two (N,) or (N,1) tensors."""
    outputs, targets = outputs.reshape(-1), targets.reshape(-1)
    return 1 - ((outputs - targets).square().mean() / targets.var(unbiased=False)).item()


def mean(values: Sequence[float]) -> float:
    """Arithmetic mean."""
    return sum(values) / len(values)


def _standard(x: np.ndarray) -> np.ndarray:
    return (x - x.mean(axis=0)) / x.std(axis=0)


def _split(x: np.ndarray, y: np.ndarray, seed: int, kind: torch.dtype) -> Split:
    labels = y if kind == torch.int64 else None
    x_train, x_val, y_train, y_val = train_test_split(x, y, test_size=0.2, random_state=seed, stratify=labels)
    return (
        torch.tensor(x_train, dtype=torch.float32),
        torch.tensor(y_train, dtype=kind),
        torch.tensor(x_val, dtype=torch.float32),
        torch.tensor(y_val, dtype=kind),
    )
