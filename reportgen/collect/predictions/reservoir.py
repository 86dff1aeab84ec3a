"""Which samples are kept to be shown: the worst, the most confident mistakes, and a fair random rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from reportgen.collect.predictions.arrays import Array, Booleans, Floats, Integers
from reportgen.collect.predictions.task import Scored, Shown

# DESIGN section 3: 64 samples, the worst 16 always among them.
KEPT = 64
WORST = 16
MISTAKES = 24
# Indices whose hashes are made at once.
BLOCK = 4096


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

    def entering(self, keys: Floats, counted: Booleans) -> Integers:
        """The rows of a batch that belong among the best, of those that are counted; keys of -inf and NaN never do."""
        floor = self.items[-1][0] if len(self.items) == self.size else -np.inf
        (rows,) = (counted & (keys > floor)).nonzero()
        if len(rows) > self.size:
            rows = rows[np.argsort(-keys[rows], kind="stable")[: self.size]]
        return rows

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
        entering = self._entering(scored)
        rows = _rows(entering)
        if rows:
            made = dict(zip(rows, keep(rows, self.seen), strict=True))
            for group, key, some in entering:
                group.insert([(float(key[row]), made[int(row)].index, made[int(row)]) for row in some])
        self.seen += len(scored.badness)

    def wanted(self, scored: Scored) -> list[int]:
        """The rows that `offer` would keep of a batch."""
        if not self.seen and len(scored.counted) <= KEPT:
            return np.flatnonzero(scored.counted).tolist()  # all are among the random ones
        return _rows(self._entering(scored))

    def _entering(self, scored: Scored) -> list[tuple[_Best, Floats, Integers]]:
        """Each group with the keys of all rows and those rows that come into it."""
        keys = (
            (self._worst, scored.badness),
            (self._mistakes, scored.mistake),
            (self._random, chances(self.seen, len(scored.badness))),
        )
        return [(group, key, group.entering(key, scored.counted)) for group, key in keys]

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


def _rows(entering: list[tuple[_Best, Floats, Integers]]) -> list[int]:
    return sorted({row for _, _, some in entering for row in some.tolist()})


def chances(first: int, count: int) -> Floats:
    """`spread` of the `count` indices from `first` on, not to be written to."""
    block, start = divmod(first, BLOCK)
    blocks = [_block(number) for number in range(block, (first + max(count, 1) - 1) // BLOCK + 1)]
    found = blocks[0] if len(blocks) == 1 else np.concatenate(blocks)
    return found[start : start + count]


@lru_cache(maxsize=8)  # a split reads on from where it was, and each new set from the first
def _block(number: int) -> Floats:
    found = spread(np.arange(number * BLOCK, (number + 1) * BLOCK))
    found.flags.writeable = False
    return found


def spread(indices: NDArray[np.int64]) -> Floats:
    """A number in [0, 1) for each index, as if drawn at random: SplitMix64's mix (Steele, Lea, Flood 2014)."""
    bits = indices.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(0x9E3779B97F4A7C15)
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    bits ^= bits >> np.uint64(31)
    return (bits >> np.uint64(11)).astype(np.float64) / float(1 << 53)
