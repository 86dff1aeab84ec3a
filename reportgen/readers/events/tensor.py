"""TensorFlow's TensorProto as NumPy arrays, or as the places of its strings."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reportgen.readers.events.wire import BYTES, FIXED32, FIXED64, VARINT, Malformed, fields, signed

STRING, BFLOAT16, HALF = 7, 14, 19
# TensorFlow's number of a type -> the name that torch has for it, and NumPy's type.
TYPES: dict[int, tuple[str, str]] = {
    1: ("float32", "<f4"),
    2: ("float64", "<f8"),
    3: ("int32", "<i4"),
    4: ("uint8", "|u1"),
    5: ("int16", "<i2"),
    6: ("int8", "|i1"),
    8: ("complex64", "<c8"),
    9: ("int64", "<i8"),
    10: ("bool", "|b1"),
    BFLOAT16: ("bfloat16", "<u2"),
    17: ("uint16", "<u2"),
    18: ("complex128", "<c16"),
    HALF: ("float16", "<f2"),
    22: ("uint32", "<u4"),
    23: ("uint64", "<u8"),
}
# Fields of TensorProto that hold numbers one by one: their wire type and, of fixed ones, NumPy's type.
FLOAT_VAL, DOUBLE_VAL, SCOMPLEX_VAL, DCOMPLEX_VAL = 5, 6, 9, 12
FIXED = {FLOAT_VAL: "<f4", DOUBLE_VAL: "<f8", SCOMPLEX_VAL: "<f4", DCOMPLEX_VAL: "<f8"}
INT_VAL, STRING_VAL, INT64_VAL, BOOL_VAL, HALF_VAL, UINT32_VAL, UINT64_VAL = 7, 8, 10, 11, 13, 16, 17
INTEGERS = (INT_VAL, INT64_VAL, BOOL_VAL, HALF_VAL, UINT32_VAL, UINT64_VAL)
MOST_DIMENSIONS = 64
LONGEST = 10  # bytes of a varint
# Elements that one number may stand for: a few bytes of a file could ask for all memory.
MOST_FILLED = 1 << 20


@dataclass(slots=True)
class Tensor:
    """A TensorProto: its type by TensorFlow's number, its shape, and where its numbers or strings are.

    parts: (field, start, end) of packed numbers in `data`. single: numbers that are not packed. strings: places of the
    strings.
    """

    data: bytes
    type: int = 0
    shape: tuple[int, ...] = ()
    content: tuple[int, int] | None = None
    parts: list[tuple[int, int, int]] = field(default_factory=list)
    single: dict[int, list[int]] = field(default_factory=dict)
    strings: list[tuple[int, int]] = field(default_factory=list)

    @property
    def size(self) -> int:
        """How many elements its shape says it has."""
        return math.prod(self.shape)


def read_tensor(data: bytes, at: int, end: int) -> Tensor:
    """The TensorProto in data[at:end]. Raises Malformed."""
    tensor = Tensor(data)
    for number, kind, a, b in fields(data, at, end):
        if number == 1 and kind == VARINT:
            tensor.type = a
        elif number == 2 and kind == BYTES:
            tensor.shape = shape(data, a, b)
        elif number == 4 and kind == BYTES:
            tensor.content = (a, b)
        elif number == STRING_VAL and kind == BYTES:
            tensor.strings.append((a, b))
        elif (number in FIXED and kind in (BYTES, FIXED32, FIXED64)) or (number in INTEGERS and kind == BYTES):
            tensor.parts.append((number, a, b))
        elif number in INTEGERS and kind == VARINT:
            tensor.single.setdefault(number, []).append(a)
    return tensor


def shape(data: bytes, at: int, end: int) -> tuple[int, ...]:
    """The sizes in the TensorShapeProto in data[at:end]. Raises Malformed."""
    sizes: list[int] = []
    for number, kind, a, b in fields(data, at, end):
        if number == 2 and kind == BYTES:
            size = next((signed(v) for n, k, v, _ in fields(data, a, b) if n == 1 and k == VARINT), 0)
            sizes.append(size)
    if len(sizes) > MOST_DIMENSIONS or any(size < 0 for size in sizes):
        raise Malformed("a shape that no tensor has")
    return tuple(sizes)


def dtype_name(tensor: Tensor) -> str:
    """torch's name of its type. Raises Malformed for one that cannot be read."""
    known = TYPES.get(tensor.type)
    if known is None:
        raise Malformed(f"a tensor of TensorFlow's type number {tensor.type} cannot be read")
    return known[0]


