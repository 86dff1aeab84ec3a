"""Embeddings: no event, but tables and a picture beside the event files, named by projector_config.pbtxt."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reportgen.readers.events.builder import Builder
from reportgen.readers.events.media import Source, npy, suffix_of
from reportgen.readers.smaller_picture import opened
from reportgen.run.logged import Embedding
from reportgen.run.series import Stamp

CONFIG = "projector_config.pbtxt"
LARGEST_CONFIG = 1 << 24
LARGEST_TABLE = 1 << 30
LARGEST_SPRITE = LARGEST_METADATA = 1 << 28
# Embeddings taken of one configuration.
MOST = 100
# A text without an end reaches to the end of all: were it no token, each quote in it would be tried as a beginning.
TOKEN = re.compile(
    r'"((?:[^"\\]|\\.)*)(?:"|\\?\Z)|\'((?:[^\'\\]|\\.)*)(?:\'|\\?\Z)|([A-Za-z0-9_.+-]+)|([{}:<>\[\],;])|#[^\n]*',
    re.DOTALL,
)
TAG_AND_STEP = re.compile(r"(.*):(\d+)", re.DOTALL)


@dataclass(slots=True)
class Message:
    """A message in protobuf's text form: fields with all their values, texts or messages."""

    fields: dict[str, list[str | Message]] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """The last text of a field, "" without."""
        return next((one for one in reversed(self.fields.get(name, [])) if isinstance(one, str)), "")

    def messages(self, name: str) -> list[Message]:
        """The messages of a field."""
        return [one for one in self.fields.get(name, []) if isinstance(one, Message)]


def parse(text: str) -> Message:
    """A message in protobuf's text form. What is none of it is passed over."""
    root = Message()
    stack, name = [root], ""
    for match in TOKEN.finditer(text):
        quoted = match[1] if match[1] is not None else match[2]
        if quoted is not None:
            _put(stack[-1], name, _unescaped(quoted))
        elif match[3] is not None:
            following = text[match.end() : match.end() + 64].lstrip()
            if following[:1] in (":", "{", "<"):
                name = match[3]
            else:
                _put(stack[-1], name, match[3])
        elif match[4] in ("{", "<"):
            inner = Message()
            stack[-1].fields.setdefault(name, []).append(inner)
            stack.append(inner)
        elif match[4] in ("}", ">") and len(stack) > 1:
            stack.pop()
    return root


def _put(message: Message, name: str, value: str) -> None:
    if name:
        message.fields.setdefault(name, []).append(value)


def _unescaped(quoted: str) -> str:
    if "\\" not in quoted:
        return quoted
    escapes = {"n": "\n", "t": "\t", "r": "\r"}
    data = re.sub(
        r"\\([0-7]{1,3}|x[0-9a-fA-F]{1,2}|.)",
        lambda match: (
            chr(int(match[1], 8))
            if match[1][0] in "01234567"
            else chr(int(match[1][1:], 16))
            if len(match[1]) > 1
            else escapes.get(match[1], match[1])
        ),
        quoted,
    )
    try:  # bytes of UTF-8, each escaped on its own
        return data.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return data


def make(builder: Builder, time: float) -> None:
    """The embeddings beside the event files of the log at hand. time: when, since no file says it."""
    folder = builder.log.folder
    config = folder / CONFIG
    try:
        if not config.is_file() or config.stat().st_size > LARGEST_CONFIG:
            return
        told = parse(config.read_text("utf-8", "replace"))
    except OSError as error:
        builder.note("embeddings", f"{CONFIG} cannot be read: {error.strerror or type(error).__name__}")
        return
    messages = told.messages("embeddings")
    if len(messages) > MOST:
        builder.note("embeddings", f"{CONFIG} names {len(messages):,} embeddings; the first {MOST} are taken")
    for number, message in enumerate(messages[:MOST]):
        name = message.text("tensor_name") or "default"
        try:
            builder.add("embedding", _embedding(builder, message, number, time))
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            builder.note("embeddings", f"the embedding {name} cannot be read: {reason}")


