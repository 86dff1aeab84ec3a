"""Batches of many pictures as one contact sheet each, so that a page shows them all."""

from __future__ import annotations

import io
from dataclasses import replace

from PIL import Image

from reportgen.blocks.wording import counted
from reportgen.readers.shelf import Shelf
from reportgen.readers.smaller_picture import UNREADABLE, opened, plain
from reportgen.run.records import Images
from reportgen.run.sheets import COLUMNS, MOST, SINGLE, on_sheet

# Between pictures, and the longest side of a sheet.
GAP, LONGEST = 2, 800
BETWEEN = 128  # grey
MODES = ("L", "RGB", "RGBA")


def with_sheet(record: Images, shelf: Shelf) -> Images:
    """`record` with one file instead of its many, row by row; itself where it keeps its pictures.

    Where none of them can be read it keeps the first SINGLE of their names.
    """
    if not on_sheet(record):
        return record
    names = record.media[:MOST]
    total = max(record.total, len(record.media))
    columns = min(COLUMNS, len(names))
    side = _side(len(names), columns)
    tiles = [_tile(shelf.get(name), side) for name in names]
    made = _sheet(tiles, columns)
    if made is None:
        few = min(SINGLE, len(names))
        if few == len(record.media):
            return record
        return replace(record, media=names[:few], sizes=record.sizes[:few], total=total)
    notes = record.notes
    lost = tiles.count(None)
    if lost:
        notes = (*notes, f"{counted(lost, 'image')} of the sheet cannot be read.")
    wide, high = record.sizes[0]
    if max(wide, high) > side:
        notes = (*notes, f"On the sheet the images are smaller than their {wide:,}×{high:,} pixels.")
    name = shelf.put(made, "png")
    return replace(
        record,
        media=(name,),
        captions=(),
        boxes=(),
        sizes=record.sizes[:1],
        total=total,
        notes=notes,
        sheet=len(names),
        columns=columns,
    )


def _side(count: int, columns: int) -> int:
    """The longest side of one picture."""
    rows = -(-count // columns)
    across = max(rows, columns)
    return (LONGEST - GAP * (across - 1)) // across


def _tile(data: bytes | None, side: int) -> Image.Image | None:
    picture = opened(data or b"")
    if picture is None:
        return None
    try:
        shown = plain(picture)
    except UNREADABLE:
        return None
    shown.thumbnail((side, side), Image.Resampling.LANCZOS)
    return shown


def _sheet(tiles: list[Image.Image | None], columns: int) -> bytes | None:
    """The pictures row by row as a PNG file; grey where one is missing, None where all are."""
    there = [tile for tile in tiles if tile is not None]
    if not there:
        return None
    mode = max((tile.mode for tile in there), key=MODES.index)
    wide, high = max(tile.width for tile in there), max(tile.height for tile in there)
    rows = -(-len(tiles) // columns)
    size = (columns * (wide + GAP) - GAP, rows * (high + GAP) - GAP)
    sheet = Image.new("L", size, BETWEEN).convert(mode)
    for at, tile in enumerate(tiles):
        if tile is not None:
            sheet.paste(tile.convert(mode), (at % columns * (wide + GAP), at // columns * (high + GAP)))
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
