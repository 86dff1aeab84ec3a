"""The rows of one split as they were read from one source: hashes, sums and a sample of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from reportgen.collect.data.columns import Columns
from reportgen.collect.data.hashing import Hashes, combined, row_hashes
from reportgen.collect.data.kinds import kind_of_row, picked
from reportgen.collect.data.targets import Targets
from reportgen.collect.predictions.arrays import Array, Integers

MOST_ROWS = 20_000
# Columns of vectors that are summed up, and numbers of any other row.
MOST_COLUMNS, MOST_NUMBERS = 65_536, 4_096
# What is kept of rows to compare them: rows, and numbers in all (32 MB).
SAMPLE_ROWS, SAMPLE_NUMBERS = 4_000, 8_000_000
FEW_COLUMNS = 256
# Numbers summed up at a time, so that they stay in the cache; bytes held back until there are enough.
PIECE = 2**17
HELD_BYTES, HELD_ROWS = 2**19, 2_048
# Token ids that are counted one by one.
LARGEST_TOKEN = 2**20

Part = Array | list[Array | str]


class Rows:
    """Takes rows as they come, `MOST_ROWS` at most, and holds no reference to what it was given.

    repeated: a row may come again by the way it is drawn, so equal ones say nothing. hashing: whether rows are to be
    compared at all. names: of the columns, where they have some.
    """

    def __init__(
        self,
        split: str,
        source: str,
        total: int | None = None,
        repeated: bool = False,
        hashing: bool = True,
        names: Sequence[str] = (),
    ) -> None:
        self.split = split
        self.source = source
        self.total = total
        self.repeated = repeated
        self.hashing = hashing
        self.names = tuple(names)
        self.count = 0
        self.kind = ""
        self.shape: tuple[int, ...] | None = None
        self.dtype = ""
        self.ragged = False  # rows of different sizes, or kinds, were met
        self.targets = Targets()
        self.columns: Columns | None = None
        self.picks: Integers = np.arange(0)
        self.whole = Columns(1)  # of rows whose sizes differ
        self.token_counts: Array = np.zeros(0, np.int64)
        self.stride = 1
        self._hashes: list[Hashes] = []
        self._target_hashes: list[Hashes | None] = []
        self._index: list[Integers] = []
        self._sample: list[Array] = []
        self._sampled: list[Integers] = []
        self._kept = 0
        self._held: list[tuple[list[Part], Part | None, Integers]] = []
        self._held_bytes = 0
        self._held_rows = 0

    @property
    def room(self) -> int:
        """How many more rows are taken."""
        return MOST_ROWS - self.count - self._held_rows

    def hold(self, inputs: list[Part], target: Part | None, index: Integers) -> None:
        """Copy rows now, and look at them when there are enough, or when `settle` is called."""
        copies = [np.array(part) if isinstance(part, np.ndarray) else list(part) for part in inputs]
        copied = np.array(target) if isinstance(target, np.ndarray) else target
        self._held.append((copies, copied, index))
        self._held_rows += len(index)
        self._held_bytes += sum(part.nbytes for part in copies if isinstance(part, np.ndarray)) + 64 * len(index)
        if self._held_bytes > HELD_BYTES or self._held_rows > HELD_ROWS:
            self.settle()

    def settle(self) -> None:
        """Look at what is held."""
        held, self._held, self._held_bytes, self._held_rows = self._held, [], 0, 0
        while held:
            first, group = held[0], [held[0]]
            for other in held[1:]:
                if not _alike(first, other):
                    break
                group.append(other)
            del held[: len(group)]
            if len(group) == 1:
                self.add(*first)
                continue
            inputs: list[Part] = [np.concatenate([one[0][at] for one in group]) for at in range(len(first[0]))]
            target = None if first[1] is None else np.concatenate([one[1] for one in group])
            self.add(inputs, target, np.concatenate([one[2] for one in group]))

    def add(self, inputs: list[Part], target: Part | None, index: Integers) -> None:
        """Look at n rows: parts of their input, each an array (n, ...) or a list of n; their targets; their places."""
        count = min(len(index), MOST_ROWS - self.count)
        if count <= 0 or not inputs or any(len(part) < count for part in inputs):
            return
        inputs, index = [part[:count] for part in inputs], index[:count]
        target = target[:count] if target is not None and len(target) >= count else None
        if self.hashing:
            self._hashes.append(combined([row_hashes(part) for part in inputs]))
            self._target_hashes.append(None if target is None else row_hashes(_plain(target)))
        self._index.append(index)
        self.targets.add(target, count)
        self._look(inputs[0], count)
        self.count += count

    def hashes(self) -> Hashes:
        """The hash of the input of each row, in the order of `index`."""
        return np.concatenate(self._hashes)[self._order()] if self._hashes else np.zeros(0, np.int64)

    def target_hashes(self) -> Hashes | None:
        """Of the targets alike; None where some row has none."""
        known = [each for each in self._target_hashes if each is not None]
        if not known or len(known) < len(self._target_hashes):
            return None
        found: Hashes = np.concatenate(known)[self._order()]
        return found

    def index(self) -> Integers:
        """The places of the rows in their split, ascending."""
        return np.sort(np.concatenate(self._index), kind="stable") if self._index else np.zeros(0, np.int64)

    def sample(self) -> tuple[Array, Integers]:
        """Some rows, evenly spread, as (n, numbers), and which of the rows in the order they came in these are."""
        if not self._sample:
            return np.zeros((0, 0)), np.zeros(0, np.int64)
        return np.concatenate(self._sample), np.concatenate(self._sampled)

    def sampled_hashes(self) -> Hashes:
        """The hash of the input of each row that `sample` gives, if rows are compared at all."""
        if not self._hashes or not self._sampled:
            return np.zeros(0, np.int64)
        found: Hashes = np.concatenate(self._hashes)[np.concatenate(self._sampled)]
        return found

    def place_of(self, row: int) -> int:
        """The place in the split of the row that came as number `row`."""
        return int(np.concatenate(self._index)[row])

    def _order(self) -> Integers:
        found: Integers = np.argsort(np.concatenate(self._index), kind="stable")
        return found

    def _look(self, values: Part, count: int) -> None:
        if not isinstance(values, np.ndarray):
            self._look_ragged(values)
            return
        shape = tuple(int(size) for size in values.shape[1:])
        if self.shape is None:
            self._begin(shape, values.dtype, values)
        elif self.kind == "tokens" and values.dtype.kind == "f" and values.size:
            self._no_tokens(values.dtype)
        if self.ragged or shape != self.shape or values.dtype.kind not in "biuf":
            self.ragged = True
            self.shape = _common(self.shape, shape)
            if values.dtype.kind in "biuf":
                self._ragged_numbers(values)
            return
        flat = values.reshape(count, -1)
        if self.columns is None:
            self._ragged_numbers(values)
            return
        piece = max(1, PIECE // max(flat.shape[1], 1))
        for start in range(0, count, piece):
            rows = flat[start : start + piece]
            if len(self.picks) < rows.shape[1]:
                self._odd(rows)
                rows = rows[:, self.picks]
            if rows.dtype.kind == "b":
                rows = rows.view(np.uint8)
            self.columns.add(rows)
            if self.kind == "tokens":
                self._count_tokens(rows)
        if self.kind in ("numbers", "image"):
            self._keep(flat, count)

    def _begin(self, shape: tuple[int, ...], dtype: np.dtype[Any], values: Array) -> None:
        self.shape, self.dtype = shape, "text" if dtype.kind == "U" else str(dtype)
        self.kind = kind_of_row(shape, dtype)
        if self.kind == "tokens" and values.size and values.min() < 0:
            self.kind = "numbers"
        if dtype.kind in "biuf":
            width = int(np.prod(shape)) if shape else 1
            self.picks = picked(width, MOST_COLUMNS if self.kind == "numbers" else MOST_NUMBERS)
            self.columns = Columns(len(self.picks))

    def _no_tokens(self, dtype: np.dtype[Any]) -> None:
        """Rows with fractions follow whole ones, as of a list [[1, 2], [3, 0.5]]: all of them are numbers."""
        self.kind, self.dtype = "numbers", str(dtype)
        self.token_counts = np.zeros(0, np.int64)

    def _odd(self, rows: Array) -> None:
        """Rows of which only some numbers are looked at: whether any other is not finite."""
        if self.columns is None or rows.dtype.kind != "f":
            return
        with np.errstate(all="ignore"):
            odd = np.flatnonzero(~np.isfinite(rows.sum(axis=1)))
        for row in odd:
            number = rows[row]
            if np.isfinite(number[self.picks]).all() and not np.isfinite(number).all():
                self.columns.odd_rows += 1

    def _look_ragged(self, values: list[Array | str]) -> None:
        for value in values:
            if isinstance(value, np.ndarray):
                self._look(value[None], 1)
            elif self.shape is None:
                self.shape, self.kind, self.dtype = (), "other", "text"

    def _ragged_numbers(self, values: Array) -> None:
        flat = values.reshape(-1)
        flat = flat[picked(flat.size, PIECE)]
        odd = self.whole.odd_rows
        self.whole.add(flat[:, None].view(np.uint8) if flat.dtype.kind == "b" else flat[:, None])
        self.whole.odd_rows = odd + bool(flat.dtype.kind == "f" and not np.isfinite(flat).all())
        if self.kind == "tokens":
            self._count_tokens(flat)

    def _count_tokens(self, values: Array) -> None:
        flat = values.reshape(-1)
        # Of an empty row the type says nothing, and torch has unsigned ids that bincount does not take.
        flat = flat[(flat >= 0) & (flat < LARGEST_TOKEN)].astype(np.int64)
        counts = np.bincount(flat, minlength=len(self.token_counts))
        counts[: len(self.token_counts)] += self.token_counts
        self.token_counts = counts

    def _keep(self, flat: Array, count: int) -> None:
        """Keep every `stride`-th row; when there are too many, every second of these."""
        if flat.shape[1] > MOST_NUMBERS:
            flat = flat[:, picked(flat.shape[1], MOST_NUMBERS)]
        width = max(flat.shape[1], 1)
        first = -self.count % self.stride
        rows = np.arange(first, count, self.stride)
        if len(rows):
            self._sample.append(flat[rows].astype(np.float64 if width <= FEW_COLUMNS else np.float32))
            self._sampled.append(rows + self.count)
            self._kept += len(rows)
        most = max(100, min(SAMPLE_ROWS, SAMPLE_NUMBERS // width))
        while self._kept > most:
            sample, sampled = self.sample()
            self.stride *= 2
            stay = sampled % self.stride == 0
            self._sample, self._sampled = [sample[stay]], [sampled[stay]]
            self._kept = int(stay.sum())


def _alike(one: tuple[list[Part], Part | None, Integers], other: tuple[list[Part], Part | None, Integers]) -> bool:
    if len(one[0]) != len(other[0]) or (one[1] is None) != (other[1] is None):
        return False
    pairs = list(zip(one[0], other[0], strict=True))
    if one[1] is not None and other[1] is not None:
        pairs.append((one[1], other[1]))
    return all(
        isinstance(a, np.ndarray) and isinstance(b, np.ndarray) and a.shape[1:] == b.shape[1:] and a.dtype == b.dtype
        for a, b in pairs
    )


def _common(one: tuple[int, ...] | None, other: tuple[int, ...]) -> tuple[int, ...]:
    if one is None or len(one) != len(other):
        return ()
    return tuple(a if a == b else -1 for a, b in zip(one, other, strict=True))


def _plain(target: Part) -> Part:
    """Targets of one number each, whatever their shape, so that they hash alike."""
    if isinstance(target, np.ndarray) and target.dtype.kind in "biuf" and target.size == len(target):
        return target.reshape(-1)
    return target
