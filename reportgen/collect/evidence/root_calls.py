"""What is seen of every call of a watched model, and of its loss, besides what the schedule looks at."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor, nn

from reportgen.collect.evidence.modes import Modes, trains_on
from reportgen.collect.evidence.non_finite import FirstNonFinite, ModelNumbers
from reportgen.collect.evidence.oddness import SAMPLE, oddness
from reportgen.collect.evidence.uses import Uses
from reportgen.collect.numbers import reason_against
from reportgen.collect.quiet import capturing
from reportgen.collect.structure import tensors_in

if TYPE_CHECKING:
    from reportgen.collect.evidence.mode_flags import Count
    from reportgen.collect.watched import Watched
    from reportgen.collect.work import Work

# Training forwards at which losses are looked at in any case.
FIRST = 8
# Training forwards after which those at which nothing is due are only counted, but for one of so many.
SETTLED, ASKED = 256, 16


class LossSink(Protocol):
    """What looks at losses."""

    def called(
        self, watched: Watched, module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any], output: Any
    ) -> None:
        """A criterion was called."""

    def output(self, watched: Watched, output: Any) -> None:
        """A watched model returned `output` in a training forward."""


class DataSink(Protocol):
    """What looks at data."""

    def inputs(self, watched: Watched, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        """A watched model was called with these in a training forward."""


class OutputSink(Protocol):
    """What follows how long graphs live."""

    def output(self, watched: Watched, output: Any, step: int) -> None:
        """A training forward after `step` optimizer steps returned `output`."""


class Called:
    """One watched model, and where its forwards stand. look: the latest training forward is one looked at, due: also
    one that losses are looked at in. untold: the latest had gradients, and the root in eval mode, as it had not always
    been: an evaluation, unless a step follows; in_eval: one did. criterion: id of its loss, if that is a module.

    plain: what the latest took can be remembered. counts: of the forwards that are like the latest, if the next is
    expected to be only counted; split: inside a loader of which these were; last: the parameter whose gradient tells
    what came of them. counted: the latest was only counted; fresh: none has begun since the last step. asked: the steps
    done when `steps_now` was called last.
    """

    def __init__(self, watched: Watched, work: Work, modes: Modes, uses: Uses, criterion: object) -> None:
        self.watched = watched
        self.modes = modes.add(watched)
        self.uses = uses.add(watched)
        self.numbers = ModelNumbers(watched)
        self.criterion = id(criterion) if isinstance(criterion, nn.Module) else 0
        self.steps = 0
        self.stepped = False
        self.forwards = 0
        self.looked_at = self.asked = -1
        self.counts: Count | None = None
        self.split: str | None = None
        self.last: weakref.ref[nn.Parameter] | None = None
        self.trains = self.look = self.due = self.untold = self.in_eval = self.plain = self.counted = self.fresh = False


class RootCalls:
    """Told of each call of a watched model or criterion, and of steps.

    That costs some 30 us a training step, and 10 once forwards are only counted: between looks fifteen of 16 are, and
    a gradient tells whether they were finite.
    """

    def __init__(self, work: Work) -> None:
        self._work = work
        self._modes = Modes(work)
        self._uses = Uses(work)
        self._numbers = FirstNonFinite(work)
        self._models: dict[int, Called] = {}  # by id of Watched
        self._latest: Called | None = None  # whose training forward returned last
        self.losses: LossSink | None = None
        self.data: DataSink | None = None
        self.memory: OutputSink | None = None

    def add(self, watched: Watched) -> Called:
        """Look at the calls of one more model."""
        made = Called(watched, self._work, self._modes, self._uses, watched.criterion)
        self._models[id(watched)] = made
        return made

    def before(self, called: Called, module: nn.Module, args: tuple[Any, ...]) -> None:
        """A watched model is called."""
        try:
            if not self._counts(called, module, args):
                self._begins(called, module, args)
        except Exception as error:
            with self._work.part("watch.modes"):
                raise error

    def after(
        self, called: Called, module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any], output: object
    ) -> None:
        """It returned `output`. To be called where torch is as the user has left it."""
        if called.criterion == id(module) and self._latest is not None and self._latest.criterion == called.criterion:
            called = self._latest
        if called.counted:
            self._counted_returned(called, module, output)
            return
        then, grad = None, torch.is_grad_enabled()
        try:
            with torch._C.DisableTorchFunction():  # a mode of the user's, or a subclass, is not to see us ask
                if called.criterion == id(module):
                    self._criterion_returned(called, module, args, kwargs, output)
                else:
                    then = self._returned(called, module, args, kwargs, output)
        except Exception as error:
            with self._work.part("watch.uses"):
                raise error
        except BaseException:  # of a signal, just as a context of ours was about to put this back
            torch._C._set_grad_enabled(grad)
            raise
        if then is not None:
            with self._work.part("watch.non_finite"):
                then()

    def trained_in_eval(self, watched: Watched) -> bool:
        """Whether steps followed forwards of a model in eval mode, and none in train mode."""
        called = self._models.get(id(watched))
        return called is not None and called.forwards > 0 and not watched.ever_trained

    def stepped(self, watched: Watched, steps: int) -> None:
        """The optimizer of `watched` has completed so many steps."""
        called = self._models.get(id(watched))
        if called is None:
            return
        called.steps, called.stepped, called.fresh = steps, True, True
        idle = not self._work.schedule.any(steps)
        if called.counted and idle:
            return
        called.in_eval |= called.untold
        called.untold = False
        self._modes.stepped(called.modes)
        self._uses.stepped(called.uses, steps)
        settled = called.forwards > SETTLED and called.asked == steps - 1 and called.trains and not called.in_eval
        settled = settled and idle and called.plain and not called.uses.cleared.held
        called.counts = self._modes.counts(called.modes) if settled else None
        called.last = _last_used(watched) if called.counts is not None else None

    def steps_now(self, watched: Watched) -> None:
        """The optimizer of the model begins a step at which nothing is due: gradients are there, and were not used yet.

        To be called where torch is as the user has left it.
        """
        called = self._models.get(id(watched))
        if called is None:
            return
        called.asked = called.steps
        if not called.counted or called.last is None or called.numbers.done:
            return
        try:
            with torch._C.DisableTorchFunction():  # a mode of the user's is not to see us ask
                parameter = called.last()
                gradient = parameter.grad if parameter is not None else None
                if gradient is not None and not oddness(gradient, SAMPLE):
                    return
            called.counts = None
            root = watched.root()
            if gradient is not None and root is not None:
                self._numbers.gradient_odd(called.numbers, root)
        except Exception as error:
            with self._work.part("watch.non_finite"):
                raise error

    def predicted(self, split: str) -> None:
        """What watched models gave went to `report.predictions` of `split`."""
        for called in self._models.values():
            self._recall(called)
        self._modes.predicted(split)

    def loss_not_finite(self) -> None:
        """A loss that is not finite was logged."""
        self._numbers.loss_not_finite()

    def close(self) -> None:
        """Nothing more will be watched."""
        self._latest = None
        self._modes.close()

    def _counts(self, called: Called, module: nn.Module, args: Sequence[object]) -> bool:
        """Whether a call of the root that begins is like those before it, so that nothing needs to be asked."""
        fresh, called.fresh = called.fresh, False
        counts, steps = called.counts, called.steps
        if not fresh or counts is None or called.last is None or not steps % ASKED:
            return False  # of several between two steps it is not known yet which of them belong together
        recorder = self._work.recorder
        if not module.training or not torch.is_grad_enabled() or called.split != getattr(recorder, "split", None):
            return False
        if called.watched.root() is not module or not self._numbers.may_be_left(called.numbers, args, {}):
            return False
        counts.forwards += 1
        counts.last = steps
        called.forwards += 1
        called.trains = called.counted = True
        called.look = called.due = False
        self._numbers.begins(called.numbers, True, recorder.optimizer_step)
        self._numbers.leave(called.numbers, args)
        self._latest = called
        return True

    def _recall(self, called: Called) -> None:
        """Let a forward that was only counted be one of which it is not known yet what for, if no step followed."""
        counts = called.counts
        if called.counted and counts is not None and counts.last == called.steps:
            counts.forwards -= 1
            self._modes.pend(called.modes, called.steps)
        called.counted = False

    def _begins(self, called: Called, module: nn.Module, args: Sequence[object]) -> None:
        """A call of the root begins."""
        self._recall(called)
        called.trains = called.untold = False
        if called.watched.root() is not module:
            return
        recorder = self._work.recorder
        if not recorder.owner:
            return
        grad, steps = torch.is_grad_enabled(), called.steps
        split = called.split = getattr(recorder, "split", None)
        self._modes.forward(called.modes, module, args, steps, grad, split)
        if grad and trains_on(split):
            if module.training:
                called.watched.ever_trained, called.in_eval = True, False
            called.trains = module.training or called.in_eval or not called.watched.ever_trained
            called.untold = not called.trains
        self._numbers.begins(called.numbers, called.trains, recorder.optimizer_step)
        if called.trains:
            called.forwards += 1
            step = steps if called.stepped else called.forwards - 1
            called.look = step != called.looked_at and self._work.schedule.activations(step)
            called.looked_at = step if called.look else called.looked_at
            called.due = called.look or called.forwards <= FIRST

    def _returned(
        self, called: Called, module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any], output: object
    ) -> Callable[[], object] | None:
        """The root returned `output`. What is to be done about it, where torch is as the user has left it."""
        if not called.trains or called.watched.root() is not module or capturing():
            return None
        if torch._C._functorch.peek_interpreter_stack() is not None:
            return None
        self._latest = called
        outputs = [("", output)] if isinstance(output, Tensor) else tensors_in(output)
        if called.look:
            with self._work.part("watch.uses"):
                self._uses.look(called.uses, module, args, kwargs, outputs)
                if self.data is not None:
                    self.data.inputs(called.watched, args, kwargs)
        if called.due and self.losses is not None:
            with self._work.part("watch.losses"):
                self.losses.output(called.watched, output)
        if self.memory is not None:
            self.memory.output(called.watched, output, called.steps)
        self._uses.follow(called.uses, outputs, called.stepped)
        called.plain = self._numbers.may_be_left(called.numbers, args, kwargs)
        return self._numbers.gave(called.numbers, module, args, kwargs, outputs, called.look)

    def _counted_returned(self, called: Called, module: nn.Module, output: object) -> None:
        """A forward that was only counted returned, or the criterion of it."""
        try:
            if called.criterion != id(module):
                if self.memory is not None:
                    with torch._C.DisableTorchFunction():
                        self.memory.output(called.watched, output, called.steps)
            elif isinstance(output, Tensor) and output.numel() == 1:
                called.numbers.loss = weakref.ref(output)
        except Exception as error:
            with self._work.part("watch.uses"):
                raise error

    def _criterion_returned(
        self, called: Called, module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any], output: object
    ) -> None:
        """The watched criterion returned `output`; of one that several models share, for the latest of these."""
        if not called.trains or not torch.is_grad_enabled() or capturing():
            return
        if torch._C._functorch.peek_interpreter_stack() is not None:
            return
        if called.due and self.losses is not None:
            with self._work.part("watch.losses"):
                self.losses.called(called.watched, module, args, kwargs, output)
        if isinstance(output, Tensor) and not called.numbers.done and output.numel() == 1 and oddness(output):
            self._numbers.loss_not_finite()


def _last_used(watched: Watched) -> weakref.ref[nn.Parameter] | None:
    """The last parameter of the optimizer with a gradient on the host: what is odd in a loss gets there first."""
    optimizer = watched.leader() if watched.leader is not None else None
    if optimizer is None:
        return None
    for group in reversed(optimizer.param_groups):
        for parameter in reversed(group["params"]):
            if parameter.grad is not None and parameter.grad.is_cpu and not reason_against(parameter.grad):
                return weakref.ref(parameter)
    return None
