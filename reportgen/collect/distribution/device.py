"""Counting the numbers of a tensor on its own accelerator: nothing is read back until the flush."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from reportgen.collect.distribution.record import BINS, FLOAT32_MAX, SHIFT, folded, recorded
from reportgen.collect.numbers import Numbers
from reportgen.run.distribution import Distribution


def row_of(values: Tensor) -> Tensor:
    """Eight numbers and 4,096 counts in one row on the tensor's own device, without waiting for it.

    Sorting and searching needs no host (`bincount` does), and is deterministic, which scattered additions are not.
    """
    wide = torch.float32 if values.device.type == "mps" else torch.float64
    values = values.contiguous()
    finite = values.isfinite()
    held = torch.where(finite, values, 0.0).to(wide)
    narrow = torch.where(finite, values, 0.0).clamp(-FLOAT32_MAX, FLOAT32_MAX).to(torch.float32)
    bins = (narrow.view(torch.int32) >> SHIFT) & (BINS - 1)
    ordered = torch.where(finite, bins, BINS).sort().values  # what is not finite lies behind the last bin
    edges = torch.searchsorted(ordered, torch.arange(BINS + 1, dtype=torch.int32, device=values.device))
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


def from_row(row: npt.NDArray[np.float64], elements: int, further_zeros: int) -> Distribution:
    """The record of a row that has been fetched. elements: size of the whole tensor; further_zeros: not in the row."""
    low, high, total, squares = row[:4].tolist()
    zeros, nans, positive, negative = (int(v) for v in row[4:8])
    counts = row[8:].astype(np.int64)
    one = Numbers(None, elements, further_zeros)
    bins, used = folded(counts)
    size = int(counts.sum()) + nans + positive + negative
    return recorded(one, bins, used, low, high, total, squares, zeros, nans, positive, negative, size)
