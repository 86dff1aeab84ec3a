"""Small grey pictures as shapes, which hosts that forbid data: images still show."""

from __future__ import annotations

import io
from collections.abc import Sequence

from reportgen.figures.svg import joined

LEVELS = 16


def grey_picture(data: bytes, alt: str, width: int) -> str:
    """A grey PNG of at most 32x32 pixels as an <svg>, `width` px wide, in 16 greys; "" when it cannot be decoded.

    Of each grey there is one path of horizontal strokes, a stroke for each run of pixels.
    """
    from PIL import Image, UnidentifiedImageError

    from reportgen.figures.text import escaped

    try:
        with Image.open(io.BytesIO(data)) as opened:
            picture = opened.convert("L")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError):
        return ""
    across, down = picture.size
    rows = [picture.crop((0, y, across, y + 1)).tobytes() for y in range(down)]
    shapes = "".join(
        f'<path d="{path}" stroke="#{level:x}{level:x}{level:x}"/>' for level, path in enumerate(_paths(rows)) if path
    )
    # Strokes lie on the rows' middles, hence the view box begins half a pixel above.
    size = f'width="{width}" height="{round(width * down / across)}" viewBox="0 -.5 {across} {down}"'
    return f'<svg {size} fill="none" shape-rendering="crispEdges" role="img" aria-label="{escaped(alt)}">{shapes}</svg>'


def _paths(rows: Sequence[bytes]) -> list[str]:
    """Path data for each of the 16 greys."""
    out: list[list[str]] = [[] for _ in range(LEVELS)]
    places = [(0, 0)] * LEVELS
    for y, row in enumerate(rows):
        levels = [round(value * (LEVELS - 1) / 255) for value in row]
        start = 0
        for x in range(1, len(levels) + 1):
            if x < len(levels) and levels[x] == levels[start]:
                continue
            level = levels[start]
            before = places[level]
            moved = joined((str(start - before[0]), str(y - before[1])))
            out[level].append(f"{'m' if out[level] else 'M'}{moved}h{x - start}")
            places[level] = (x, y)
            start = x
    return ["".join(parts) for parts in out]
