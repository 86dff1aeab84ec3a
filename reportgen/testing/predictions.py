"""Predictions of a classifier that never was: consistent in every number, with pictures."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from reportgen.run.predictions import ClassScore, Example, PredictionSet
from reportgen.run.series import Stamp

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


def fake_predictions(
    classes: Sequence[str],
    stamp: Stamp,
    strength: float,
    examples: int,
    samples: int,
    seed: int,
    media: dict[str, bytes],
) -> PredictionSet:
    """A set of `samples` predictions whose logits favour the truth by `strength`; its pictures are added to `media`."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, len(classes), samples)
    logits = rng.normal(0.0, 1.0, (samples, len(classes)))
    logits[np.arange(samples), truth] += strength
    # Each class is a little like its neighbour, as 3 is like 8: mistakes gather instead of spreading evenly.
    logits[np.arange(samples), (truth + 1) % len(classes)] += 0.3 * strength
    chances = np.exp(logits - logits.max(1, keepdims=True))
    chances /= chances.sum(1, keepdims=True)
    predicted = chances.argmax(1)
    top = chances.max(1)
    loss = -np.log(np.maximum(chances[np.arange(samples), truth], 1e-300))
    confusion = np.zeros((len(classes), len(classes)), dtype=np.int64)
    np.add.at(confusion, (truth, predicted), 1)
    bins = np.minimum((top * 10).astype(np.int64), 9)
    scores = tuple(_score(name, k, confusion, chances[:, k], truth) for k, name in enumerate(classes))
    f1s = [score.f1 for score in scores if score.f1 is not None]
    return PredictionSet(
        split="val",
        stamp=stamp,
        task="classification",
        classes=tuple(classes),
        outputs_are="logits",
        reason="rows are neither non-negative with sum 1 nor log-probabilities",
        samples=samples,
        metrics={
            "accuracy": float((predicted == truth).mean()),
            "loss": float(loss.mean()),
            "macro f1": float(np.mean(f1s)) if f1s else float("nan"),
        },
        confusion=tuple(tuple(int(n) for n in row) for row in confusion),
        scores=scores,
        confidence=tuple(int(n) for n in np.bincount(bins, minlength=10)),
        correct=tuple(int(n) for n in np.bincount(bins[predicted == truth], minlength=10)),
        examples=_examples(classes, truth, predicted, chances, loss, examples, rng, media),
    )


def _score(name: str, k: int, confusion: Integers, chances: Floats, truth: Integers) -> ClassScore:
    hits, support, predicted = int(confusion[k, k]), int(confusion[k].sum()), int(confusion[:, k].sum())
    precision = hits / predicted if predicted else None
    recall = hits / support if support else None
    f1 = 2 * hits / (support + predicted) if support + predicted else None
    ranked = (truth == k)[np.argsort(-chances, kind="stable")]
    positives, negatives = int(ranked.sum()), int((~ranked).sum())
    average_precision = roc_auc = None
    if positives:
        average_precision = float((np.cumsum(ranked) / np.arange(1, len(ranked) + 1))[ranked].mean())
        if negatives:
            roc_auc = float(np.cumsum(ranked)[~ranked].sum() / (positives * negatives))
    return ClassScore(name, support, predicted, hits, precision, recall, f1, average_precision, roc_auc)


def _examples(
    classes: Sequence[str],
    truth: Integers,
    predicted: Integers,
    chances: Floats,
    loss: Floats,
    wanted: int,
    rng: np.random.Generator,
    media: dict[str, bytes],
) -> tuple[Example, ...]:
    worst = [int(i) for i in np.argsort(-loss, kind="stable")[: wanted // 2]]
    wrong = np.flatnonzero(truth != predicted)
    mistakes = [int(i) for i in wrong[np.argsort(-chances.max(1)[wrong], kind="stable")] if int(i) not in worst]
    kept = dict.fromkeys(worst, "worst") | dict.fromkeys(mistakes[: wanted // 4], "mistake")
    for i in rng.permutation(len(truth)):
        if len(kept) >= wanted:
            break
        kept.setdefault(int(i), "random")
    found = []
    for i, reason in kept.items():
        likeliest = np.argsort(-chances[i], kind="stable")[:3]
        data = digit_image(str(int(truth[i]) % 10), rng)
        name = f"{hashlib.sha256(data).hexdigest()[:16]}.png"
        media[name] = data
        found.append(
            Example(
                index=i,
                truth=classes[int(truth[i])],
                prediction=classes[int(predicted[i])],
                correct=bool(truth[i] == predicted[i]),
                confidence=float(chances[i].max()),
                loss=float(loss[i]),
                kept=reason,
                top=tuple((classes[int(k)], float(chances[i, k])) for k in likeliest),
                image=name,
            )
        )
    return tuple(found)


def digit_image(text: str, rng: np.random.Generator, size: int = 28) -> bytes:
    """A grey PNG of size x size pixels with `text` drawn in it, shifted and made noisy."""
    small = Image.new("L", (12, 12), 0)
    ImageDraw.Draw(small).text((3 + int(rng.integers(-1, 2)), int(rng.integers(-1, 2))), text, fill=255)
    grey = np.asarray(small.resize((size, size), Image.Resampling.BILINEAR), dtype=np.float64)
    grey = np.clip(grey + rng.normal(0.0, 12.0, grey.shape), 0, 255)
    buffer = io.BytesIO()
    Image.fromarray((grey // 16 * 17).astype(np.uint8)).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
