"""The two hooks that torch calls around every optimizer's step, and what is collected in the steps looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook
from torch.utils.hooks import RemovableHandle

from reportgen.collect.clock import Clock, holders
from reportgen.collect.distribution.sheet import Host
from reportgen.collect.evidence.gradient_noise import GradientNoise
from reportgen.collect.evidence.identical import identical_units
from reportgen.collect.evidence.memory import Memory, is_due
from reportgen.collect.evidence.schedulers import Schedulers
from reportgen.collect.held import Found
from reportgen.collect.looks import Looks
from reportgen.collect.parameters import Moved, Named, gradients, readable
from reportgen.collect.quiet import capturing, quiet
from reportgen.collect.watched import Watched
from reportgen.collect.work import Work
from reportgen.run.series import Stamp

T = TypeVar("T", bound=Tensor)
# Optimizers that are known before those that are gone are forgotten.
MOST_CLOCKS = 64


class StepHooks:
    """Counts the steps of the optimizers that hold watched parameters, given to `watch` or not.

    They are torch's global hooks, so an optimizer holds nothing of ours, and a copy of one is not counted. All records
    of a step carry the number of steps completed before it: activations, gradients and weights belong to one point.
    on_step: called with a model, its optimizer's completed steps after each of them, and whether that had a closure.
    """

    def __init__(self, work: Work, on_step: Callable[[Watched, int, bool], None]) -> None:
        self._work = work
        self._on_step = on_step
        self._handles: list[RemovableHandle] = []
        self._clocks: dict[int, Clock] = {}
        self._most = MOST_CLOCKS
        self._first: Clock | None = None
        self._noise = GradientNoise(work)
        self.memory = Memory(work)
        self._schedulers = Schedulers(work, self._count_of)

    def install(self) -> None:
        """Register the hooks, once."""
        if self._handles:
            return

        def before(optimizer: Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            if torch.compiler.is_compiling():
                return
            clock = self._clocks.get(id(optimizer))
            if clock is None or clock.optimizer() is not optimizer:
                clock = self._met(optimizer)
            if clock.due and clock.models:
                with torch._C.DisableTorchFunction():  # a mode of the user's is not to see us ask
                    self._begin(clock, optimizer, _has_closure(args, kwargs))

        def after(optimizer: Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            if torch.compiler.is_compiling():
                return
            clock = self._clocks.get(id(optimizer))
            if clock is not None and clock.models and clock.optimizer() is optimizer:
                with torch._C.DisableTorchFunction():
                    self._completed(clock, optimizer, _has_closure(args, kwargs))

        self._handles = [register_optimizer_step_pre_hook(before), register_optimizer_step_post_hook(after)]

    def remove(self) -> None:
        """Take the hooks away."""
        for handle in self._handles:
            handle.remove()
        self._handles = []
        with self._work.part("watch.scheduler"):
            self._schedulers.read()
        for clock in self._clocks.values():
            clock.updates.drop()
        # What is left of the watched models would keep them, and a loss with a teacher in it, alive.
        self._clocks.clear()
        self._first = None

    def add(self, optimizer: Optimizer) -> None:
        """Count the steps of `optimizer` (again, if more models are watched now)."""
        known = self._clocks.get(id(optimizer))
        if known is not None and known.optimizer() is optimizer and known.models:
            known.models = tuple(holders(optimizer, self._work.models))
        else:
            self._met(optimizer)
        with self._work.part("watch.scheduler"):
            if self._work.models:
                self._schedulers.added(self._work.models[-1], optimizer)

    def forget_strangers(self) -> None:
        """Look anew at the optimizers that held nothing: another model is watched now."""
        self._clocks = {key: clock for key, clock in self._clocks.items() if clock.models}

    def optimizers_of(self, watched: Watched) -> list[Optimizer]:
        """The optimizers known to hold parameters of `watched`, in the order met."""
        found = [clock.optimizer() for clock in self._clocks.values() if watched in clock.models]
        return [optimizer for optimizer in found if optimizer is not None]

    def snapshot(self, watched: Watched, stamp: Stamp) -> None:
        """Record the distributions of all weights and gradients of `watched`."""
        looks = Looks(self._work, stamp)
        parameters = self._readable(watched, watched.parameters())
        looks.weights(self._named(watched, parameters))
        looks.gradients(self._named(watched, gradients(parameters)), whole=True)
        looks.hand_over()

    def final(self, watched: Watched, stamp: Stamp) -> None:
        """Record the weights that training arrived at. Gradients of then are nobody's: zeroed, or of an old batch."""
        looks = Looks(self._work, stamp)
        named = self._named(watched, self._readable(watched, watched.parameters()))
        looks.weights(named)
        looks.hand_over()
        identical_units(self._work, named, stamp)
        if not stamp.optimizer_step:
            self._scale(watched, stamp)  # it may have left out every step
        if not is_due(stamp.optimizer_step):
            self.memory.look(watched, stamp.optimizer_step)

    def _count_of(self, optimizer: Optimizer) -> int | None:
        """How many steps `optimizer` has completed, None if it is not known."""
        clock = self._clocks.get(id(optimizer))
        return clock.count if clock is not None and clock.optimizer() is optimizer else None

    def _met(self, optimizer: Optimizer) -> Clock:
        models: Sequence[Watched] = ()
        with self._work.part("watch.optimizer"):
            models = holders(optimizer, self._work.models)
        if len(self._clocks) >= self._most:  # of a loop that makes one after another, those that are gone
            self._clocks = {key: one for key, one in self._clocks.items() if one.optimizer() is not None}
            self._most = 2 * len(self._clocks) + MOST_CLOCKS
        clock = Clock(optimizer, models, first=bool(models) and self._first is None)
        if clock.first:
            self._first = clock
        self._clocks[id(optimizer)] = clock
        return clock

    def _begin(self, clock: Clock, optimizer: Optimizer, closure: bool) -> None:
        recorder = self._work.recorder
        if not recorder.owner or capturing():
            return
        with self._work.part("watch.step"):
            if clock.first:
                self._work.review(clock.count)
            if not self._work.schedule.any(clock.count):  # it was, before the review
                return
            step = recorder.optimizer_step
            if self._first is not None and clock.count == self._first.count - 1:
                step = clock.count  # the second optimizer of one step, after the first has counted it
            clock.under_way = recorder.stamp(step=step)
            snapshot, measured = self._work.schedule.snapshot(clock.count), self._work.schedule.measures(clock.count)
            looks = Looks(self._work, clock.under_way, _scale_of(optimizer))
            held = self._held(clock, optimizer, again=snapshot)
            for watched, named in held:
                if snapshot:
                    looks.weights(named)
                    looks.weights(self._named(watched, self._others(watched)))
                if not closure:
                    looks.gradients(gradients(named), snapshot)
                if self._work.schedule.weight_norms(clock.count):
                    looks.weight_norms(named)
                if not clock.count:
                    identical_units(self._work, named, clock.under_way)
            if measured and not closure:
                found = [(name, p.grad) for _, named in held for name, p in named if p.grad is not None]
                self._noise.take(id(clock), found, clock.under_way)
            looks.hand_over()
            if measured:
                with self._work.part("watch.updates"):
                    clock.updates.before([one for _, named in held for one in named])

    def _held(self, clock: Clock, optimizer: Optimizer, again: bool) -> Found:
        """The readable parameters that `optimizer` changes, by their names in records. again: ask the models anew."""
        models = len(self._work.models)
        known = None if again else clock.held.known(optimizer, models)
        if known is not None:
            return known
        found: Found = []
        whole = True
        for watched in clock.models:
            model = watched.refresh(self.optimizers_of(watched))
            if model is not None:
                self._work.recorder.record("model", model)
            parameters = clock.parameters(watched)
            named = self._named(watched, self._readable(watched, parameters))
            whole &= len(named) == len(parameters)
            found.append((watched, named))
        if whole:
            clock.held.keep(optimizer, models, found)
        else:
            clock.held.forget()
        return found

    def _completed(self, clock: Clock, optimizer: Optimizer, closure: bool) -> None:
        try:
            self._after_step(clock, optimizer, closure)
        except Exception as error:
            with self._work.part("watch.step"):
                raise error

    def _after_step(self, clock: Clock, optimizer: Optimizer, closure: bool) -> None:
        count, stamp = clock.count, clock.under_way
        if stamp is not None:
            clock.under_way = None
            with self._work.part("watch.updates"):
                for moved in clock.updates.after():
                    self._ratios(moved, stamp)
            if closure:  # what the last evaluation left: before the step there was none
                with self._work.part("watch.gradients"):
                    looks = Looks(self._work, stamp, _scale_of(optimizer))
                    for watched in clock.models:
                        found = gradients(self._readable(watched, clock.parameters(watched)))
                        looks.gradients(self._named(watched, found), self._work.schedule.snapshot(count))
                    looks.hand_over()
        self._rates(clock, optimizer, stamp)
        clock.count = count + 1
        if stamp is not None or clock.count == 1:
            with self._work.part("watch.scheduler"):
                for watched in clock.models:
                    self._schedulers.stepped(watched, optimizer, clock.count)
        if clock.first:
            self._work.recorder.optimizer_step = clock.count
        clock.due = self._work.schedule.any(clock.count)
        for watched in clock.models:
            if watched.leader is None or watched.leader() is None:
                watched.leader = clock.optimizer
            if watched.leader is clock.optimizer:
                self.memory.stepped(watched, clock.count)
                self._on_step(watched, clock.count, closure)

    def _rates(self, clock: Clock, optimizer: Optimizer, stamp: Stamp | None) -> None:
        moved = clock.moved_rates(optimizer, always=stamp is not None)
        scalers = [w.scaler for w in clock.models if w.scaler is not None] if stamp is not None else []
        if not moved and not scalers:
            return
        with self._work.part("watch.rates"):
            at = stamp or self._work.recorder.stamp(step=self._work.recorder.optimizer_step)
            for watched in clock.models:
                offset = 0
                for other in self.optimizers_of(watched):
                    if other is optimizer:
                        break
                    offset += len(other.param_groups)
                rates = {self._work.name(watched, f"group {offset + i}"): rate for i, rate in moved.items()}
                if rates:
                    self._work.recorder.measures({"learning_rate": rates}, at)
            for watched in clock.models:
                self._scale(watched, at)

    def _scale(self, watched: Watched, stamp: Stamp) -> None:
        scale = getattr(watched.scaler, "_scale", None)  # get_scale() would wait for the accelerator
        if isinstance(scale, Tensor):
            name = self._work.name(watched, "scaler")
            with quiet():
                kept = scale.detach().reshape(1).to(torch.float32, copy=True)
            self._work.later.arrays(
                [kept], lambda host: self._work.recorder.measures({"loss_scale": {name: float(host[0][0])}}, stamp)
            )

    def _readable(self, watched: Watched, parameters: list[Named]) -> list[Named]:
        kept = readable(parameters)
        if len(kept) < len(parameters):
            names = {name for name, _ in kept}
            for name, parameter in parameters:
                if name not in names and parameter.device.type == "meta":
                    where = f"parameter {self._work.name(watched, name)}"
                    self._work.recorder.note(
                        "omission", where, "left out: it is on the meta device and holds no numbers"
                    )
        return kept

    def _others(self, watched: Watched) -> list[Named]:
        """Those that no optimizer changes, once: they stay as they are."""
        if watched.others_taken:
            return []
        watched.others_taken = True
        held = {id(p) for o in self.optimizers_of(watched) for g in o.param_groups for p in g["params"]}
        return self._readable(watched, [(n, p) for n, p in watched.parameters() if id(p) not in held])

    def _named(self, watched: Watched, tensors: Iterable[tuple[str, T]]) -> list[tuple[str, T]]:
        """The tensors by their names in records."""
        return [(self._work.name(watched, name), tensor) for name, tensor in tensors]

    def _ratios(self, moved: Moved, stamp: Stamp) -> None:
        def write(host: list[Host]) -> None:
            ratios = moved.ratios(host[0])
            if ratios:
                self._work.recorder.measures({"update_ratio": ratios}, stamp)

        self._work.later.arrays([moved.norms], write)


def _scale_of(optimizer: Optimizer) -> Tensor | None:
    """The loss scale that gradients still carry, and that a fused optimizer divides by itself."""
    scale = getattr(optimizer, "grad_scale", None)
    return scale if isinstance(scale, Tensor) else None


def _has_closure(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    return (len(args) > 1 and args[1] is not None) or kwargs.get("closure") is not None
