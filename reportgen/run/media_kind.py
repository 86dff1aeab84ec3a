"""What a page does with a picture or a sound: draw it as shapes, show it as it is, or neither; told by its bytes."""

from __future__ import annotations

import struct
from collections.abc import Mapping

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# A page under a policy that forbids data: images still shows pictures up to this size (DESIGN section 5).
DRAWN_PIXELS = 32
# So many of a page are drawn, about 3 kB each; those after them are images.
MOST_DRAWN = 32
GREY = 0  # PNG colour type
SIGNATURES = ((PNG_SIGNATURE, "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF8", "image/gif"))
SOUNDS = ((b"OggS", "audio/ogg"), (b"fLaC", "audio/flac"), (b"ID3", "audio/mpeg"), (b"\xff\xfb", "audio/mpeg"))


def media_type(data: bytes) -> str:
    """The media type of a picture that browsers show, by its first bytes; "" for anything else."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for signature, kind in SIGNATURES if data.startswith(signature)), "")


def sound_type(data: bytes) -> str:
    """The media type of a sound that browsers play, by its first bytes; "" for anything else."""
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        return "audio/wav"
    return next((kind for signature, kind in SOUNDS if data.startswith(signature)), "")


def drawn_as_svg(data: bytes) -> bool:
    """Whether `data` is a grey PNG (colour type 0, at most 8 bits) of at most 32x32 pixels.

    The page draws the first of them (`drawn_names`) as runs of 16 greys; their exact bytes are then in the page's data
    block. Every other picture with a media type is shown in an `<img>`, which holds its bytes.
    """
    if len(data) < 26 or data[:8] != PNG_SIGNATURE or data[12:16] != b"IHDR":
        return False
    width, height, depth, colour = struct.unpack(">IIBB", data[16:26])
    return bool(0 < width <= DRAWN_PIXELS and 0 < height <= DRAWN_PIXELS and colour == GREY and depth <= 8)


def drawn_names(media: Mapping[str, bytes]) -> frozenset[str]:
    """Those of a page's pictures, in its order, that it draws as shapes: the first MOST_DRAWN that can be."""
    return frozenset([name for name, data in media.items() if drawn_as_svg(data)][:MOST_DRAWN])


def held_names(media: Mapping[str, bytes]) -> frozenset[str]:
    """The files whose very bytes a page that shows `media`, in this order, holds in an `<img>` or an `<audio>`."""
    held = {name for name, data in media.items() if sound_type(data) or media_type(data)}
    return frozenset(held - drawn_names(media))
