"""Which samples are kept to be shown: the worst, the most confident mistakes, and a fair random rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from reportgen.collect.predictions.arrays import Array, Booleans, Floats, Integers
from reportgen.collect.predictions.task import Scored, Shown

# DESIGN section 3: 64 samples, the worst 16 always among them.
KEPT = 64
WORST = 16
MISTAKES = 24


@dataclass(slots=True)
class Kept:
    """A kept sample: its words, and a small copy of its input. image, overlay: media names once they are stored.

    scale: the picture's size against that of the input.
    """

    index: int
    shown: Shown
    picture: Array | None = None
    scale: float = 1.0
    text: str = ""
    stored: bool = False
    image: str | None = None
    overlay: str | None = None


@dataclass(slots=True)
class _Best:
    """The `size` samples of the highest keys; of equal keys the earlier sample."""

    size: int
    items: list[tuple[float, int, Kept]] = field(default_factory=list)

    def entering(self, keys: Floats) -> Integers:
        """The rows of a batch that belong among the best; keys of -inf never do."""
        floor = self.items[-1][0] if len(self.items) == self.size else -np.inf
        rows = np.flatnonzero(keys > floor)
        if len(rows) > self.size:
            rows = rows[np.argsort(-keys[rows], kind="stable")[: self.size]]
        return rows.astype(np.int64)

    def insert(self, entries: list[tuple[float, int, Kept]]) -> None:
        self.items = sorted(self.items + entries, key=lambda item: (-item[0], item[1]))[: self.size]


class Reservoir:
    """Keeps at most KEPT samples of any number offered.

    The random rest is the samples with the largest hash of their index (bottom-k sampling: every sample has the same
    chance, however the batches are cut). No random generator is used, so nobody's stream moves, and a loader that does
    not shuffle shows the same random samples at each step, stored once.
    """

    def __init__(self) -> None:
        self.seen = 0
        self._worst = _Best(WORST)
        # More than MISTAKES, since some of them are also among the worst.
        self._mistakes = _Best(MISTAKES + WORST)
        self._random = _Best(KEPT)

    def offer(self, scored: Scored, keep: Callable[[Sequence[int], int], list[Kept]]) -> None:
        """Offer a batch. `keep(rows, seen)` copies the rows that are kept; it is called at most once."""
        count = len(scored.badness)
        keys = (
            (self._worst, _ranked(scored.badness, scored.counted)),
            (self._mistakes, _ranked(scored.mistake, scored.counted)),
            (self._random, np.where(scored.counted, spread(np.arange(self.seen, self.seen + count)), -np.inf)),
        )
        entering = [(group, key, group.entering(key)) for group, key in keys]
        rows = sorted({int(row) for _, _, some in entering for row in some})
        if rows:
            made = dict(zip(rows, keep(rows, self.seen), strict=True))
            for group, key, some in entering:
                group.insert([(float(key[row]), made[int(row)].index, made[int(row)]) for row in some])
        self.seen += count

    def kept(self) -> list[tuple[str, Kept]]:
        """The kept samples and why: the worst, then the most confident mistakes, then the random ones as seen."""
        chosen: dict[int, tuple[str, Kept]] = {index: ("worst", kept) for _, index, kept in self._worst.items}
        for name, group, limit in (("mistake", self._mistakes, WORST + MISTAKES), ("random", self._random, KEPT)):
            for _, index, kept in group.items:
                if len(chosen) >= limit:
                    break
                chosen.setdefault(index, (name, kept))
        random = sorted((entry for entry in chosen.values() if entry[0] == "random"), key=lambda entry: entry[1].index)
        return [entry for entry in chosen.values() if entry[0] != "random"] + random


def _ranked(values: Floats, counted: Booleans) -> Floats:
    """Keys without NaN: what has none is never kept for it. An infinite badness stays the highest."""
    return np.where(counted & ~np.isnan(values), values, -np.inf)


def spread(indices: NDArray[np.int64]) -> Floats:
    """A number in [0, 1) for each index, as if drawn at random: SplitMix64's mix (Steele, Lea, Flood 2014)."""
    bits = indices.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(0x9E3779B97F4A7C15)
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    bits ^= bits >> np.uint64(31)
    return (bits >> np.uint64(11)).astype(np.float64) / float(1 << 53)
