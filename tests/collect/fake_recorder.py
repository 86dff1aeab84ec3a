"""A recorder that keeps what it is told, for tests of single collectors."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from reportgen.run.series import Stamp


class FakeRecorder:
    """Has what collectors use of collect.recorder.Recorder; without a step, the optimizer step counts."""

    def __init__(self) -> None:
        self.owner = True
        self.optimizer_step = 0
        self.before_flush: list[Callable[[], None]] = []
        self.records: list[tuple[str, Any]] = []
        self.media: dict[str, bytes] = {}
        self.notes: list[tuple[str, str, str]] = []

    def stamp(self, step: int | None = None, tag: str | None = None, at: float | None = None) -> Stamp:
        return Stamp(self.optimizer_step if step is None else step, self.optimizer_step, time=at or 0.0)

    def record(self, kind: str, value: Any, stamp: Stamp | None = None) -> None:
        for example in getattr(value, "examples", ()):
            assert {example.image, example.overlay} - {None} <= set(self.media)
        self.records.append((kind, value))

    def store(self, data: bytes, suffix: str) -> str:
        name = f"{hashlib.sha256(data).hexdigest()[:16]}.{suffix}"
        self.media[name] = data
        return name

    def note(self, kind: str, where: str, what: str, step: int = 0) -> None:
        self.notes.append((kind, where, what))


class AtOnce:
    """Stands for collect.encoding.Encoding: does the work where it is handed over."""

    def hand_over(self, where: str, work: Callable[..., None], *arrays: Any, owned: bool = False) -> None:
        work(*arrays)