def array(tensor: Tensor) -> NDArray[Any]:
    """Its numbers in its shape; bfloat16 as float32. Raises Malformed when they are not as many as its shape says."""
    dtype_name(tensor)
    kind = np.dtype(TYPES[tensor.type][1])
    flat = _content(tensor, kind) if tensor.content is not None else _numbers(tensor, kind)
    if len(flat) != tensor.size:
        # TensorFlow's rule: the last number stands for all that follow.
        if tensor.content is not None or not 0 < len(flat) < tensor.size:
            raise Malformed("a tensor has more or fewer numbers than its shape says")
        if tensor.size > MOST_FILLED:
            raise Malformed("a tensor whose shape is far larger than its numbers")
        flat = np.concatenate([flat, np.full(tensor.size - len(flat), flat[-1], flat.dtype)])
    return flat.reshape(tensor.shape)


def _content(tensor: Tensor, kind: np.dtype[Any]) -> NDArray[Any]:
    assert tensor.content is not None
    start, end = tensor.content
    if (end - start) % kind.itemsize:
        raise Malformed("a tensor's content is no whole number of elements")
    flat = np.frombuffer(tensor.data, kind, (end - start) // kind.itemsize, start)
    return widened(flat) if tensor.type == BFLOAT16 else flat


def _numbers(tensor: Tensor, kind: np.dtype[Any]) -> NDArray[Any]:
    if tensor.type in (HALF, BFLOAT16):
        return _halves(_integers(tensor), tensor.type)
    fixed = [np.frombuffer(tensor.data, _whole(n, a, b), offset=a, count=_count(n, a, b)) for n, a, b in _fixed(tensor)]
    if kind.kind in "fc":
        flat: NDArray[Any] = np.concatenate(fixed) if fixed else np.empty(0, "<f4")
        if kind.kind == "c":
            if len(flat) % 2:
                raise Malformed("half of a complex number")
            flat = flat.view("<c16" if flat.itemsize == 8 else "<c8")
        return flat.astype(kind)
    with np.errstate(all="ignore"):
        return _integers(tensor).astype(kind)


def _fixed(tensor: Tensor) -> list[tuple[int, int, int]]:
    return [part for part in tensor.parts if part[0] in FIXED]


def _whole(number: int, start: int, end: int) -> np.dtype[Any]:
    kind = np.dtype(FIXED[number])
    if (end - start) % kind.itemsize:
        raise Malformed("packed numbers end inside of one")
    return kind


def _count(number: int, start: int, end: int) -> int:
    return (end - start) // np.dtype(FIXED[number]).itemsize


def _integers(tensor: Tensor) -> NDArray[Any]:
    found = [_packed(tensor.data, start, end) for number, start, end in tensor.parts if number in INTEGERS]
    found += [np.array(more, np.uint64) for more in tensor.single.values()]
    return np.concatenate([np.empty(0, np.uint64), *found]).view(np.int64)


def _packed(data: bytes, start: int, end: int) -> NDArray[np.uint64]:
    """Varints one behind the other, as `wire.varint` reads each. Raises Malformed."""
    raw = np.frombuffer(data, np.uint8, end - start, start)
    ends = np.flatnonzero(raw < 0x80)
    if (ends[-1] + 1 if len(ends) else 0) != len(raw):
        raise Malformed("a number does not end")
    begins = np.concatenate([[0], ends[:-1] + 1])[: len(ends)]
    lengths = ends - begins + 1
    found = np.zeros(len(ends), np.uint64)
    for place in range(int(lengths.max(initial=0))):
        if place == LONGEST:
            raise Malformed("a number does not end")
        there = np.flatnonzero(lengths > place)
        found[there] |= (raw[begins[there] + place] & 0x7F).astype(np.uint64) << np.uint64(7 * place)
    return found


def _halves(bits: NDArray[Any], kind: int) -> NDArray[Any]:
    """Sixteen bits a number; torch's writer puts those of a float32 there instead."""
    if len(bits) and (bits.min() < 0 or bits.max() > 0xFFFF):
        wide = bits.astype(np.uint32).view(np.float32)
        if kind == BFLOAT16:
            return wide
        with np.errstate(all="ignore"):
            return wide.astype("<f2")
    short = bits.astype("<u2")
    return widened(short) if kind == BFLOAT16 else short.view("<f2")


def widened(bits: NDArray[Any]) -> NDArray[Any]:
    """bfloat16's bits as float32."""
    return (bits.astype("<u4") << 16).view("<f4")


def number(tensor: Tensor) -> float:
    """The one number a tensor holds. Raises Malformed when it holds none or several."""
    if tensor.size != 1:
        raise Malformed("a scalar with several numbers")
    value = array(tensor).reshape(-1)[0]
    return float(value.real)
