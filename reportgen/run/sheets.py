"""Which batches of pictures a page shows as one contact sheet, and how such a sheet is laid out."""

from __future__ import annotations

from reportgen.run.records import Images

# Batches of more pictures than these become a sheet: of pictures whose longer side is at most TINY, and of larger ones.
SINGLE_TINY, SINGLE = 12, 25
TINY = 64
# Pictures of one sheet, and how many stand in a row: as torch's writer lays out a batch, so that rows mean the same.
MOST, COLUMNS = 144, 8


def on_sheet(record: Images) -> bool:
    """Whether the single pictures of `record` are to become one sheet.

    Those of one size that are many, without captions and boxes. It follows from the record alone, so that thinning,
    which must not leave pictures out that a sheet would show, and preparing agree.
    """
    count = len(record.media)
    if count <= SINGLE_TINY or any(record.captions) or any(record.boxes):
        return False
    if len(record.sizes) != count or len(set(record.sizes)) > 1 or 0 in record.sizes[0]:
        return False
    return max(record.sizes[0]) <= TINY or count > SINGLE


def shown_in(record: Images) -> int:
    """How many pictures the files of `record` show."""
    return record.sheet if record.sheet and record.media else len(record.media)
