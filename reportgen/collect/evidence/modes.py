"""In which modes a watched model trained and was evaluated."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from torch import Tensor, nn

from reportgen.collect.evidence.mode_flags import Combination, Count, Flags
from reportgen.collect.evidence.summed import Summed
from reportgen.run.evidence import ModeUse

if TYPE_CHECKING:
    from reportgen.collect.watched import Watched
    from reportgen.collect.work import Work

# Names of modules in a record, of each mode.
MOST_NAMES = 64
# Forwards with gradients since the last optimizer step from which on they are no accumulation of gradients, but an
# evaluation that nobody told torch about.
MOST_PENDING = 256
# Forwards without gradients that a training step may make between its own forward and its end (a teacher, a consistency
# loss); more of them are an evaluation that came before the step was made.
MOST_WITHIN = 8
# Forwards of one and the same batch, one after another, that are samples of what dropout gives (Gal and Ghahramani,
# Dropout as a Bayesian Approximation, ICML 2016), and no evaluation in the wrong mode.
SAMPLES = 5
# Forwards between two looks at which modules there are.
RESCAN = 64

TRAIN, EVALUATION = "train", "evaluation"


def trains_on(split: str | None) -> bool:
    """Whether what is done inside a tracked loader of that split, or of none, may be training."""
    return split is None or split.lower().startswith("train")


@dataclass(slots=True)
class _Held:
    """Forwards whose phase is not known yet."""

    modes: Combination | None = None
    forwards: int = 0
    first: int = 0
    last: int = 0

    def add(self, modes: Combination, step: int) -> None:
        if modes is not self.modes or not self.forwards:
            self.modes, self.forwards, self.first = modes, 0, step
        self.forwards += 1
        self.last = step


@dataclass(slots=True)
class ModelModes:
    """One model's forwards. pending: with gradients, since its last step. tracked: the last one with gradients inside a
    loader of another split. doubtful: without gradients while some are pending."""

    watched: Watched
    flags: Flags = field(default_factory=Flags)
    pending: _Held = field(default_factory=_Held)
    tracked: _Held = field(default_factory=_Held)
    doubtful: list[tuple[Combination, int]] = field(default_factory=list)
    since_scan: int = RESCAN
    quiet: bool = False  # whether the last forward was one without gradients
    recounting: bool = False
    batch: weakref.ref[Tensor] | None = None
    repeats: int = 0


class Modes:
    """Counts forwards of watched models by their modes, and by what they turn out to be for.

    A forward with gradients trains if the model's optimizer makes a step after it, and none of another combination of
    modes comes between. Else it counts only where the user says what it was for. One without gradients evaluates,
    unless it is a part of a training step, one of the samples of a dropout's distribution, or gathers statistics.
    """

    def __init__(self, work: Work) -> None:
        self._work = work
        self._models: list[ModelModes] = []
        self._latest: ModelModes | None = None
        work.recorder.before_flush.append(self._put)  # before what writes it
        self._summed = Summed(work.recorder, "mode_use")

    def add(self, watched: Watched) -> ModelModes:
        """Count the forwards of one more model."""
        made = ModelModes(watched)
        self._models.append(made)
        return made

    def forward(
        self, model: ModelModes, root: nn.Module, args: Sequence[object], step: int, grad: bool, split: str | None
    ) -> None:
        """A forward of `root` begins, after `step` optimizer steps. grad: gradients are enabled."""
        flags = model.flags
        model.since_scan += grad
        if model.since_scan > RESCAN:
            model.since_scan = 0
            flags.scan(root)
        modes = flags.ask(root)
        self._latest = model
        if model.tracked.forwards:
            self._settle(model.tracked, EVALUATION, "track")
        if grad:
            model.quiet = False
            if not trains_on(split):
                model.tracked.add(modes, step)
                return
            if model.pending.modes is not modes:
                self._evaluated(model, "no_grad")
            model.pending.add(modes, step)
            return
        if not model.quiet:
            model.quiet, model.recounting = True, flags.recounting()
        if model.recounting:
            return
        told_by = "no_grad" if trains_on(split) else "track"
        if modes.training and self._sampling(model, args):
            if model.repeats == SAMPLES:
                self._take_back(model, modes, told_by)
        elif told_by == "no_grad" and model.pending.forwards:
            model.doubtful.append((modes, step))
            if len(model.doubtful) > MOST_WITHIN:
                self._evaluated(model, told_by)
                model.pending.forwards = 0
        else:
            _count(modes, EVALUATION, told_by, 1, step, step)

    def stepped(self, model: ModelModes) -> None:
        """The model's optimizer has made a step: what came before it was training."""
        model.doubtful.clear()
        model.batch, model.quiet = None, False
        if model.tracked.forwards:
            self._settle(model.tracked, TRAIN, "step")
        if model.pending.forwards > MOST_PENDING:
            model.pending.forwards = 0
        else:
            self._settle(model.pending, TRAIN, "step")

    @staticmethod
    def counts(model: ModelModes, root: nn.Module) -> Count | None:
        """The count of training forwards in the modes of now; None if none is known to be one."""
        return model.flags.ask(root).counts.get((TRAIN, "step"))

    @staticmethod
    def pend(model: ModelModes, step: int) -> None:
        """One with gradients, in the modes that the latest was in, waits for what comes after it."""
        model.quiet = False
        model.pending.add(model.flags.now, step)

    def predicted(self, split: str) -> None:
        """What the latest forwards gave went to `report.predictions` of `split`."""
        model = self._latest
        if model is None or trains_on(split):
            return
        if model.doubtful:
            self._evaluated(model, "no_grad")
        elif not model.quiet and not model.tracked.forwards:
            self._settle(model.pending, EVALUATION, "predictions")

    def _sampling(self, model: ModelModes, args: Sequence[object]) -> bool:
        """Whether this forward is one of several of the same batch that are samples."""
        batch = args[0] if args else None
        if not isinstance(batch, Tensor):
            model.batch = None
            return False
        if model.batch is None or model.batch() is not batch:
            model.batch, model.repeats = weakref.ref(batch), 1
            return False
        model.repeats += 1
        return model.repeats >= SAMPLES

    @staticmethod
    def _take_back(model: ModelModes, modes: Combination, told_by: str) -> None:
        """The forwards of this batch before this one were counted."""
        count = modes.counts.get((EVALUATION, told_by))
        del model.doubtful[-(SAMPLES - 1) :]
        if count is not None:
            count.forwards = max(0, count.forwards - (SAMPLES - 1))

    @staticmethod
    def _settle(held: _Held, phase: str, told_by: str) -> None:
        if held.modes is not None and held.forwards:
            _count(held.modes, phase, told_by, held.forwards, held.first, held.last)
        held.forwards = 0

    @staticmethod
    def _evaluated(model: ModelModes, told_by: str) -> None:
        """Those in doubt were no part of a training step."""
        for modes, step in model.doubtful:
            _count(modes, EVALUATION, told_by, 1, step, step)
        model.doubtful.clear()

    def close(self) -> None:
        """Hand over what is left, under the names that modules have while their models are watched."""
        self._put(last=True)
        self._latest = None

    def _put(self, last: bool = False) -> None:
        """Hand over what has changed."""
        for model in tuple(self._models):
            if last or self._work.recorder.asked:
                self._evaluated(model, "no_grad")
                if model.tracked.forwards:
                    self._settle(model.tracked, EVALUATION, "track")
            for modes in tuple(model.flags.combinations.values()):
                for (phase, told_by), count in tuple(modes.counts.items()):
                    if count.forwards != count.told:
                        count.told = count.forwards
                        record = self._record(model, modes, phase, told_by, count)
                        key = (record.model, phase, told_by, record.training, record.evaluating, record.root)
                        self._summed.put(key, record)

    def _record(self, model: ModelModes, modes: Combination, phase: str, told_by: str, count: Count) -> ModeUse:
        watched, ever = model.watched, model.flags.ever_training

        def named(paths: Sequence[str]) -> tuple[str, ...]:
            return tuple(self._work.name(watched, p) if p else watched.name for p in paths[:MOST_NAMES])

        frozen = [p for p in modes.evaluating[:MOST_NAMES] if p in modes.fixed or p not in ever]
        return ModeUse(
            model=watched.name,
            phase=phase,
            told_by=told_by,
            training=named(modes.training),
            evaluating=named(modes.evaluating),
            frozen=named(frozen),
            root=modes.root,
            forwards=count.forwards,
            first=count.first,
            last=count.last,
        )


def _count(modes: Combination, phase: str, told_by: str, forwards: int, first: int, last: int) -> None:
    count = modes.counts.get((phase, told_by))
    if count is None:
        count = modes.counts[phase, told_by] = Count(first=first)
    elif not count.forwards:
        count.first = first
    count.forwards += forwards
    count.last = last
