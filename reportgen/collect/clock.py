"""The steps of one optimizer."""

from __future__ import annotations

import weakref
from collections.abc import Sequence

from torch import Tensor
from torch.optim import Optimizer

from reportgen.collect.held import Held
from reportgen.collect.parameters import Named, Updates
from reportgen.collect.watched import Watched
from reportgen.run.series import Stamp

# A learning rate is recorded when it has moved by this share since it was recorded last.
RATE_CHANGE = 0.02


class Clock:
    """How many steps an optimizer has completed, and what is due at the next one.

    models: the watched models whose parameters it holds; () for an optimizer that is none of ours.
    """

    def __init__(self, optimizer: Optimizer, models: Sequence[Watched], first: bool) -> None:
        self.optimizer = weakref.ref(optimizer)
        self.models = tuple(models)
        self.first = first
        self.count = 0
        self.due = True
        self.under_way: Stamp | None = None
        self.updates = Updates()
        self.held = Held()
        self._rates: list[object] = []

    def parameters(self, watched: Watched) -> list[Named]:
        """The parameters of `watched` that it changes now (groups may be added as layers are unfrozen)."""
        optimizer = self.optimizer()
        if optimizer is None:
            return []
        held = {id(p) for group in optimizer.param_groups for p in group["params"]}
        return [(name, p) for name, p in watched.parameters() if id(p) in held]

    def moved_rates(self, optimizer: Optimizer, always: bool) -> dict[int, float]:
        """Learning rates by group where they moved by 2 % since the last time (all of them with `always`)."""
        groups = optimizer.param_groups
        if len(self._rates) != len(groups):
            self._rates = [None] * len(groups)
        moved: dict[int, float] = {}
        for index, group in enumerate(groups):
            rate, last = group.get("lr"), self._rates[index]
            if rate is last and not always:
                continue
            if isinstance(rate, Tensor):
                if rate.device.type != "cpu" or not always or rate.numel() != 1:
                    continue  # reading it would wait for the accelerator, or cost a conversion at each step
                rate = float(rate)
            if not isinstance(rate, (int, float)):
                continue
            if always or not isinstance(last, (int, float)) or abs(rate - last) > RATE_CHANGE * abs(last):
                self._rates[index] = moved[index] = float(rate)
        return moved


def holders(optimizer: Optimizer, models: Sequence[Watched]) -> list[Watched]:
    """The watched models of which `optimizer` holds a parameter."""
    held = {id(p) for group in optimizer.param_groups for p in group["params"]}
    return [watched for watched in models if any(id(p) in held for _, p in watched.parameters())]
