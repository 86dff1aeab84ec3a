"""Pictures: an encoded one with its size, or a tensor of strings [width, height, picture, picture ...]."""

from __future__ import annotations

from dataclasses import dataclass

from reportgen.readers.events.builder import Builder
from reportgen.readers.events.event import IMAGE, TENSOR, Value
from reportgen.readers.events.log import Log
from reportgen.readers.events.log_parts import Entry
from reportgen.readers.events.media import suffix_of
from reportgen.readers.events.tensor import read_tensor
from reportgen.readers.events.wire import BYTES, VARINT, Malformed, fields, signed
from reportgen.readers.smaller_picture import UNREADABLE, opened
from reportgen.run.logged import Video
from reportgen.run.records import Images

HEAD = 12
LARGEST = 1 << 24


@dataclass(frozen=True, slots=True)
class Pictures:
    """Width and height in pixels (0: not known), and (offset in the file, length, suffix) of each."""

    width: int
    height: int
    places: tuple[tuple[int, int, str], ...]


def draft(log: Log, entry: Entry, value: Value, offset: int) -> None:
    """Draft the pictures of a value. Raises Malformed."""
    if value.kind == IMAGE:
        entry.draft = _of_image(value, offset)
    elif value.kind == TENSOR:
        entry.draft = _of_tensor(value, offset)


def _of_image(value: Value, offset: int) -> Pictures:
    width = height = 0
    places: tuple[tuple[int, int, str], ...] = ()
    for number, kind, a, b in fields(value.data, value.start, value.end):
        if number == 1 and kind == VARINT:
            height = _size(a)
        elif number == 2 and kind == VARINT:
            width = _size(a)
        elif number == 4 and kind == BYTES and b > a:
            places = ((offset + a, b - a, suffix_of(value.data[a : a + HEAD])),)
    return Pictures(width, height, places)


def _of_tensor(value: Value, offset: int) -> Pictures:
    strings = read_tensor(value.data, value.start, value.end).strings
    if len(strings) < 2:
        raise Malformed("pictures without their width and height")
    (width, height), pictures = (_number(value.data[a:b]) for a, b in strings[:2]), strings[2:]
    places = tuple((offset + a, b - a, suffix_of(value.data[a : a + HEAD])) for a, b in pictures)
    return Pictures(width, height, places)


def _size(value: int) -> int:
    return value if 0 <= signed(value) <= LARGEST else 0


def _number(digits: bytes) -> int:
    if not digits.isdigit() or len(digits) > 9:
        raise Malformed("the size of a picture is no number")
    return int(digits)


def _video(entry: Entry, pictures: Pictures, builder: Builder) -> Video | None:
    """An animated picture, which is how torch's add_video stores a video; None when it is a still one, or damaged."""
    at, length, suffix = pictures.places[0]
    try:
        picture = opened(entry.file.read(at, length))
        if picture is None:
            return None
        frames = int(getattr(picture, "n_frames", 1))
        duration = float(picture.info.get("duration", 0))
        width, height = picture.size
    except UNREADABLE:
        return None
    if frames < 2:
        return None
    return Video(
        tag=builder.tag(entry.tag),
        stamp=builder.stamp(entry),
        media=builder.store(entry, (at, length), suffix),
        frames=frames,
        fps=1000 / duration if duration > 0 else 10.0,  # what browsers take for none
        width=width,
        height=height,
    )


def make(entries: list[Entry], builder: Builder) -> None:
    """The records of pictures."""
    for entry in entries:
        pictures: Pictures = entry.draft
        if len(pictures.places) == 1 and pictures.places[0][2] == "gif":
            video = _video(entry, pictures, builder)
            if video is not None:
                builder.add("video", video)
                continue
        known = pictures.width > 0 and pictures.height > 0
        notes: tuple[str, ...] = ()
        if not pictures.places:
            notes = ("The event holds no picture; torch's add_video writes such an event where it cannot encode.",)
        builder.add(
            "images",
            Images(
                tag=builder.tag(entry.tag),
                stamp=builder.stamp(entry),
                media=tuple(builder.store(entry, (at, length), suffix) for at, length, suffix in pictures.places),
                total=len(pictures.places),
                notes=notes,
                sizes=((pictures.width, pictures.height),) * len(pictures.places) if known else (),
            ),
        )
