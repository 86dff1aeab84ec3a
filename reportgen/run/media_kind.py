"""Which pictures a page draws as shapes instead of showing them as an image; a pure function of their bytes."""

from __future__ import annotations

import struct

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# A page under a policy that forbids data: images still shows pictures up to this size (DESIGN section 5).
DRAWN_PIXELS = 32
GREY = 0  # PNG colour type


def drawn_as_svg(data: bytes) -> bool:
    """Whether `data` is a grey PNG (colour type 0, at most 8 bits) of at most 32x32 pixels.

    The page draws such a picture as runs of 16 greys; its exact bytes are then kept in the page's data block, and those
    of every other picture in the `<img>` that shows it.
    """
    if len(data) < 26 or data[:8] != PNG_SIGNATURE or data[12:16] != b"IHDR":
        return False
    width, height, depth, colour = struct.unpack(">IIBB", data[16:26])
    return bool(0 < width <= DRAWN_PIXELS and 0 < height <= DRAWN_PIXELS and colour == GREY and depth <= 8)
