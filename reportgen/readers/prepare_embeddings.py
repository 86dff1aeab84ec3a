"""Embeddings as a page carries them: projections of some rows with what is known of these, and no matrix."""

from __future__ import annotations

import io
from array import array
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from PIL import Image

from reportgen.blocks.wording import counted
from reportgen.readers.prepare_pictures import thumbnail
from reportgen.readers.projections import pca, tsne, umap
from reportgen.readers.shelf import Shelf
from reportgen.readers.smaller_picture import UNREADABLE, opened, plain
from reportgen.readers.stored_array import Floats, stored_array
from reportgen.run.logged import Embedding, Projection
from reportgen.run.thin_series import even_choice

# Rows of the last embedding of a tag, of an earlier one, and of all the last ones together.
LAST, EARLIER, ALL = 1000, 250, 2400
# Thumbnails of all tags together, the longest side of one, and of how many tags t-SNE and UMAP (seconds each) are made.
THUMBS, THUMB_SIDE, LEARNED_TAGS = 16, 48, 1
WORDS, COLUMNS = 120, 6


def prepared_embeddings(records: tuple[Embedding, ...], shelf: Shelf) -> tuple[Embedding, ...]:
    """`records` with projections instead of matrices. Of each tag the last record gets most."""
    last = {record.tag: place for place, record in enumerate(records)}
    learned = set(list(last)[:LEARNED_TAGS])
    found = []
    for place, record in enumerate(records):
        if not (record.matrix or record.sprite or (record.metadata and not record.kept)):
            found.append(record)
        elif place == last[record.tag]:
            rows, thumbs = min(LAST, ALL // len(last)), max(4, THUMBS // len(last))
            found.append(_prepared(record, shelf, rows, thumbs, record.tag in learned))
        else:
            found.append(_prepared(record, shelf, EARLIER, 0, False))
    return tuple(found)


def _prepared(record: Embedding, shelf: Shelf, limit: int, thumbs: int, learned: bool) -> Embedding:
    values = stored_array(shelf.get(record.matrix))
    notes = list(record.notes)
    projections: list[Projection] = []
    rows: list[int] = []
    if values is None or not values.size:
        notes.append(
            "Its vectors are missing or cannot be read, so nothing is drawn." if record.rows else "It is empty."
        )
    else:
        finite = np.flatnonzero(np.isfinite(values).all(axis=1)).tolist()
        if len(finite) < len(values):
            notes.append(f"{counted(len(values) - len(finite), 'row')} with NaN or infinite numbers cannot be drawn.")
        rows = [finite[at] for at in even_choice(len(finite), limit)]
    if values is not None and rows:
        matrix: Floats = values[rows].astype(np.float64)
        projections.append(pca(matrix, rows))
        for method in (tsne, umap) if learned else ():
            made = method(matrix, rows)
            projections += [made] if made is not None else []
    names, shown = _thumbs(record, shelf, projections, thumbs)
    whole = not record.kept  # an embedding of which some rows are kept has metadata of these alone
    return replace(
        record,
        matrix="",
        sprite="",
        header=record.header[:COLUMNS],
        metadata=tuple(_words(record.metadata[row]) for row in rows if row < len(record.metadata))
        if whole
        else record.metadata,
        kept=array("q", rows) if whole else record.kept,
        projections=tuple(projections),
        thumbs=names,
        thumb_rows=shown,
        notes=tuple(notes),
    )


def _words(row: Sequence[str]) -> tuple[str, ...]:
    return tuple(word if len(word) <= WORDS else word[: WORDS - 1] + "…" for word in row[:COLUMNS])


def _thumbs(
    record: Embedding, shelf: Shelf, projections: Sequence[Projection], limit: int
) -> tuple[tuple[str, ...], array[int]]:
    """Pictures of at most `limit` rows that lie far from each other in the first projection, cut from the sprite."""
    across, wide, high = record.sprite_columns, record.sprite_width, record.sprite_height
    sprite = opened(shelf.get(record.sprite) or b"") if record.sprite else None
    if sprite is None or not projections or min(across, wide, high, limit) < 1:
        return (), array("q")
    try:
        sheet = plain(sprite)
    except UNREADABLE:
        return (), array("q")
    if across * wide > sheet.width:  # the record does not fit the picture
        return (), array("q")
    fits = [row for row in projections[0].rows if (row // across + 1) * high <= sheet.height]
    names, shown = [], []
    for row in _apart(projections[0], fits, limit):
        left, top = row % across * wide, row // across * high
        tile = sheet.crop((left, top, left + wide, top + high))
        names.append(_stored(tile, shelf))
        shown.append(row)
    return tuple(names), array("q", shown)


def _stored(tile: Image.Image, shelf: Shelf) -> str:
    if tile.mode == "RGB":
        red, green, blue = tile.split()
        if red.tobytes() == green.tobytes() == blue.tobytes():
            tile = red
    buffer = io.BytesIO()
    tile.save(buffer, "PNG", optimize=True)
    made, suffix = thumbnail(buffer.getvalue(), THUMB_SIDE)
    return shelf.put(made, suffix or "png")


def _apart(projection: Projection, rows: Sequence[int], limit: int) -> list[int]:
    """At most `limit` of `rows`, each the farthest from those before it; ascending."""
    places = {row: place for place, row in enumerate(projection.rows)}
    if not rows:
        return []
    at = [places[row] for row in rows]
    points = np.stack([np.array(projection.x)[at], np.array(projection.y)[at]], axis=1).astype(np.float64)
    points -= points.mean(axis=0)
    chosen = [int(np.argmax((points**2).sum(axis=1)))]
    nearest = ((points - points[chosen[0]]) ** 2).sum(axis=1)
    while len(chosen) < min(limit, len(rows)):
        chosen.append(int(np.argmax(nearest)))
        nearest = np.minimum(nearest, ((points - points[chosen[-1]]) ** 2).sum(axis=1))
    return sorted({rows[place] for place in chosen})
