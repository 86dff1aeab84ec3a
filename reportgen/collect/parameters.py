"""What an optimizer's step sees and does: gradients, weights, and how far it moved them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from reportgen.collect.distribution.sheet import Host, Integers, laid_out, over_rows
from reportgen.collect.numbers import numbers_of, reason_against, sampled
from reportgen.collect.quiet import quiet

# Elements of a parameter that are read for its distribution: a quantile is off by 0.3 % of the elements at most times.
SAMPLE = 32_768
# Elements of a parameter that are copied to see how far a step moved it: the ratio to about 1 %.
UPDATE_SAMPLE = 16_384

Named = tuple[str, nn.Parameter]


def readable(parameters: Sequence[Named]) -> list[Named]:
    """Those whose numbers can be read: not lazy, not on the meta device."""
    return [(n, p) for n, p in parameters if not nn.parameter.is_lazy(p) and not reason_against(p) and p.numel()]


def gradients(parameters: Sequence[Named]) -> Iterator[tuple[str, Tensor]]:
    """(name, gradient) of the parameters that have one whose numbers can be read."""
    for name, parameter in parameters:
        gradient = parameter.grad
        if gradient is not None and not reason_against(gradient):
            yield name, gradient


def norms(tensors: Sequence[Tensor]) -> tuple[list[int], list[Tensor]]:
    """The Euclidean norm of each tensor, any layout: float32, joined by device, and whose each number is, in order.

    To be called inside `quiet()`.
    """
    order: list[int] = []
    joined: list[Tensor] = []
    groups, odd = by_kind(tensors)
    for index in odd:
        values = numbers_of(tensors[index]).values
        norm = torch.zeros(()) if values is None else torch.linalg.vector_norm(values)
        order.append(index)
        joined.append(norm.to(torch.float32).reshape(1))
    for (_, dtype), places in groups.items():
        wide = dtype if dtype.itemsize >= 4 else torch.float32  # float16 overflows at 65,504
        order += places
        found = torch._foreach_norm([tensors[index] for index in places], 2, dtype=wide)
        joined.append(torch.stack(found).to(torch.float32))
    return order, joined


def by_kind(tensors: Sequence[Tensor]) -> tuple[dict[tuple[torch.device, torch.dtype], list[int]], list[int]]:
    """Places of torch's own strided floats, for which one call is made together, and those of all others."""
    groups: dict[tuple[torch.device, torch.dtype], list[int]] = {}
    odd: list[int] = []
    dtype, device, places = None, None, odd
    for index, tensor in enumerate(tensors):
        if type(tensor) not in (Tensor, nn.Parameter) or tensor.layout is not torch.strided:
            odd.append(index)
            continue
        if tensor.dtype is not dtype or tensor.device != device:  # neighbours are mostly of one kind
            dtype, device = tensor.dtype, tensor.device
            places = groups.setdefault((device, dtype), []) if dtype.is_floating_point else odd
        places.append(index)
    return groups, odd


@dataclass(slots=True)
class _Sampled:
    names: list[str]
    parameters: list[nn.Parameter]
    before: Tensor


@dataclass(slots=True)
class Moved:
    """How far one group of parameters was moved, as norms of the rows of a sheet.

    norms: (2, rows), float64 (float32 on MPS): of the differences, and of what was there. starts: see `Layout`.
    """

    names: list[str]
    starts: Integers
    norms: Tensor

    def ratios(self, norms: Host) -> dict[str, float]:
        """||w after - w before|| / ||w before|| by name; of one that was all zero (a new bias) there is none."""
        with np.errstate(all="ignore"):
            squares = over_rows(np.add, np.square(norms.astype(np.float64)), self.starts)
            moved, there = np.sqrt(squares).tolist()
        return {name: moved[i] / there[i] for i, name in enumerate(self.names) if there[i]}


class Updates:
    """||w after - w before|| / ||w before|| of each parameter, on a fixed sample of 16,384 elements of it."""

    def __init__(self) -> None:
        self._held: list[_Sampled] = []

    def before(self, parameters: Sequence[Named]) -> None:
        """Copy the samples: one sheet a device and dtype, our own."""
        self._held = []
        groups, _ = by_kind([parameter for _, parameter in parameters])
        with quiet():
            for places in groups.values():
                named = [parameters[place] for place in places]
                held = [parameter for _, parameter in named]
                self._held.append(_Sampled([name for name, _ in named], held, _sheet(held)[0]))

    def after(self) -> Iterator[Moved]:
        """Compare with the samples now and let go of them."""
        held, self._held = self._held, []
        for one in held:
            with quiet():
                now, starts = _sheet(one.parameters)
                device = now.device.type
                before = one.before.to(torch.float64 if device == "cpu" else torch.float32)
                moved = now.to(before.dtype).sub_(before)
                wide = torch.float32 if device == "mps" else torch.float64
                norms = torch.stack([torch.linalg.vector_norm(sheet, dim=1, dtype=wide) for sheet in (moved, before)])
            yield Moved(one.names, starts, norms)

    def drop(self) -> None:
        """Let go of the samples of a step that did not end."""
        self._held = []


def _sheet(parameters: Sequence[nn.Parameter]) -> tuple[Tensor, Integers]:
    sheet, layout = laid_out([sampled(parameter, UPDATE_SAMPLE) for parameter in parameters], 0.0)
    return sheet, layout.starts
