"""What kind of thing one row is, told by its shape and type."""

from __future__ import annotations

import numpy as np

from reportgen.collect.predictions.arrays import Array, Integers
from reportgen.collect.predictions.images import LEAST_SIDE, layout

# A picture of one channel without a dimension for it is hardly longer than so many times its height; beyond, steps of
# a signal are more likely.
LONGEST = 2
# Pictures may have other channels than colours.
MOST_CHANNELS = 16
GOLDEN = 0.6180339887498949


def kind_of_row(shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> str:
    """As DataSplit.inputs."""
    if dtype.kind not in "biuf":
        return "other"
    whole = dtype.kind in "iu" and dtype != np.uint8
    if len(shape) <= 1:
        return "tokens" if whole and len(shape) == 1 and shape[0] > 1 else "numbers"
    if len(shape) == 2:
        alike = min(shape) >= LEAST_SIDE and max(shape) <= LONGEST * min(shape)
        if dtype == np.uint8 or (alike and not whole):
            return "image" if min(shape) >= LEAST_SIDE else "other"
        return "other" if whole else "sequence"
    if len(shape) == 3:
        return "image" if layout_of(shape) else "other"
    return "other"


def layout_of(shape: tuple[int, ...]) -> str:
    """ "HW", "CHW" or "HWC", also with other channels than those of colours; "" for what is no picture."""
    found = layout(shape)
    if not found and len(shape) == 3 and min(shape[1:]) >= LEAST_SIDE and shape[0] <= MOST_CHANNELS:
        return "CHW"
    return found


def channels(shape: tuple[int, ...], picks: Integers) -> list[Array]:
    """Which of the looked-at numbers of an image belong to each channel. picks: their places in the flat row."""
    found = layout_of(shape)
    if found == "HW":
        return [np.arange(len(picks))]
    if found == "CHW":
        size, count = shape[1] * shape[2], shape[0]
        return [np.flatnonzero(picks // size == channel) for channel in range(count)]
    return [np.flatnonzero(picks % shape[2] == channel) for channel in range(shape[2])]


def picked(width: int, most: int) -> Integers:
    """The places of at most `most` of `width` numbers, spread evenly by the golden ratio.

    At a fixed distance they would fall on the same channel, or the same column of pixels, again and again.
    """
    if width <= most:
        return np.arange(width)
    places: Integers = np.unique((np.arange(1, most + 1) * GOLDEN % 1.0 * width).astype(np.int64))
    return places
