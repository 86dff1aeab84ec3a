"""How the loss is computed: of the calls of a watched criterion, of what is logged, and of what models give."""

from __future__ import annotations

import sys
import threading
import weakref
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from types import FrameType
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from reportgen.collect.evidence.criteria import KINDS, given_to
from reportgen.collect.evidence.facts import Facts
from reportgen.collect.evidence.loss_nodes import Computed, as_nll, losses_in
from reportgen.collect.evidence.loss_sums import LossSum, labels_by_gradient
from reportgen.collect.evidence.saved import Node, compiled_backward, inputs_of, sequence_of, through_views
from reportgen.collect.evidence.summed import Summed
from reportgen.collect.graph.settings import type_name
from reportgen.collect.model_record import name_of
from reportgen.collect.quiet import capturing, quiet
from reportgen.collect.structure import spec_of, tensors_in

if TYPE_CHECKING:
    from reportgen.collect.watched import Watched
    from reportgen.collect.work import Work

# Calls that are all looked at; later ones as the schedule of activations says, once a step.
FIRST_CALLS = 8
# Outputs of a model that are looked at.
MOST_OUTPUTS = 4
# Frames between a hook of ours in backward and the call of it, and nodes between a loss and a parameter.
MOST_FRAMES = 12
MOST_NODES = 400
# The functions whose frame holds the loss that backward was asked for, and under which name.
_BACKWARD = {Tensor.backward.__code__: "self", torch.autograd.backward.__code__: "tensors"}


