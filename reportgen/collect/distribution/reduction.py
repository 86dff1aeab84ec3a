"""Distributions of many tensors at once: counts in logarithmic bins, extremes, sums, zeros and non-finite numbers.

The top 12 bits of a float32 are its sign and its bin (see run/distribution.py), so a histogram needs no range first and
no search: a shift and a count. Big tensors go through in pieces that stay in the cache, small ones together.
On an accelerator everything is reduced there and nothing is read back until `resolve`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from reportgen.collect.distribution.device import from_row, row_of
from reportgen.collect.distribution.pieces import in_pieces
from reportgen.collect.distribution.record import without_values
from reportgen.collect.distribution.together import together
from reportgen.collect.numbers import Singles, numbers_of, singles_of
from reportgen.collect.quiet import quiet
from reportgen.run.distribution import Distribution

# Tensors up to this size are counted together.
SMALL = 1 << 14


@dataclass(slots=True)
class Pending:
    """Distributions on their way: those of the CPU are done, those of accelerators lie there as rows of a table.

    numbers: of the latter, the size of each tensor and its further zeros, by its place.
    """

    done: list[Distribution | None]
    tables: list[tuple[list[int], Tensor]] = field(default_factory=list)
    numbers: dict[int, tuple[int, int]] = field(default_factory=dict)


def distributions_of(tensors: Sequence[Tensor], sample: int | None = None) -> list[Distribution]:
    """The distribution of each tensor, in order; `sample` limits how many elements of each are read.

    Any dtype, layout and device (numbers.numbers_of says how each is read; one that cannot be read has count 0). Reads
    accelerators' results at once: a training step uses `reduce_on_device` and a later `resolve`.
    """
    return resolve(reduce_on_device(tensors, sample))


def reduce_on_device(tensors: Sequence[Tensor], sample: int | None = None, defer: bool = False) -> Pending:
    """Reduce each tensor where it lies. `defer` treats CPU tensors like an accelerator's."""
    most = SMALL if sample is None else min(SMALL, sample)
    with quiet():
        pending = Pending([None] * len(tensors))
        small: list[int] = []
        arrays: list[Singles] = []
        rows: dict[torch.device, tuple[list[int], list[Tensor]]] = {}
        for index, tensor in enumerate(tensors):
            array = None if defer else singles_of(tensor, most)
            if array is not None:
                small.append(index)
                arrays.append(array)
                continue
            one = numbers_of(tensor, sample)
            values = one.values
            if values is None or not values.numel():
                pending.done[index] = without_values(one)
            elif defer or values.device.type != "cpu":
                places, reduced = rows.setdefault(values.device, ([], []))
                places.append(index)
                reduced.append(row_of(values))
                pending.numbers[index] = (one.elements, one.zeros)
            else:
                pending.done[index] = in_pieces(values, one)
        for index, made in zip(small, together(arrays), strict=True):
            pending.done[index] = made
        pending.tables = [(places, torch.stack(reduced)) for places, reduced in rows.values()]
        return pending


def resolve(pending: Pending) -> list[Distribution]:
    """Fetch what lies on accelerators (one copy a device) and return all distributions in the order given."""
    for places, table in pending.tables:
        host = table.cpu().to(torch.float64).numpy()
        for index, row in zip(places, host, strict=True):
            pending.done[index] = from_row(row, *pending.numbers[index])
    pending.tables = []
    return [made for made in pending.done if made is not None]
