"""Counting the numbers of many tensors on their own accelerator: nothing is read back until the flush.

The number of operations hardly depends on that of the tensors: they are joined in a sheet, and each element counts in
the row that its tensor has in one table. All of it is exact, also where the user asked torch for deterministic
algorithms, and nothing waits for the device (`bincount` and `nonzero` would).
"""

from __future__ import annotations

import functools
import math
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from reportgen.collect.beside import stream_of
from reportgen.collect.distribution.record import BINS, FLOAT32_MAX, HALF, SHIFT, recorded
from reportgen.collect.distribution.sheet import MOST_LAYOUTS, WIDTH, Host, Integers, laid_out, over_rows
from reportgen.collect.numbers import Numbers, widened
from reportgen.run.distribution import Distribution

# Rows of one sheet: 16 MB of float32, and some five times as much while it is counted.
MOST_ROWS = 4096
# Tensors that share a table of counts: 8 MB, which wait on the device for the flush.
MOST_TENSORS = 512
# A column of the table is the top 12 bits as a signed number, counted from HALF. Those of the infinities, and two that
# no number has, for zeros and NaN (which also fills the sheet).
_INFINITE, _ZERO, _NAN = 0x7F8, 0x7F9, 0x7FA
_MARKS = [HALF + _ZERO, HALF + _NAN, HALF + _INFINITE, _INFINITE]
# The bin of each column.
_SIGNED = np.concatenate((-np.arange(HALF), np.arange(HALF))).astype(np.int16)


@dataclass(slots=True)
class Counted:
    """Some tensors' counts and sums, on their way to the host.

    places: which tensors they are. numbers: what they were read as, without the values. starts: the row in which each
    begins, over all sheets. padding: elements of these that are none of its own.
    tensors: the counts (tensors, BINS), then for each sheet two of (2, rows): the least and greatest number of a row,
    and its sum and Euclidean norm.
    """

    places: list[int]
    numbers: list[Numbers]
    starts: Integers
    padding: Integers
    tensors: list[Tensor]


def counted(places: Sequence[int], given: Sequence[Numbers], scale: Tensor | None = None) -> Iterator[Counted]:
    """Count what was read of tensors of one device and float dtype, each divided by `scale` (one element) first.

    None of the values may be empty or missing; they are let go of. To be called inside `quiet()`.
    """
    for first in range(0, len(given), MOST_TENSORS):
        yield _counted(list(places[first : first + MOST_TENSORS]), given[first : first + MOST_TENSORS], scale)


def distributions_in(one: Counted, host: Sequence[Host]) -> list[Distribution]:
    """The records of what was counted. host: `one.tensors`, fetched."""
    table = host[0]
    lows, highs = np.concatenate(host[1::2], axis=1).astype(np.float64)
    sums, norms = np.concatenate(host[2::2], axis=1).astype(np.float64)
    with np.errstate(all="ignore"):  # float64 of any size may have been given
        squares = over_rows(np.add, np.square(norms), one.starts).tolist()
        totals = over_rows(np.add, sums, one.starts).tolist()
    least = over_rows(np.minimum, lows, one.starts).tolist()
    greatest = over_rows(np.maximum, highs, one.starts).tolist()
    zeros, nans, above, below = table[:, _MARKS].astype(np.int64).T
    nans -= one.padding
    used = np.maximum.reduce(table, axis=0) > 0
    used[[0, HALF, *_MARKS]] = False
    columns = used.nonzero()[0]
    split = int(columns.searchsorted(HALF))
    negative, positive = columns[:split][::-1], columns[split:]
    # Bin 0: zeros, and the least subnormals of either sign.
    nearest = zeros + table[:, 0] + table[:, HALF]
    counts = np.concatenate((table[:, negative], nearest[:, None], table[:, positive]), axis=1, dtype=np.int64)
    bins = np.concatenate((_SIGNED[negative], np.zeros(1, np.int16), _SIGNED[positive]))
    rows, found = counts.nonzero()
    ends = rows.searchsorted(np.arange(1, len(counts) + 1)).tolist()
    their_bins, their_counts = bins[found], counts[rows, found]
    bin_bytes, count_bytes = their_bins.tobytes(), their_counts.tobytes()
    sizes = (counts.sum(axis=1) + nans + above + below).tolist()
    broken = zip(zeros.tolist(), nans.tolist(), above.tolist(), below.tolist(), strict=True)
    made: list[Distribution] = []
    start = 0
    for place, (numbers, (zero, nan, high, low)) in enumerate(zip(one.numbers, broken, strict=True)):
        end = ends[place]
        if numbers.zeros or least[place] > greatest[place]:  # zeros that are not stored, or nothing finite
            made.append(recorded(
                numbers, their_bins[start:end], their_counts[start:end], least[place], greatest[place],
                totals[place], squares[place], zero, nan, high, low, sizes[place],
            ))  # fmt: skip
        else:
            made.append(Distribution(
                sizes[place], numbers.elements, least[place], greatest[place], totals[place], squares[place],
                zero, nan, high, low,
                array("h", bin_bytes[2 * start : 2 * end]), array("q", count_bytes[8 * start : 8 * end]),
            ))  # fmt: skip
        start = end
    return made


