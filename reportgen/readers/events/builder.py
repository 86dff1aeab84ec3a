"""What becomes of a log's drafts: records, the media they name, and notes on what was not as it should be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reportgen.readers.events.columns import Clock
from reportgen.readers.events.log import Log
from reportgen.readers.events.log_parts import Entry
from reportgen.readers.events.media import Source
from reportgen.readers.events.times import is_told
from reportgen.run.records import Note
from reportgen.run.series import Series, Stamp


@dataclass(slots=True)
class Builder:
    """Gathers the records of one run, log by log.

    page: leave out what no page needs, where that saves much; snapshots: how many histograms of a tag a page shows.
    started: when the run began, for what tells no time. alone: look at no files beside the event files. log: the one at
    hand; prefix: what its tags begin with ("train/"); session: its name where it is one of hyperparameters. scalars,
    clock: the run's. records: by the journal's word for their kind.
    """

    page: bool = False
    snapshots: int = 0
    started: float = 0.0
    alone: bool = False
    log: Log = field(default_factory=lambda: Log(Path(), {}))
    prefix: str = ""
    session: str = ""
    scalars: Mapping[str, Series] = field(default_factory=dict)
    clock: Clock = field(default_factory=Clock)
    records: dict[str, list[Any]] = field(default_factory=dict)
    sources: dict[str, Source] = field(default_factory=dict)
    notes: dict[tuple[str, str, str], int] = field(default_factory=dict)

    def tag(self, name: str) -> str:
        """A tag as the run has it."""
        return self.prefix + name

    def stamp(self, entry: Entry) -> Stamp:
        """When an entry was recorded."""
        time = entry.time if is_told(entry.time) else self.started
        return Stamp(entry.step, epoch=self.clock.epoch(time), time=time)

    def add(self, kind: str, record: Any) -> None:
        """Keep a record."""
        self.records.setdefault(kind, []).append(record)

    def note(self, where: str, what: str, times: int = 1, kind: str = "omission") -> None:
        """Note what was left out ("omission") or how something was read ("reading"); the same once, counted."""
        key = (kind, where, what)
        self.notes[key] = self.notes.get(key, 0) + times

    def store(
        self,
        entry: Entry,
        place: tuple[int, int],
        suffix: str,
        made: Callable[[bytes], bytes] | None = None,
        part: str = "",
    ) -> str:
        """The name under which bytes of an entry's file (offset, length) can be looked up."""
        name = f"{entry.file.number:04d}-{place[0]:012d}{part}.{suffix}"
        self.sources[name] = Source(entry.file.path, *place, made)
        return name

    def written_notes(self) -> tuple[Note, ...]:
        """The notes in the order in which they first came."""
        return tuple(Note(kind, where, what, times=times) for (kind, where, what), times in self.notes.items())
