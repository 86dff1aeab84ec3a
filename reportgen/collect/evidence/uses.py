"""What went into a watched model and what came out, and what became of its gradients: the ModelUse of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from torch import Tensor, nn

from reportgen.collect.evidence.clearing import Cleared, Clearing
from reportgen.collect.evidence.facts import Facts
from reportgen.collect.evidence.summed import Summed
from reportgen.collect.numbers import reason_against
from reportgen.collect.structure import arguments
from reportgen.run.evidence import ModelUse

if TYPE_CHECKING:
    from reportgen.collect.watched import Watched
    from reportgen.collect.work import Work

# Tensors looked at of those that go in, and of those that come out.
MOST_TENSORS = 8
# Training forwards without an optimizer's step whose backward is noted: enough to say that there is none.
MOST_WITHOUT_STEP = 64


class ModelUses:
    """One model's sums."""

    def __init__(self, watched: Watched, work: Work) -> None:
        self.watched = watched
        self.cleared = Cleared(watched)
        self.inputs = Facts(work.later)
        self.outputs = Facts(work.later)
        self.looks = 0
        self.without_graph = 0
        self.without_step = 0
        self.told: tuple[int, ...] = ()


class Uses:
    """Sums up looks at training forwards of watched models."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._models: list[ModelUses] = []
        self._clearing = Clearing(work)
        work.recorder.before_flush.append(self._put)  # before what writes it
        self._summed = Summed(work.recorder, "model_use")

    def add(self, watched: Watched) -> ModelUses:
        """Sum up for one more model."""
        made = ModelUses(watched, self._work)
        self._models.append(made)
        return made

    def look(
        self,
        uses: ModelUses,
        root: nn.Module,
        args: Sequence[object],
        kwargs: Mapping[str, object],
        outputs: Sequence[tuple[str, Tensor]],
    ) -> None:
        """A training forward of `root` took these arguments and gave these tensors."""
        uses.looks += 1
        if outputs and not any(t.requires_grad for _, t in outputs) and any(p.requires_grad for p in root.parameters()):
            uses.without_graph += 1
        for facts, tensors in ((uses.inputs, arguments(args, kwargs)), (uses.outputs, outputs)):
            for name, tensor in tensors[:MOST_TENSORS]:
                if not reason_against(tensor):
                    facts.take(name, tensor)

    def follow(self, uses: ModelUses, outputs: Sequence[tuple[str, Tensor]], stepped: bool) -> None:
        """See whether backward begins from what a training forward gave, where that is wanted.

        stepped: an optimizer of the model has made a step.
        """
        if not stepped:
            uses.without_step += 1
        if uses.cleared.held or (not stepped and uses.without_step <= MOST_WITHOUT_STEP):
            self._clearing.follow(uses.cleared, outputs)

    def stepped(self, uses: ModelUses, steps: int) -> None:
        """The model's optimizer has made so many steps."""
        cleared = uses.cleared
        look = self._work.schedule.any(steps)
        if look or cleared.held:
            self._clearing.stepped(cleared, steps, look)

    def _put(self) -> None:
        """Hand over what has changed."""
        for uses in tuple(self._models):
            one = uses.cleared
            now = (uses.looks, one.backwards, one.checked)
            if any(now) and (now != uses.told or self._work.recorder.asked):  # a device may have told more
                uses.told = now
                self._summed.put(uses.watched.name, _record(uses))


def _record(uses: ModelUses) -> ModelUse:
    one = uses.cleared
    return ModelUse(
        model=uses.watched.name,
        looks=uses.looks,
        inputs=uses.inputs.facts(),
        outputs=uses.outputs.facts(),
        without_graph=uses.without_graph,
        backwards=one.backwards,
        checked=one.checked,
        kept=one.kept,
        longest=one.longest,
        kept_since=one.kept_since,
    )
