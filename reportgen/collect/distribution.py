"""Distributions of many tensors at once: counts in logarithmic bins, extremes, sums, zeros and non-finite numbers.

The top 12 bits of a float32 are its sign and its bin (see run/distribution.py), so a histogram needs no range first and
no search: a shift and a count. Big tensors go through in pieces that stay in the cache, small ones together.
On an accelerator everything is reduced there and nothing is read back until `resolve`.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from reportgen.collect.numbers import Numbers, numbers_of
from reportgen.collect.quiet import quiet
from reportgen.run.distribution import Distribution

# Elements of a piece: torch works on 32,768 or more in several threads, whose meetings, some 200 for 10 million
# elements, cost far more than they save as soon as anything else wants a core. It also stays in the nearest caches.
PIECE = 32_000
# Tensors up to this size are reduced together, since the calls and not the numbers take the time.
SMALL = 1 << 14
# Elements, and tensors (each has 4,096 bins), that are reduced together.
BATCH = 1 << 18
BATCH_TENSORS = 64

_BINS = 4096
_HALF = 2048
_FLOAT32_MAX = 3.4028234663852886e38
# Between these magnitudes squares of float32 neither overflow nor lose digits to subnormals.
_SAFE_LEAST, _SAFE_MOST = 1e-15, 1e15

Integers = npt.NDArray[np.int64]


@dataclass(slots=True)
class Pending:
    """Distributions on their way: those of the CPU are done, those of accelerators lie there as rows of a table."""

    done: list[Distribution | None]
    tables: list[tuple[list[int], Tensor]] = field(default_factory=list)
    numbers: list[tuple[int, int]] = field(default_factory=list)


def distributions_of(tensors: Sequence[Tensor], sample: int | None = None) -> list[Distribution]:
    """The distribution of each tensor, in order; `sample` limits how many elements of each are read.

    Any dtype, layout and device (numbers.numbers_of says how each is read; one that cannot be read has count 0). Reads
    accelerators' results at once: a training step uses `reduce_on_device` and a later `resolve`.
    """
    return resolve(reduce_on_device(tensors, sample))


def reduce_on_device(tensors: Sequence[Tensor], sample: int | None = None, defer: bool = False) -> Pending:
    """Reduce each tensor where it lies. `defer` treats CPU tensors like an accelerator's."""
    with quiet(), np.errstate(all="ignore"):  # infinities are counted, not warned of
        numbers = [numbers_of(tensor, sample) for tensor in tensors]
        pending = Pending([None] * len(numbers), numbers=[(n.elements, n.zeros) for n in numbers])
        small: list[int] = []
        rows: dict[torch.device, tuple[list[int], list[Tensor]]] = {}
        for index, one in enumerate(numbers):
            values = one.values
            if values is None or not values.numel():
                pending.done[index] = _without_values(one)
            elif defer or values.device.type != "cpu":
                places, reduced = rows.setdefault(values.device, ([], []))
                places.append(index)
                reduced.append(_row(values))
            elif values.numel() <= SMALL and values.dtype == torch.float32:
                small.append(index)
            else:
                pending.done[index] = _in_pieces(values, one)
        for batch in _batches(small, numbers):
            for index, made in zip(batch, _together([numbers[i] for i in batch]), strict=True):
                pending.done[index] = made
        pending.tables = [(places, torch.stack(reduced)) for places, reduced in rows.values()]
        return pending


def resolve(pending: Pending) -> list[Distribution]:
    """Fetch what lies on accelerators (one copy a device) and return all distributions in the order given."""
    for places, table in pending.tables:
        host = table.cpu().to(torch.float64).numpy()
        for index, row in zip(places, host, strict=True):
            elements, zeros = pending.numbers[index]
            pending.done[index] = _from_row(row, elements, zeros)
    pending.tables = []
    return [made for made in pending.done if made is not None]


def _without_values(one: Numbers) -> Distribution:
    if not one.zeros:
        return Distribution(count=0, elements=one.elements)
    nothing = np.zeros(0, dtype=np.int64)
    return _made(one, nothing, nothing, math.inf, -math.inf, 0.0, 0.0)


# --- big tensors on the CPU ---


def _in_pieces(values: Tensor, one: Numbers) -> Distribution:
    counts = np.zeros(_BINS, dtype=np.int64)
    scratch = torch.empty(min(PIECE, values.numel()), dtype=torch.int32)
    tally = _Tally()
    for start in range(0, values.numel(), PIECE):
        tally.add(values[start : start + PIECE], counts, scratch)
    return tally.distribution(_folded(counts), one)


