"""Numbers by name as they come, a few at a time, gathered into columns."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from reportgen.run.codec import NOT_FINITE
from reportgen.run.series import Series, Stamp


@dataclass(slots=True)
class _Group:
    """The rows that came with the same names in the same order: stamps once a row, values row after row."""

    order: array[int] = field(default_factory=lambda: array("q"))
    steps: array[int] = field(default_factory=lambda: array("q"))
    optimizer_steps: array[int] = field(default_factory=lambda: array("q"))
    epochs: array[float] = field(default_factory=lambda: array("d"))
    times: array[float] = field(default_factory=lambda: array("d"))
    values: array[float] = field(default_factory=lambda: array("d"))


class Rows:
    """Rows of numbers by name. Names that always come together share their stamps, which makes reading cheap."""

    def __init__(self) -> None:
        self._groups: dict[tuple[str, ...], _Group] = {}
        self._counter = count()

    def add(self, stamp: Stamp, row: dict[str, Any]) -> None:
        """Add a row. Raises ValueError or TypeError, and adds nothing, when a value is no number."""
        try:
            values = array("d", row.values())
        except TypeError:  # one of them is spelled out, or no number
            values = array("d", [number(value) for value in row.values()])
        names = tuple(row)
        group = self._groups.get(names)
        if group is None:
            group = self._groups[names] = _Group()
        group.order.append(next(self._counter))
        group.steps.append(stamp.step)
        group.optimizer_steps.append(stamp.optimizer_step)
        group.epochs.append(math.nan if stamp.epoch is None else stamp.epoch)
        group.times.append(stamp.time)
        group.values.extend(values)

    def series(self) -> Iterator[tuple[str, Series]]:
        """Each name with its series, in the order in which the names first came."""
        places: dict[str, list[tuple[_Group, int, int]]] = {}
        for names, group in self._groups.items():
            for position, name in enumerate(names):
                places.setdefault(name, []).append((group, position, len(names)))
        for name, parts in places.items():
            yield name, _single(*parts[0]) if len(parts) == 1 else _joined(parts)


def _single(group: _Group, position: int, width: int) -> Series:
    return Series(
        steps=group.steps,
        values=group.values[position::width],
        times=group.times,
        epochs=group.epochs,
        optimizer_steps=group.optimizer_steps,
        logged=len(group.steps),
    )


def _joined(parts: list[tuple[_Group, int, int]]) -> Series:
    """The rows of several groups in the order in which they came."""
    singles = [_single(*part) for part in parts]
    order = sorted(
        (place, part, row) for part, (group, _, _) in enumerate(parts) for row, place in enumerate(group.order)
    )
    return chosen(singles, [(part, row) for _, part, row in order])


def chosen(series: list[Series], rows: list[tuple[int, int]]) -> Series:
    """The series of the given (number of the series, position in it)."""

    def integers(column: Callable[[Series], array[int]]) -> array[int]:
        columns = [column(one) for one in series]
        return array("q", [columns[part][row] for part, row in rows])

    def floats(column: Callable[[Series], array[float]]) -> array[float]:
        columns = [column(one) for one in series]
        return array("d", [columns[part][row] for part, row in rows])

    return Series(
        steps=integers(lambda one: one.steps),
        values=floats(lambda one: one.values),
        times=floats(lambda one: one.times),
        epochs=floats(lambda one: one.epochs),
        optimizer_steps=integers(lambda one: one.optimizer_steps),
        logged=len(rows),
    )


def number(value: object) -> float:
    """A number as a journal holds it: JSON's, or one that JSON lacks, spelled out. Raises ValueError for others."""
    if isinstance(value, int | float):
        return float(value)  # OverflowError is an ArithmeticError: see the caller
    if isinstance(value, str) and value in NOT_FINITE:
        return NOT_FINITE[value]
    raise ValueError("not a number")
