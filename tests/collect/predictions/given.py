"""Batches for tests, and the record that comes of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from reportgen.collect.predictions import Predictions
from reportgen.run.predictions import PredictionSet
from tests.collect.fake_recorder import FakeRecorder


def recorded(*batches: tuple[Any, Any, Any], **options: Any) -> PredictionSet:
    """The record of all `batches` (inputs, outputs, targets) of one split and step."""
    recorder = FakeRecorder()
    predictions = Predictions(recorder)
    for batch in batches:
        predictions.add(*batch, step=0, **options)
    predictions.flush()
    found: PredictionSet = recorder.records[-1][1]
    return found


def logits_and_labels(count: int, classes: int, seed: int = 0, skill: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    """Noisy logits that are right more often than not, and their labels."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, classes, count)
    logits = generator.normal(size=(count, classes))
    logits[np.arange(count), labels] += skill
    return logits, labels


def softmax(logits: np.ndarray) -> np.ndarray:
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: np.ndarray = shifted / shifted.sum(axis=1, keepdims=True)
    return shares
