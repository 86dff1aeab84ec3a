"""Tensors without a plugin that knows how to show them: the numbers, or texts."""

from __future__ import annotations

from dataclasses import dataclass

from reportgen.readers.events.builder import Builder
from reportgen.readers.events.counting import distribution_in
from reportgen.readers.events.event import TENSOR, Value
from reportgen.readers.events.log import Log
from reportgen.readers.events.log_parts import Entry
from reportgen.readers.events.media import npy
from reportgen.readers.events.plugins import texts
from reportgen.readers.events.tensor import STRING, array, dtype_name, read_tensor
from reportgen.run.distribution import Distribution
from reportgen.run.logged import Plain, TensorRecord
from reportgen.run.plain_value import plain_value

FIRST = 24  # values shown, as where a run is recorded


@dataclass(frozen=True, slots=True)
class Numbers:
    """Where a tensor is (offset in the file, length), and what is told of it."""

    offset: int
    length: int
    shape: tuple[int, ...]
    dtype: str
    first: tuple[Plain, ...]
    distribution: Distribution | None


def draft(log: Log, entry: Entry, value: Value, offset: int) -> None:
    """Draft a tensor. Raises Malformed."""
    if value.kind != TENSOR:
        return
    tensor = read_tensor(value.data, value.start, value.end)
    if tensor.type == STRING:
        entry.plugin = "text"
        texts.draft(log, entry, value, offset)
        return
    values = array(tensor)
    entry.draft = Numbers(
        offset + value.start,
        value.end - value.start,
        tensor.shape,
        dtype_name(tensor),
        tuple(plain_value(each) for each in values.reshape(-1)[:FIRST].tolist()),
        distribution_in(values),
    )


def _file(data: bytes) -> bytes:
    return npy(array(read_tensor(data, 0, len(data))))


def make(entries: list[Entry], builder: Builder) -> None:
    """The records of tensors."""
    for entry in entries:
        numbers: Numbers = entry.draft
        builder.add(
            "tensor",
            TensorRecord(
                tag=builder.tag(entry.tag),
                stamp=builder.stamp(entry),
                media=builder.store(entry, (numbers.offset, numbers.length), "npy", _file),
                shape=numbers.shape,
                dtype=numbers.dtype,
                distribution=numbers.distribution,
                first=numbers.first,
            ),
        )
