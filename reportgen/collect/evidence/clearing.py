"""Whether gradients are cleared between optimizer steps: looked at when backward begins, through the graph itself."""

from __future__ import annotations

import threading
import weakref
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from reportgen.collect.distribution.sheet import Host
from reportgen.collect.evidence.saved import compiled_backward
from reportgen.collect.numbers import reason_against, sampled
from reportgen.collect.quiet import capturing, quiet

if TYPE_CHECKING:
    from reportgen.collect.watched import Watched
    from reportgen.collect.work import Work

# Gradients looked at of a model, and elements of each.
MOST_PARAMETERS = 3
SAMPLE = 64
# Output tensors of one forward whose backward is noted.
MOST_OUTPUTS = 8


@dataclass(slots=True)
class _Gradient:
    """The gradient that a parameter had when its optimizer's step ended; no reference keeps it."""

    parameter: weakref.ref[nn.Parameter]
    gradient: weakref.ref[Tensor]
    version: int


@dataclass(slots=True)
class _Begun:
    """One backward. cleared: whether gradients had been cleared when it began. waiting: a device is yet to say so."""

    cleared: bool = False
    waiting: bool = False


@dataclass(eq=False)  # without slots, so that there can be weak references to it
class Cleared:
    """What is known of one model. kept_since: the optimizer steps done at the first that were kept.

    after: the optimizer steps after which gradients are watched now. begun: the backwards since then. undecided: the
    steps before, in order, of which a device is yet to say something. own: ids of the model's parameters, as they were
    when the optimizer was, and held as many, as owned_by says.
    """

    watched: Watched
    backwards: int = 0
    checked: int = 0
    kept: int = 0
    longest: int = 0
    kept_since: int = 0
    row: int = 0
    after: int = 0
    task: int = -1
    held: list[_Gradient] = field(default_factory=list)
    begun: list[_Begun] = field(default_factory=list)
    undecided: deque[tuple[int, list[_Begun]]] = field(default_factory=deque)
    own: set[int] = field(default_factory=set)
    owned_by: tuple[int, int] = (0, 0)


class Clearing:
    """Compares gradients as each backward begins with those of the last optimizer step.

    Cleared counts a step if, at any backward before the next step, a gradient was None, another tensor, or all zeros:
    then it does not matter who did it, when, how often gradients accumulate, or what other models do to them between.
    """

    def __init__(self, work: Work) -> None:
        self._work = work
        self._lock = threading.Lock()

    def follow(self, cleared: Cleared, outputs: Sequence[tuple[str, Tensor]]) -> None:
        """Be told when the backward of these outputs of a training forward begins.

        The hook hangs on their nodes of the autograd graph, and goes with them. It holds no tensor and returns None,
        so gradients go on as they are.
        """
        if compiled_backward():
            return
        reference, thing = weakref.ref(cleared), weakref.ref(self)

        def begins(gradients: tuple[Tensor, ...]) -> None:
            one, clearing = reference(), thing()
            if one is not None and clearing is not None:
                clearing._begins(one)

        for _, tensor in outputs[:MOST_OUTPUTS]:
            node = tensor.grad_fn
            if node is not None and hasattr(node, "register_prehook"):
                node.register_prehook(begins)

    def stepped(self, cleared: Cleared, steps: int, look: bool) -> None:
        """The model's optimizer has made so many steps. look: those gradients are to be watched until the next."""
        if cleared.held and cleared.begun:
            cleared.undecided.append((cleared.after, cleared.begun))
            self._decide(cleared)
        cleared.begun = []
        cleared.held = self._gradients(cleared) if look else []
        cleared.after = steps

    def _begins(self, cleared: Cleared) -> None:
        try:
            task = torch._C._current_graph_task_id()
            if task == cleared.task or torch.compiler.is_compiling():
                return  # the same backward, at another of the outputs
            cleared.task = task
            cleared.backwards += 1
            if cleared.held and not capturing():
                with torch._C.DisableTorchFunction():
                    cleared.begun.append(self._begun(cleared))
        except Exception as error:
            with self._work.part("watch.gradients"):
                raise error

    def _begun(self, cleared: Cleared) -> _Begun:
        """Whether gradients are others than those of the last step. Where a device would have to be waited for, those
        that were written to are taken to be cleared, and the others are asked for whether they are all zeros."""
        on_device: list[Tensor] = []
        for held in cleared.held:
            parameter = held.parameter()
            gradient = parameter.grad if parameter is not None and parameter.requires_grad else None
            if gradient is None or held.gradient() is not gradient or reason_against(gradient):
                return _Begun(True)
            if gradient.layout is not torch.strided:
                return _Begun(True)
            if gradient.is_cpu and not self._work.later.hold:
                with quiet():
                    if not sampled(gradient, SAMPLE).any():
                        return _Begun(True)
            elif gradient._version != held.version:
                return _Begun(True)
            else:
                on_device.append(gradient)
        begun = _Begun(waiting=bool(on_device))
        if on_device:
            with quiet():
                found = [sampled(one, SAMPLE).ne(0).any().reshape(1) for one in on_device]

            def write(host: list[Host]) -> None:
                begun.cleared = not all(bool(one.all()) for one in host)
                begun.waiting = False
                self._decide(cleared)

            self._work.later.arrays(found, write)
        return begun

    def _decide(self, cleared: Cleared) -> None:
        """Count the steps of which everything is known."""
        with self._lock:  # a device's answers come in the thread that writes
            while cleared.undecided and not any(begun.waiting for begun in cleared.undecided[0][1]):
                after, begun = cleared.undecided.popleft()
                cleared.checked += 1
                if any(one.cleared for one in begun):
                    cleared.row = 0
                    continue
                if not cleared.kept:
                    cleared.kept_since = after
                cleared.kept += 1
                cleared.row += 1
                cleared.longest = max(cleared.longest, cleared.row)

    @staticmethod
    def _gradients(cleared: Cleared) -> list[_Gradient]:
        """The first, a middle and the last gradient that the model's leading optimizer has used."""
        watched = cleared.watched
        optimizer = watched.leader() if watched.leader is not None else None
        if optimizer is None:
            return []
        # Asking a model for its parameters takes longer than looking at these three.
        key = (id(optimizer), sum(len(group["params"]) for group in optimizer.param_groups))
        if cleared.owned_by != key:
            cleared.owned_by, cleared.own = key, {id(parameter) for _, parameter in watched.parameters()}
        own = cleared.own
        used = [
            parameter
            for group in optimizer.param_groups
            for parameter in group["params"]
            if id(parameter) in own and parameter.requires_grad and parameter.grad is not None
        ]
        places = sorted({0, len(used) // 2, len(used) - 1}) if used else []
        return [
            _Gradient(weakref.ref(used[i]), weakref.ref(used[i].grad), used[i].grad._version)
            for i in places[:MOST_PARAMETERS]
        ]
