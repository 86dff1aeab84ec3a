"""Watching models train: what report.watch, report.snapshot and report.histogram do."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from torch import Tensor, nn
from torch.optim import Optimizer

from reportgen.collect.data import DataSets
from reportgen.collect.distribution import distributions_of
from reportgen.collect.evidence.losses import Losses
from reportgen.collect.forward_hooks import ForwardHooks
from reportgen.collect.graph.asked import asked_graph, uncalled_graph
from reportgen.collect.graph.faults import fault_in
from reportgen.collect.graph.settings import paths_of, type_name
from reportgen.collect.model_record import record_of, unwrapped
from reportgen.collect.numbers import reason_against, tensor_of
from reportgen.collect.quiet import capturing
from reportgen.collect.step_hooks import StepHooks
from reportgen.collect.watched import Watched
from reportgen.collect.work import Work
from reportgen.errors import InvalidArgumentError
from reportgen.run.graph import Fault, Graph

if TYPE_CHECKING:
    from types import TracebackType

    from reportgen.collect.recorder import Recorder


class Watcher:
    """The watched models of one report. Adds hooks to torch, none to a model or an optimizer; `close` removes them."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._work = Work(recorder)
        recorder.before_flush.append(self._work.deliver)  # before what sums up what is delivered
        self._forwards = ForwardHooks(self._work, self._follow_forward, self._without_forwards)
        self._steps = StepHooks(self._work, self._forwards.stepped)
        self._losses = self._forwards.calls.losses = Losses(self._work)
        self._forwards.calls.memory = self._steps.memory
        self._forwards.calls.data = DataSets.of(recorder)
        self._final_step: int | None = None
        self._names: WeakKeyDictionary[nn.Module, str] = WeakKeyDictionary()  # of models whose graph was asked for
        self._given: dict[str, int] = {}  # each name ever given (another model never gets it) -> how many were like it
        self._asked: dict[str, Graph] = {}
        self._whole: set[str] = set()  # names of those whose asked forward returned

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
        known = self._names.pop(root, None)  # its graph was asked for before
        label = known if known and name in (None, known) else self._unique(name or type_name(root))
        watched = Watched(label, model, criterion, scheduler)
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
        if self._captures("snapshot"):
            return
        at = self._recorder.optimizer_step if step is None else step
        for watched in self._work.models:
            with self._work.part("watch.snapshot"):
                self._steps.snapshot(watched, self._recorder.stamp(step=at))

    def predicted(self, split: str) -> None:
        """What the latest forwards gave went to `report.predictions` of `split`."""
        with self._work.part("watch.modes"):
            self._forwards.calls.predicted(split)

    @property
    def losses_known(self) -> bool:
        """Whether a logged loss would tell nothing that is not known of it."""
        return self._losses.known

    def logged_loss(self, tag: str, tensor: Tensor) -> None:
        """A loss, a tensor with a grad_fn, was logged under `tag`."""
        self._losses.logged(tag, tensor)  # in a part of its own where there is anything to do

    def loss_not_finite(self) -> None:
        """A logged loss, a number on the host, is NaN or infinite."""
        with self._work.part("watch.non_finite"):
            self._forwards.calls.loss_not_finite()

    def final(self) -> None:
        """Record the weights that training ended with (once a step): the schedule's last look may be far back."""
        stamp = self._recorder.stamp()
        for watched in self._work.models:
            if stamp.optimizer_step and not watched.forwards and not watched.graph_known:
                if self._forwards.calls.trained_in_eval(watched):
                    why = "was in eval mode whenever it trained: its activations were not looked at. Call model.train()"
                else:
                    why = "itself was never called in training, only parts of it: neither its graph nor its activations"
                    why += " were seen. Call the model, or watch its parts"
                self._recorder.note("omission", "watch", f"{watched.name} {why}.")
        if stamp.optimizer_step == self._final_step:
            return
        self._final_step = stamp.optimizer_step
        for watched in self._work.models:
            with self._work.part("watch.snapshot"):
                self._steps.final(watched, stamp)

    def histogram(self, tag: str, values: object, step: int | None = None) -> None:
        """Record the distribution of `values` (a tensor, an array, nested lists of numbers) under `tag`."""
        tensor = tensor_of(values)
        reason = reason_against(tensor)
        if reason:
            self._recorder.note("rejected", f"histogram {tag!r}", f"left out: {reason}")
            return
        if tensor.is_cuda and self._captures(f"histogram {tag!r}"):
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
        with self._work.part("watch.modes"):
            self._forwards.calls.close()
        for watched in self._work.models:
            watched.let_go()
        self._work.models.clear()

    def _captures(self, where: str) -> bool:
        """Whether a CUDA graph is being captured here, which is noted: its numbers are none yet."""
        captures = capturing()
        if captures:
            self._recorder.note("rejected", where, "left out: a CUDA graph is being captured. Call it after replay()")
        return captures

    @property
    def observing(self) -> bool:
        """Whether a forward is being observed, or one that was has not been seen to end."""
        return self._forwards.observing

    def settle(self) -> None:
        """Take modes of a forward that is over off torch's stacks, if nothing did so before."""
        self._forwards.settle()

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

    def fault(self, error: BaseException) -> Fault | None:
        """What the innermost watched module that `error` went through was called with, None if it went through none."""
        paths: dict[int, str] = {}
        for watched in self._work.models:
            root = watched.root()
            for key, path in {} if root is None else paths_of(root).items():
                several = len(self._work.models) > 1  # then it is said of which, as `current_module` does
                paths[key] = (self._work.name(watched, path) if path else watched.name) if several else path
        return fault_in(error, paths)

    def graph(self, model: nn.Module, args: Sequence[object], kwargs: Mapping[str, object]) -> None:
        """Record the graph of `model`, watched or not, by a forward of ours with these arguments.

        Of one model the last graph recorded is shown. This one never replaces that of a whole training forward, nor,
        when the forward raises, that of a whole one asked for before. The first training forward replaces it.

        Raises InvalidArgumentError for what is no module. What the model's own forward raises becomes a note beside the
        graph up to there, and is raised when the recorder is strict.
        """
        if not isinstance(model, nn.Module):
            raise InvalidArgumentError("model", model, "a torch.nn.Module")
        if not self._recorder.owner:
            return
        graph, error = self.asked(model, args, kwargs)
        if error is None:
            return
        if self._recorder.strict:
            raise error
        self._recorder.note(
            "rejected", "graph", f"the forward of {graph.model} that report.graph ran raised {told_of(graph, error)}"
        )

    def asked(
        self, model: nn.Module, args: Sequence[object], kwargs: Mapping[str, object]
    ) -> tuple[Graph, Exception | None]:
        """Record the graph of `model` as `graph` does; the graph, and what the model's own forward raised."""
        name = self._name_of(unwrapped(model))
        graph, error = asked_graph(name, model, args, kwargs)
        self._keep_asked(name, graph, error)
        return graph, error

    def uncalled(self, model: nn.Module, why: str) -> Graph:
        """Record the modules of `model`, none of which is called; `why` ends the sentence that says how it was seen."""
        root = unwrapped(model)
        name = self._name_of(root)
        graph = replace(uncalled_graph(name, root, f"nothing: {why}"), autograd_note=f"The model was not run: {why}.")
        if name not in self._asked:
            self._keep_asked(name, graph, None)
            self._whole.discard(name)
        return graph

    def _keep_asked(self, name: str, graph: Graph, error: Exception | None) -> None:
        if self._improves(name, graph, error):
            self._asked[name] = graph
            if error is None:
                self._whole.add(name)
            self._recorder.record("graph", graph)

    def late_graphs(self) -> None:
        """Record the graphs of evaluation forwards where no training forward came, and the times of modules so far."""
        for watched in self._work.models:
            graph, watched.evaluated = watched.evaluated, None
            taken = watched.graph_taken or watched.failed_graphs or watched.name in self._asked
            if graph is not None and not taken:
                self._recorder.record("graph", graph)
        self._forwards.final()

    def _improves(self, name: str, graph: Graph, error: Exception | None) -> bool:
        """Whether a graph that was asked for is to be recorded after those that were."""
        if any(watched.name == name and watched.whole_graph for watched in self._work.models):
            return False
        before = self._asked.get(name)
        if before is None:
            return True
        if error is not None and name in self._whole:
            return False
        return before != graph  # asked in each epoch, it is the same each time

    def _name_of(self, root: nn.Module) -> str:
        """The name of a model's graph: that under which it is watched, else its class, told apart by a number."""
        for watched in self._work.models:
            if watched.root() is root:
                return watched.name
        if root not in self._names:
            self._names[root] = self._unique(type_name(root))
        return self._names[root]

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
                graph = _compiled_graph(watched)
                if graph is not None and watched.name in self._whole:  # one with calls was asked for before
                    self._recorder.note("omission", watched.name, graph.notes[0])
                elif graph is not None:
                    self._recorder.record("graph", graph)

    def _unique(self, name: str) -> str:
        unique = name
        while unique in self._given:
            self._given[name] += 1
            unique = f"{name}-{self._given[name]}"
        self._given[unique] = 1
        return unique


def told_of(graph: Graph, error: Exception) -> str:
    """The error that ended a model's forward and, where a rule knows the mistake, what to change."""
    told = f"{type(error).__name__}: {error}"
    fault = graph.fault
    if fault is not None and fault.expected:
        told += f" ({fault.module or fault.type} expects {fault.expected}). {fault.change}"
    return told


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


def _compiled_graph(watched: Watched) -> Graph | None:
    root = watched.root()
    if root is None:
        return None
    graph = uncalled_graph(watched.name, root, "nothing: torch.compile is used")
    told = (
        "torch.compile is used: compiled modules are not called one by one, and compiled wrappers warn of hooks. "
        "So no calls and no activations are seen; weights, gradients and updates are."
    )
    note = "torch.compile is used, so there is no autograd graph of single operations."
    return replace(graph, autograd_note=note, notes=(told, *graph.notes))