class _Tally:
    """What is known of the numbers so far, piece by piece."""

    def __init__(self) -> None:
        self.minimum, self.maximum = math.inf, -math.inf
        self.total, self.squares = 0.0, 0.0
        self.zeros = self.nans = self.positive = self.negative = 0

    def add(self, piece: Tensor, counts: Integers, scratch: Tensor) -> None:
        """Take in one piece; NumPy where it is quicker on a piece of this size, torch where it is."""
        numbers = piece.numpy()
        low, high = float(numbers.min()), float(numbers.max())
        if not (math.isfinite(low) and math.isfinite(high)):  # both pass NaN on
            self.nans += int(np.isnan(numbers).sum())
            self.positive += int(np.isposinf(numbers).sum())
            self.negative += int(np.isneginf(numbers).sum())
            piece = piece[piece.isfinite()]
            numbers = piece.numpy()
            if not len(numbers):
                return
            low, high = float(numbers.min()), float(numbers.max())
        self.minimum, self.maximum = min(self.minimum, low), max(self.maximum, high)
        self._sums(piece, max(-low, high))
        if numbers.dtype == np.float64:
            numbers = np.clip(numbers, -_FLOAT32_MAX, _FLOAT32_MAX).astype(np.float32)
        bins = scratch[: len(numbers)]
        shifted = bins.numpy()
        np.right_shift(np.ascontiguousarray(numbers).view(np.int32), 20, out=shifted)
        shifted += _HALF
        found = torch.bincount(bins, minlength=_BINS).numpy()  # three times as fast as NumPy's
        counts += found
        if found[0] or found[_HALF]:  # the zeros of either sign share their bin with the least subnormals
            self.zeros += len(numbers) - int(np.count_nonzero(numbers))

    def _sums(self, piece: Tensor, largest: float) -> None:
        # Not torch.dot: the BLAS behind it wakes threads of its own, which takes milliseconds when they sleep.
        if piece.dtype == torch.float32 and (_SAFE_LEAST < largest < _SAFE_MOST or largest == 0.0):
            self.total += float(piece.sum())
            self.squares += float(piece.square().sum())
        else:
            wide = piece.to(torch.float64)
            self.total += float(wide.sum())
            self.squares += float(wide.square().sum())

    def distribution(self, signed: tuple[Integers, Integers], one: Numbers) -> Distribution:
        bins, counts = signed
        return _made(
            one, bins, counts, self.minimum, self.maximum, self.total, self.squares,
            self.zeros, self.nans, self.positive, self.negative,
        )  # fmt: skip


# --- small tensors on the CPU, together ---


def _batches(places: Sequence[int], numbers: Sequence[Numbers]) -> list[list[int]]:
    batches: list[list[int]] = []
    size = 0
    for index in places:
        count = numbers[index].count
        if not batches or size + count > BATCH or len(batches[-1]) >= BATCH_TENSORS:
            batches.append([])
            size = 0
        batches[-1].append(index)
        size += count
    return batches


def _together(numbers: Sequence[Numbers]) -> list[Distribution]:
    pieces = [one.values.numpy() for one in numbers if one.values is not None]
    values = np.concatenate(pieces)
    sizes = np.array([len(piece) for piece in pieces])
    starts = np.cumsum(sizes) - sizes
    wide = values.astype(np.float64)
    with np.errstate(invalid="ignore"):  # inf - inf: such tensors take the slow way below
        totals = np.add.reduceat(wide, starts)
    if not np.isfinite(totals).all():  # a NaN or an infinity somewhere: only those tensors take the slow way
        broken = ~np.isfinite(totals)
        kept = iter(
            _together([n for n, bad in zip(numbers, broken, strict=True) if not bad]) if not broken.all() else []
        )
        return [
            _in_pieces(one.values, one) if bad and one.values is not None else next(kept)
            for one, bad in zip(numbers, broken, strict=True)
        ]
    lows, highs = np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
    squares = np.add.reduceat(np.square(wide, out=wide), starts)
    # Ordered as the numbers are: positive bin m at 2048 + m, negative bin m at 2047 - m.
    bins = values.view(np.int32) >> 20
    bins ^= (bins >> 31) & (_HALF - 1)
    bins += np.repeat(np.arange(_HALF, _HALF + _BINS * len(pieces), _BINS, dtype=np.int32), sizes)
    table = np.bincount(bins, minlength=_BINS * len(pieces)).reshape(len(pieces), _BINS)
    table[:, _HALF] += table[:, _HALF - 1]
    table[:, _HALF - 1] = 0
    used = np.flatnonzero(table != 0)  # four times as fast on booleans as on integers
    found = table.reshape(-1)[used]
    ends = np.searchsorted(used, np.arange(1, len(pieces) + 1) * _BINS).tolist()
    # bin 2047 was emptied into 2048, so subtracting 2048 leaves -(m + 1) for the negative bin m
    signed = (used & (_BINS - 1)) - _HALF
    signed += signed < 0
    mixed = ((lows <= 0.0) & (highs >= 0.0)).tolist()
    made: list[Distribution] = []
    start = 0
    columns = zip(
        numbers, pieces, ends, lows.tolist(), highs.tolist(), totals.tolist(), squares.tolist(), mixed, strict=True
    )
    for one, piece, end, low, high, total, square, maybe in columns:
        zeros = len(piece) - int(np.count_nonzero(piece)) if maybe else 0
        made.append(_made(one, signed[start:end], found[start:end], low, high, total, square, zeros))
        start = end
    return made


