"""Rows of which a split and another hold equal ones, with the numbers of some, so that they can be shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reportgen.collect.data.hashing import Hashes
from reportgen.collect.data.rows import Rows
from reportgen.collect.predictions.arrays import Array, Integers


@dataclass(frozen=True, slots=True)
class Shared:
    """row, there: its places in the split and in the other one. numbers: of one of both copies, which `held` kept."""

    row: int
    there: int
    held: Rows
    numbers: Array


def shared_rows(rows: Rows, others: Sequence[Rows], most: int) -> list[Shared]:
    """The first `most` different rows that are among `others`, too, of those of which a sample holds a copy."""
    found: dict[int, Shared] = {}
    mine = _Places(rows)
    for other in others:
        theirs = _Places(other)
        for held, elsewhere in ((rows, theirs), (other, mine)):
            hashes = held.sampled_hashes()
            (both,) = np.isin(hashes, elsewhere.hashes).nonzero()
            places, there = mine.of(hashes[both]), theirs.of(hashes[both])
            numbers = held.sample()[0]
            for at in np.argsort(places, kind="stable").tolist():
                row = int(places[at])
                if len(found) >= most and row > max(found):
                    break
                found.setdefault(row, Shared(row, int(there[at]), held, numbers[both[at]]))
    return [found[row] for row in sorted(found)[:most]]


class _Places:
    """Where in a split a row of some hash comes first."""

    def __init__(self, rows: Rows) -> None:
        self.hashes, self._first = np.unique(rows.hashes(), return_index=True)
        self._index = rows.index()

    def of(self, hashes: Hashes) -> Integers:
        """The places of rows that are in the split."""
        found: Integers = self._index[self._first[np.searchsorted(self.hashes, hashes)]]
        return found
