"""Distributions of many tensors at once: counts in logarithmic bins, extremes, sums, zeros and non-finite numbers.

The top 12 bits of a float32 are its sign and its bin (see run/distribution.py), so a histogram needs no range first and
no search: a shift and a count. Big tensors go through in pieces that stay in the cache, small ones together.
On an accelerator everything is counted there and nothing is read back until it is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeGuard

import torch
from torch import Tensor

from reportgen.collect.distribution.device import Counted, counted, distributions_in
from reportgen.collect.distribution.pieces import in_pieces
from reportgen.collect.distribution.record import without_values
from reportgen.collect.distribution.sheet import Host
from reportgen.collect.distribution.together import together
from reportgen.collect.numbers import Numbers, Singles, joinable_numbers_of, numbers_of, singles_of
from reportgen.collect.quiet import quiet
from reportgen.run.distribution import Distribution

# Tensors up to this size are counted together.
SMALL = 1 << 14


@dataclass(slots=True)
class Pending:
    """Distributions on their way: those of the CPU are done, those of accelerators lie there, counted."""

    done: list[Distribution | None]
    counted: list[Counted] = field(default_factory=list)

    @property
    def tensors(self) -> list[Tensor]:
        """What is to be fetched for `finished`."""
        return [tensor for one in self.counted for tensor in one.tensors]


def distributions_of(tensors: Sequence[Tensor], sample: int | None = None) -> list[Distribution]:
    """The distribution of each tensor, in order; `sample` limits how many elements of each are read.

    Any dtype, layout and device (numbers.numbers_of says how each is read; one that cannot be read has count 0). Reads
    accelerators' results at once: a training step uses `reduce_on_device` and a later `finished`.
    """
    return resolve(reduce_on_device(tensors, sample))


def reduce_on_device(
    tensors: Sequence[Tensor], sample: int | None = None, defer: bool = False, scale: Tensor | None = None
) -> Pending:
    """Reduce each tensor where it lies, divided by `scale` (one element) if given.

    `defer` treats CPU tensors like an accelerator's.
    """
    most = SMALL if sample is None else min(SMALL, sample)
    with quiet():
        pending = Pending([None] * len(tensors))
        small: list[int] = []
        arrays: list[Singles] = []
        groups: dict[tuple[torch.device, torch.dtype], tuple[list[int], list[Numbers]]] = {}
        for index, tensor in enumerate(tensors):
            if tensor.is_cpu and not defer:
                if scale is not None:
                    tensor = tensor.detach() / scale
                array = singles_of(tensor, most)
                if array is not None:
                    small.append(index)
                    arrays.append(array)
                    continue
                one = numbers_of(tensor, sample)
                values = one.values
                pending.done[index] = in_pieces(values, one) if _filled(values) else without_values(one)
                continue
            one = joinable_numbers_of(tensor, sample)
            values = one.values
            if not _filled(values):
                pending.done[index] = without_values(one)
                continue
            places, given = groups.setdefault((values.device, values.dtype), ([], []))
            places.append(index)
            given.append(one)
        for index, made in zip(small, together(arrays), strict=True):
            pending.done[index] = made
        for places, given in groups.values():
            pending.counted += counted(places, given, scale)
        return pending


def finished(pending: Pending, host: Sequence[Host]) -> list[Distribution]:
    """All distributions in the order given. host: `pending.tensors`, fetched."""
    start = 0
    for one in pending.counted:
        fetched = host[start : start + len(one.tensors)]
        for index, made in zip(one.places, distributions_in(one, fetched), strict=True):
            pending.done[index] = made
        start += len(one.tensors)
    return [made for made in pending.done if made is not None]


def resolve(pending: Pending) -> list[Distribution]:
    """Fetch what lies on accelerators now, and return all distributions in the order given."""
    return finished(pending, [tensor.cpu().numpy() for tensor in pending.tensors])


def _filled(values: Tensor | None) -> TypeGuard[Tensor]:
    return values is not None and values.numel() > 0
