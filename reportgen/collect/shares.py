"""Which share of a module's units is dead or constant, of its outputs saturated: compared for all modules together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from reportgen.collect.distribution.sheet import Host

# A unit that varies over a batch by no more than this share of its size (or this much, if smaller than 1) is constant.
STILL = 1e-6
# "Nearer to an end than this share of the range": an output of tanh beyond +-0.94, of sigmoid below 0.03 or above 0.97.
NEAR_END = 0.03
FUNCTIONS: Mapping[str, Callable[[Tensor], Tensor]] = {"sigmoid": torch.sigmoid, "tanh": torch.tanh}

Ends = tuple[float, float]


@dataclass(slots=True)
class _Group:
    """What is compared with the same numbers: tensors of one device and dtype, and which label each counts for."""

    tensors: list[Tensor] = field(default_factory=list)
    owners: list[int] = field(default_factory=list)


class Shares:
    """Gathers what is to be compared. Nothing is until `masks`, and nothing is read back before `found`."""

    def __init__(self) -> None:
        self._labels: dict[tuple[str, str], int] = {}  # quantity and module -> place
        self._wholes: list[int] = []
        self._dead: dict[tuple[torch.device, torch.dtype], _Group] = {}
        self._constant: dict[tuple[torch.device, torch.dtype], _Group] = {}
        self._ranged: dict[tuple[torch.device, torch.dtype, Ends, str], _Group] = {}
        self._masked: list[tuple[list[int], list[int]]] = []  # of each mask: the owners of its parts, and their sizes

    def units(self, name: str, units: int, greatest: list[Tensor]) -> None:
        """`greatest`: of each unit that may be dead, what it gave at most, (n,). `units`: how many there are."""
        self._gather(self._dead, self._place("dead_share", name, units), greatest)

    def varying(self, name: str, units: int, spread: list[Tensor]) -> None:
        """`spread`: of each unit that may be constant, by how much it varies, (n,). `units`: how many there are."""
        self._gather(self._constant, self._place("constant_units", name, units), spread)

    def outputs(self, name: str, sample: Tensor, ends: Ends, function: str = "") -> None:
        """`sample`: flat, ours; what `function` (of FUNCTIONS) makes of it lies between the two `ends`."""
        place = self._place("saturated_share", name, sample.numel())
        group = self._ranged.setdefault((sample.device, sample.dtype, ends, function), _Group())
        group.tensors.append(sample)
        group.owners.append(place)

    def masks(self) -> list[Tensor]:
        """Compare, and let go of what was compared: tensors of bool, to be fetched for `found`. Inside `quiet()`."""
        masks = [torch.cat(group.tensors) <= 0 for group in self._dead.values()]
        masks += [torch.cat(group.tensors) <= STILL for group in self._constant.values()]
        for (_, _, ends, function), group in self._ranged.items():
            values = torch.cat(group.tensors)
            if function:
                values = FUNCTIONS[function](values)
            margin = NEAR_END * (ends[1] - ends[0])
            masks.append((values < ends[0] + margin) | (values > ends[1] - margin))
        groups = [*self._dead.values(), *self._constant.values(), *self._ranged.values()]
        self._masked = [(group.owners, [len(tensor) for tensor in group.tensors]) for group in groups]
        self._dead, self._constant, self._ranged = {}, {}, {}
        return masks

    def found(self, masks: list[Host]) -> dict[str, dict[str, float]]:
        """quantity -> module -> share. masks: those of `masks`, fetched."""
        counts = np.zeros(len(self._wholes), np.int64)
        for (owners, sizes), mask in zip(self._masked, masks, strict=True):
            lengths = np.array(sizes, np.int64)
            np.add.at(counts, owners, np.add.reduceat(mask, lengths.cumsum() - lengths, dtype=np.int64))
        shares: dict[str, dict[str, float]] = {}
        for (quantity, name), place in self._labels.items():
            shares.setdefault(quantity, {})[name] = int(counts[place]) / self._wholes[place]
        return shares

    @staticmethod
    def _gather(groups: dict[tuple[torch.device, torch.dtype], _Group], place: int, tensors: list[Tensor]) -> None:
        for tensor in tensors:
            group = groups.setdefault((tensor.device, tensor.dtype), _Group())
            group.tensors.append(tensor)
            group.owners.append(place)

    def _place(self, quantity: str, name: str, whole: int) -> int:
        place = self._labels.setdefault((quantity, name), len(self._labels))
        if place == len(self._wholes):
            self._wholes.append(0)
        self._wholes[place] += whole
        return place
