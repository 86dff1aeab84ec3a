"""A recorder that keeps what watching tells it, by quantity and name; strict, so that a fault of ours fails."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from reportgen.run.distribution import Distribution
from reportgen.run.series import Stamp


class Memory:
    def __init__(self) -> None:
        self.owner = True
        self.asked = True
        self.optimizer_step = 0
        self.split: str | None = None
        self.data = None
        self.before_flush: list[Callable[[], None]] = []
        self.measured: dict[str, dict[str, list[tuple[int, float]]]] = defaultdict(lambda: defaultdict(list))
        self.taken: dict[str, dict[str, list[tuple[int, Distribution]]]] = defaultdict(lambda: defaultdict(list))
        self.records: list[tuple[str, Any]] = []
        self.notes: list[tuple[str, str, str]] = []

    def stamp(self, step: int | None = None, tag: str | None = None, at: float | None = None) -> Stamp:
        return Stamp(self.optimizer_step if step is None else step, self.optimizer_step)

    def measures(self, values: Mapping[str, Mapping[str, float]], stamp: Stamp) -> None:
        for quantity, group in values.items():
            for name, value in group.items():
                self.measured[quantity][name].append((stamp.step, value))

    def distributions(self, values: Mapping[str, Mapping[str, Distribution]], stamp: Stamp) -> None:
        for kind, group in values.items():
            for name, value in group.items():
                self.taken[kind][name].append((stamp.step, value))

    def record(self, kind: str, value: Any, stamp: Stamp | None = None) -> None:
        self.records.append((kind, value))

    def note(self, kind: str, where: str, what: str, step: int = 0) -> None:
        self.notes.append((kind, where, what))

    @contextmanager
    def guard(self, where: str) -> Iterator[None]:
        yield

    def last(self, kind: str) -> Any:
        return [value for each, value in self.records if each == kind][-1]
