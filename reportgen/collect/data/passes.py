"""Batches of a tracked loader on their way to the loop: some are looked at, all are given on as they are."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from reportgen.collect.data.hashing import row_hashes
from reportgen.collect.data.loaders import Described, described
from reportgen.collect.data.order import in_order, labels_seen, rises_or_falls, telling
from reportgen.collect.data.parts import Parts, on_host, parts_of, rows_in, shape_of
from reportgen.collect.data.reading import grouped
from reportgen.collect.data.rows import Part, Rows
from reportgen.collect.data.targets import are_classes
from reportgen.collect.predictions.arrays import Array
from reportgen.collect.quiet import capturing, quiet
from reportgen.run.evidence import LoaderUse

if TYPE_CHECKING:
    from reportgen.collect.data.datasets import DataSets

# All of the first batches are looked at; then as many as this share of the loop's time allows, and so many seconds.
FIRST, SHARE, FREE = 16, 0.01, 0.1
# Bytes of the first batch, and of a later one, that are looked at; of more, evenly spread rows.
FIRST_BYTES, MOST_BYTES = 2**23, 2**22
# Batches at the beginning of a pass, rows of each, and numbers of these, by which two passes are compared.
HEADS, HEAD_ROWS, HEAD_NUMBERS = 8, 32, 16_384
MOST_LABELS = 200_000
MOST_ITEMS = 64


class Pass:
    """One iteration over a loader. number: which of its split, from 0."""

    def __init__(self, passes: Passes, loader: object, number: int) -> None:
        self._passes = passes
        self._same = isinstance(loader, (list, tuple))
        self._seen: set[int] = set()
        self.number = number
        self.given = 0
        self.seconds = 0.0
        self.heads: dict[int, int] = {}  # by which batch of the pass
        self.labels: list[Array] = []
        self.rows: Rows | None = None
        self._offset = 0
        self._active = True

    def take(self, batch: object) -> None:
        """A batch is about to be given to the loop."""
        self.given += 1
        if not self._active:
            return
        passes, began = self._passes, time.perf_counter()
        used_up = self.given > FIRST and passes.spent > FREE and passes.spent > SHARE * (began - passes.since)
        # While another thread builds, the loop does not wait for it.
        if used_up or not passes.data.lock.acquire(blocking=False):
            self._offset += passes.last_size
            return
        try:
            self._take(batch)
        finally:
            passes.data.lock.release()
        took = time.perf_counter() - began
        self.seconds += took
        passes.spent += took

    def _take(self, batch: object) -> None:
        with self._passes.data.recorder.guard("data"):
            if not capturing():
                self._active = self._look(batch)

    def end(self, completed: bool, batch: object) -> None:
        """The loader ended, or the loop left it. batch: the last one."""
        data = self._passes.data
        with data.recorder.guard("data"), data.lock:
            self._passes.ended(self, completed, _size(batch) if completed and self.given else None)

    def _look(self, batch: object) -> bool:
        """Take what is wanted of a batch; False when nothing is wanted any more."""
        passes = self._passes
        heads = self.number < 2 and self.given <= HEADS
        labels = self.number < 2 and passes.label_room > 0 and (not self.number or heads)
        rows = self.rows is not None and self.rows.room > 0
        if not (heads or labels or rows):
            return False
        with quiet():
            items = rows_in(batch)
            found = _of_items(items) if items is not None else _of_batch(parts_of(batch))
        if found is None:
            return True
        inputs, target, size = found
        passes.last_size = size
        single = _single(target)
        head = _head(inputs, size) if heads else None
        if head is not None:
            self.heads[self.given] = head
        if labels and single is not None:
            self.labels.append(np.array(single))
            passes.label_room -= len(single)
        if self.rows is not None and rows and inputs and not self._again(batch):
            self._keep(self.rows, inputs, target, size)
        self._offset += size
        return True

    def _keep(self, rows: Rows, inputs: list[Part], target: Part | None, size: int) -> None:
        wide = sum(part.nbytes for part in inputs if isinstance(part, np.ndarray))
        step = max(1, -(-wide // (FIRST_BYTES if self.given == 1 else MOST_BYTES)), -(-size // max(rows.room, 1)))
        index = np.arange(self._offset, self._offset + size, step)
        rows.hold([part[::step] for part in inputs], None if target is None else target[::step], index)

    def _again(self, batch: object) -> bool:
        """Whether a list holds this batch more than once; a loader's batches are gone, and their ids are used again."""
        if not self._same:
            return False
        known = id(next(iter(parts_of(batch).inputs), batch))
        if known in self._seen:
            return True
        self._seen.add(known)
        return False