class Losses:
    """Makes LossUse records, of training only: where gradients are enabled.

    A module of torch.nn that is watched as criterion tells all itself. Of another loss (a function, a lambda, a module
    of the user's, one computed in the model) the autograd graph tells which it is. If it is never logged as a tensor it
    is found when the backward of the model's output begins, which is inside the call of `backward`.
    """

    def __init__(self, work: Work) -> None:
        self._work = work
        self._sums: dict[tuple[str, str, str, str], LossSum] = {}
        self._calls: dict[tuple[str, str], list[int]] = {}  # model and seen -> calls so far, step of the last look
        self._outputs: dict[str, Facts] = {}
        self._made: dict[str, dict[int, str]] = {}  # model -> sequence numbers of its last outputs -> their places
        self._read: set[str] = set()  # models of whose last outputs a loss was read
        work.recorder.before_flush.append(self._put)
        self._summed = Summed(work.recorder, "loss_use")

    # -- where it comes from --------------------------------------------------------------------------------------

    def called(
        self, watched: Watched, module: nn.Module, args: Sequence[object], kwargs: Mapping[str, object], output: object
    ) -> None:
        """The criterion watched with `watched` was called."""
        if not self._due(watched.name, "criterion"):
            return
        with self._work.part("watch.losses"):
            loss = output if isinstance(output, Tensor) else next((t for _, t in tensors_in(output)), None)
            name = type_name(module)
            self._read.add(watched.name)
            with quiet():
                one = given_to(module, args, kwargs)
                if one is not None:
                    self._take(watched.name, name, "criterion", one, loss)
                    return
                known = losses_in(loss) if loss is not None else []
                for one in known:
                    self._as_given(watched, one)
                    self._take(watched.name, name, "criterion", one, loss)
                if not known:
                    self._take(watched.name, name, "criterion", _unknown(args, kwargs), loss)

    def output(self, watched: Watched, output: object) -> None:
        """A watched model gave `output` in training."""
        if not self._due(watched.name, "output"):
            return
        with self._work.part("watch.losses"):
            name = watched.name
            self._read.discard(name)
            made: dict[int, str] = {}
            facts = self._outputs.setdefault(name, Facts(self._work.later))
            with quiet():
                found = [(place, tensor) for place, tensor in tensors_in(output) if tensor.grad_fn is not None]
                losses = [(place, tensor) for place, tensor in found if tensor.dim() == 0][:MOST_OUTPUTS]
                others = [(place, tensor) for place, tensor in found if tensor.dim() and tensor.is_floating_point()]
                for place, tensor in others[:MOST_OUTPUTS]:
                    facts.take(place, tensor)
                    numbers = (sequence_of(node) for node in through_views(tensor.grad_fn))
                    made.update((number, place) for number in numbers if number is not None)
                self._made[name] = made
                for _, tensor in losses:
                    for one in losses_in(tensor):
                        self._read.add(name)
                        self._as_given(watched, one)
                        self._take(name, "", "output", one, tensor)
                if name not in self._read and (name, "criterion") not in self._calls:
                    for _, tensor in others[:MOST_OUTPUTS]:
                        self._follow(watched, tensor)

    @property
    def known(self) -> bool:
        """Whether what is logged would tell nothing more: of the one model's last outputs a loss was read."""
        models = self._work.models
        return not models or (len(models) == 1 and models[0].name in self._read)

    def logged(self, tag: str, tensor: Tensor) -> None:
        """A loss was logged under `tag`, before backward or after it."""
        if self.known or not isinstance(tensor, Tensor):
            return
        if tensor.grad_fn is None or not self._due(tag, "loss", graph=False):
            return
        with self._work.part("watch.losses"), quiet():
            watched = self._model_of(tensor)
            if watched is None or watched.name in self._read:
                return
            for one in losses_in(tensor):
                self._as_given(watched, one)
                self._take(watched.name, _criterion(watched), "loss", one, tensor, tag)

    # -- inside ---------------------------------------------------------------------------------------------------

    def _due(self, name: str, seen: str, graph: bool = True) -> bool:
        """Whether this call is to be looked at. graph: only if gradients are enabled."""
        if graph and not torch.is_grad_enabled():
            return False
        if not self._work.recorder.owner or torch.compiler.is_compiling() or capturing():
            return False
        if torch._C._functorch.peek_interpreter_stack() is not None:
            return False
        calls = self._calls.get((name, seen))
        if calls is None:
            calls = self._calls[(name, seen)] = [0, -1]
        step = self._work.recorder.optimizer_step
        calls[0] += 1
        if calls[0] > FIRST_CALLS and (calls[1] == step or not self._work.schedule.activations(step)):
            return False
        calls[1] = step
        return True

    def _take(
        self, model: str, criterion: str, seen: str, one: Computed, loss: Tensor | None, tag: str = ""
    ) -> LossSum | None:
        key = (model, criterion, one.kind, seen)
        known = self._sums.get(key)
        if known is None:
            known = self._sums[key] = LossSum(self._work.later, *key)
            known.tag = tag
        elif known.tag != tag:  # another loss of the same kind: what is true of both is not known
            return None
        made = self._made.get(model, {})
        place = next((made[number] for number in one.sequence if number in made), None)
        known.take(one, self._work.recorder.stamp(), place, loss)
        return known

    def _as_given(self, watched: Watched, one: Computed) -> None:
        """Tell cross entropy from nll_loss of log-softmax, by who computed that one."""
        if one.kind != "cross_entropy" or one.logs is None:
            return
        if _function(watched) == "nll_loss" or sequence_of(one.logs) in self._made.get(watched.name, {}):
            as_nll(one)

    def _follow(self, watched: Watched, output: Tensor) -> None:
        """Look for the loss when the backward of `output` begins. The hook goes with the graph."""
        node, shape = output.grad_fn, spec_of(output).shape
        if node is None or compiled_backward():
            return
        thing, of, thread = weakref.ref(self), weakref.ref(watched), threading.get_ident()

        def begins(gradients: Sequence[Tensor | None]) -> None:
            losses, model = thing(), of()
            if losses is None or model is None or model.name in losses._read:
                return
            if torch.compiler.is_compiling() or capturing():
                return
            with losses._work.part("watch.losses"), quiet():
                losses._began(model, gradients, shape, thread)

        node.register_prehook(begins)

    def _began(self, watched: Watched, gradients: Sequence[Tensor | None], shape: tuple[int, ...], thread: int) -> None:
        loss = loss_of(thread)
        if loss is None:
            return
        self._read.add(watched.name)
        for one in losses_in(loss):
            self._as_given(watched, one)
            known = self._take(watched.name, _criterion(watched), "loss", one, loss if one.whole else None)
            gradient = next((g for g in gradients if g is not None and spec_of(g).shape == shape), None)
            # Where the loss took the output as it is, its gradient is the loss's alone.
            if known is None or gradient is None or one.target is not None or one.kind != "cross_entropy":
                continue
            if one.shape != shape:  # tokens of a batch of sequences in one row, or classes moved to dimension 1
                gradient = gradient.reshape(-1, shape[-1]) if one.classes == shape[-1] else None
            labels = labels_by_gradient(gradient) if gradient is not None else None
            if labels is not None:
                known.labels(labels)

    def _model_of(self, loss: Tensor) -> Watched | None:
        """The watched model whose parameter is the nearest to `loss` in its graph."""
        models = self._work.models
        if len(models) == 1:
            return models[0]
        owners = {id(parameter): watched for watched in models for _, parameter in watched.parameters()}
        todo: deque[Node | None] = deque([loss.grad_fn])
        seen: set[int] = set()
        kept: list[Node] = []  # an id is one node's only as long as it lives
        while todo and len(kept) < MOST_NODES:
            node = todo.popleft()
            if node is None or id(node) in seen:
                continue
            seen.add(id(node))
            kept.append(node)
            owner = owners.get(id(getattr(node, "variable", None)))
            if owner is not None:
                return owner
            todo.extend(inner for inner, _ in inputs_of(node))
        return None

    def _put(self) -> None:
        """Hand what has changed to the recorder."""
        if self._work.recorder.asked:
            self._work.deliver()
        for key, known in tuple(self._sums.items()):
            if known.changed:
                outputs = self._outputs.get(key[0])
                self._summed.put(key, known.record(outputs.facts() if outputs is not None else ()))


