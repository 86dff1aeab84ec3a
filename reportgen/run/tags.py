"""A tag as people write it, taken apart: which split it is of, and which metric."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

# Word as it stands in a tag -> split.
SPLITS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "eval": "val",
    "evaluation": "val",
    "test": "test",
    "testing": "test",
}

LOWER = frozenset({"loss", "error", "err", "perplexity", "ppl", "mae", "mse", "rmse", "fid", "wer", "cer", "nll"})
HIGHER = frozenset(
    {
        "acc",
        "accuracy",
        "top1",
        "top5",
        "f1",
        "auc",
        "auroc",
        "ap",
        "map",
        "iou",
        "miou",
        "dice",
        "r2",
        "psnr",
        "ssim",
        "bleu",
        "precision",
        "recall",
    }
)
# Words that say which part of an accuracy or an error is meant.
QUALIFIERS = frozenset({"top1", "top5"})
WORDS = re.compile(r"[a-z]+[0-9]*|[0-9]+")


@dataclass(frozen=True, slots=True)
class Tag:
    """split: "train", "val", "test", or "" when the tag names none. metric: the rest of the tag, as it was written."""

    split: str
    metric: str


@lru_cache(maxsize=20_000)
def parse_tag(tag: str) -> Tag:
    """Split and metric of a tag: `train/loss`, `loss/train`, `train_loss`, `Loss`, `val_acc_top1`, `eval.f1`.

    A split word counts at the start or the end of the tag, set off by "/", "_", ".", "-" or a space; a slash decides
    before the others. A tag that is nothing but a split word, or whose rest is empty, is a metric of no split.
    """
    for separators in ("/", "_.- "):
        for cut in _cuts(tag, separators):
            first, rest = tag[:cut], tag[cut + 1 :]
            if first.lower() in SPLITS and rest:
                return Tag(SPLITS[first.lower()], rest)
            if rest.lower() in SPLITS and first:
                return Tag(SPLITS[rest.lower()], first)
    return Tag("", tag)


def _cuts(tag: str, separators: str) -> list[int]:
    """The first and the last separator: split words stand at the ends."""
    places = [place for place, character in enumerate(tag) if character in separators]
    return places if len(places) < 2 else [places[0], places[-1]]


def direction_of(metric: str, overrides: Mapping[str, str] | None = None) -> str:
    """Which way the metric is better: "lower", "higher", or "" when it is not known.

    overrides (metric or whole tag -> direction) win. Else the metric's words are looked up from the last one on, so
    that `mask_loss`, `loss_ce` and `acc_top1` are known by the word that says what they are. `top1` alone is an
    accuracy; beside another known word (`err_top1`) that word decides.
    """
    if overrides:
        for name in (metric, parse_tag(metric).metric):
            if name in overrides:
                return overrides[name]
    words = WORDS.findall(metric.lower()[-200:])[::-1]
    for word in sorted(words, key=QUALIFIERS.__contains__):
        if word in LOWER:
            return "lower"
        if word in HIGHER:
            return "higher"
    return ""
