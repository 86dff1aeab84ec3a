"""From what a model was given to a small picture: what is an image, how it becomes 8 bits, how it is stored."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image, features

from reportgen.collect.predictions.arrays import Array
from reportgen.collect.predictions.notes import Notes

CHANNELS = (1, 3, 4)
# Below this a 2-D sample is a table of numbers rather than an image (8x8 digits are images).
LEAST_SIDE = 4
# Pages draw grey pictures up to this size as shapes of 16 greys where images are forbidden (DESIGN section 5).
DRAWN_SIDE, GREY_LEVELS = 32, 16
# Up to this side, and up to this many colours, PNG is exact and small; photos beyond are smaller as WebP.
PNG_SIDE, PNG_COLOURS = 64, 64
WEBP_QUALITY = 80
# What stands for an input that is no image.
TEXT_VALUES, TEXT_LENGTH, TEXT_KEYS = 8, 200, 3


def layout(shape: tuple[int, ...]) -> str:
    """How one sample of this shape is an image: "HW", "CHW", "HWC", or "" when it is none."""
    if len(shape) == 2 and min(shape) >= LEAST_SIDE:
        return "HW"
    if len(shape) == 3 and min(shape) >= 1:
        if shape[0] in CHANNELS:
            return "CHW"
        if shape[2] in CHANNELS:
            return "HWC"
    return ""


def picture_of(sample: object, side: int, notes: Notes) -> Array | None:
    """A copy of an image as uint8 (H, W) or (H, W, 3 or 4), at most `side` pixels long; None for what is no image.

    sample: a numpy array as `layout` knows them, or a Pillow image. Floats in [0, 1], whole numbers in 0..255 and truth
    values are shown as they are; any other range is spread from its own minimum to maximum, which is noted.
    """
    if isinstance(sample, Image.Image):
        shown = sample if sample.mode in ("L", "RGB", "RGBA") else sample.convert("RGB")
        return _grey_if_grey(_smaller(np.array(shown), side))
    if not isinstance(sample, np.ndarray) or sample.dtype.kind not in "biuf":
        return None
    found = layout(sample.shape)
    if not found:
        return None
    bits = _eight_bits(sample, notes)
    picture: Array = np.moveaxis(bits, 0, -1) if found == "CHW" else bits
    if picture.ndim == 3 and picture.shape[2] == 1:
        picture = picture[:, :, 0]
    return _grey_if_grey(_smaller(picture, side))


def _eight_bits(values: Array, notes: Notes) -> Array:
    if values.dtype == np.uint8:
        return np.array(values)
    if values.dtype.kind == "b":
        return values.astype(np.uint8) * np.uint8(255)
    numbers: Array = values.astype(np.float32 if values.dtype in (np.float16, np.float32) else np.float64)
    low, high = float(numbers.min()), float(numbers.max())
    finite = np.isfinite(low) and np.isfinite(high)
    if not finite:
        notes.add("{n} shown images hold NaN or infinite pixels, drawn black.")
        known = numbers[np.isfinite(numbers)]
        low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)
    if values.dtype.kind != "f" and low >= 0 and high <= 255:
        return values.astype(np.uint8)
    if low < 0 or high > 1 or values.dtype.kind != "f":
        notes.add("{n} shown images have values outside [0, 1]: each is shown from its minimum to its maximum.")
        # Scaled before subtracting: the span of extreme floats would overflow.
        numbers = (numbers / 2 - low / 2) / ((high / 2 - low / 2) or 1.0)
    if not finite:
        numbers = np.where(np.isfinite(numbers), numbers, 0.0)
    bits: Array = (np.clip(numbers, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)
    return bits


def _smaller(picture: Array, side: int) -> Array:
    if max(picture.shape[:2]) <= side:
        return np.ascontiguousarray(picture)
    image = Image.fromarray(np.ascontiguousarray(picture))
    image.thumbnail((side, side), Image.Resampling.BOX)
    return np.array(image)


def _grey_if_grey(picture: Array) -> Array:
    if picture.ndim == 3 and picture.shape[2] == 3 and (picture[:, :, :1] == picture[:, :, 1:]).all():
        picture = np.ascontiguousarray(picture[:, :, 0])
    if picture.ndim == 2 and max(picture.shape) <= DRAWN_SIDE:
        step = 255 // (GREY_LEVELS - 1)
        picture = ((picture.astype(np.uint16) + step // 2) // step * step).astype(np.uint8)
    return picture


def encode(picture: Array) -> tuple[bytes, str]:
    """The file of a uint8 picture and its suffix; the same bytes for the same picture (and Pillow).

    PNG for small pictures and those of few colours (drawings, masks); else WebP at quality 80.
    """
    image = Image.fromarray(picture)
    small = max(image.size) <= PNG_SIDE or image.getcolors(PNG_COLOURS) is not None
    buffer = io.BytesIO()
    if small or not features.check("webp"):
        image.save(buffer, "PNG", optimize=True)
        return buffer.getvalue(), "png"
    image.save(buffer, "WEBP", quality=WEBP_QUALITY, method=4)
    return buffer.getvalue(), "webp"


def text_of(sample: Any) -> str:
    """A short text for an input that is no image: its first numbers, or the beginning of what it says."""
    if isinstance(sample, Mapping):
        parts = [f"{key}: {text_of(value)}" for key, value in list(sample.items())[:TEXT_KEYS]]
        return _cut("; ".join(parts) + (" …" if len(sample) > TEXT_KEYS else ""))
    if isinstance(sample, str):
        return _cut(sample)
    try:
        values = np.asarray(sample)
    except ValueError:  # a ragged list
        return _cut(str(sample))
    if values.dtype.kind not in "biuf":
        return _cut(str(sample))
    flat = values.reshape(-1)
    shown = ", ".join(f"{value:.4g}" if values.dtype.kind == "f" else str(int(value)) for value in flat[:TEXT_VALUES])
    return shown + (f" … ({flat.size:,} values)" if flat.size > TEXT_VALUES else "")


def _cut(text: str) -> str:
    return text if len(text) <= TEXT_LENGTH else text[: TEXT_LENGTH - 1] + "…"
