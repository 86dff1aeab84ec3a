"""Pictures kept as they were given: 8 bits by the rule of torch's writer, PNG, full size."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from reportgen.collect.logged.arrays import finite
from reportgen.collect.predictions.arrays import Array
from reportgen.collect.predictions.notes import Notes
from reportgen.errors import InvalidArgumentError

CHANNELS = (1, 2, 3, 4)


def eight_bits(values: Array, notes: Notes) -> Array:
    """Pixel values as uint8: floats and truth values times 255 (not rounded), whole numbers as they are unless all of
    them are 0 or 1. What is outside the range is clipped, NaN and infinite pixels are black; both are noted."""
    if values.dtype == np.uint8 or not values.size:
        return values.astype(np.uint8)
    if values.dtype.kind == "b":
        return values.astype(np.uint8) * np.uint8(255)
    if values.dtype.kind != "f":
        low, high = int(values.min()), int(values.max())
        if low >= 0 and high <= 1:
            return values.astype(np.uint8) * np.uint8(255)
        if low < 0 or high > 255:
            notes.fact(f"Whole numbers from {low:,} to {high:,} were clipped to 0 to 255.")
        return np.clip(values, 0, 255).astype(np.uint8)
    known, odd = finite(values)
    notes.add("{n} pixel values are NaN or infinite and drawn black.", odd)
    low_value, high_value = float(known.min()), float(known.max())
    if low_value < 0 or high_value > 1:
        notes.fact(f"Values from {low_value:.4g} to {high_value:.4g} were clipped to the range 0 to 1.")
    return (np.clip(known, 0, 1).astype(np.float32) * np.float32(255)).astype(np.uint8)


def check_pictures(size: tuple[int, ...], channels: int) -> None:
    """Raise InvalidArgumentError for other than 1 to 4 channels and for a size (height, width) without pixels."""
    if channels not in CHANNELS or 0 in size:
        shape = "x".join(map(str, (*size, channels)))
        raise InvalidArgumentError("images", shape, "pictures of at least one pixel with 1, 2, 3 or 4 channels")


def picture_in(pixels: Array) -> Array:
    """(H, W, C) uint8 as Pillow takes it: (H, W) for one channel, grey and alpha for two, RGB, RGBA."""
    return np.ascontiguousarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)


def png(picture: Array) -> bytes:
    """The PNG file of a uint8 picture, without loss."""
    return png_of(Image.fromarray(picture))


def png_of(image: Image.Image) -> bytes:
    """The PNG file of a Pillow image."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def tiled(batch: Array, columns: int) -> Array:
    """(N, H, W, C) as one picture (rows * H, columns * W, C), row by row from the top left, black where none is."""
    count, height, width, channels = batch.shape
    columns = min(count, columns)
    rows = -(-count // columns)
    canvas = np.zeros((rows * columns, height, width, channels), dtype=batch.dtype)
    canvas[:count] = batch
    grid = canvas.reshape(rows, columns, height, width, channels).transpose(0, 2, 1, 3, 4)
    return np.ascontiguousarray(grid.reshape(rows * height, columns * width, channels))
