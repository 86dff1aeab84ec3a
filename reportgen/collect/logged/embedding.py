"""Rows of an embedding: their labels as a table, and their thumbnails as one picture."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from reportgen.collect.logged.pictures import eight_bits, picture_in, tiled
from reportgen.collect.predictions.arrays import Array
from reportgen.collect.predictions.images import encode
from reportgen.collect.predictions.notes import Notes
from reportgen.errors import InvalidArgumentError

# The sprite's longest side, and what a thumbnail's sides are at most and at least.
SPRITE_SIDE, THUMBNAIL_SIDE, LEAST_SIDE = 2048, 64, 8
LONGEST_LABEL = 500


@dataclass(frozen=True, slots=True)
class Sprite:
    """One picture with a thumbnail of each row, from the top left, and how it is divided."""

    data: bytes
    suffix: str
    columns: int
    width: int
    height: int


def table_of(metadata: Sequence[object], header: Sequence[object] | None) -> tuple[tuple[str, ...], ...]:
    """One row of texts for each item of `metadata`: an item is a row of several when there is a header, or when all
    are lists or tuples of one length; else it is a single label."""
    listed = getattr(metadata, "tolist", None)  # of a tensor or an array
    items: list[object] = listed() if callable(listed) else list(metadata)
    lengths = {len(item) if isinstance(item, (list, tuple)) else -1 for item in items}
    if header or (len(lengths) == 1 and -1 not in lengths):
        rows = [tuple(_text(cell) for cell in _cells(item)) for item in items]
        width = len(header) if header else len(rows[0])
        if any(len(row) != width for row in rows):
            raise InvalidArgumentError("metadata", f"rows of {sorted({len(r) for r in rows})}", f"rows of {width} each")
        return tuple(rows)
    return tuple((_text(item),) for item in items)


def _cells(item: object) -> Iterable[object]:
    if isinstance(item, str) or not isinstance(item, Iterable):
        raise InvalidArgumentError("metadata", item, "a list of texts for each point, since there is a header")
    return item


def _text(value: object) -> str:
    item = getattr(value, "item", None)
    text = str(item() if callable(item) and getattr(value, "size", 0) == 1 else value)
    return text if len(text) <= LONGEST_LABEL else f"{text[: LONGEST_LABEL - 1]}…"


def sprite_of(pictures: Array, notes: Notes) -> Sprite | None:
    """(N, C, H, W) as one picture of at most SPRITE_SIDE; None, and noted, where thumbnails would be too small."""
    count = len(pictures)
    pixels = np.moveaxis(eight_bits(pictures, notes), 1, -1)
    height, width = pixels.shape[1:3]
    columns = math.ceil(math.sqrt(count))
    longest = min(THUMBNAIL_SIDE, SPRITE_SIDE // columns)
    if longest < LEAST_SIDE:
        notes.fact(f"No thumbnails: {count:,} of them in one picture would be smaller than {LEAST_SIDE} pixels.")
        return None
    scale = min(1.0, longest / max(height, width))
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        pixels = np.stack([_resized(picture_in(one), size) for one in pixels])
    sheet = tiled(pixels, columns)
    data, suffix = encode(picture_in(sheet if sheet.shape[2] != 2 else sheet[:, :, :1]))
    return Sprite(data, suffix, min(columns, count), int(pixels.shape[2]), int(pixels.shape[1]))


def _resized(picture: Array, size: tuple[int, int]) -> Array:
    resized: Array = np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BOX))
    return resized if resized.ndim == 3 else resized[:, :, None]
