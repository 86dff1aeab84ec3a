"""What an optimizer's step sees and does: gradients, weights, and how far it moved them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from reportgen.collect.numbers import flat, numbers_of, reason_against, stride_for
from reportgen.collect.quiet import quiet

# Elements of a parameter that are read for its distribution.
SAMPLE = 65_536
# Elements of a parameter that are copied to see how far a step moved it: the ratio to about 1 %.
UPDATE_SAMPLE = 16_384

Named = tuple[str, nn.Parameter]


def readable(parameters: Sequence[Named]) -> list[Named]:
    """Those whose numbers can be read: not lazy, not on the meta device."""
    return [(n, p) for n, p in parameters if not nn.parameter.is_lazy(p) and not reason_against(p) and p.numel()]


def gradients(parameters: Sequence[Named], scale: Tensor | None = None) -> Iterator[tuple[str, Tensor]]:
    """(name, gradient) of the parameters that have one; divided by the loss scale that a fused optimizer will undo."""
    for name, parameter in parameters:
        gradient = parameter.grad
        if gradient is None or reason_against(gradient):
            continue
        if scale is not None:
            gradient = gradient.detach() / scale.to(gradient.device)
        yield name, gradient


def norms(tensors: Sequence[Tensor]) -> list[Tensor]:
    """Euclidean norm of each tensor, any layout, as tensors of one element on its device."""
    found: list[Tensor | None] = [None] * len(tensors)
    dense: dict[tuple[torch.device, torch.dtype], list[int]] = {}
    with quiet():
        for index, tensor in enumerate(tensors):
            if (
                type(tensor) in (Tensor, nn.Parameter)
                and tensor.layout == torch.strided
                and tensor.dtype.is_floating_point
            ):
                dense.setdefault((tensor.device, tensor.dtype), []).append(index)
            else:
                values = numbers_of(tensor).values
                found[index] = torch.zeros(()) if values is None else torch.linalg.vector_norm(values)
        for (_, dtype), places in dense.items():
            wide = dtype if dtype.itemsize >= 4 else torch.float32  # float16 overflows at 65,504
            given = [tensors[index].detach() for index in places]
            for index, norm in zip(places, torch._foreach_norm(given, 2, dtype=wide), strict=True):
                found[index] = norm
    return [norm for norm in found if norm is not None]


@dataclass(slots=True)
class _Sampled:
    names: list[str]
    parameters: list[nn.Parameter]
    before: Tensor
    sizes: list[int]


class Updates:
    """||w after - w before|| / ||w before|| of each parameter, on a fixed sample of 16,384 elements of it."""

    def __init__(self) -> None:
        self._held: list[_Sampled] = []

    def before(self, parameters: Sequence[Named]) -> None:
        """Copy the samples: one buffer a device, our own."""
        groups: dict[tuple[torch.device, torch.dtype], list[Named]] = {}
        for name, parameter in parameters:
            if type(parameter) is nn.Parameter and parameter.layout == torch.strided and parameter.is_floating_point():
                groups.setdefault((parameter.device, parameter.dtype), []).append((name, parameter))
        with quiet():
            self._held = []
            for named in groups.values():
                pieces = [_sample(parameter) for _, parameter in named]
                self._held.append(
                    _Sampled([n for n, _ in named], [p for _, p in named], torch.cat(pieces), [len(p) for p in pieces])
                )

    def after(self, write: Callable[[list[str], list[Tensor]], None]) -> None:
        """Compare with the samples now and let go of them; `write` gets the names, and all ||dw||, then all ||w||."""
        held, self._held = self._held, []
        with quiet():
            for one in held:
                now = torch.cat([_sample(parameter) for parameter in one.parameters])
                wide = torch.float64 if now.device.type == "cpu" else torch.float32
                before = one.before.to(wide)
                moved = torch.split(now.to(wide) - before, one.sizes)
                there = torch.split(before, one.sizes)
                write(one.names, [torch.linalg.vector_norm(piece) for piece in (*moved, *there)])

    def drop(self) -> None:
        """Let go of the samples of a step that did not end."""
        self._held = []


def _sample(parameter: nn.Parameter) -> Tensor:
    values = flat(parameter.detach())
    return values[:: stride_for(values.numel(), UPDATE_SAMPLE)] if values.numel() > UPDATE_SAMPLE else values