def _embedding(builder: Builder, message: Message, number: int, time: float) -> Embedding:
    """One embedding with its files. Raises OSError, ValueError."""
    folder = builder.log.folder
    name = message.text("tensor_name") or "default"
    match = TAG_AND_STEP.fullmatch(name)
    tag, step = (match[1], int(match[2])) if match and len(match[2]) < 19 else (name, 0)
    place = _inside(folder, message.text("tensor_path"))
    size = place.stat().st_size
    if size > LARGEST_TABLE:
        raise ValueError(f"{place.name} is larger than {LARGEST_TABLE:,} bytes")
    given = message.fields.get("tensor_shape", [])
    shape = tuple(int(each) for each in given if isinstance(each, str) and each.isdigit())
    made = partial(_of_bytes, shape) if place.suffix == ".bytes" else _of_table
    matrix = made(place.read_bytes())
    header, metadata = _metadata(folder, message.text("metadata_path"), len(matrix))
    prefix = f"{builder.log.files[0].number:04d}-projector-{number:04d}"
    builder.sources[f"{prefix}.npy"] = Source(place, 0, size, partial(_file, made))
    sprite, columns, width, height = "", 0, 0, 0
    for told in message.messages("sprite"):
        sprite, columns, width, height = _sprite(builder, folder, told, prefix)
    return Embedding(
        tag=builder.tag(tag),
        stamp=Stamp(step, time=time),
        matrix=f"{prefix}.npy",
        rows=matrix.shape[0],
        dimensions=matrix.shape[1],
        header=header,
        metadata=metadata,
        sprite=sprite,
        sprite_columns=columns,
        sprite_width=width,
        sprite_height=height,
    )


def _inside(folder: Path, name: str) -> Path:
    """The file of this name in the folder: what lies elsewhere is not taken into a page. Raises OSError, ValueError."""
    if not name:
        raise ValueError("its numbers are in a checkpoint of the model, not in a table")
    try:
        place = (folder / name).resolve()
    except RuntimeError:
        raise ValueError(f"{name} is a loop of links") from None
    if not place.is_relative_to(folder.resolve()):
        raise ValueError(f"{name} is outside of the log folder")
    if not place.is_file():
        raise ValueError(f"{name} is missing")
    return place


def _of_table(data: bytes) -> NDArray[Any]:
    """The numbers of a table: a row a line, tabs between them. Raises ValueError."""
    if not data.strip():
        raise ValueError("its table is empty")
    wide = np.loadtxt(io.BytesIO(data), dtype="f8", delimiter="\t", comments=None, ndmin=2)
    with np.errstate(all="ignore"):
        short = wide.astype("f4")
    return short if np.array_equal(short.astype("f8"), wide, equal_nan=True) else wide


def _of_bytes(shape: tuple[int, ...], data: bytes) -> NDArray[Any]:
    """The numbers of a file of float32. Raises ValueError."""
    if len(shape) != 2 or not all(shape):
        raise ValueError("a file of numbers without its two sizes")
    return np.frombuffer(data, "<f4").reshape(shape)


def _file(made: Callable[[bytes], NDArray[Any]], data: bytes) -> bytes:
    return npy(made(data))


def _metadata(folder: Path, name: str, rows: int) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """The header and the rows of what is said of each point; () where there is none. Raises OSError, ValueError."""
    if not name:
        return (), ()
    place = _inside(folder, name)
    if place.stat().st_size > LARGEST_METADATA:
        raise ValueError(f"{place.name} is larger than {LARGEST_METADATA:,} bytes")
    lines = place.read_text("utf-8", "replace").split("\n")
    while lines and not lines[-1] and len(lines) > rows:
        lines.pop()
    table = [tuple(line.rstrip("\r").split("\t")) for line in lines]
    header: tuple[str, ...] = ()
    if len(table) == rows + 1:
        header, table = table[0], table[1:]
    if len(table) != rows:
        raise ValueError(f"{name} says something of {len(table):,} points, and there are {rows:,}")
    return header, tuple(table)


def _sprite(builder: Builder, folder: Path, told: Message, prefix: str) -> tuple[str, int, int, int]:
    """The picture of all thumbnails: its name and columns, width and height of each. Raises OSError, ValueError."""
    given = told.fields.get("single_image_dim", [])
    sizes = [int(each) for each in given if isinstance(each, str) and each.isdigit()]
    if len(sizes) != 2 or not all(sizes):
        raise ValueError("its thumbnails have no size")
    place = _inside(folder, told.text("image_path"))
    size = place.stat().st_size
    if size > LARGEST_SPRITE:
        raise ValueError(f"{place.name} is larger than {LARGEST_SPRITE:,} bytes")
    data = place.read_bytes()
    picture = opened(data)
    if picture is None:
        raise ValueError(f"{place.name} is no picture, or of too many pixels")
    name = f"{prefix}-sprite.{suffix_of(data[:12])}"
    builder.sources[name] = Source(place, 0, size)
    return name, picture.width // sizes[0], sizes[0], sizes[1]
