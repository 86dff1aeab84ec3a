"""Frames as an animated picture of bounded size and a strip of some of them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, features

from reportgen.collect.logged.arrays import evenly
from reportgen.collect.logged.pictures import eight_bits, picture_in
from reportgen.collect.predictions.arrays import Array
from reportgen.collect.predictions.images import encode
from reportgen.collect.predictions.notes import Notes

MOST_FRAMES = 240
SIDE = 480
STRIP, STRIP_SIDE = 8, 160
# Up to this side frames are drawings or digits rather than scenes: kept without loss.
EXACT_SIDE = 64
QUALITY = 80


@dataclass(frozen=True, slots=True)
class Animation:
    """A file and its suffix, the strip's files with theirs, which frames these are, and the size of a whole frame."""

    data: bytes
    suffix: str
    strip: tuple[tuple[bytes, str], ...]
    shown: tuple[int, ...]
    width: int
    height: int


def animation_of(frames: Array, kept: Sequence[int], count: int, fps: float, notes: Notes) -> Animation:
    """(T, H, W, C) of any real dtype, at least one frame, as an animated WebP (GIF where Pillow has no WebP).

    kept: which of the `count` frames that were given these are; the whole takes as long as all of them. A frame is
    stored at most SIDE pixels long.
    """
    if len(kept) < count:
        notes.fact(f"{len(kept)} of {count:,} frames are kept, evenly spaced, the first and the last among them.")
    pixels = eight_bits(frames, notes)
    height, width = pixels.shape[1:3]
    pictures = [Image.fromarray(picture_in(frame)) for frame in pixels]
    if max(height, width) > SIDE:
        notes.fact(f"Frames of {width}x{height} pixels are kept with a longer side of {SIDE}.")
        pictures = [_smaller(picture, SIDE) for picture in pictures]
    milliseconds = max(1, round(1000 * count / fps / len(kept)))
    places = evenly(len(kept), STRIP)
    strip = tuple(encode(np.asarray(_smaller(pictures[place], STRIP_SIDE))) for place in places)
    data, suffix = _animated(pictures, milliseconds)
    return Animation(data, suffix, strip, tuple(kept[place] for place in places), int(width), int(height))


def grid_of(videos: Array) -> Array:
    """(N, T, C, H, W) as (T, rows * H, columns * W, C): N videos beside each other as torch's writer lays them out."""
    count, frames, channels, height, width = videos.shape
    places = 1 << (count - 1).bit_length()  # a power of two, the last ones black
    rows = 2 ** ((count.bit_length() - 1) // 2)
    if places > count:
        black = np.zeros((places - count, *videos.shape[1:]), dtype=videos.dtype)
        videos = np.concatenate((videos, black))
    laid = videos.reshape(rows, places // rows, frames, channels, height, width).transpose(2, 0, 4, 1, 5, 3)
    return laid.reshape(frames, rows * height, places // rows * width, channels)


def _smaller(picture: Image.Image, side: int) -> Image.Image:
    if max(picture.size) <= side:
        return picture
    copy = picture.copy()
    copy.thumbnail((side, side), Image.Resampling.BOX)
    return copy


def _animated(pictures: list[Image.Image], milliseconds: int) -> tuple[bytes, str]:
    buffer = io.BytesIO()
    first, rest = pictures[0], pictures[1:]
    if features.check("webp"):
        modes = [picture if picture.mode in ("RGB", "RGBA") else _coloured(picture) for picture in (first, *rest)]
        exact = max(first.size) <= EXACT_SIDE
        modes[0].save(
            buffer, "WEBP", save_all=True, append_images=modes[1:], duration=milliseconds, loop=0,
            lossless=exact, quality=QUALITY, method=2,
        )  # fmt: skip
        return buffer.getvalue(), "webp"
    first.save(buffer, "GIF", save_all=True, append_images=rest, duration=milliseconds, loop=0)
    return buffer.getvalue(), "gif"


def _coloured(picture: Image.Image) -> Image.Image:
    return picture.convert("RGBA" if picture.mode == "LA" else "RGB")
