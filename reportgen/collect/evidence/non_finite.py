"""The first training forward of a model that gave NaN or infinity, and where that came from."""

from __future__ import annotations

import math
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn

from reportgen.collect.distribution.sheet import Host
from reportgen.collect.evidence.non_finite_search import Made, first_made, why_not_again
from reportgen.collect.evidence.oddness import (
    MINUS,
    MOST_TENSORS,
    NAN,
    PLUS,
    SAMPLE,
    odd_parameters,
    odd_rows,
    oddness,
)
from reportgen.collect.numbers import reason_against, sampled
from reportgen.collect.parameters import norms
from reportgen.collect.quiet import quiet
from reportgen.collect.structure import arguments
from reportgen.run.evidence import NonFinite
from reportgen.run.series import Stamp

if TYPE_CHECKING:
    from reportgen.collect.watched import Watched
    from reportgen.collect.work import Work

# Names of parameters, and of columns, in a record.
MOST_NAMES = 64
MOST_COLUMNS = 20
# Seconds that a forward may have taken to be done again.
LONGEST = 30.0
# Forwards whose inputs were odd and whose output was not, after which a model is known to cope with that.
MOST_TOLERATED = 64
# Training forwards whose inputs are read: by then most data was seen, and that of a longer pass is looked at as rows.
INPUTS_READ = 256
# Nodes of autograd after which minus infinity is no mask.
_OVERFLOWS = {"LogBackward0": "log", "Log2Backward0": "log2", "Log10Backward0": "log10", "DivBackward0": "div"}

# What the latest training forward of a model gave, as far as it was read.
_UNKNOWN, _FINITE, _MASKED = "", "finite", "masked"


class _Given(NamedTuple):
    """Odd inputs of a forward at `step`: see NonFinite."""

    step: int
    rows: int
    samples: int
    columns: list[str]


class ModelNumbers:
    """One model. latest: see above; step: when that forward was. given: the latest odd inputs, and tolerated: how often
    there were such though the output was finite."""

    def __init__(self, watched: Watched) -> None:
        self.watched = watched
        self.done = False
        self.began = 0.0
        self.latest = _UNKNOWN
        self.step = 0
        self.operation = ""
        self.forwards = 0
        self.outputs: list[weakref.ref[Tensor]] = []
        self.given: _Given | None = None
        self.tolerated = 0