# --- accelerators ---


def _row(values: Tensor) -> Tensor:
    """Eight numbers and 4,096 counts in one row on the tensor's own device, without waiting for it.

    Sorting and searching needs no host (`bincount` does), and is deterministic, which scattered additions are not.
    """
    wide = torch.float32 if values.device.type == "mps" else torch.float64
    values = values.contiguous()
    finite = values.isfinite()
    held = torch.where(finite, values, 0.0).to(wide)
    narrow = torch.where(finite, values, 0.0).clamp(-_FLOAT32_MAX, _FLOAT32_MAX).to(torch.float32)
    bins = (narrow.view(torch.int32) >> 20) + _HALF
    ordered = torch.where(finite, bins, _BINS).sort().values  # what is not finite lies behind the last bin
    edges = torch.searchsorted(ordered, torch.arange(_BINS + 1, dtype=torch.int32, device=values.device))
    facts = torch.stack([
        torch.where(finite, values, math.inf).amin().to(wide),
        torch.where(finite, values, -math.inf).amax().to(wide),
        held.sum(),
        held.square().sum(),
        ((values == 0) & finite).sum().to(wide),
        values.isnan().sum().to(wide),
        values.isposinf().sum().to(wide),
        values.isneginf().sum().to(wide),
    ])  # fmt: skip
    return torch.cat([facts, edges.diff().to(wide)])


def _from_row(row: npt.NDArray[np.float64], elements: int, further_zeros: int) -> Distribution:
    low, high, total, squares = row[:4].tolist()
    zeros, nans, positive, negative = (int(v) for v in row[4:8])
    counts = row[8:].astype(np.int64)
    one = Numbers(None, elements, further_zeros)
    bins, used = _folded(counts)
    size = int(counts.sum()) + nans + positive + negative
    return _made(one, bins, used, low, high, total, squares, zeros, nans, positive, negative, size)


# --- shared ---


def _folded(counts: Integers) -> tuple[Integers, Integers]:
    """Counts by shifted bits (0 to 2047 negative, 2048 to 4095 positive) as used signed bins, ascending, and counts."""
    whole = np.concatenate([counts[_HALF - 1 : 0 : -1], counts[_HALF:]])
    whole[_HALF - 1] += counts[0]  # minus zero
    bins = np.flatnonzero(whole)
    return bins - (_HALF - 1), whole[bins]


def _made(
    one: Numbers,
    bins: Integers,
    counts: Integers,
    low: float,
    high: float,
    total: float,
    squares: float,
    zeros: int = 0,
    nans: int = 0,
    positive: int = 0,
    negative: int = 0,
    size: int | None = None,
) -> Distribution:
    further = one.zeros
    read = one.count if size is None else size + further
    if further:
        low, high = min(low, 0.0), max(high, 0.0)
        bins, counts = _with_zeros(bins, counts, further)
    nothing = low > high
    return Distribution(
        read, one.elements, math.nan if nothing else low, math.nan if nothing else high, total, squares,
        zeros + further, nans, positive, negative,
        array("h", bins.astype(np.int16).tobytes()), array("q", counts.astype(np.int64, copy=False).tobytes()),
    )  # fmt: skip


def _with_zeros(bins: Integers, counts: Integers, zeros: int) -> tuple[Integers, Integers]:
    place = int(np.searchsorted(bins, 0))
    if place < len(bins) and bins[place] == 0:
        counts = counts.copy()
        counts[place] += zeros
        return bins, counts
    return np.insert(bins, place, 0), np.insert(counts, place, zeros)
