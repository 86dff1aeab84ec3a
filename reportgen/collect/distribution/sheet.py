"""Many rows of numbers as one matrix, so that a few operations do for all of them together.

On an accelerator each operation costs the training loop some five microseconds, however few numbers it is for.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from reportgen.collect.beside import stream_of

Integers = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]
Host = npt.NDArray[Any]

# Elements of a row. A piece begins a row of its own, so the least of them takes that many.
WIDTH = 1024
# Layouts kept: a model has a few (weights, gradients, samples of updates, activations).
MOST_LAYOUTS = 64


@dataclass(frozen=True, slots=True)
class Layout:
    """How pieces of certain sizes lie in a sheet: one after the other, each from the beginning of a row on.

    starts: the first row of each piece. padding: elements that fill up its last row. Both int64, one for each piece.
    """

    sizes: tuple[int, ...]
    starts: Integers
    padding: Integers
    rows: int
    pads: tuple[Tensor | None, ...]


def laid_out(pieces: Sequence[Tensor], fill: float) -> tuple[Tensor, Layout]:
    """The pieces (flat, not empty, of one device and one float dtype) as a sheet (rows, WIDTH) of that dtype.

    Ours, also where the pieces share memory with something. What is left of a piece's last row is `fill`. To be called
    inside `quiet()`.
    """
    first = pieces[0]
    device = first.device
    sizes = tuple([piece.numel() for piece in pieces])
    layout = _layout(device, stream_of(device), first.dtype, fill, sizes)
    parts = [part for both in zip(pieces, layout.pads, strict=True) for part in both if part is not None]
    return torch.cat(parts).view(layout.rows, WIDTH), layout


def over_rows(ufunc: np.ufunc, values: Doubles, starts: Integers) -> Doubles:
    """`ufunc` over the rows of each piece. values: a number for each row, in the last dimension."""
    combined: Doubles = ufunc.reduceat(values, starts, axis=-1)
    return combined


@functools.lru_cache(maxsize=MOST_LAYOUTS)
def _layout(device: torch.device, stream: int, dtype: torch.dtype, fill: float, sizes: tuple[int, ...]) -> Layout:
    lengths = np.array(sizes, dtype=np.int64)
    rows = -(-lengths // WIDTH)
    padding = rows * WIDTH - lengths
    filler = torch.full((WIDTH,), fill, dtype=dtype, device=device)
    pads = tuple([filler[:size] if size else None for size in padding.tolist()])
    return Layout(sizes, rows.cumsum() - rows, padding, int(rows.sum()), pads)
