"""TensorFlow's GraphDef, which torch's writer fills from a trace: its nodes with names, operations, inputs, shapes."""

from __future__ import annotations

from dataclasses import dataclass

from reportgen.readers.events.tensor import TYPES, shape
from reportgen.readers.events.wire import BYTES, VARINT, Malformed, fields, text

# Attributes that hold the type of a node's result.
TYPE_KEYS = ("T", "dtype", "DstT", "output_type")


@dataclass(frozen=True, slots=True)
class Node:
    """A node: name is its path, scopes joined by "/". inputs: names of nodes. shape: of its first output if known."""

    name: str
    op: str
    inputs: tuple[str, ...] = ()
    shape: tuple[int, ...] | None = None
    dtype: str = ""
    detail: str = ""


def read_graph(data: bytes) -> tuple[list[Node], int]:
    """The nodes of a GraphDef, in order, and how many functions it has beside them. Raises Malformed."""
    nodes, functions = [], 0
    for number, kind, a, b in fields(data, 0, len(data)):
        if number == 1 and kind == BYTES:
            nodes.append(_node(data, a, b))
        elif number == 2 and kind == BYTES:
            functions += sum(inner == 1 for inner, *_ in fields(data, a, b))
    return nodes, functions


def _node(data: bytes, at: int, end: int) -> Node:
    name = op = dtype = detail = ""
    inputs: list[str] = []
    size: tuple[int, ...] | None = None
    for number, kind, a, b in fields(data, at, end):
        if kind != BYTES:
            continue
        if number == 1:
            name = text(data, a, b)
        elif number == 2:
            op = text(data, a, b)
        elif number == 3:
            inputs.append(_source(text(data, a, b)))
        elif number == 5:
            key, place = _attribute(data, a, b)
            if key == "_output_shapes":
                size = _first_shape(data, *place)
            elif key == "shape" and size is None:
                size = next((_known(data, c, d) for n, k, c, d in fields(data, *place) if n == 7 and k == BYTES), None)
            elif key in TYPE_KEYS and not dtype:
                number_of = next((c for n, k, c, _ in fields(data, *place) if n == 6 and k == VARINT), 0)
                dtype = TYPES.get(number_of, ("", ""))[0]
            elif key == "attr":
                detail = next((text(data, c, d) for n, k, c, d in fields(data, *place) if n == 2 and k == BYTES), "")
    return Node(name, op, tuple(inputs), size, dtype, detail.strip("{} "))


def _source(name: str) -> str:
    """The node an input comes from: without the number of the output, and without the mark of a control input."""
    head, _, tail = name.rpartition(":")
    return (head if tail.isdigit() and head else name).removeprefix("^")


def _attribute(data: bytes, at: int, end: int) -> tuple[str, tuple[int, int]]:
    key, place = "", (at, at)
    for number, kind, a, b in fields(data, at, end):
        if kind == BYTES and number == 1:
            key = text(data, a, b)
        elif kind == BYTES and number == 2:
            place = (a, b)
    return key, place


def _first_shape(data: bytes, at: int, end: int) -> tuple[int, ...] | None:
    """The first shape of an attribute that holds a list of them."""
    for number, kind, a, b in fields(data, at, end):
        if number == 1 and kind == BYTES:
            return next((_known(data, c, d) for n, k, c, d in fields(data, a, b) if n == 7 and k == BYTES), None)
    return None


def _known(data: bytes, at: int, end: int) -> tuple[int, ...] | None:
    """A shape whose sizes are all known: those that are not are -1."""
    try:
        return shape(data, at, end)
    except Malformed:
        return None
