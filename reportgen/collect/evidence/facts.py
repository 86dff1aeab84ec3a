"""What is true of the tensors that go into models and losses and come out: summed over looks, by name."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, field

from torch import Tensor

from reportgen.collect.distribution.sheet import Host
from reportgen.collect.evidence.facts_looks import Look, look_at, look_of, reduced
from reportgen.collect.later import Later
from reportgen.collect.quiet import quiet
from reportgen.collect.structure import spec_of
from reportgen.run.evidence import TensorFacts

# Different values are counted up to here.
MOST_DISTINCT = 1_000


@dataclass(slots=True)
class _Sum:
    """What is known of one name so far. A verdict is None as long as no look could tell."""

    shape: tuple[int, ...] = ()
    dtype: str = ""
    looks: int = 0
    requires_grad: bool = False
    finite: int = 0
    low: float = math.inf
    high: float = -math.inf
    mean: float = 0.0
    squares: float = 0.0
    zeros: int = 0
    non_finite: int = 0
    fractions: bool = False
    distinct: set[float] | None = field(default_factory=set)  # None when there are more than are counted
    rows: bool | None = None
    columns: bool | None = None
    logs: bool | None = None

    @property
    def wants_sums(self) -> bool:
        return not (self.rows is False and self.columns is False and self.logs is False)


class Facts:
    """Adds up looks at tensors. Keeps numbers only, no tensor.

    Of each, at most 16,384 elements are read (evenly spread runs of more), and sums of at most 64 rows and columns.
    What is on the CPU is read at once; on a device it is reduced there, and added when `later` delivers it, in
    whichever thread that is. A look that met numbers that are not finite does not judge the sums.
    """

    def __init__(self, later: Later) -> None:
        self._later = later
        self._sums: dict[str, _Sum] = {}
        self._lock = threading.Lock()

    def take(self, name: str, tensor: Tensor) -> None:
        """Look at `tensor` (any shape, dtype, layout, device) as the one called `name`."""
        one = self._sums.get(name)
        if one is None:
            with self._lock:
                one = self._sums.setdefault(name, _Sum())
        with quiet():
            spec = spec_of(tensor)
            one.shape, one.dtype = spec.shape, spec.dtype
            one.requires_grad |= tensor.requires_grad
            one.looks += 1
            if one.rows is not False and len(spec.shape) < 2:
                one.rows = one.columns = one.logs = False
            values = one.distinct is not None
            if tensor.is_cpu and not self._later.hold:
                look = look_at(tensor, one.wants_sums, values, not one.fractions)
                row = None
            else:
                look, row = None, reduced(tensor, one.wants_sums, values)
        if look is not None:
            self._add(one, look)
        if row is not None:
            summed = one

            def write(host: list[Host]) -> None:
                self._add(summed, look_of(host[0]))

            self._later.arrays([row], write)

    def facts(self) -> tuple[TensorFacts, ...]:
        """What is known now, by name in the order met. What still is on a device is not in it."""
        with self._lock:
            return tuple(_facts(name, one) for name, one in self._sums.items())

    def _add(self, one: _Sum, look: Look) -> None:
        with self._lock:
            one.non_finite += look.read - look.finite
            if look.finite:
                whole = one.finite + look.finite
                away = look.mean - one.mean
                # Chan, Golub and LeVeque, Updating formulae and a pairwise algorithm for computing sample variances.
                one.squares += look.squares + away * away * one.finite * look.finite / whole
                one.mean += away * look.finite / whole
                one.finite = whole
                one.low, one.high = min(one.low, look.low), max(one.high, look.high)
                one.zeros += look.zeros
                one.fractions |= look.fractions
                if one.distinct is not None and look.values is not None:
                    one.distinct.update(look.values.tolist())
                    if len(one.distinct) > MOST_DISTINCT:
                        one.distinct = None
            one.rows = _both(one.rows, look.rows)
            one.columns = _both(one.columns, look.columns)
            one.logs = _both(one.logs, look.logs)


def _both(before: bool | None, now: bool | None) -> bool | None:
    return before if now is None else now and before is not False


def _facts(name: str, one: _Sum) -> TensorFacts:
    known = one.finite > 0
    deviation = math.sqrt(one.squares / one.finite) if known and one.squares >= 0 else None
    return TensorFacts(
        name=name,
        shape=one.shape,
        dtype=one.dtype,
        looks=one.looks,
        minimum=one.low if known else None,
        maximum=one.high if known else None,
        mean=one.mean if known else None,
        deviation=deviation,
        zeros=one.zeros / one.finite if known else 0.0,
        non_finite=one.non_finite,
        distinct=MOST_DISTINCT if one.distinct is None else len(one.distinct),
        whole=known and not one.fractions,
        requires_grad=one.requires_grad,
        rows_sum_to_one=one.rows is True,
        columns_sum_to_one=one.columns is True,
        rows_logsumexp_zero=one.logs is True,
    )
