"""Watching models train: what report.watch, report.snapshot and report.histogram do."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from reportgen.collect.distribution import distributions_of
from reportgen.collect.forward_hooks import ForwardHooks
from reportgen.collect.model_record import record_of, unwrapped
from reportgen.collect.numbers import reason_against
from reportgen.collect.step_hooks import StepHooks
from reportgen.collect.watched import Watched
from reportgen.collect.work import Work
from reportgen.errors import InvalidArgumentError
from reportgen.run.graph import Graph

if TYPE_CHECKING:
    from types import TracebackType

    from reportgen.collect.recorder import Recorder


class Watcher:
    """The watched models of one report. Adds hooks to torch, none to a model or an optimizer; `close` removes them."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._work = Work(recorder)
        self._forwards = ForwardHooks(self._work, self._follow_forward, self._without_forwards)
        self._steps = StepHooks(self._work, self._forwards.stepped)
        self._final_step: int | None = None
        recorder.before_flush.append(self._work.later.deliver)

    def watch(
        self,
        model: nn.Module,
        optimizer: Optimizer | Iterable[Optimizer] | None = None,
        criterion: object = None,
        *,
        name: str | None = None,
        scaler: object = None,
        scheduler: object = None,
    ) -> None:
        """Watch `model` from now on. An optimizer that is not given is found when it steps.

        criterion (a loss module or function) and scheduler are recorded by class and settings; of scaler, a GradScaler,
        the scale is recorded. Raises InvalidArgumentError for anything else.
        """
        if not isinstance(model, nn.Module):
            raise InvalidArgumentError("model", model, "a torch.nn.Module")
        optimizers = _optimizers(optimizer)
        if criterion is not None and not callable(criterion):
            raise InvalidArgumentError("criterion", criterion, "a loss: a torch.nn.Module or a function")
        if scaler is not None and not hasattr(scaler, "get_scale"):
            raise InvalidArgumentError("scaler", scaler, "a torch.amp.GradScaler")
        if scheduler is not None and not hasattr(scheduler, "state_dict"):
            raise InvalidArgumentError("scheduler", scheduler, "a scheduler of torch.optim.lr_scheduler")
        root = unwrapped(model)
        if any(watched.root() is root for watched in self._work.models):
            raise InvalidArgumentError("model", type(root).__name__, "a model that is not watched yet (once is enough)")
        watched = Watched(self._unique(name or type(root).__name__), model, criterion, scheduler)
        watched.scaler = scaler
        self._work.models.append(watched)
        self._steps.forget_strangers()
        self._steps.install()
        self._forwards.install()
        record = watched.refresh(optimizers)
        for one in optimizers:
            self._steps.add(one)
        self._forwards.add(watched)
        self._recorder.record("model", record or record_of(watched.name, model, optimizers, criterion, scheduler))
        if watched.compiled or self._forwards.refused:
            self._without_graph(watched)

    def snapshot(self, step: int | None = None) -> None:
        """Record the distributions of weights and gradients of all watched models as they are now."""
        at = self._recorder.optimizer_step if step is None else step
        for watched in self._work.models:
            with self._work.part("watch.snapshot"):
                self._steps.snapshot(watched, self._recorder.stamp(step=at))

    def final(self) -> None:
        """Record the weights that training ended with (once a step): the schedule's last look may be far back."""
        stamp = self._recorder.stamp()
        for watched in self._work.models:
            if stamp.optimizer_step and not watched.forwards and not watched.graph_known:
                self._recorder.note(
                    "omission",
                    "watch",
                    f"{watched.name} itself was never called in training, only parts of it: neither its graph nor its "
                    "activations were seen. Call the model, or watch its parts.",
                )
        if stamp.optimizer_step == self._final_step:
            return
        self._final_step = stamp.optimizer_step
        for watched in self._work.models:
            with self._work.part("watch.snapshot"):
                self._steps.final(watched, stamp)

    def histogram(self, tag: str, values: object, step: int | None = None) -> None:
        """Record the distribution of `values` (a tensor, an array, nested lists of numbers) under `tag`."""
        try:
            tensor = values if isinstance(values, Tensor) else torch.as_tensor(values)
        except (TypeError, ValueError, RuntimeError) as error:
            raise InvalidArgumentError("values", values, "a tensor, an array or nested lists of numbers") from error
        reason = reason_against(tensor)
        if reason:
            self._recorder.note("rejected", f"histogram {tag!r}", f"left out: {reason}")
            return
        stamp = self._recorder.stamp(step, tag)
        (made,) = distributions_of([tensor])
        self._recorder.distributions({"histogram": {tag: made}}, stamp)

    def close(self) -> None:
        """Remove the hooks and write what is still on an accelerator."""
        self._forwards.remove()
        self._steps.remove()
        with self._work.part("watch.fetch"):
            self._work.later.deliver()
        self._work.models.clear()

    def current_module(self, error: BaseException | None = None) -> str:
        """The innermost watched module in which `error` (default: the one being handled) was raised, "" if in none.

        Read from the frames the exception went through, so nothing needs to be followed while training goes well.
        """
        error = error or sys.exc_info()[1] or getattr(sys, "last_value", None)
        found = ""
        traceback: TracebackType | None = error.__traceback__ if error is not None else None
        while traceback is not None:
            module = traceback.tb_frame.f_locals.get("self")
            if isinstance(module, nn.Module):
                for watched in self._work.models:
                    path = watched.paths.get(id(module))
                    if path is not None:
                        found = self._work.name(watched, path) if path else watched.name
            traceback = traceback.tb_next
        return found

    def _follow_forward(self, watched: Watched, step: int) -> None:
        if self._work.schedule.snapshot(step):
            with self._work.part("watch.snapshot"):
                self._steps.snapshot(watched, self._recorder.stamp(step=step))

    def _without_forwards(self) -> None:
        """torch.compile wraps a module: what was not captured by now will not be."""
        for watched in self._work.models:
            self._without_graph(watched)

    def _without_graph(self, watched: Watched) -> None:
        if not watched.graph_known:
            watched.graph_taken = watched.graph_known = True
            with self._work.part("watch.graph"):
                self._recorder.record("graph", _compiled_graph(watched))

    def _unique(self, name: str) -> str:
        taken = {watched.name for watched in self._work.models}
        number, unique = 1, name
        while unique in taken:
            number += 1
            unique = f"{name}-{number}"
        return unique


