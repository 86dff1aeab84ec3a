"""How often learning rate schedulers and their optimizers step, and which of them begins."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from reportgen.collect.evidence.summed import Summed
from reportgen.run.evidence import SchedulerUse

if TYPE_CHECKING:
    from reportgen.collect.watched import Watched
    from reportgen.collect.work import Work

# Optimizers whose schedulers are searched for; a loop may make new ones in each epoch, or in each step.
MOST_SEARCHED = 4
# Steps that a scheduler which was not given to `watch` may have made before the optimizer's first one; with more, it
# was there before watching began, or was loaded.
MOST_BEFORE = 3


@dataclass(slots=True)
class _Known:
    """One scheduler. begun: its steps when watching began, None if it was not given then."""

    scheduler: weakref.ref[object]
    optimizer: weakref.ref[Optimizer]
    model: str
    type: str
    begun: int | None = None
    before: int = 0
    steps: int = 0
    optimizer_steps: int = 0
    changed: bool = True


class Schedulers:
    """Makes SchedulerUse records by reading the counts that schedulers keep of their steps. Keeps none of them alive.

    A scheduler that was not given to `watch` is found after the first step of an optimizer that torch has marked as
    having one, among the objects that refer to the optimizer; for the first few such optimizers.
    count_of: completed steps of an optimizer, None when it is not known.
    """

    def __init__(self, work: Work, count_of: Callable[[Optimizer], int | None]) -> None:
        self._work = work
        self._count_of = count_of
        self._known: dict[tuple[str, int], _Known] = {}
        self._searched = 0
        work.recorder.before_flush.append(self._put)
        self._summed = Summed(work.recorder, "scheduler_use")

    def added(self, watched: Watched, optimizer: Optimizer) -> None:
        """`watched` is watched from now on, and `optimizer` was given with it."""
        for scheduler in _given(watched):
            steps = steps_of(scheduler)
            if steps is not None and _drives(scheduler, optimizer):
                self._know(watched, optimizer, scheduler).begun = steps

    def stepped(self, watched: Watched, optimizer: Optimizer, count: int) -> None:
        """`optimizer` has completed `count` steps. Called after the first one and after those that are looked at."""
        if count == 1:
            self._first(watched, optimizer)
        for known in self._known.values():
            if known.model == watched.name and known.optimizer() is optimizer:
                self._look(known, count)

    def read(self) -> None:
        """Read all counts as they are now."""
        for known in tuple(self._known.values()):
            optimizer = known.optimizer()
            count = self._count_of(optimizer) if optimizer is not None else None
            if count is not None:
                self._look(known, count)

    def _put(self) -> None:
        """Hand over what has changed, with the counts of now if a flush was asked for."""
        if self._work.recorder.asked:
            self.read()
        for key, known in tuple(self._known.items()):
            if known.changed and known.optimizer_steps:
                known.changed = False
                use = SchedulerUse(known.model, known.type, known.before, known.steps, known.optimizer_steps)
                self._summed.put(key, use)

    def _first(self, watched: Watched, optimizer: Optimizer) -> None:
        """After the optimizer's first step: what its schedulers have done before it."""
        given = [one for one in _given(watched) if _drives(one, optimizer)]
        for scheduler in given or self._search(optimizer):
            steps = steps_of(scheduler)
            if steps is None:
                continue
            known = self._know(watched, optimizer, scheduler)
            before = steps - (known.begun or 0)
            unknown = known.begun is None and before > MOST_BEFORE
            # A scaler leaves out the first steps, whose gradients overflow, and the scheduler goes on.
            known.before = 0 if unknown or watched.scaler is not None or _is_resumed(optimizer) else max(0, before)

    def _search(self, optimizer: Optimizer) -> list[object]:
        if self._searched >= MOST_SEARCHED or not getattr(optimizer.step, "_wrapped_by_lr_sched", False):
            return []
        self._searched += 1
        return _found(optimizer)

    def _know(self, watched: Watched, optimizer: Optimizer, scheduler: object) -> _Known:
        key = (watched.name, id(scheduler))
        known = self._known.get(key)
        if known is None or known.scheduler() is not scheduler:
            references = weakref.ref(scheduler), weakref.ref(optimizer)
            known = self._known[key] = _Known(*references, watched.name, type(scheduler).__name__)
        return known

    @staticmethod
    def _look(known: _Known, count: int) -> None:
        scheduler = known.scheduler()
        steps = steps_of(scheduler) if scheduler is not None else None
        if steps is not None and (steps, count) != (known.steps, known.optimizer_steps):
            known.steps, known.optimizer_steps, known.changed = steps, count, True


def steps_of(scheduler: object) -> int | None:
    """How many steps `scheduler` has made, without that of its constructor; None if it does not tell."""
    count = getattr(scheduler, "_step_count", None)
    own = getattr(type(scheduler), "step", None) is not LRScheduler.step  # which may leave the count as it is
    if isinstance(count, int) and not own:
        return max(0, count - 1)
    last = getattr(scheduler, "last_epoch", None)  # 0 once it is made
    if isinstance(last, (int, float)):
        return max(0, int(last))
    inner = getattr(scheduler, "_schedulers", None)  # ChainedScheduler: all of them step together
    if isinstance(inner, Sequence) and inner and inner[0] is not scheduler:
        return steps_of(inner[0])
    return None


def _given(watched: Watched) -> list[object]:
    """The scheduler that was given to `watch`; of a wrapper the one inside."""
    reference = getattr(watched, "_scheduler", None)
    scheduler = reference() if reference is not None else None
    while scheduler is not None and steps_of(scheduler) is None:
        scheduler = getattr(scheduler, "scheduler", None)
    return [] if scheduler is None else [scheduler]


def _drives(scheduler: object, optimizer: Optimizer) -> bool:
    own = getattr(scheduler, "optimizer", None)
    own = getattr(own, "optimizer", own)  # of a wrapper
    return own is None or own is optimizer


def _found(optimizer: Optimizer) -> list[object]:
    """The schedulers of `optimizer`, but for those that are part of another. Takes some 20 ms."""
    # By type only: a lazy object or a proxy would load what it stands for when it is asked for its class.
    referring = gc.get_referrers(optimizer)
    settings = [one for one in referring if type(one) is dict and one.get("optimizer") is optimizer]
    if not any(issubclass(type(one), LRScheduler) for one in referring) and settings:  # before Python 3.11
        referring += gc.get_referrers(*settings)
    kinds = [one for one in referring if issubclass(type(one), LRScheduler)]
    found = [one for one in kinds if vars(one).get("optimizer") is optimizer]
    inner = {id(part) for one in found for part in vars(one).get("_schedulers", ()) if part is not one}
    return [one for one in found if id(one) not in inner]


def _is_resumed(optimizer: Optimizer) -> bool:
    """Whether its state tells of more steps than one: it was loaded, or watching began late."""
    for state in optimizer.state.values():
        step = state.get("step") if isinstance(state, dict) else None
        if isinstance(step, int):
            return step > 1
        if step is not None and getattr(step, "is_cpu", False):
            return float(step) > 1
    return False
