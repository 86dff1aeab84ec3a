"""Counting the numbers of small tensors on the CPU in few calls, which and not the numbers take the time."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch

from reportgen.collect.distribution.pieces import in_pieces
from reportgen.collect.distribution.record import BINS, HALF, SHIFT, folded
from reportgen.collect.numbers import Numbers, Singles
from reportgen.run.distribution import LARGEST_BIN, Distribution

# Elements, and tensors, that are counted together: what is made of them on the way stays in the cache.
BATCH = 1 << 18
BATCH_TENSORS = 64


def together(arrays: Sequence[Singles]) -> list[Distribution]:
    """The distribution of each array: flat, float32, not empty, sharing memory with a CPU tensor that is plain."""
    made: list[Distribution] = []
    for start, end in _batches(arrays):
        made += _counted(arrays[start:end]) if end - start > 1 else [_alone(arrays[start])]
    return made


def _alone(values: Singles) -> Distribution:
    """One array: counting into a table of all bins takes half as many calls as looking for those in use first."""
    found = np.bincount(values.view(np.uint32) >> SHIFT, minlength=BINS)
    bins, counts = folded(found)
    if bins[0] < -LARGEST_BIN or bins[-1] > LARGEST_BIN:  # not everything is finite
        return _slowly(values)
    wide = values.astype(np.float64)
    size = len(values)
    # The zeros of either sign share their bin with the least subnormals.
    zeros = size - int(np.count_nonzero(values)) if found[0] else 0
    return Distribution(
        size, size, float(np.minimum.reduce(values)), float(np.maximum.reduce(values)),
        float(np.add.reduce(wide)), float(np.add.reduce(np.square(wide, out=wide))), zeros, 0, 0, 0,
        array("h", bins.tobytes()), array("q", counts.tobytes()),
    )  # fmt: skip


def _batches(arrays: Sequence[Singles]) -> Iterator[tuple[int, int]]:
    start = size = 0
    for place, one in enumerate(arrays):
        if place > start and (size + len(one) > BATCH or place - start == BATCH_TENSORS):
            yield start, place
            start, size = place, 0
        size += len(one)
    if arrays:
        yield start, len(arrays)


def _counted(arrays: Sequence[Singles]) -> list[Distribution]:
    """One batch of two arrays or more.

    Each number's bin gets a place: zero in the middle, positive ones after it, negative ones before, each as far away
    as its bin is from the least bin in use. So the table has hardly more columns than there are bins in use.
    """
    values = np.concatenate(arrays)
    bits = values.view(np.int32)
    places = bits >> SHIFT
    places &= HALF - 1
    largest = int(places.max())
    if largest > LARGEST_BIN:
        return _without_broken(arrays, places)
    least = (int((places.view(np.uint32) - np.uint32(1)).min()) + 1) & (2**32 - 1)  # bin 0 wraps around to the top
    before = min(least or HALF, HALF) - 1  # bins between bin 0 and the least one in use
    places -= before
    np.maximum(places, 0, out=places)
    middle = max(largest - before, 0)
    places *= (bits >> 31) | 1
    width = 2 * middle + 1
    sizes = np.fromiter(map(len, arrays), np.int64, len(arrays))
    starts = sizes.cumsum() - sizes
    places += np.arange(middle, middle + width * len(arrays), width, dtype=np.int32).repeat(sizes)
    table = np.bincount(places, minlength=width * len(arrays))
    used = (table != 0).nonzero()[0]
    rows, columns = np.divmod(used, width)
    columns -= middle
    bins = (columns + np.sign(columns) * before).astype(np.int16).tobytes()
    counts = table[used].tobytes()
    ends = rows.searchsorted(np.arange(1, len(arrays) + 1)).tolist()
    wide = values.astype(np.float64)
    totals = np.add.reduceat(wide, starts).tolist()
    squares = np.add.reduceat(np.square(wide, out=wide), starts).tolist()
    lows, highs = np.minimum.reduceat(values, starts).tolist(), np.maximum.reduceat(values, starts).tolist()
    # The zeros share their bin with the least subnormals.
    middles = table[middle::width].tolist()
    made: list[Distribution] = []
    start = 0
    for place, one in enumerate(arrays):
        end, size = ends[place], len(one)
        zeros = size - int(np.count_nonzero(one)) if middles[place] else 0
        made.append(Distribution(
            size, size, lows[place], highs[place], totals[place], squares[place], zeros, 0, 0, 0,
            array("h", bins[2 * start : 2 * end]), array("q", counts[8 * start : 8 * end]),
        ))  # fmt: skip
        start = end
    return made


def _without_broken(arrays: Sequence[Singles], places: npt.NDArray[np.int32]) -> list[Distribution]:
    """The same where something is not finite: only the arrays that hold it take the slow way."""
    ends = np.fromiter(map(len, arrays), np.int64, len(arrays)).cumsum().tolist()
    broken = [int(places[end - len(one) : end].max()) > LARGEST_BIN for one, end in zip(arrays, ends, strict=True)]
    sound = [one for one, bad in zip(arrays, broken, strict=True) if not bad]
    counted = iter(together(sound))
    return [_slowly(one) if bad else next(counted) for one, bad in zip(arrays, broken, strict=True)]


def _slowly(one: Singles) -> Distribution:
    values = torch.from_numpy(one)
    return in_pieces(values, Numbers(values, len(one)))
