"""The messages of an event file: an event, and the values of its summary, as far as they are looked at."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from reportgen.readers.events.wire import (
    BYTES,
    FIXED32,
    FIXED64,
    VARINT,
    Malformed,
    double,
    fields,
    signed,
    single,
    text,
)

WALL_TIME, STEP, FILE_VERSION, GRAPH, SUMMARY, LOG_MESSAGE, SESSION, RUN_METADATA, META_GRAPH, SOURCE = range(1, 11)
WIRES = {WALL_TIME: FIXED64, STEP: VARINT}
# Fields of a summary's value.
TAG, SIMPLE, OLD_HISTOGRAM, IMAGE, HISTOGRAM, AUDIO, NODE_NAME, TENSOR, METADATA = range(1, 10)
VALUE_WIRES = {SIMPLE: FIXED32}
START = 1
# Bytes of a tag, and how many are kept of a longer one.
LONGEST_TAG, SHOWN = 10_000, 200


@dataclass(slots=True)
class Event:
    """One event: when, and where in its payload each of its parts is."""

    time: float = 0.0
    step: int = 0
    parts: tuple[tuple[int, int, int], ...] = ()

    def part(self, number: int) -> tuple[int, int] | None:
        """Where the last part of a kind begins and ends."""
        return next(((a, b) for found, a, b in reversed(self.parts) if found == number), None)


@dataclass(slots=True)
class Value:
    """One value of a summary. kind: the number of the field that holds it (0: it has metadata only).

    data[start:end] is that field's content. plugin and content are from its metadata, "" and b"" without.
    """

    data: bytes
    tag: str = ""
    kind: int = 0
    start: int = 0
    end: int = 0
    plugin: str = ""
    content: bytes = b""


def read_event(data: bytes) -> Event:
    """The event in `data`. Raises Malformed."""
    event, parts = Event(), []
    for number, kind, a, b in fields(data, 0, len(data)):
        if number > SOURCE:
            continue  # of a later version
        if kind != WIRES.get(number, BYTES):
            raise Malformed("a field of an event has another type")
        if number == WALL_TIME:
            event.time = double(data, kind, a)
        elif number == STEP:
            event.step = signed(a)
        else:
            parts.append((number, a, b))
    event.parts = tuple(parts)
    return event


def values(data: bytes, at: int, end: int) -> Iterator[Value]:
    """The values of the summary in data[at:end]. Raises Malformed."""
    for number, kind, a, b in fields(data, at, end):
        if number == 1:
            if kind != BYTES:
                raise Malformed("a summary's value is no message")
            yield _value(data, a, b)


def _value(data: bytes, at: int, end: int) -> Value:
    value = Value(data)
    for number, kind, a, b in fields(data, at, end):
        if number > METADATA:
            continue
        if kind != VALUE_WIRES.get(number, BYTES):
            raise Malformed("a field of a value has another type")
        if number == TAG:
            value.tag = _tag(data, a, b)
        elif number == METADATA:
            value.plugin, value.content = _metadata(data, a, b)
        elif number != NODE_NAME:
            value.kind, value.start, value.end = number, a, b
    return value


def _tag(data: bytes, at: int, end: int) -> str:
    """A tag; of one that is no name but a text the beginning, and a number that tells it from others."""
    if end - at <= LONGEST_TAG:
        return text(data, at, end)
    whole = data[at:end]
    return f"{text(whole, 0, SHOWN)}… ({len(whole):,} bytes, {zlib.crc32(whole):08x})"


def _metadata(data: bytes, at: int, end: int) -> tuple[str, bytes]:
    name, content = "", b""
    for number, kind, a, b in fields(data, at, end):
        if number == 1 and kind == BYTES:
            for inner, inner_kind, c, d in fields(data, a, b):
                if inner_kind == BYTES and inner == 1:
                    name = text(data, c, d)
                elif inner_kind == BYTES and inner == 2:
                    content = data[c:d]
    return name, content


def starts_session(data: bytes, at: int, end: int) -> bool:
    """Whether the session log in data[at:end] says that a writer began anew. Raises Malformed."""
    return any(number == 1 and kind == VARINT and a == START for number, kind, a, _ in fields(data, at, end))


def simple_value(value: Value) -> float:
    """The number of a value of kind SIMPLE. Raises Malformed."""
    return single(value.data, FIXED32, value.start)
