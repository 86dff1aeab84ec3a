"""Reads rows of a data set: evenly spread ones, for a bounded time, without a trace in the streams of numbers."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count, islice, takewhile
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from reportgen.collect.data.parts import INPUTS, TARGETS, Parts, flat, on_host, parts_of
from reportgen.collect.data.rows import MOST_ROWS, Part, Rows
from reportgen.collect.data.streams import untouched
from reportgen.collect.predictions.arrays import Array, Integers, Shape
from reportgen.collect.structure import nbytes_of
from reportgen.errors import InvalidArgumentError

# Seconds that reading may take.
SECONDS = 2.0
ROUNDS = (0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15)
# Rows of a data set put together, and numbers of arrays taken, at a time.
GROUP_ROWS, GROUP_NUMBERS = 256, 2**19
# Bytes of rows after which they are put together: a row may be a whole volume.
GROUP_BYTES = 2**26
LONGEST_TEXT = 10_000
# A data set of which so many rows in a row cannot be read is given up.
MOST_FAILURES = 20

_NUMBERS = count(1)

ACCEPTED = (
    "a map-style Dataset, (inputs, targets) of tensors, arrays or lists, a dict of them, a tensor or an array of rows, "
    "or an IterableDataset"
)


@dataclass(slots=True)
class Failures:
    """Rows that the user's data set raised for; the first of them as text."""

    count: int = 0
    in_a_row: int = 0
    first: str = ""

    def add(self, row: int, error: Exception) -> None:
        """Count one."""
        self.count += 1
        self.in_a_row += 1
        if not self.first:
            try:
                text = str(error)[:300]
            except Exception:  # noqa: BLE001 - an error of the user's whose str raises
                text = "its message cannot be shown"
            self.first = f"row {row:,} raised {type(error).__name__}: {text}"


@dataclass(slots=True)
class Source:
    """Where rows come from. fetch: adds the rows at some places to `Rows`, but for those that raise.

    group: how many it should be asked for at a time. deadline: when it stops, in seconds of time.perf_counter.
    """

    total: int
    fetch: Callable[[Rows, Integers], None]
    group: int
    names: tuple[str, ...] = ()
    deadline: float = math.inf
    failures: Failures = field(default_factory=Failures)


def read(split: str, dataset: Any) -> tuple[Rows, Failures]:
    """Read rows of `dataset`: at most MOST_ROWS, for SECONDS at most, evenly spread where that is not all of them.

    Raises InvalidArgumentError for what holds no rows that could be read without taking them from the training.
    """
    if isinstance(dataset, DataLoader):
        dataset = dataset.dataset
    with untouched(dataset):
        if _is_stream(dataset):
            return _stream(split, dataset)
        source = source_of(dataset)
        rows = Rows(split, "data", source.total, names=source.names)
        source.deadline = time.perf_counter() + SECONDS
        for places in _groups(source):
            source.fetch(rows, places)
            if time.perf_counter() > source.deadline or source.failures.in_a_row >= MOST_FAILURES:
                break
        return rows, source.failures


def source_of(dataset: Any) -> Source:
    """How rows of a data set are fetched. Raises InvalidArgumentError for what has none."""
    if type(dataset) is TensorDataset:
        return _of_columns(tuple(dataset.tensors))
    if isinstance(dataset, (torch.Tensor, np.ndarray)) or _is_frame(dataset):
        return _of_columns((dataset,))
    if type(dataset) is tuple or (isinstance(dataset, dict) and not any(isinstance(key, int) for key in dataset)):
        return _of_columns(dataset)
    length = _length(dataset)
    if length is None or not hasattr(dataset, "__getitem__") or isinstance(dataset, (str, bytes, dict)):
        raise InvalidArgumentError("dataset", Shape(dataset), ACCEPTED)
    return _of_items(dataset, length)


