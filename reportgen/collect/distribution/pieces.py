"""Counting the numbers of one big tensor on the CPU, in pieces that stay in the cache."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from reportgen.collect.distribution.record import BINS, FLOAT32_MAX, HALF, SHIFT, folded, recorded
from reportgen.collect.numbers import Numbers
from reportgen.run.distribution import Distribution

# Elements of a piece: torch works on 32,768 or more in several threads, whose meetings, some 200 for 10 million
# elements, cost far more than they save as soon as anything else wants a core. It also stays in the nearest caches.
PIECE = 32_000
# Between these magnitudes squares of float32 neither overflow nor lose digits to subnormals.
_SAFE_LEAST, _SAFE_MOST = 1e-15, 1e15


def in_pieces(values: Tensor, one: Numbers) -> Distribution:
    """The distribution of `values`: flat, float32 or float64, any size, on the CPU; non-finite ones are counted."""
    tally = _Tally(min(PIECE, values.numel()))
    for start in range(0, values.numel(), PIECE):
        tally.add(values[start : start + PIECE])
    bins, counts = folded(tally.counts)
    return recorded(
        one, bins, counts, tally.minimum, tally.maximum, tally.total, tally.squares,
        tally.zeros, tally.nans, tally.positive, tally.negative,
    )  # fmt: skip


class _Tally:
    """What is known of the numbers so far, piece by piece."""

    def __init__(self, piece: int) -> None:
        self.minimum, self.maximum = math.inf, -math.inf
        self.total, self.squares = 0.0, 0.0
        self.zeros = self.nans = self.positive = self.negative = 0
        self.counts = np.zeros(BINS, dtype=np.int64)
        self._bins = torch.empty(piece, dtype=torch.int32)
        self._shifted = self._bins.numpy().view(np.uint32)  # the same memory

    def add(self, piece: Tensor) -> None:
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
            # Not around everything: while an errstate is active each of NumPy's calls takes twice as long.
            with np.errstate(under="ignore"):
                numbers = np.clip(numbers, -FLOAT32_MAX, FLOAT32_MAX).astype(np.float32)
        size = len(numbers)
        np.right_shift(np.ascontiguousarray(numbers).view(np.uint32), SHIFT, out=self._shifted[:size])
        found = torch.bincount(self._bins[:size], minlength=BINS).numpy()  # twice as fast as NumPy's
        self.counts += found
        if found[0] or found[HALF]:  # the zeros of either sign share their bin with the least subnormals
            self.zeros += size - int(np.count_nonzero(numbers))

    def _sums(self, piece: Tensor, largest: float) -> None:
        # Not torch.dot: the BLAS behind it wakes threads of its own, which takes milliseconds when they sleep.
        if piece.dtype == torch.float32 and (_SAFE_LEAST < largest < _SAFE_MOST or largest == 0.0):
            self.total += float(piece.sum())
            self.squares += float(piece.square().sum())
        else:
            wide = piece.to(torch.float64)
            self.total += float(wide.sum())
            self.squares += float(wide.square().sum())
