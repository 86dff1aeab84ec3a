"""The two hooks that torch calls around every module's forward, and what they do in the few forwards looked at.

They are torch's global ones, so a watched model holds nothing of ours, and they stay as long as something is watched:
Dynamo guards on them, so adding and removing them between steps could make a compiled function compile again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules import module as modules
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.utils.hooks import RemovableHandle

from reportgen.collect.compiled import on_wrapping, wrapper_exists
from reportgen.collect.forwards import Forward, merged, shares
from reportgen.collect.quiet import capturing, quiet
from reportgen.collect.watched import Watched
from reportgen.collect.work import Work
from reportgen.run.distribution import Distribution
from reportgen.run.series import Stamp

# Training forwards of a model after which, if no optimizer that holds its parameters has made a step, snapshots follow
# the forwards: a loop that never steps, or that changes the weights itself. Gradients accumulate over fewer.
WITHOUT_STEP = 64


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
        self._roots: dict[int, Watched] = {}
        self._steps: dict[int, int] = {}  # id of Watched -> completed steps of its optimizer; absent before the first
        self._open: list[Forward] = []
        self._wanted = False

    def install(self) -> None:
        """Register the hooks, once."""
        if self._handles or self.refused:
            return
        if wrapper_exists():
            self._refuse()
            return

        def before(module: nn.Module, args: tuple[Any, ...]) -> None:
            if torch.compiler.is_compiling():
                return
            if self._wanted:
                self._enter(module, args)

        def after(module: nn.Module, args: tuple[Any, ...], *rest: Any) -> None:
            if torch.compiler.is_compiling():
                return
            if self._open:
                self._leave(module, args, rest)

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

    def abandon(self) -> None:
        """Let go of forwards that did not finish: KeyboardInterrupt calls no hook."""
        for forward in self._open:
            forward.drop()
        self._open.clear()
        self._consider()

    def add(self, watched: Watched) -> None:
        """Look at the forwards of one more model."""
        root = watched.root()
        self._roots[id(root)] = watched
        self._consider()

    def stepped(self, watched: Watched, steps: int) -> None:
        """The optimizer of `watched` has completed so many steps."""
        self._steps[id(watched)] = steps
        if self._open:
            self.abandon()
        else:
            self._consider()

    def _consider(self) -> None:
        self._wanted = bool(self._open) or any(self._wants(watched) for watched in self._roots.values())

    def _wants(self, watched: Watched) -> bool:
        steps = self._steps.get(id(watched))
        if steps is None or not watched.graph_taken:
            return True  # forwards are counted as long as no step is
        return steps != watched.looked_at and self._work.schedule.activations(steps)

    def _enter(self, module: nn.Module, args: tuple[Any, ...]) -> None:
        watched = self._roots.get(id(module))
        if watched is not None and watched.root() is module:
            self._begin(watched, module)
        thread = threading.get_ident()
        for forward in tuple(self._open):
            if forward.thread == thread and id(module) in forward.watched.paths:
                done = False
                with self._work.part("watch.graph" if forward.graph is not None else "watch.activations"):
                    forward.enter(module, args)
                    done = True
                if not done:
                    self._close(forward)

    def _begin(self, watched: Watched, root: nn.Module) -> None:
        if not (root.training and torch.is_grad_enabled()) or not self._work.recorder.owner:
            return
        if capturing():
            return
        for forward in tuple(self._open):
            if forward.watched is watched:  # it was interrupted, or calls itself
                self._close(forward)
        step = self._steps.get(id(watched))
        watched.forwards += 1
        if step is None:
            step = 0
            if watched.forwards > WITHOUT_STEP:
                step = watched.forwards - 1
                self._on_forward(watched, step)
        due = step != watched.looked_at and self._work.schedule.activations(step)
        if due or not watched.graph_taken:
            with self._work.part("watch.activations"):
                recorder = self._work.recorder
                counted = recorder.optimizer_step if id(watched) in self._steps else step
                graph = not watched.graph_taken
                watched.graph_taken, watched.looked_at = True, step
                self._open.append(Forward(watched, root, recorder.stamp(step=counted), graph, due))
        self._consider()

    def _leave(self, module: nn.Module, args: tuple[Any, ...], rest: tuple[Any, ...]) -> None:
        thread = threading.get_ident()
        for forward in tuple(self._open):
            if forward.thread != thread or id(module) not in forward.watched.paths:
                continue
            done = False
            with self._work.part("watch.graph" if forward.graph is not None else "watch.activations"):
                if len(rest) == 2:  # torch leaves the keywords out when the forward raised
                    forward.leave(module, args, rest[0], rest[1])
                else:
                    forward.failed(module)
                done = True
            if done and id(module) == forward.root and len(rest) == 2:
                self._finish(forward, rest[1])
            if not done or id(module) == forward.root:
                self._close(forward)

    def _close(self, forward: Forward) -> None:
        forward.drop()
        if forward in self._open:
            self._open.remove(forward)
        self._consider()

    def _finish(self, forward: Forward, output: object) -> None:
        if forward.graph is not None:
            with self._work.part("watch.graph"):
                graph = forward.finished_graph(output)
                if graph is not None:
                    forward.watched.graph_known = True
                    self._work.recorder.record("graph", graph)
        if forward.activations is not None:
            with self._work.part("watch.activations"):
                self._write(forward)

    def _write(self, forward: Forward) -> None:
        watched, found = forward.watched, forward.activations.found if forward.activations else {}
        for name, reason in forward.activations.unread.items() if forward.activations else ():
            self._work.recorder.note(
                "omission", f"activations of {self._work.name(watched, name)}", f"left out: {reason}"
            )
        samples: list[Tensor] = [sample for outputs in found.values() for sample in outputs.samples]
        parts = [(self._work.name(watched, name), len(o.samples), o.elements) for name, o in found.items()]
        stamp = forward.stamp
        with quiet():
            labels, counts = shares(found)
            named = [(quantity, self._work.name(watched, name), whole) for quantity, name, whole in labels]
            self._work.later.numbers(counts, lambda numbers: self._measures(named, numbers, stamp))
        self._work.later.distributions(samples, None, lambda made: self._distributions(parts, made, stamp))

    def _measures(self, labels: list[tuple[str, str, int]], numbers: list[float], stamp: Stamp) -> None:
        values: dict[str, dict[str, float]] = {}
        for (quantity, name, whole), count in zip(labels, numbers, strict=True):
            values.setdefault(quantity, {})[name] = count / whole
        if values:
            self._work.recorder.measures(values, stamp)

    def _distributions(self, parts: list[tuple[str, int, int]], made: list[Distribution], stamp: Stamp) -> None:
        values: dict[str, Distribution] = {}
        start = 0
        for name, samples, elements in parts:
            if samples:
                values[name] = merged(made[start : start + samples], elements)
            start += samples
        if values:
            kinds: Mapping[str, Mapping[str, Distribution]] = {"activation": values}
            self._work.recorder.distributions(kinds, stamp)