class Passes:
    """All iterations over the loaders of one split. since, spent: when they began, and the seconds looking took."""

    def __init__(self, data: DataSets, split: str) -> None:
        self.data = data
        self.split = split
        self.since = time.perf_counter()
        self.spent = 0.0
        self.last_size = 0
        self.label_room = MOST_LABELS
        self.described: Described | None = None
        self._begun = 0
        self._completed = 0
        self._batches = 0
        self._last_batch: int | None = None
        self._first: Pass | None = None
        self._same_order: bool | None = None
        self._whole = False  # a pass was looked at to its end
        self._current: Pass | None = None

    def begin(self, loader: object) -> Pass:
        """A loader is about to be iterated over."""
        told = described(loader)
        if self.described is None:
            self.described = told
        same = told == self.described
        begun = Pass(self, loader, self._begun if same else 2)
        self._begun += same
        if same and not self._whole and not self.data.read(self.split):
            begun.rows = Rows(self.split, "track", told.rows, told.repeated)
        self._current = begun
        return begun

    def ended(self, one: Pass, completed: bool, last_batch: int | None) -> None:
        """Take over what a pass found."""
        if self._current is one:
            self._current = None
        self._batches += one.given
        self._completed += completed
        self._last_batch = last_batch if last_batch is not None else self._last_batch
        self._compare(one)
        if one.number == 0:
            self._first = one
        if one.rows is not None:
            one.rows.settle()
            self._whole = completed or one.rows.room <= 0
            if one.rows.count:
                self.data.take(one.rows, at_once=self._whole)
            one.rows = None
        if one.number < 2 or completed:
            self.data.loader_use(self.use())

    def under_way(self) -> Rows | None:
        """The rows of the pass that goes on now, if there are any."""
        rows = self._current.rows if self._current is not None else None
        if rows is not None:
            rows.settle()
        return rows if rows is not None and rows.count else None

    def use(self) -> LoaderUse:
        """The record of all passes so far."""
        told = self.described or Described("")
        now = self._current
        if now is not None:
            self._compare(now)
        first = self._first or now
        seen, expected, ordered = self._labels(first.labels if first is not None else [])
        return LoaderUse(
            self.split,
            told.type,
            told.sampler,
            told.shuffled,
            told.batch_size,
            told.workers,
            told.drop_last,
            told.rows,
            self._completed,
            self._batches + (now.given if now is not None else 0),
            self._last_batch,
            seen,
            expected,
            self._same_order,
            ordered,
        )

    def _labels(self, labels: list[Array]) -> tuple[float | None, float | None, bool]:
        labels = [each for each in labels if len(each)]
        if not labels:
            return None, None, False
        values = np.concatenate([each.astype(str) for each in labels] if _mixed(labels) else labels)
        if not are_classes(values):
            return None, None, values.dtype.kind == "f" and rises_or_falls(values)
        if values.dtype.kind == "f":
            labels = [each.astype(np.int64) for each in labels]
            values = values.astype(np.int64)
        seen, expected = labels_seen(labels, self.data.class_counts(self.split))
        return seen, expected, in_order(values)

    def _compare(self, second: Pass) -> None:
        first = self._first
        if second.number != 1 or first is None or first.given < 2:
            return
        both = first.heads.keys() & second.heads.keys()
        self._same_order = all(first.heads[at] == second.heads[at] for at in both) if both else None
        if not self._same_order and first.labels and second.labels:
            # Augmented rows are others each time; their labels are not.
            count = min(len(first.labels), len(second.labels), HEADS)
            ours, theirs = np.concatenate(first.labels[:count]), np.concatenate(second.labels[:count])
            self._same_order = bool(np.array_equal(ours, theirs)) and telling(ours)


Found = tuple[list[Part], Part | None, int]


def _of_batch(parts: Parts) -> Found | None:
    """(inputs, target, rows) of a batch on the host; None when none of it is there."""
    arrays = [on_host(part, batch=True) for part in parts.inputs]
    target = on_host(parts.target, batch=True) if parts.target is not None else None
    known = [array for array in arrays if isinstance(array, np.ndarray) and array.shape]
    aim = target if isinstance(target, np.ndarray) and target.shape else None
    if not known and aim is None:
        return None
    size = len(known[0]) if known else len(aim) if aim is not None else 0
    inputs: list[Part] = [array for array in known if len(array) == size]
    if len(known) < len(arrays):
        inputs = []  # a part that was not seen may be what tells rows apart
    return inputs, aim if aim is not None and len(aim) == size else None, size


def _of_items(items: list[Any]) -> Found | None:
    """The same of a batch that is a list of rows; the first ones of many."""
    groups = list(grouped([parts_of(row) for row in items[:MOST_ITEMS]]))
    if len(groups) != 1:
        return None
    inputs, target, _ = groups[0]
    return inputs, target, len(inputs[0])


def _single(target: Part | None) -> Array | None:
    """One number or text a row, also of the place of the 1 in rows of one 1 and zeros; None for other targets."""
    if not isinstance(target, np.ndarray) or not target.shape or not target.size:
        return None
    if target.size == len(target):
        return target.reshape(-1)
    if target.ndim == 2 and target.dtype.kind in "biuf" and target.shape[1] <= 1_000:
        ones, zeros = (target == 1).sum(axis=1), (target == 0).sum(axis=1)
        if (ones == 1).all() and (zeros == target.shape[1] - 1).all():
            places: Array = target.argmax(axis=1)
            return places
    return None


def _head(inputs: list[Part], size: int) -> int | None:
    """A hash of the first numbers of the first rows."""
    if not inputs or not isinstance(inputs[0], np.ndarray) or not size:
        return None
    values = inputs[0]
    width = max(1, values.size // size)
    rows = values[: max(1, min(HEAD_ROWS, HEAD_NUMBERS // width))].reshape(-1)
    return hash(row_hashes(rows[None, :HEAD_NUMBERS]).tobytes())


def _size(batch: object) -> int | None:
    """How many rows a batch has, wherever it lies."""
    items = rows_in(batch)
    if items is not None:
        return len(items)
    for part in parts_of(batch).inputs:
        shape = shape_of(part)
        if shape:
            return shape[0]
        if isinstance(part, list):
            return len(part)
    return None


def _mixed(labels: list[Array]) -> bool:
    return len({each.dtype.kind for each in labels} & {"U"}) > 0