def _counted(places: list[int], given: Sequence[Numbers], scale: Tensor | None) -> Counted:
    values = [numbers.values for numbers in given if numbers.values is not None]
    sizes = [value.numel() for value in values]
    device = values[0].device
    dtype = torch.int32 if max(sizes) < 2**31 else torch.int64
    table = torch.zeros(len(values) * BINS, dtype=dtype, device=device)
    tensors = [table.view(-1, BINS)]
    owners: list[int] = []
    starts: list[Integers] = []
    padding: list[Integers] = []
    rows = 0
    for owning, pieces in _sheets(values, sizes):
        sheet, layout = laid_out(pieces, math.nan)
        if scale is not None:
            sheet.div_(scale.to(device))
        sheet = widened(sheet)
        offsets, one = _offsets(device, stream_of(device), dtype, owning, layout.sizes)
        table.scatter_add_(0, _columns(sheet, offsets).view(-1), one.expand(sheet.numel()))
        tensors += _facts(sheet)
        owners += owning
        starts.append(layout.starts + rows)
        padding.append(layout.padding)
        rows += layout.rows
    numbers = [Numbers(None, each.elements, each.zeros) for each in given]
    first, all_padding = np.unique(owners, return_index=True)[1], np.zeros(len(values), np.int64)
    np.add.at(all_padding, owners, np.concatenate(padding))
    return Counted(places, numbers, np.concatenate(starts)[first], all_padding, tensors)


def _sheets(values: Sequence[Tensor], sizes: Sequence[int]) -> Iterator[tuple[tuple[int, ...], list[Tensor]]]:
    """The values in groups of bounded size, each with which of them it is; what is too big for one is cut."""
    owners: list[int] = []
    pieces: list[Tensor] = []
    rows = 0
    for owner, (whole, size) in enumerate(zip(values, sizes, strict=True)):
        start = 0
        while start < size:
            if rows == MOST_ROWS:
                yield tuple(owners), pieces
                owners, pieces, rows = [], [], 0
            end = min(size, start + (MOST_ROWS - rows) * WIDTH)
            owners.append(owner)
            pieces.append(whole if end - start == size else whole[start:end])
            rows += -(-(end - start) // WIDTH)
            start = end
    yield tuple(owners), pieces


def _columns(sheet: Tensor, offsets: Tensor) -> Tensor:
    """Where in the table each element counts: (rows, WIDTH) int64."""
    narrow = sheet
    if sheet.dtype == torch.float64:
        narrow = sheet.clamp(-FLOAT32_MAX, FLOAT32_MAX).to(torch.float32)
    bits = narrow.view(torch.int32) >> SHIFT  # keeps the sign
    if narrow is not sheet:
        bits.masked_fill_(sheet == math.inf, _INFINITE)
        bits.masked_fill_(sheet == -math.inf, _INFINITE - HALF)
    bits.masked_fill_(sheet == 0, _ZERO)
    bits.masked_fill_(sheet != sheet, _NAN)
    return bits + offsets


def _facts(sheet: Tensor) -> list[Tensor]:
    """The least and greatest finite number of each row, and the sum and norm of its finite numbers."""
    infinity = math.inf
    low = sheet.nan_to_num(infinity, infinity, infinity).amin(1)
    high = sheet.nan_to_num(-infinity, -infinity, -infinity).amax(1)
    held = sheet.nan_to_num(0.0, 0.0, 0.0)
    wide = torch.float32 if sheet.device.type == "mps" else torch.float64
    norm = torch.linalg.vector_norm(held, dim=1, dtype=wide)
    return [torch.stack([low, high]), torch.stack([held.sum(1, dtype=wide), norm])]


@functools.lru_cache(maxsize=MOST_LAYOUTS)
def _offsets(
    device: torch.device, stream: int, dtype: torch.dtype, owners: tuple[int, ...], sizes: tuple[int, ...]
) -> tuple[Tensor, Tensor]:
    """Where the counts of each row's owner lie in the table, (rows, 1) int64, and a one to add there."""
    rows = -(-np.array(sizes) // WIDTH)
    places = torch.from_numpy((np.array(owners) * BINS + HALF).repeat(rows)[:, None])
    return places.to(device, non_blocking=True), torch.ones(1, dtype=dtype, device=device)