def _optimizers(given: object) -> list[Optimizer]:
    found = [given] if isinstance(given, Optimizer) or given is None else given
    if not isinstance(found, Iterable):
        raise InvalidArgumentError("optimizer", given, "a torch.optim.Optimizer or several")
    kept: list[Optimizer] = []
    for one in found.values() if isinstance(found, dict) else found:
        if one is None:
            continue
        if not isinstance(one, Optimizer):
            raise InvalidArgumentError("optimizer", one, "a torch.optim.Optimizer or several")
        while isinstance(inner := getattr(one, "optimizer", None), Optimizer):  # a wrapper steps the one inside
            one = inner
        kept.append(one)
    return kept


def _compiled_graph(watched: Watched) -> Graph:
    parameters = [parameter for _, parameter in watched.parameters()]
    sizes = [0 if nn.parameter.is_lazy(p) else p.numel() for p in parameters]
    return Graph(
        model=watched.name,
        captured="nothing: torch.compile is used",
        parameters=sum(sizes),
        trainable=sum(size for size, p in zip(sizes, parameters, strict=True) if p.requires_grad),
        autograd_note="torch.compile is used, so there is no autograd graph of single operations.",
        notes=(
            "torch.compile is used: compiled modules are not called one by one, and compiled wrappers warn of hooks. "
            "So no calls and no activations are seen; weights, gradients and updates are.",
        ),
    )
