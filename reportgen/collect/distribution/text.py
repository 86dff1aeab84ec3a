"""Distributions as the journal's JSON: what `run.codec.to_plain` and `json.dumps` give, in a fraction of their time.

The thread that writes must not keep the training loop from running, and there are thousands of distributions. So the
texts of all counts of a record are looked up together, in NumPy, which lets other threads run meanwhile.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from reportgen.run.codec import LONGEST_GAP, plain_number, to_plain
from reportgen.run.distribution import LARGEST_BIN, Distribution

# Eight characters of text as one number, filled up with zeros, which are taken out in the end.
Texts = npt.NDArray[np.uint64]
_SIZE = 8
# Counts whose text with a comma is not longer, and those of which a table is kept.
_LARGEST = 10 ** (_SIZE - 1) - 1
_KEPT = 10_000
# What a distribution's first stretch begins with; the others first end the one before.
_NEXT, _FIRST = b"],[", b"\n["

_quoted = functools.lru_cache(maxsize=20_000)(json.dumps)


def json_of(kinds: Mapping[str, Mapping[str, Distribution]]) -> str:
    """kind -> name -> distribution as JSON, without a space."""
    parts = []
    for kind, group in kinds.items():
        made = _texts(list(group.values()))
        named = [f"{_quoted(name)}:{text}" for name, text in zip(group, made, strict=True)]
        parts.append(f"{_quoted(kind)}:{{{','.join(named)}}}")
    return f"{{{','.join(parts)}}}"


def measures_json(quantities: Mapping[str, Mapping[str, float]]) -> str:
    """quantity -> name -> number as JSON, without a space."""
    parts = []
    for quantity, group in quantities.items():
        named = [f"{_quoted(name)}:{_number(value)}" for name, value in group.items()]
        parts.append(f"{_quoted(quantity)}:{{{','.join(named)}}}")
    return f"{{{','.join(parts)}}}"


def _texts(group: list[Distribution]) -> list[str]:
    """Each distribution as JSON."""
    sizes = np.array([len(one.bins) for one in group], np.int64)
    filled = sizes > 0
    bins = np.frombuffer(b"".join([one.bins for one in group]), np.int16).astype(np.int64)
    counts = np.frombuffer(b"".join([one.counts for one in group]), np.int64)
    if counts.max(initial=0) > _LARGEST:
        return [json.dumps(to_plain(one), separators=(",", ":")) for one in group]
    gaps = np.diff(bins, prepend=0) - 1
    first = (sizes.cumsum() - sizes)[filled]
    gaps[first] = LONGEST_GAP + 1  # each begins a stretch
    new = gaps > LONGEST_GAP
    characters = np.empty((len(bins), 2), np.uint64)
    characters[:, 0] = np.where(new, _beginnings(_NEXT)[bins + LARGEST_BIN], _gaps()[np.where(new, 0, gaps)])
    characters[first, 0] = _beginnings(_FIRST)[bins[first] + LARGEST_BIN]
    characters[:, 1] = _count_texts(counts)
    text = characters.tobytes().translate(None, b"\0").decode("ascii")
    found = iter(text.split("\n")[1:])
    return [_text(one, f"[{next(found)}]]" if some else "[]") for one, some in zip(group, filled.tolist(), strict=True)]


def _count_texts(counts: npt.NDArray[np.int64]) -> Texts:
    """A comma and each count."""
    texts = _counts()[np.minimum(counts, _KEPT)]
    large = (counts >= _KEPT).nonzero()[0]
    texts[large] = _packed(b",", counts[large])
    return texts


@functools.cache
def _counts() -> Texts:
    return _packed(b",", np.arange(_KEPT + 1))


@functools.cache
def _gaps() -> Texts:
    """The zeros that fill a gap inside a stretch, by its length."""
    return np.array([b",0" * length for length in range(LONGEST_GAP + 1)], f"S{_SIZE}").view(np.uint64)


@functools.cache
def _beginnings(before: bytes) -> Texts:
    """What a stretch begins with, by its first bin, counted from the least one there is."""
    return _packed(before, np.arange(-LARGEST_BIN, LARGEST_BIN + 1))


def _packed(before: bytes, numbers: npt.NDArray[np.int64]) -> Texts:
    return np.char.add(before, numbers.astype(f"S{_SIZE - 1}")).astype(f"S{_SIZE}").view(np.uint64)


def _text(one: Distribution, stretches: str) -> str:
    return (
        f"[{one.count},{one.elements},{_number(one.minimum)},{_number(one.maximum)},{_number(one.total)},"
        f"{_number(one.squares)},{one.zeros},{one.nans},{one.positive_infinities},{one.negative_infinities},"
        f"{stretches}]"
    )


def _number(value: float) -> str:
    return repr(value) if math.isfinite(value) else f'"{plain_number(value)}"'
