"""What is looked at of parameters at one moment, handed over together: an accelerator is called once for all of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from reportgen.collect.distribution.sheet import Host
from reportgen.collect.parameters import SAMPLE, norms
from reportgen.collect.quiet import quiet
from reportgen.collect.work import Work
from reportgen.run.distribution import Distribution
from reportgen.run.series import Stamp

Label = tuple[str, str]  # kind or quantity, and the parameter's name


@dataclass(slots=True)
class _Batch:
    """Tensors that are all divided by `scale` (one element), if there is one."""

    scale: Tensor | None = None
    shots: list[tuple[Label, Tensor]] = field(default_factory=list)
    normed: list[tuple[Label, Tensor]] = field(default_factory=list)


class Looks:
    """Gathers tensors and then records their distributions and norms, as they are when `hand_over` is called.

    scale: the loss scale that a fused optimizer will undo in the gradients.
    """

    def __init__(self, work: Work, stamp: Stamp, scale: Tensor | None = None) -> None:
        self._work = work
        self._stamp = stamp
        self._plain = _Batch()
        self._scaled = self._plain if scale is None else _Batch(scale)

    def weights(self, named: Iterable[tuple[str, Tensor]]) -> None:
        """Take the distributions of weights, by their names in records."""
        self._plain.shots += [(("weight", name), tensor) for name, tensor in named]

    def weight_norms(self, named: Iterable[tuple[str, Tensor]]) -> None:
        """Take the norms of weights."""
        self._plain.normed += [(("weight_norm", name), tensor) for name, tensor in named]

    def gradients(self, named: Iterable[tuple[str, Tensor]], whole: bool) -> None:
        """Take the norms of gradients, and their distributions if `whole`."""
        given = list(named)
        self._scaled.normed += [(("gradient_norm", name), tensor) for name, tensor in given]
        if whole:
            self._scaled.shots += [(("gradient", name), tensor) for name, tensor in given]

    def hand_over(self) -> None:
        """Reduce all that was gathered where it lies, and let go of it."""
        for batch in {id(batch): batch for batch in (self._plain, self._scaled)}.values():
            if batch.normed:
                self._norms(batch)
            if batch.shots:
                self._shots(batch)
        self._plain, self._scaled = _Batch(), _Batch()

    def _norms(self, batch: _Batch) -> None:
        labels = [label for label, _ in batch.normed]
        with quiet():
            order, joined = norms([tensor for _, tensor in batch.normed])
            if batch.scale is not None:
                joined = [each / batch.scale.to(each.device) for each in joined]

        def write(host: list[Host]) -> None:
            numbers = dict(zip(order, np.concatenate(host).tolist(), strict=True))
            found: dict[str, dict[str, float]] = {}
            for place, (quantity, name) in enumerate(labels):
                found.setdefault(quantity, {})[name] = numbers[place]
            self._work.recorder.measures(found, self._stamp)

        self._work.later.arrays(joined, write)

    def _shots(self, batch: _Batch) -> None:
        labels = [label for label, _ in batch.shots]

        def write(made: list[Distribution]) -> None:
            found: dict[str, dict[str, Distribution]] = {}
            for (kind, name), distribution in zip(labels, made, strict=True):
                found.setdefault(kind, {})[name] = distribution
            for kind, group in found.items():
                self._work.recorder.distributions({kind: group}, self._stamp)

        self._work.later.distributions([tensor for _, tensor in batch.shots], SAMPLE, write, batch.scale)