class FirstNonFinite:
    """Looks at what training forwards give, and at the first odd one closely, once a model.

    On the host each is looked at, on a device those looked at anyway. Minus infinity alone is taken for a mask until
    the loss is not finite.
    """

    def __init__(self, work: Work) -> None:
        self._work = work
        self._latest: ModelNumbers | None = None

    def begins(self, numbers: ModelNumbers, trains: bool, step: int) -> None:
        """A forward begins. step: as in stamps."""
        self._latest = numbers if trains else None
        numbers.latest = _UNKNOWN
        numbers.step = step
        numbers.began = time.perf_counter()

    def gave(
        self,
        numbers: ModelNumbers,
        root: nn.Module,
        args: Sequence[object],
        kwargs: Mapping[str, object],
        outputs: Sequence[tuple[str, Tensor]],
        look: bool,
    ) -> Callable[[], None] | None:
        """A training forward of `root` gave these tensors. What is to be done about it, where torch is as the user has
        left it. look: this is one of the forwards looked at."""
        if numbers.done:
            return None
        numbers.forwards += 1
        odd, host, device = 0, False, []
        for _, tensor in outputs[:MOST_TENSORS]:
            if tensor.is_cpu and not self._work.later.hold:
                host = True
                odd |= oddness(tensor, SAMPLE)
            elif tensor.is_floating_point() and not reason_against(tensor):
                device.append(tensor)
        if odd & (NAN | PLUS):
            numbers.done = True
            return lambda: self._examine(numbers, root, args, kwargs)
        if device:
            numbers.outputs = [weakref.ref(tensor) for tensor in device]
            if look:
                self._ask_device(numbers, root, args, kwargs, device)
            return None
        if host:
            self._inputs(numbers, args)
        if odd & MINUS:
            numbers.latest = _MASKED
            numbers.operation = _OVERFLOWS.get(type(outputs[0][1].grad_fn).__name__, "")
        elif host:
            numbers.latest = _FINITE
        return None

    def fine(self, numbers: ModelNumbers, output: object) -> bool:
        """Whether a training forward gave one tensor on the host, and it was read and is finite: as most often."""
        if type(output) is not Tensor or not output.is_cpu or self._work.later.hold or oddness(output, SAMPLE):
            return False
        numbers.latest = _FINITE
        return True

    def loss_not_finite(self) -> None:
        """A loss is not finite: that of the latest training forward, unless an evaluation came since."""
        numbers = self._latest
        if numbers is None or numbers.done:
            return
        if numbers.latest == _UNKNOWN:
            root = numbers.watched.root()
            outputs = [tensor for one in numbers.outputs if (tensor := _alive(one)) is not None]
            if root is not None and outputs:
                self._ask_device(numbers, root, (), {}, outputs, loss=True)
            return
        numbers.done = True
        given = numbers.given if numbers.given is not None and numbers.given.step == numbers.step else None
        overflowed = numbers.latest == _MASKED and bool(numbers.operation)
        self._record(
            NonFinite(
                model=numbers.watched.name,
                stamp=self._stamp(numbers.step),
                inputs=given is not None,
                operation=numbers.operation,
                outside=given is None and not overflowed,
                rows=given.rows if given is not None else 0,
                samples=given.samples if given is not None else 0,
                columns=tuple(given.columns[:MOST_COLUMNS]) if given is not None else (),
            )
        )

    @staticmethod
    def _inputs(numbers: ModelNumbers, args: Sequence[object]) -> None:
        """Remember inputs that are odd although the output is not: the parameters may become so by their gradients."""
        if numbers.tolerated >= MOST_TOLERATED or numbers.forwards > INPUTS_READ:
            return
        for value in args[:MOST_TENSORS]:
            if isinstance(value, Tensor) and oddness(value, SAMPLE) & (NAN | PLUS):
                numbers.tolerated += 1
                numbers.given = _Given(numbers.step, *odd_rows([value]))
                return

    def _examine(
        self, numbers: ModelNumbers, root: nn.Module, args: Sequence[object], kwargs: Mapping[str, object]
    ) -> None:
        took = time.perf_counter() - numbers.began
        parameters = odd_parameters(root)
        step = numbers.step
        rows, samples, columns = odd_rows([tensor for _, tensor in arguments(args, kwargs)])
        given = numbers.given
        if parameters and not rows and given is not None and given.step >= step - 1:
            step, rows, samples, columns = given  # of which the parameters became so
            parameters = []
        found: Made | None = None
        if not parameters and not rows and took < LONGEST and not why_not_again(root, args, kwargs):
            found = first_made(root, args, kwargs)
        watched = numbers.watched
        self._record(
            NonFinite(
                model=watched.name,
                stamp=self._stamp(step),
                inputs=rows > 0,
                module=self._work.name(watched, found.path) if found is not None and found.path else "",
                operation=found.operation if found is not None else "",
                parameters=tuple(self._work.name(watched, name) for name in parameters[:MOST_NAMES]),
                amount=len(parameters),
                repeated=found is not None,
                rows=rows,
                samples=samples,
                columns=tuple(columns[:MOST_COLUMNS]),
            )
        )

    def _ask_device(
        self,
        numbers: ModelNumbers,
        root: nn.Module,
        args: Sequence[object],
        kwargs: Mapping[str, object],
        outputs: Sequence[Tensor],
        loss: bool = False,
    ) -> None:
        """Have outputs, inputs and parameters looked at where they are, and record what is odd when that is known."""
        named = [(n, p) for n, p in root.named_parameters() if not nn.parameter.is_lazy(p) and not reason_against(p)]
        inputs = [t for _, t in arguments(args, kwargs)[:MOST_TENSORS] if not reason_against(t)]
        names, gave, took = [name for name, _ in named], len(outputs), len(inputs)
        with quiet():
            usual = [_is_usual(tensor).reshape(1) for tensor in (*outputs, *inputs)]
            order, lengths = norms([parameter for _, parameter in named])
        stamp, watched = self._stamp(numbers.step), numbers.watched

        def write(host: list[Host]) -> None:
            fine = all(bool(one[0]) for one in host[:gave])
            if numbers.done or (fine and not loss):
                return
            numbers.done = True
            found = [float(length) for part in host[gave + took :] for length in part]
            odd = [names[place] for place, length in zip(order, found, strict=True) if not math.isfinite(length)]
            self._record(
                NonFinite(
                    model=watched.name,
                    stamp=stamp,
                    inputs=not all(bool(one[0]) for one in host[gave : gave + took]),
                    parameters=() if fine else tuple(self._work.name(watched, name) for name in odd[:MOST_NAMES]),
                    amount=0 if fine else len(odd),
                    outside=fine,
                )
            )

        self._work.later.arrays([*usual, *lengths], write)

    def _stamp(self, step: int) -> Stamp:
        return self._work.recorder.stamp(step=step)

    def _record(self, record: NonFinite) -> None:
        self._work.recorder.record("non_finite", record, record.stamp)


def _alive(reference: weakref.ref[Tensor]) -> Tensor | None:
    """The tensor, if it is still there: perhaps only as torch's own, of which its Python object is a part again."""
    tensor = reference()
    if tensor is not None:
        tensor._fix_weakref()  # type: ignore[attr-defined]
    return tensor


def _is_usual(tensor: Tensor) -> Tensor:
    """Whether a sample of it holds neither NaN nor infinity: one bool, where `tensor` is. Minus infinity is a mask."""
    if not tensor.is_floating_point() or tensor.layout is not torch.strided or not tensor.numel():
        return torch.ones((), dtype=torch.bool, device=tensor.device)
    return sampled(tensor.detach(), SAMPLE).lt(math.inf).all()
