"""Point clouds and meshes: three tensors (B, N, 3) of one event, for vertices, faces and colours."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reportgen.readers.events.builder import Builder
from reportgen.readers.events.event import TENSOR, Value
from reportgen.readers.events.log import Log
from reportgen.readers.events.log_parts import Entry
from reportgen.readers.events.media import npy
from reportgen.readers.events.tensor import array, read_tensor
from reportgen.readers.events.wire import BYTES, VARINT, Malformed, fields, text
from reportgen.run.logged import Mesh, Plain

# What the tensor of a value is, as MeshPluginData says; what torch's and TensorBoard's writers append to the tag.
VERTEX, FACE, COLOR = 1, 2, 3
# Meshes of one batch that are taken: a shape may say any number of empty ones.
MOST = 256
SUFFIXES = {VERTEX: "_VERTEX", FACE: "_FACE", COLOR: "_COLOR"}


@dataclass(frozen=True, slots=True)
class Piece:
    """One of the tensors: whose (name), what it is, where (offset in the file, length), and its shape (B, N, 3).

    ends: least and greatest number in it.
    """

    name: str
    content: int
    offset: int
    length: int
    shape: tuple[int, ...]
    ends: tuple[float, float]
    config: Mapping[str, Plain]


def draft(log: Log, entry: Entry, value: Value, offset: int) -> None:
    """Draft one of a mesh's tensors. Raises Malformed."""
    if value.kind != TENSOR:
        return
    name, content, config = _told(value.content or log.contents.get(value.tag, b""))
    if content not in SUFFIXES:
        raise Malformed("a part of a mesh that there is not")
    values = array(read_tensor(value.data, value.start, value.end))
    if values.ndim == 2:
        values = values[None]
    if values.ndim < 3 or values.shape[-1] != 3 or values.dtype.kind not in "fiu":
        raise Malformed("a part of a mesh that is no list of three numbers each")
    shape = (int(np.prod(values.shape[:-2])), values.shape[-2], 3)
    finite = values[np.isfinite(values)]
    ends = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    tag = value.tag.removesuffix(SUFFIXES[content])
    entry.draft = Piece(name or tag, content, offset + value.start, value.end - value.start, shape, ends, config)
    entry.tag = tag


def _told(data: bytes) -> tuple[str, int, Mapping[str, Plain]]:
    name, content, config = "", 0, "{}"
    for number, kind, a, b in fields(data, 0, len(data)):
        if number == 2 and kind == BYTES:
            name = text(data, a, b)
        elif number == 3 and kind == VARINT:
            content = a
        elif number == 5 and kind == BYTES:
            config = text(data, a, b)
    flat: dict[str, Plain] = {}
    try:
        _flatten("", json.loads(config or "{}"), flat)
    except (ValueError, RecursionError):
        flat = {"config": config}
    return name, content, flat


def _flatten(prefix: str, value: Any, flat: dict[str, Plain]) -> None:
    """Nested settings with their keys joined by dots; lists as JSON."""
    if isinstance(value, dict):
        for key, inner in value.items():
            _flatten(f"{prefix}.{key}" if prefix else key, inner, flat)
    else:
        flat[prefix or "config"] = json.dumps(value) if isinstance(value, list) else value


def make(entries: list[Entry], builder: Builder) -> None:
    """The records of meshes: one for each of a batch."""
    together: dict[tuple[str, int, float], dict[int, Entry]] = {}
    for entry in entries:
        together.setdefault((entry.tag, entry.step, entry.time), {})[entry.draft.content] = entry
    for pieces in together.values():
        if VERTEX in pieces:
            _make(pieces, builder)
        else:
            first = next(iter(pieces.values()))
            builder.note("meshes", f"faces or colours of {builder.tag(first.tag)} without vertices are not shown")


def _make(pieces: dict[int, Entry], builder: Builder) -> None:
    entry = pieces[VERTEX]
    vertices: Piece = entry.draft
    notes: list[str] = []
    faces, colors = pieces.get(FACE), pieces.get(COLOR)
    if faces is not None and not _indices(faces.draft, vertices):
        notes.append("Its faces are no indices of its vertices and are not drawn.")
        faces = None
    if colors is not None and colors.draft.shape != vertices.shape:
        notes.append("Its colours are not one for each vertex and are not drawn.")
        colors = None
    if vertices.shape[0] > MOST:
        what = f"of {vertices.shape[0]:,} meshes in one event of {builder.tag(entry.tag)} the first {MOST} are taken"
        builder.note("meshes", what)
    for index in range(min(MOST, vertices.shape[0])):
        builder.add(
            "mesh",
            Mesh(
                tag=builder.tag(entry.tag),
                stamp=builder.stamp(entry),
                vertices=_stored(entry, index, _vertices, builder),
                vertex_count=vertices.shape[1],
                face_count=faces.draft.shape[1] if faces is not None else 0,
                colors=_stored(colors, index, _colors, builder) if colors is not None else "",
                faces=_stored(faces, index, _faces, builder) if faces is not None else "",
                index=index,
                of=vertices.shape[0],
                config=vertices.config,
                notes=tuple(notes),
            ),
        )


def _indices(faces: Piece, vertices: Piece) -> bool:
    low, high = faces.ends
    return faces.shape[0] == vertices.shape[0] and low >= 0 and high < max(1, vertices.shape[1])


def _stored(entry: Entry, index: int, convert: Any, builder: Builder) -> str:
    piece: Piece = entry.draft
    made = partial(_one, index, piece.shape, convert)
    return builder.store(entry, (piece.offset, piece.length), "npy", made, f"-{index}")


def _one(index: int, shape: tuple[int, ...], convert: Any, data: bytes) -> bytes:
    """The .npy file of one of a batch, from its TensorProto."""
    return npy(convert(array(read_tensor(data, 0, len(data))).reshape(shape)[index]))


def _vertices(values: NDArray[Any]) -> NDArray[Any]:
    return values if values.dtype.kind == "f" and values.dtype.itemsize >= 4 else values.astype("<f4")


def _faces(values: NDArray[Any]) -> NDArray[Any]:
    return values.astype("<i4")


def _colors(values: NDArray[Any]) -> NDArray[Any]:
    """0 to 255; fractions up to 1 are parts of it. torch's writer stores whole numbers as floats."""
    numbers = np.nan_to_num(values.astype("f8"), nan=0.0, posinf=255.0, neginf=0.0)
    if numbers.size and numbers.max() <= 1 and (numbers != np.round(numbers)).any():
        numbers = numbers * 255
    whole: NDArray[Any] = np.clip(np.round(numbers), 0, 255).astype("u1")
    return whole
