"""The two hooks that torch calls around every module's forward, and what they do in the few forwards looked at.

They are torch's global ones, so a watched model holds nothing of ours, and they stay as long as something is watched:
Dynamo guards on them, so adding and removing them between steps could make a compiled function compile again.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

import torch
from torch import nn
from torch.nn.modules import module as modules
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.utils.hooks import RemovableHandle

from reportgen.collect.compiled import on_wrapping, wrapper_exists
from reportgen.collect.evidence.root_calls import Called, RootCalls
from reportgen.collect.forwards import Forward, calls_itself, keywords_of, write_outputs
from reportgen.collect.graph.asked import asked_for
from reportgen.collect.graph.capture import GraphCapture
from reportgen.collect.graph.observer import held, observing, pause, sweep
from reportgen.collect.graph.safety import why_hooks_only
from reportgen.collect.graph.settings import paths_of
from reportgen.collect.graph.times import ModuleTimes
from reportgen.collect.quiet import capturing
from reportgen.collect.watched import Watched
from reportgen.collect.work import Work

# Training forwards of a model after which, if no optimizer that holds its parameters has made a step, snapshots follow
# the forwards: a loop that never steps, or that changes the weights itself. Gradients accumulate over fewer.
WITHOUT_STEP = 64
# Forwards that raised whose graph is recorded; a loop that catches each of them costs no more after that. As many are
# begun anew after forwards that did not finish (KeyboardInterrupt calls no hook).
MOST_FAILED = 3
TRAINING, EVALUATION = "the first training forward", "the first evaluation forward"
NOT_ASKED = "this forward trained nothing and entering a mode could have changed its result"


class ForwardHooks:
    """Looks at training forwards (the root in train mode, gradients enabled) as the schedule says.

    on_forward: called with a model and the step when a forward, and not an optimizer's step, is what snapshots follow.
    on_refusal: called once when the hooks are not installed, or taken away, because torch.compile wraps a module.
    """

    def __init__(self, work: Work, on_forward: Callable[[Watched, int], None], on_refusal: Callable[[], None]) -> None:
        self._work = work
        self._on_forward = on_forward
        self._on_refusal = on_refusal
        self.refused = False
        self._handles: list[RemovableHandle] = []
        self._wrapping: RemovableHandle | None = None
        self.calls = RootCalls(work)
        self._called: dict[int, Called] = {}  # by id of a root, or of a criterion
        self._roots: dict[int, Watched] = {}
        self._steps: dict[int, int] = {}  # id of Watched -> completed steps of its optimizer; absent before the first
        self._open: list[Forward] = []
        self._times = ModuleTimes(work)
        work.recorder.before_flush.append(self._times.deliver)
        self._wanted = False
        self._graphs = False  # whether a graph is being captured, for which each call counts

    def install(self) -> None:
        """Register the hooks, once."""
        if self._handles or self.refused:
            return
        if wrapper_exists():
            self._refuse()
            return

        known, opened, times = self._called, self._open, self._times
        is_compiling = torch.compiler.is_compiling

        def before(module: nn.Module, args: tuple[Any, ...]) -> None:
            if is_compiling():
                return
            called = known.get(id(module))
            if called is None and not opened and not times.running:  # most calls
                return
            if torch._C._get_tracing_state() is not None:
                return
            if called is not None and called.criterion != id(module) and not asked_for():
                self.calls.before(called, module, args)
            if times.running and times.enter(module):
                return
            if self._wanted and (self._graphs or id(module) in self._roots) and not asked_for():
                frame = sys._getframe(1)
                begun, aside = None, held()
                try:
                    pause(aside)
                    with torch._C.DisableTorchFunction():  # a mode of the user's, or a subclass, is not to see us ask
                        begun = self._enter(module, args, frame)
                finally:
                    if aside:
                        sys.setprofile(aside.pop())
                if begun is not None:
                    # As the last thing, since nothing of ours is to be seen; and outside of what is set above, which a
                    # signal that is raised in the profile function would keep from being set back.
                    self._observe(begun, frame)

        def after(module: nn.Module, args: tuple[Any, ...], *rest: Any) -> None:
            if is_compiling():
                return
            called = known.get(id(module))
            if called is None and not opened and not times.running:
                return
            if torch._C._get_tracing_state() is not None:
                return
            if times.running:
                times.leave(module, returned=len(rest) == 2)
            elif opened and not asked_for():
                aside = held()
                try:
                    pause(aside)
                    with torch._C.DisableTorchFunction():
                        self._leave(module, args, rest, sys._getframe(1))
                finally:
                    if aside:
                        sys.setprofile(aside.pop())
            if called is not None and len(rest) == 2 and not asked_for():
                self.calls.after(called, module, args, rest[0], rest[1])

        self._handles = [
            register_module_forward_pre_hook(before),
            register_module_forward_hook(after, with_kwargs=True, always_call=True),
        ]
        self._wrapping = on_wrapping(self._refuse)

    def remove(self) -> None:
        """Take the hooks away and let go of any forward that did not finish."""
        if self._wrapping is not None:
            self._wrapping.remove()
            self._wrapping = None
        self._unhook()
        self._called.clear()

    def _unhook(self) -> None:
        for handle in self._handles:
            handle.remove()
            modules._global_forward_hooks_with_kwargs.pop(handle.id, None)  # torch leaves this behind
        self._handles = []
        self.abandon()

    def _refuse(self) -> None:
        """Do without hooks: a module wrapped by torch.compile would warn of them at its calls."""
        if not self.refused:
            self.refused = True
            self._unhook()  # the hook that called this stays: torch is going through the table it is in
            self._on_refusal()

    @property
    def observing(self) -> bool:
        """Whether modes of ours are, or may be, on a stack."""
        return bool(self._open) and any(forward.observer is not None for forward in self._open)

    def settle(self) -> None:
        """Take modes of a forward that is over off the stacks, if nothing did so."""
        for forward in self._open:
            if forward.observer is not None:
                forward.observer.settle()
        sweep()

    def final(self) -> None:
        """Record the times of modules found so far."""
        with self._work.part("watch.times"):
            self._times.final()

    def abandon(self) -> None:
        """Let go of forwards that did not finish: KeyboardInterrupt calls no hook."""
        self._times.abandon()
        for forward in tuple(self._open):
            self._close(forward)
        self._consider()

    def add(self, watched: Watched) -> None:
        """Look at the forwards of one more model."""
        root = watched.root()
        self._roots[id(root)] = watched
        called = self.calls.add(watched)
        if called.criterion and called.criterion != id(root):
            self._called.setdefault(called.criterion, called)
        self._called[id(root)] = called
        self._consider()

    def stepped(self, watched: Watched, steps: int, closure: bool) -> None:
        """The optimizer of `watched` has completed so many steps, the last of them with a closure or without."""
        self._steps[id(watched)] = steps
        self.calls.stepped(watched, steps, closure)
        if self._open:
            self.abandon()
        else:
            self._consider()

    def _consider(self) -> None:
        self._graphs = bool(self._open) and any(forward.graph is not None for forward in self._open)
        self._wanted = True
        if not self._open:
            for watched in self._roots.values():
                if self._wants(watched):
                    return
            self._wanted = False

    def _wants(self, watched: Watched) -> bool:
        steps = self._steps.get(id(watched))
        if steps is None or not watched.graph_taken:
            return True  # forwards are counted as long as no step is
        due = steps != watched.looked_at and self._work.schedule.activations(steps)
        return due or self._times.wants(watched, steps)

    def _enter(self, module: nn.Module, args: tuple[Any, ...], frame: FrameType) -> Forward | None:
        """A module is called. The forward that begins with it, if its operations are to be observed."""
        if capturing():  # nothing of ours is to get into a CUDA graph
            self.abandon()
            return None
        thread = threading.get_ident()
        watched = self._roots.get(id(module))
        begun = None
        if watched is not None and watched.root() is module:
            begun = self._begin(watched, module)
        for forward in tuple(self._open):
            if forward.thread == thread and forward.concerns(module):
                done = False
                forward.depth += id(module) == forward.root
                if forward.graph is None:  # then what it returns is enough
                    continue
                with self._work.part("watch.graph"):
                    if forward.observer is not None:
                        forward.observer.settle()
                    forward.enter(module, args, keywords_of(frame))
                    done = True
                if not done:
                    forward.give_up_graph()
                    self._close(forward)
        return begun if begun is not None and begun in self._open else None

    def _observe(self, forward: Forward, frame: FrameType) -> None:
        with self._work.part("watch.graph"):
            forward.observe(frame, self._broken, self._gave_up)

    def _begin(self, watched: Watched, root: nn.Module) -> Forward | None:
        if not self._work.recorder.owner:
            return None
        if torch._C._len_torch_function_stack() or torch._C._len_torch_dispatch_stack():
            sweep()
        for forward in tuple(self._open):
            if forward.watched is watched:
                if forward.thread != threading.get_ident() or calls_itself(root):
                    return None  # part of that one, or beside it
                self._close(forward)  # it was interrupted
        if not (root.training and torch.is_grad_enabled()):
            return self._begin_evaluation(watched, root)
        step = self._steps.get(id(watched))
        watched.forwards += 1
        if step is None:
            step = 0
            if watched.forwards > WITHOUT_STEP:
                step = watched.forwards - 1
                self._on_forward(watched, step)
        due = step != watched.looked_at and self._work.schedule.activations(step)
        # Inside a forward that is being observed nothing more can be: one of the next will be its own.
        graph = not watched.graph_taken and not observing()
        begun = None
        if due or graph:
            with self._work.part("watch.activations"):
                recorder = self._work.recorder
                counted = recorder.optimizer_step if id(watched) in self._steps else step
                capture = None
                if graph:
                    reason = why_hooks_only(root)
                    capture = GraphCapture(watched.name, paths_of(root), root, TRAINING, reason)
                    watched.graph_taken = True
                watched.looked_at = step if due else watched.looked_at
                begun = Forward(watched, root, recorder.stamp(step=counted), capture, due)
                self._open.append(begun)
        elif self._times.wants(watched, step):
            with self._work.part("watch.times"):
                self._times.begin(watched, root, step)
        self._consider()
        return begun

    def _begin_evaluation(self, watched: Watched, root: nn.Module) -> Forward | None:
        """Keep the graph of the first forward that trains nothing, by hooks only, in case none ever trains."""
        if watched.graph_taken or watched.evaluation_taken or watched.failed_graphs:
            return None
        begun = None
        with self._work.part("watch.graph"):
            watched.evaluation_taken = True
            capture = GraphCapture(watched.name, paths_of(root), root, EVALUATION, NOT_ASKED)
            begun = Forward(watched, root, self._work.recorder.stamp(), capture, False)
            self._open.append(begun)
        self._consider()
        return begun

    def _leave(self, module: nn.Module, args: tuple[Any, ...], rest: tuple[Any, ...], frame: FrameType) -> None:
        if capturing():
            self.abandon()
            return
        thread = threading.get_ident()
        for forward in tuple(self._open):
            if forward.thread != thread or not forward.concerns(module):
                continue
            forward.depth -= id(module) == forward.root
            whole = id(module) == forward.root and not forward.depth
            forward.over |= whole
            if whole and forward.observer is not None:
                forward.observer.stop()
            if not whole and not forward.looks_at(module):
                continue
            done, returned = False, len(rest) == 2  # torch leaves the keywords out when the forward raised
            error = None if returned else sys.exc_info()[1]
            with self._work.part("watch.graph" if forward.graph is not None else "watch.activations"):
                if returned:
                    forward.leave(module, args, rest[0], rest[1])
                else:
                    forward.failed(module, args, keywords_of(frame), error)
                done = True
            if done and whole:
                if returned:
                    self._finish(forward, rest[1])
                else:
                    self._finish_failed(forward, error)
            if not done:
                forward.give_up_graph()
            if not done or whole:
                self._close(forward)

    def _close(self, forward: Forward) -> None:
        if forward.graph is not None and not forward.over:
            self._take_again(forward)
        forward.drop()
        if forward in self._open:
            self._open.remove(forward)
        self._consider()

    @staticmethod
    def _take_again(forward: Forward) -> None:
        """The forward whose graph was being taken did not finish: the next one is to give it, a few times."""
        watched = forward.watched
        watched.unfinished_graphs += 1
        if watched.unfinished_graphs < MOST_FAILED and not watched.graph_known:
            if forward.trains:
                watched.graph_taken = False
            else:
                watched.evaluation_taken = False

    def _broken(self, error: Exception) -> None:
        """Something of ours went wrong while operations were observed: that forward's graph is given up."""
        for forward in tuple(self._open):
            if forward.graph is not None and forward.thread == threading.get_ident():
                forward.give_up_graph()
        with self._work.part("watch.graph"):
            raise error

    def _gave_up(self) -> None:
        """The forward begins something that must not be observed: the next one is to give the graph."""
        for forward in tuple(self._open):
            if forward.graph is not None and forward.thread == threading.get_ident():
                self._take_again(forward)
                forward.give_up_graph()
        self._consider()

    def _finish(self, forward: Forward, output: object) -> None:
        watched = forward.watched
        if forward.graph is not None:
            with self._work.part("watch.graph"):
                graph = forward.finished_graph(output)
                if graph is not None and forward.trains:
                    watched.graph_known = watched.whole_graph = True
                    self._work.recorder.record("graph", graph)
                elif graph is not None:
                    watched.evaluated = graph
        if forward.activations is not None:
            with self._work.part("watch.activations"):
                write_outputs(self._work, forward)

    def _finish_failed(self, forward: Forward, error: BaseException | None) -> None:
        """Keep the graph up to where it raised, until a forward succeeds."""
        watched = forward.watched
        if forward.graph is None or not forward.trains:
            return
        with self._work.part("watch.graph"):
            graph = forward.failed_graph(error)
            watched.failed_graphs += 1
            watched.graph_taken = watched.failed_graphs >= MOST_FAILED
            if graph is not None:
                self._work.recorder.record("graph", graph)
