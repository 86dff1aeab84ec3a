"""Data of the healthy set-ups: splits of scikit-learn's bundled sets, and synthetic draws, as tensors.

Each function gives `(train inputs, train targets, val inputs, val targets)` unless it says otherwise, drawn by `seed`
alone. Inputs are float32 with rows first, class labels int64. Tables are standardised with the train rows' mean and
standard deviation.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import torch
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_iris,
    load_wine,
    make_classification,
)
from sklearn.model_selection import train_test_split
from torch import Tensor

Split = tuple[Tensor, Tensor, Tensor, Tensor]

_TABLES = {"wine": load_wine, "cancer": load_breast_cancer, "iris": load_iris}


@functools.cache
def _digits() -> tuple[Any, Any]:
    return load_digits(return_X_y=True)


def digits(seed: int, classes: range = range(10), rows: int | None = None, val: float = 0.25) -> Split:
    """Handwritten digits as (N, 64) in [0, 1]; only those of `classes`, numbered from 0; at most `rows` to train."""
    inputs, labels = _digits()
    chosen = np.isin(labels, list(classes))
    split = _stratified(inputs[chosen] / 16.0, labels[chosen] - classes.start, seed, val)
    return (split[0][:rows], split[1][:rows], *split[2:])


def images(seed: int, classes: range = range(10)) -> Split:
    """The digits as (N, 1, 8, 8), with mean about 0 and standard deviation about 1."""
    train, train_labels, val, val_labels = digits(seed, classes)
    mean, std = train.mean(), train.std()
    return (
        ((train - mean) / std).reshape(-1, 1, 8, 8),
        train_labels,
        ((val - mean) / std).reshape(-1, 1, 8, 8),
        val_labels,
    )


def table(name: str, seed: int, val: float = 0.3) -> Split:
    """`wine`, `cancer` or `iris`, without the rows that occur twice."""
    inputs, labels = _TABLES[name](return_X_y=True)
    _, first = np.unique(inputs, axis=0, return_index=True)
    return standardised(_stratified(inputs[first], labels[first], seed, val))


def imbalanced(seed: int, share: float, rows: int = 1600) -> Split:
    """Two classes that can be told apart, of which the second has `share` of the rows."""
    inputs, labels = make_classification(
        n_samples=rows,
        n_features=12,
        n_informative=8,
        n_redundant=0,
        n_clusters_per_class=1,
        weights=[1 - share, share],
        class_sep=2.5,
        flip_y=0.0,
        random_state=seed,
    )
    return standardised(_stratified(inputs, labels, seed, 0.3))


def diabetes(seed: int) -> Split:
    """Ten measures of patients and the disease's progress a year later, in its own unit (25 to 346), (N, 1)."""
    inputs, targets = load_diabetes(return_X_y=True)
    parts = train_test_split(inputs, targets.reshape(-1, 1), test_size=0.3, random_state=seed)
    train, val, train_targets, val_targets = (torch.tensor(part, dtype=torch.float32) for part in parts)
    return standardised((train, train_targets, val, val_targets))


def surface(seed: int, rows: int = 1200, features: int = 6, noise: float = 0.1, outputs: int = 1) -> Split:
    """A smooth function of normal inputs plus normal noise; targets (N, outputs) of standard deviation about 1."""
    draw = torch.Generator().manual_seed(seed)
    inputs = torch.randn(rows, features, generator=draw)
    directions = torch.randn(features, outputs, generator=draw) / features**0.5
    bends = torch.randn(features, outputs, generator=draw) / features**0.5
    targets = torch.sin(1.5 * inputs @ directions) + inputs @ bends
    targets = (targets - targets.mean(0)) / targets.std(0)
    targets = targets + noise * torch.randn(rows, outputs, generator=draw)
    cut = rows * 3 // 4
    return inputs[:cut], targets[:cut], inputs[cut:], targets[cut:]