def _groups(source: Source) -> Iterator[Integers]:
    """Places of the rows to read, all or MOST_ROWS evenly spread ones, in groups.

    In rounds, each through the whole data set, of which every further one halves the distance between rows read:
    whenever time is up, what was read is spread evenly.
    """
    most = min(source.total, MOST_ROWS)
    places = np.arange(most, dtype=np.int64) * source.total // max(most, 1)
    for first in ROUNDS:
        round_ = places[first :: len(ROUNDS)]
        for start in range(0, len(round_), source.group):
            yield round_[start : start + source.group]


def _of_columns(columns: Any) -> Source:
    """Rows that lie in arrays side by side."""
    if isinstance(columns, dict):
        named = {str(key).lower(): key for key in columns}
        target = next((columns[named[key]] for key in TARGETS if key in named), None)
        inputs = [columns[named[key]] for key in INPUTS if key in named]
        inputs = inputs or [each for key, each in columns.items() if str(key).lower() not in TARGETS]
    else:
        parts = [each for each in columns if each is not None]
        inputs, target = (parts[:1], parts[1]) if len(parts) > 1 else (parts, None)
        if inputs and isinstance(inputs[0], (tuple, dict)):
            inputs = flat(inputs[0])
    if not inputs:
        raise InvalidArgumentError("dataset", Shape(columns), ACCEPTED)
    names = tuple(str(name) for name in inputs[0].columns) if _is_frame(inputs[0]) else ()
    given = [_column(each) for each in (*inputs, *(() if target is None else (target,)))]
    lengths = {len(each) for each in given}
    if len(lengths) != 1:
        raise InvalidArgumentError(
            "dataset", Shape(columns), f"inputs and targets of one length, not {sorted(lengths)}"
        )
    (length,) = lengths
    numbers = sum(max(1, int(np.prod(each.shape[1:]))) for each in given if not isinstance(each, list))

    def fetch(rows: Rows, places: Integers) -> None:
        taken = [_rows_at(each, places) for each in given]
        rows.add(taken[: len(inputs)], None if target is None else taken[-1], places)

    return Source(length, fetch, max(1, min(4_096, GROUP_NUMBERS // max(numbers, 1))), names)


def _column(value: Any) -> Any:
    """One array with all rows in it, or a list of rows."""
    if _is_nested(value):
        raise InvalidArgumentError("dataset", "a nested tensor", ACCEPTED)
    if isinstance(value, np.ndarray):
        value = np.asarray(value)  # without what a matrix or a masked array does otherwise
    if isinstance(value, torch.Tensor) or (isinstance(value, np.ndarray) and value.dtype.kind in "biufU"):
        if not value.shape:
            raise InvalidArgumentError("dataset", Shape(value), ACCEPTED)
        return value
    if hasattr(value, "to_numpy"):
        value = value.to_numpy()
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if not isinstance(value, (list, tuple)):
        raise InvalidArgumentError("dataset", Shape(value), ACCEPTED)
    return list(value)


def _rows_at(column: Any, places: Integers) -> Part:
    if isinstance(column, torch.Tensor):
        if column.layout != torch.strided or column.is_meta:
            return [_unlike() for _ in places]
        found = on_host(column.detach()[torch.as_tensor(places, device=column.device)].cpu(), batch=True)
        return found if isinstance(found, np.ndarray) else [_unlike() for _ in places]
    if isinstance(column, np.ndarray):
        return column[places]
    return together([_item(column[place]) for place in places])


def _item(value: object) -> Array | str:
    """One part of a row as an array, or as the text that stands for it."""
    found = on_host(value, batch=False)
    if found is not None:
        return found
    if isinstance(value, (bytes, list, tuple, type(None))):
        return repr(value)[:LONGEST_TEXT]
    return _unlike()


def _unlike() -> str:
    """What stands for something that cannot be compared: it equals nothing else."""
    return f"unknown {next(_NUMBERS)}"


def _of_items(dataset: Any, length: int) -> Source:
    """Rows that are asked for one by one."""
    source = Source(length, lambda rows, places: None, GROUP_ROWS)

    def fetch(rows: Rows, places: Integers) -> None:
        found: list[Parts] = []
        read: list[int] = []
        size = 0
        for place in places.tolist():
            if time.perf_counter() > source.deadline:
                break
            try:
                row = dataset[place]
            except Exception as error:  # noqa: BLE001 - the user's data set
                source.failures.add(place, error)
                if source.failures.in_a_row >= MOST_FAILURES:
                    break
                continue
            source.failures.in_a_row = 0
            found.append(parts_of(row))
            read.append(place)
            size += _bytes(found[-1])
            del row
            if size > GROUP_BYTES:
                add_items(rows, found, read)
                found, read, size = [], [], 0
        add_items(rows, found, read)

    source.fetch = fetch
    return source


def add_items(rows: Rows, found: Sequence[Parts], places: Sequence[int]) -> None:
    """Add single rows."""
    for inputs, target, at in grouped(found):
        rows.add(inputs, target, np.array(places[at.start : at.stop], dtype=np.int64))


def _bytes(parts: Parts) -> int:
    """What the arrays and tensors of a row take."""
    size = 0
    for part in (*parts.inputs, parts.target):
        if isinstance(part, torch.Tensor):
            size += nbytes_of(part)
        elif isinstance(part, np.ndarray):
            size += part.nbytes
    return size


def _is_nested(value: object) -> bool:
    return isinstance(value, torch.Tensor) and value.is_nested


def grouped(found: Sequence[Parts]) -> Iterator[tuple[list[Part], Part | None, slice]]:
    """Single rows put together, those next to each other that have as many parts: (inputs, target, which)."""
    start = 0
    while start < len(found):
        width = len(found[start].inputs)
        end = start + 1
        while end < len(found) and len(found[end].inputs) == width:
            end += 1
        group = found[start:end]
        if width:
            inputs = [together([_item(parts.inputs[at]) for parts in group]) for at in range(width)]
            known = all(parts.target is not None for parts in group)
            yield inputs, together([_item(parts.target) for parts in group]) if known else None, slice(start, end)
        start = end


def together(values: list[Array | str]) -> Part:
    """Rows as one array where they have one shape and type, else as a list."""
    if all(isinstance(value, str) for value in values):
        return np.array(values, dtype=str) if values else []
    first = values[0]
    if isinstance(first, np.ndarray) and all(
        isinstance(value, np.ndarray) and value.shape == first.shape and value.dtype.kind == first.dtype.kind
        for value in values
    ):
        return np.stack(values)
    return values


def _is_stream(dataset: Any) -> bool:
    return isinstance(dataset, IterableDataset)


def _stream(split: str, dataset: Iterable[Any]) -> tuple[Rows, Failures]:
    """The first rows of a data set that can only be iterated over, and more than once."""
    if iter(dataset) is iter(dataset):
        raise InvalidArgumentError("dataset", Shape(dataset), "a data set that can be iterated over more than once")
    rows, failures = Rows(split, "data", None, repeated=True), Failures()
    deadline, place = time.perf_counter() + SECONDS, 0
    stream = takewhile(lambda _: time.perf_counter() < deadline, iter(dataset))
    while rows.room > 0:
        found: list[Parts] = []
        size = 0
        try:
            for row in islice(stream, min(GROUP_ROWS, rows.room)):
                found.append(parts_of(row))
                size += _bytes(found[-1])
                if size > GROUP_BYTES:
                    break
        except Exception as error:  # noqa: BLE001 - the user's data set
            failures.add(place + len(found), error)
        add_items(rows, found, range(place, place + len(found)))
        place += len(found)
        if not found or failures.count:
            break
    return rows, failures


def _is_frame(value: object) -> bool:
    return hasattr(value, "to_numpy") and hasattr(value, "columns")


def _length(dataset: Any) -> int | None:
    try:
        return len(dataset)
    except Exception:  # noqa: BLE001 - it has none, or what the user's own raises
        return None
