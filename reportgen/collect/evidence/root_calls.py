"""What is seen of every call of a watched model, and of its loss, besides what the schedule looks at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor, nn

from reportgen.collect.evidence.modes import Modes, trains_on
from reportgen.collect.evidence.non_finite import FirstNonFinite, ModelNumbers
from reportgen.collect.evidence.oddness import oddness
from reportgen.collect.evidence.uses import Uses
from reportgen.collect.quiet import capturing
from reportgen.collect.structure import tensors_in

if TYPE_CHECKING:
    from reportgen.collect.evidence.mode_flags import Count
    from reportgen.collect.watched import Watched
    from reportgen.collect.work import Work

# Training forwards at which losses are looked at in any case.
FIRST = 8
# Training forwards after which those at which nothing is due, and which are in the modes of the one before, are only
# counted; but for one in so many steps: a prime, since loops often do something at every second, fourth or tenth.
SETTLED, ASKED = 256, 17


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

    counts: of the forwards that are like the latest, if the next is expected to be only counted; split: inside a loader
    of which these were. counted: the latest was only counted; previous: the last of `counts` before it. fresh: none has
    begun since the last step.
    """

    def __init__(self, watched: Watched, work: Work, modes: Modes, uses: Uses, criterion: object) -> None:
        self.watched = watched
        self.modes = modes.add(watched)
        self.uses = uses.add(watched)
        self.numbers = ModelNumbers(watched)
        self.criterion = id(criterion) if isinstance(criterion, nn.Module) else 0
        self.steps = self.previous = 0
        self.stepped = False
        self.forwards = 0
        self.looked_at = -1
        self.counts: Count | None = None
        self.split: str | None = None
        self.trains = self.look = self.due = self.untold = self.in_eval = self.counted = self.fresh = False


class RootCalls:
    """Told of each call of a watched model or criterion, and of steps.

    That costs some 30 us a training step. Of a long training most forwards are only counted, and what they gave is
    read, which takes half of it.
    """

    def __init__(self, work: Work) -> None:
        self._work = work
        work.recorder.before_flush.append(self._recall_all)  # before what writes the counts
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
            if not self._counts(called, module):
                self._begins(called, module, args)
        except Exception as error:
            with self._work.part("watch.modes"):
                raise error

    def after(
        self, called: Called, module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any], output: object
    ) -> None:
        """It returned `output`. To be called where torch is as the user has left it."""
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

    def stepped(self, watched: Watched, steps: int, closure: bool = False) -> None:
        """The optimizer of `watched` has completed so many steps. closure: its forwards were inside of the step."""
        called = self._models.get(id(watched))
        if called is None:
            return
        called.steps, called.stepped, called.fresh = steps, True, True
        idle = not closure and not self._work.schedule.any(steps)
        if called.counted and idle:
            return
        called.in_eval |= called.untold
        called.untold = False
        self._modes.stepped(called.modes)
        self._uses.stepped(called.uses, steps)
        settled = idle and called.trains and not called.in_eval and called.forwards > SETTLED
        root = watched.root() if settled and not called.uses.cleared.held else None
        called.counts = self._modes.counts(called.modes, root) if root is not None else None

    def predicted(self, split: str) -> None:
        """What watched models gave went to `report.predictions` of `split`."""
        self._recall_all(True)
        self._modes.predicted(split)

    def loss_not_finite(self) -> None:
        """A loss that is not finite was logged."""
        self._numbers.loss_not_finite()

    def close(self) -> None:
        """Nothing more will be watched."""
        self._latest = None
        self._recall_all(True)
        self._modes.close()

    def _counts(self, called: Called, module: nn.Module) -> bool:
        """Whether a call of the root that begins is like those before it, so that nothing needs to be asked."""
        fresh, called.fresh = called.fresh, False
        counts, steps = called.counts, called.steps
        if not fresh or counts is None or not steps % ASKED:
            return False  # of several between two steps it is not known yet which of them belong together
        recorder = self._work.recorder
        if not module.training or not torch.is_grad_enabled() or called.split != getattr(recorder, "split", None):
            return False
        if called.watched.root() is not module or self._modes.counts(called.modes, module) is not counts:
            return False
        counts.forwards += 1
        called.previous, counts.last = counts.last, steps
        called.forwards += 1
        called.trains = called.counted = True
        called.look = called.due = False
        self._numbers.begins(called.numbers, True, recorder.optimizer_step)
        return True

    def _recall(self, called: Called) -> None:
        """Let a forward that was only counted be one of which it is not known yet what for, if no step followed."""
        counts = called.counts
        if called.counted and counts is not None and counts.last == called.steps:
            counts.forwards -= 1
            counts.last = called.previous
            self._modes.pend(called.modes, called.steps)
        called.counted = False

    def _recall_all(self, now: bool = False) -> None:
        """Do so with all models, `now` or when this thread, one of the user's, waits for what is known."""
        if now or self._work.recorder.asked:
            for called in self._models.values():
                self._recall(called)

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
    ) -> Callable[[], None] | None:
        """The root returned `output`. What is to be done about it, where torch is as the user has left it."""
        if not called.trains or called.watched.root() is not module or capturing():
            return None
        if torch._C._functorch.peek_interpreter_stack() is not None:
            return None
        self._latest = called
        if self.memory is not None:
            self.memory.output(called.watched, output, called.steps)
        if called.counted and (called.numbers.done or self._numbers.fine(called.numbers, output)):
            return None
        outputs = [("", output)] if isinstance(output, Tensor) else tensors_in(output)
        if called.look:
            with self._work.part("watch.uses"):
                self._uses.look(called.uses, module, args, kwargs, outputs)
                if self.data is not None:
                    self.data.inputs(called.watched, args, kwargs)
        if called.due and self.losses is not None:
            with self._work.part("watch.losses"):
                self.losses.output(called.watched, output)
        self._uses.follow(called.uses, outputs, called.stepped)
        return self._numbers.gave(called.numbers, module, args, kwargs, outputs, called.look)

    def _criterion_returned(
        self, called: Called, module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any], output: object
    ) -> None:
        """The watched criterion returned `output`; of one that several models share, for the latest of these."""
        if self._latest is not None and self._latest.criterion == called.criterion:
            called = self._latest
        if not called.trains or not torch.is_grad_enabled() or capturing():
            return
        if torch._C._functorch.peek_interpreter_stack() is not None:
            return
        if called.due and self.losses is not None:
            with self._work.part("watch.losses"):
                self.losses.called(called.watched, module, args, kwargs, output)
        if isinstance(output, Tensor) and not called.numbers.done and output.numel() == 1 and oddness(output):
            self._numbers.loss_not_finite()