def _criterion(watched: Watched) -> str:
    """The name of the function that is watched as criterion, "" if it is a module, or there is none."""
    criterion = getattr(watched, "_criterion", None)
    if criterion is None or isinstance(criterion, nn.Module):
        return ""
    return name_of(criterion)


def _function(watched: Watched) -> str:
    """The kind of loss that a function of torch's own, watched as criterion, computes."""
    name = _criterion(watched)
    own = name in KINDS.values() and getattr(functional, name, None) is getattr(watched, "_criterion", None)
    return name if own else ""


def loss_of(thread: int) -> Tensor | None:
    """The tensor of which backward was called, and which a hook is running in now; None if that cannot be told.

    thread: the identifier of the one that ran forward. On the CPU backward is in the thread that called it, for an
    accelerator in one of torch's own while that one waits.
    """
    loss = _loss_in(sys._getframe())
    return _loss_in(sys._current_frames().get(thread)) if loss is None else loss


def _loss_in(frame: FrameType | None) -> Tensor | None:
    """The tensor that the call of backward among the innermost frames from `frame` on was asked for."""
    for _ in range(MOST_FRAMES):
        if frame is None:
            return None
        name = _BACKWARD.get(frame.f_code)
        if name is not None:
            given = frame.f_locals.get(name)
            tensors: Iterable[object] = given if isinstance(given, (tuple, list)) else (given,)
            found = [one for one in tensors if isinstance(one, Tensor)]
            return found[0] if len(found) == 1 else None
        frame = frame.f_back
    return None


def _unknown(args: Sequence[object], kwargs: Mapping[str, object]) -> Computed:
    """A loss of which only the arguments are known: the first tensor of the first, and that of the second."""
    values = [*args, *kwargs.values()]
    first, second = (next((t for _, t in tensors_in(value)), None) for value in [*values, None, None][:2])
    one = Computed("", input=first, target=second)
    if first is not None:
        spec = spec_of(first)
        one.shape, one.dtype = spec.shape, spec.dtype
    return one
