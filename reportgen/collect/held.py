"""Which parameters an optimizer holds of watched models, remembered between steps without keeping any of them alive."""

from __future__ import annotations

import weakref
from collections.abc import Sequence

from torch import nn
from torch.optim import Optimizer

from reportgen.collect.parameters import Named
from reportgen.collect.watched import Watched

Found = list[tuple[Watched, list[Named]]]


class Held:
    """Asking a model for its parameters takes longer than looking at them, so what was found last is given again.

    It is while the optimizer holds the same parameters and as many models are watched, on which their names depend.
    That a layer got another name is noticed when the model is asked again.
    """

    def __init__(self) -> None:
        self._of: tuple[int, ...] = ()
        self._models = 0
        self._found: list[tuple[Watched, list[tuple[str, weakref.ref[nn.Parameter]]]]] = []

    def known(self, optimizer: Optimizer, models: int) -> Found | None:
        """What was kept, if it still holds. models: how many are watched."""
        if not self._found or models != self._models or self._of != _ids(optimizer):
            return None
        found: Found = []
        for watched, references in self._found:
            named = [(name, parameter) for name, reference in references if (parameter := reference()) is not None]
            if len(named) < len(references):
                return None
            found.append((watched, named))
        return found

    def keep(self, optimizer: Optimizer, models: int, found: Sequence[tuple[Watched, list[Named]]]) -> None:
        """Remember `found`."""
        self._of, self._models = _ids(optimizer), models
        self._found = [(watched, [(name, weakref.ref(p)) for name, p in named]) for watched, named in found]

    def forget(self) -> None:
        """Ask the models again the next time."""
        self._found = []


def _ids(optimizer: Optimizer) -> tuple[int, ...]:
    return tuple([id(parameter) for group in optimizer.param_groups for parameter in group["params"]])
