"""Images in any order of dimensions ("CHW", "NHWC", "HW" ...) as a batch (N, H, W, C) on the host."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor

from reportgen.collect.logged.arrays import numbers_in
from reportgen.collect.predictions.arrays import Array
from reportgen.errors import shown

# Pictures a call keeps one by one; of more the first ones.
MOST_IMAGES = 100
DIMENSIONS = {2: set("HW"), 3: set("CHW"), 4: set("NCHW")}


def check_format(value: Any, dataformats: Any, batch: bool) -> str:
    """The letters in upper case. batch: the call takes several images.

    TypeError when they are no text, AssertionError for a letter twice, for another number of letters than dimensions,
    and for a batch with other than 1 to 4 channels; ValueError for letters that name no dimension; AttributeError for
    other than 2, 3 or 4 of them; TypeError for an image with other than 1 to 4 channels.
    """
    if not isinstance(dataformats, str):
        raise TypeError(f'dataformats is {shown(dataformats)}; accepted: letters such as "CHW" or "NHWC"')
    letters = dataformats.upper()
    shape = tuple(value.shape)
    if len(set(letters)) != len(letters):
        raise AssertionError(f"dataformats is {dataformats!r}; accepted: each letter once")
    if len(shape) != len(letters):
        told = f"dataformats {dataformats!r} names {len(letters)} dimensions, and the shape is {shape}"
        raise AssertionError(f"{told}; accepted: one letter for each dimension")
    if len(letters) not in (2, 3, 4):
        raise AttributeError(f"dataformats is {dataformats!r}; accepted: 2, 3 or 4 letters of N, C, H, W")
    if set(letters) != DIMENSIONS[len(letters)]:
        what = f"dataformats is {dataformats!r}; accepted: {', '.join(sorted(DIMENSIONS[len(letters)]))} in any order"
        raise AssertionError(what) if len(letters) == 4 else ValueError(what)
    channels = shape[letters.index("C")] if "C" in letters else 1
    if not 1 <= channels <= 4:
        told = f"the shape is {shape} with {channels} channels; accepted: 1 (grey), 2 (grey, alpha), 3 or 4"
        raise AssertionError(told) if len(letters) == 4 else TypeError(told)
    if 0 in (shape[letters.index("H")], shape[letters.index("W")]) and not (batch and 0 in shape[:1]):
        raise ValueError(f"the shape is {shape}; accepted: images of at least one pixel")
    return letters


def batch_of(value: Any, letters: str, most: int = MOST_IMAGES) -> tuple[Array, int]:
    """(N, H, W, C) of the first `most` images, and how many there are. Only these leave a device."""
    if "N" in letters:
        at = letters.index("N")
        total = int(value.shape[at])
        kept = min(most, total)
        value = value.narrow(at, 0, kept) if isinstance(value, Tensor) else value.take(range(kept), at)
    else:
        total = 1
    pixels = numbers_in(value, "images")
    for letter in "NC":
        if letter not in letters:
            pixels, letters = pixels[None], letter + letters
    return np.transpose(pixels, [letters.index(letter) for letter in "NHWC"]), total
