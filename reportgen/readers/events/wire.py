"""Protocol buffers as they stand in a file: fields, varints, fixed numbers. Only what event files use."""

from __future__ import annotations

import struct
from collections.abc import Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
DOUBLE = struct.Struct("<d")
FLOAT = struct.Struct("<f")
SIGN = 1 << 63
RANGE = 1 << 64


class Malformed(ValueError):  # noqa: N818 - what it is, not how it came about
    """The bytes are no message."""


def varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    """The unsigned number at `at`, below 2**64, and where it ends. Raises Malformed."""
    value = shift = 0
    while at < end and shift < 70:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value % RANGE, at
        shift += 7
    raise Malformed("a number does not end")


def signed(value: int) -> int:
    """The int64 that an unsigned varint stands for."""
    return value - RANGE if value >= SIGN else value


def fields(data: bytes, at: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """The fields of the message in data[at:end], as (number, wire type, a, b).

    VARINT: `a` is the value. Others: data[a:b] is the content. Raises Malformed at what is no message.
    """
    while at < end:
        key, at = varint(data, at, end)
        kind = key & 7
        if kind == VARINT:
            value, at = varint(data, at, end)
            yield key >> 3, VARINT, value, at
            continue
        if kind == BYTES:
            length, at = varint(data, at, end)
        elif kind in (FIXED64, FIXED32):
            length = 8 if kind == FIXED64 else 4
        else:
            raise Malformed("a field of a kind that no event has")
        if length > end - at:
            raise Malformed("a field is longer than its message")
        yield key >> 3, kind, at, at + length
        at += length


def text(data: bytes, at: int, end: int) -> str:
    """UTF-8; what is none is kept visibly."""
    return data[at:end].decode("utf-8", "backslashreplace")


def double(data: bytes, kind: int, at: int) -> float:
    """A double. Raises Malformed for another kind of field."""
    if kind != FIXED64:
        raise Malformed("a double was expected")
    return float(DOUBLE.unpack_from(data, at)[0])


def single(data: bytes, kind: int, at: int) -> float:
    """A float. Raises Malformed for another kind of field."""
    if kind != FIXED32:
        raise Malformed("a float was expected")
    return float(FLOAT.unpack_from(data, at)[0])