def waves(seed: int, rows: int = 800, length: int = 24, classes: int = 4) -> Split:
    """Noisy sines of random phase, (N, length, 1); the class is the number of their periods."""
    draw = torch.Generator().manual_seed(seed)
    labels = torch.randint(classes, (rows,), generator=draw)
    phase = 6.283 * torch.rand(rows, 1, generator=draw)
    time = torch.linspace(0, 6.283, length)
    series = torch.sin((1 + labels[:, None]) * time + phase) + 0.2 * torch.randn(rows, length, generator=draw)
    cut = rows * 3 // 4
    return series[:cut, :, None], labels[:cut], series[cut:, :, None], labels[cut:]


def windows(seed: int, length: int = 900, width: int = 16) -> Split:
    """A daily-like series in the order of time: windows (N, width, 1) and the value after each, (N, 1).

    The last quarter of time is held out; no train window reaches into it.
    """
    draw = torch.Generator().manual_seed(seed)
    time = torch.arange(length, dtype=torch.float32)
    periods = 7 + 3 * torch.rand(2, generator=draw)
    series = torch.sin(6.283 * time / periods[0]) + 0.5 * torch.sin(6.283 * time / (2 * periods[1]))
    series = series + 0.15 * torch.randn(length, generator=draw)
    cut = length * 3 // 4
    series = (series - series[:cut].mean()) / series[:cut].std()
    views = series.unfold(0, width + 1, 1)
    early, late = views[: cut - width], views[cut:]
    return early[:, :-1, None].clone(), early[:, -1:].clone(), late[:, :-1, None].clone(), late[:, -1:].clone()


def topics(seed: int, rows: int = 900, words: int = 120, length: int = 20, classes: int = 4) -> Split:
    """Texts as word ids (N, length), 0 for no word; each class prefers a quarter of the vocabulary."""
    draw = torch.Generator().manual_seed(seed)
    labels = torch.randint(classes, (rows,), generator=draw)
    share = (words - 1) // classes
    own = 1 + labels[:, None] * share + torch.randint(share, (rows, length), generator=draw)
    common = torch.randint(1, words, (rows, length), generator=draw)
    texts = torch.where(torch.rand(rows, length, generator=draw) < 0.55, own, common)
    ends = torch.randint(length // 2, length + 1, (rows, 1), generator=draw)
    texts = torch.where(torch.arange(length) < ends, texts, 0)
    cut = rows * 3 // 4
    return texts[:cut], labels[:cut], texts[cut:], labels[cut:]


def chain(seed: int, tokens: int = 16, rows: int = 500, length: int = 20) -> tuple[Tensor, Tensor, float]:
    """Sequences of a Markov chain: train ids (N, length), val ids, and the least mean cross-entropy there is (nats)."""
    draw = torch.Generator().manual_seed(seed)
    moves = torch.softmax(2.5 * torch.randn(tokens, tokens, generator=draw), 1)
    ids = torch.randint(tokens, (rows, 1), generator=draw)
    for _ in range(length - 1):
        ids = torch.cat([ids, torch.multinomial(moves[ids[:, -1]], 1, generator=draw)], 1)
    cut = rows * 4 // 5
    val = ids[cut:]
    return ids[:cut], val, float(-moves[val[:, :-1], val[:, 1:]].log().mean())


def standardised(split: Split) -> Split:
    """The split with inputs of mean 0 and standard deviation 1 over the train rows."""
    train, train_targets, val, val_targets = split
    mean, std = train.mean(0), train.std(0)
    return (train - mean) / std, train_targets, (val - mean) / std, val_targets


def _stratified(inputs: Any, labels: Any, seed: int, share: float) -> Split:
    train, val, train_labels, val_labels = train_test_split(
        inputs, labels, test_size=share, stratify=labels, random_state=seed
    )
    return (
        torch.tensor(train, dtype=torch.float32),
        torch.tensor(train_labels, dtype=torch.long),
        torch.tensor(val, dtype=torch.float32),
        torch.tensor(val_labels, dtype=torch.long),
    )
