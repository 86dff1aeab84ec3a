"""How wide a page shows a picture."""

from __future__ import annotations

from reportgen.blocks.media import ImageItem
from reportgen.figures.overlay import shown_width

# px: thumbnails, and the longer side of a picture that is smaller than that; how high a narrow thumbnail may be.
SMALL, TALL = 96, 192
# px: least width of a picture, and of one picture of a sheet; the widest sheet, and how high one may be.
THINNEST, TILE, SHEET, SHEET_TALL = 8, 68, 640, 800
# A picture is coarse when no side is longer than SMALL, or one is not longer than this.
THIN = 16


def picture_width(item: ImageItem, size: tuple[int, int], small: bool) -> int:
    """px across for a picture of `size` pixels, (0, 0) for unknown; 0 for as wide as it is.

    With boxes as wide as their labels need. Tiny ones are enlarged in proportion to their longer side, so that a narrow
    one does not become a tower; a sheet by a whole factor, so that each of its pictures can be seen.
    """
    wide, high = size
    if item.boxes and shown_width(item):
        return round(shown_width(item))
    if not wide or not high:
        return SMALL if small else 0
    if item.columns:
        factor = min(TILE * item.columns // wide, SHEET // wide, SHEET_TALL // high)
        return wide * max(1, factor) if factor > 1 else 0
    if small:
        return max(THINNEST, min(SMALL, TALL * wide // high))
    if max(size) <= SMALL:
        return max(THINNEST, SMALL * wide // max(size))
    return THINNEST if wide < THINNEST else 0


def is_coarse(size: tuple[int, int]) -> bool:
    """Whether a picture of `size` pixels is so small that its pixels should stay sharp when it is enlarged."""
    return 0 < max(size) <= SMALL or 0 < min(size) <= THIN
