"""What a log is made of: its files, the sessions of its writers, columns of numbers, and drafts of everything else."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reportgen.readers.events.framing import Loss


@dataclass(slots=True, eq=False)
class EventFile:
    """One event file. number: its place among those of its run, given when runs are made of logs.

    losses: what could not be read; untold and untold_bytes: how many losses there are beside them, and their bytes.
    """

    path: Path
    size: int
    number: int = 0
    losses: list[Loss] = field(default_factory=list)
    untold: int = 0
    untold_bytes: int = 0
    checked: bool = False
    problem: str = ""

    def read(self, offset: int, length: int) -> bytes:
        """Bytes of the file. Raises OSError."""
        with self.path.open("rb") as file:
            file.seek(offset)
            return file.read(length)


@dataclass(slots=True)
class Session:
    """What one writer wrote, from its opening to its closing.

    first, last: times of its events. step: of the first that holds something, None without one. resumed_from: the step
    from which it purged. seen: whether any event was read.
    """

    seen: bool = False

    first: float | None = None
    last: float | None = None
    step: int | None = None
    resumed_from: int | None = None


@dataclass(slots=True)
class Column:
    """The numbers of a tag. breaks: positions at which another session's begin."""

    steps: array[int] = field(default_factory=lambda: array("q"))
    values: array[float] = field(default_factory=lambda: array("d"))
    times: array[float] = field(default_factory=lambda: array("d"))
    breaks: list[int] = field(default_factory=list)

    def keep(self, below: int) -> int:
        """Drop what is at or after step `below`; how many that were."""
        kept = [place for place, step in enumerate(self.steps) if step < below]
        dropped = len(self.steps) - len(kept)
        if dropped:
            self.breaks = sorted({bisect_left(kept, at) for at in self.breaks})
            # In place: the reader holds on to the columns' own methods.
            self.steps[:] = array("q", [self.steps[place] for place in kept])
            self.values[:] = array("d", [self.values[place] for place in kept])
            self.times[:] = array("d", [self.times[place] for place in kept])
        return dropped


@dataclass(slots=True)
class Entry:
    """A record that is no number. draft: what its plugin needs to make it."""

    plugin: str
    tag: str
    step: int
    time: float
    file: EventFile
    draft: Any = None
