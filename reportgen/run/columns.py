"""Columns of numbers packed into few bytes and back, exactly.

Each column is coded by what it holds (delta, float32 where that is exact, whole parts of a power of two), its bytes are
split into planes (all first bytes, all second bytes, ...), and columns of one coding are put together plane by plane:
zlib then sees like beside like. Equal columns are stored once.
"""

from __future__ import annotations

import math
import sys
from array import array
from collections.abc import Iterable

# Codings of a column. Integers: their differences or themselves, zigzagged, in the narrowest of four widths, or raw.
WIDTHS = ("B", "H", "I", "Q")
ITEM_BYTES = {"B": 1, "H": 2, "I": 4, "Q": 8, "q": 8, "f": 4, "d": 8}
# Times are whole parts of 2**-20 s at the finest.
FINEST_PART = 20


class Packer:
    """Takes columns and gives each a number; `table` and `streams` are then all that is needed to read them."""

    def __init__(self) -> None:
        self.table: list[list[int | str]] = []
        self._planes: dict[str, list[bytearray]] = {}
        self._known: dict[tuple[str, bytes], int] = {}

    def integers(self, values: Iterable[int], delta: bool = True) -> int:
        """Add a column of 64-bit integers. delta: neighbours are close to each other."""
        column = array("q", values)
        key = ("delta" if delta else "plain", column.tobytes())
        if key not in self._known:
            self._known[key] = self._add(*_packed_integers(column, delta))
        return self._known[key]

    def floats(self, values: Iterable[float]) -> int:
        """Add a column of float64."""
        column = array("d", values)
        key = ("floats", column.tobytes())
        if key not in self._known:
            self._known[key] = self._add(*_packed_floats(column))
        return self._known[key]

    def streams(self) -> tuple[list[tuple[str, int]], bytes]:
        """The codings' item type with the number of items of each, and all planes one after the other."""
        sizes = [(kind, len(planes[0])) for kind, planes in sorted(self._planes.items())]
        return sizes, b"".join(bytes(plane) for _, planes in sorted(self._planes.items()) for plane in planes)

    def _add(self, coding: str, part: int, items: array[int] | array[float]) -> int:
        if sys.byteorder == "big":
            items = items[:]
            items.byteswap()
        data, size = items.tobytes(), items.itemsize
        planes = self._planes.setdefault(items.typecode, [bytearray() for _ in range(size)])
        for position, plane in enumerate(planes):
            plane += data[position::size]
        self.table.append([coding, items.typecode, len(items), part])
        return len(self.table) - 1


class Unpacker:
    """Gives back the columns of a Packer. Raises ValueError or a LookupError on what no Packer made."""

    def __init__(self, table: list[list[int | str]], sizes: list[list[int | str]], data: bytes) -> None:
        planes: dict[str, list[bytes]] = {}
        place = 0
        for kind, length in sizes:
            planes[str(kind)] = []
            for _ in range(ITEM_BYTES[str(kind)]):
                planes[str(kind)].append(data[place : place + int(length)])
                place += int(length)
        self.read = place
        self._columns: list[array[int] | array[float]] = []
        done = dict.fromkeys(planes, 0)
        for coding, kind, length, part in table:
            start, done[str(kind)] = done[str(kind)], done[str(kind)] + int(length)
            items = _items(str(kind), [plane[start : done[str(kind)]] for plane in planes[str(kind)]], int(length))
            self._columns.append(_unpacked(str(coding), items, int(part)))

    def integers(self, number: int) -> array[int]:
        """The column of integers with this number."""
        column = self._columns[number]
        if column.typecode != "q":
            raise ValueError(f"column {number} holds no integers")
        return array("q", column.tobytes())

    def floats(self, number: int) -> array[float]:
        """The column of floats with this number."""
        column = self._columns[number]
        if column.typecode != "d":
            raise ValueError(f"column {number} holds no floats")
        return array("d", column.tobytes())


def _packed_integers(column: array[int], delta: bool) -> tuple[str, int, array[int]]:
    whole = column.tolist()
    values = [b - a for a, b in zip([0, *whole], whole, strict=False)] if delta else whole
    zigzag = [2 * value if value >= 0 else -2 * value - 1 for value in values]
    most = max(zigzag, default=0)
    for kind in WIDTHS:
        if most < 1 << 8 * ITEM_BYTES[kind]:
            return "delta" if delta else "plain", 0, array(kind, zigzag)
    return "raw", 0, column


def _packed_floats(column: array[float]) -> tuple[str, int, array[int] | array[float]]:
    narrow = array("f", column)
    if array("d", narrow).tobytes() == column.tobytes():
        return "float", 0, narrow
    part = _part_of(column)
    if part is not None:
        coding, _, items = _packed_integers(array("q", [int(math.ldexp(value, part)) for value in column]), True)
        if coding == "delta":
            return "parts", part, items
    return "double", 0, column


def _part_of(column: array[float]) -> int | None:
    """The smallest power of two of which all values are whole parts, None without one that fits."""
    part = 0
    for value in column:
        if not abs(value) < 2**42 or (value == 0.0 and math.copysign(1.0, value) < 0):
            return None
        part = max(part, value.as_integer_ratio()[1].bit_length() - 1)
        if part > FINEST_PART:
            return None
    return part


def _items(kind: str, planes: list[bytes], length: int) -> array[int] | array[float]:
    data = bytearray(length * len(planes))
    for position, plane in enumerate(planes):
        if len(plane) != length:
            raise ValueError("the columns are cut off")
        data[position :: len(planes)] = plane
    items: array[int] | array[float] = array(kind, bytes(data))
    if sys.byteorder == "big":
        items.byteswap()
    return items


def _unpacked(coding: str, items: array[int] | array[float], part: int) -> array[int] | array[float]:
    if coding in ("float", "double"):
        return array("d", items)
    if coding == "raw":
        return items
    values = [int(item) >> 1 if not int(item) & 1 else -(int(item) >> 1) - 1 for item in items]
    if coding == "plain":
        return array("q", values)
    if coding not in ("delta", "parts"):
        raise ValueError(f"unknown coding {coding!r} of a column")
    total = 0
    for position, value in enumerate(values):
        total += value
        values[position] = total
    return array("q", values) if coding == "delta" else array("d", [math.ldexp(value, -part) for value in values])
