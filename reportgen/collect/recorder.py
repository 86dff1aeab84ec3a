"""The one way into the run folder: stamps records, buffers them, keeps every failure away from the training loop."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

import torch

from reportgen.collect.device import DeviceNumbers, Slot, resolve
from reportgen.collect.notes import Notes
from reportgen.collect.values import Number, read
from reportgen.errors import InvalidArgumentError
from reportgen.run.codec import plain_number, to_plain
from reportgen.run.folder import MEDIA, RunFolder, read_manifest, write_manifest
from reportgen.run.journal import Journal, encoded
from reportgen.run.records import SCHEMA, Cost, Meta
from reportgen.run.series import Stamp

if TYPE_CHECKING:
    from torch import Tensor

    from reportgen.run.distribution import Distribution

# kind, step, optimizer step, epoch, time, payload
Entry = tuple[str, int, int, float | None, float, Any]

# run.json is rewritten in the background for the cost alone; nothing depends on it.
MANIFEST_SECONDS = 30.0


class Recorder:
    """Writes one attempt of one run. With folder=None nothing is recorded, and every call is cheap and harmless.

    before_flush: called before each periodic write, where collectors put what they hold back.
    passes: completed passes over the train loader, None before the first one began.
    """

    def __init__(self, folder: RunFolder | None, meta: Meta, strict: bool = False) -> None:
        self.strict = strict
        self.before_flush: list[Callable[[], None]] = []
        self.passes: float | None = None
        self._optimizer_step: int | None = None
        self._logged_epoch: float | None = None
        self._counter = 0
        self._counted: set[str] = set()
        self._notes = Notes()
        self._costs: dict[str, float] = {}
        self._depth = threading.local()
        self._devices: dict[torch.device, DeviceNumbers] = {}
        self._begun = False
        self._manifest_due = 0.0
        self._folder = folder
        self._meta = meta
        self._journal: Journal | None = None
        if folder is not None:
            self._journal = Journal(folder.journal, self._lines, self._in_background, self._not_written)
            if folder.attempt:
                with self.guard("folder"):
                    self._meta = replace(meta, started=read_manifest(folder.path).started)
            if folder.warning:
                self.note("rejected", "folder", folder.warning)
            with self.guard("folder"):
                write_manifest(folder.path, self._meta)

    # -- what is known ------------------------------------------------------------------------------------------

    @property
    def path(self) -> Path | None:
        """The run folder, None when nothing is recorded."""
        return self._folder.path if self._folder is not None else None

    @property
    def owner(self) -> bool:
        """Whether this process records: not a forked worker, and not one without a folder."""
        return self._journal is not None and self._journal.owner

    @property
    def optimizer_step(self) -> int:
        """Completed steps of the first watched optimizer; set by the watcher."""
        return self._optimizer_step or 0

    @optimizer_step.setter
    def optimizer_step(self, value: int) -> None:
        self._optimizer_step = value

    @property
    def epoch(self) -> float | None:
        """The epoch last logged, else the completed passes over the train loader, else None."""
        return self._logged_epoch if self._logged_epoch is not None else self.passes

    @epoch.setter
    def epoch(self, value: float | None) -> None:
        self._logged_epoch = value

    @property
    def cost(self) -> Cost:
        """Seconds spent here in the training loop's own threads."""
        grouped: dict[str, float] = {}
        for where, seconds in sorted(self._costs.items()):
            group = where.partition(".")[0]
            grouped[group] = grouped.get(group, 0.0) + seconds
        return Cost(seconds=sum(grouped.values()), by_collector=grouped)

    def stamp(self, step: int | None = None, tag: str | None = None) -> Stamp:
        """When something is recorded now. `tag` advances the counter that stands in for a step nobody knows."""
        return Stamp(self._step(step, tag), self._optimizer_step or 0, self.epoch, time.time())

    def _step(self, step: int | None, tag: str | None) -> int:
        if step is not None:
            return step
        if self._optimizer_step is not None:
            return self._optimizer_step
        if tag is not None:
            if tag in self._counted:
                self._counter += 1
                self._counted.clear()
            self._counted.add(tag)
        return self._counter

    # -- recording ----------------------------------------------------------------------------------------------

    def scalars(self, values: Mapping[str, Number | Tensor], stamp: Stamp) -> None:
        """Record numbers by tag. Numbers on the host are read now, those on a device at a later flush."""
        self._scalars(dict(values), stamp.step)

    def log(self, values: Mapping[str, Number | Tensor], step: int | None = None) -> None:
        """Record numbers by tag, stamped now: the path that every training step takes."""
        if values:
            self._scalars(dict(values), self._step(step, next(iter(values))))

    def _scalars(self, values: dict[str, Any], step: int) -> None:
        journal = self._journal
        if journal is None or not values:
            return
        if not (len(values) == 1 and type(next(iter(values.values()))) is float):
            for tag, value in values.items():
                if type(value) is not float:
                    values[tag] = self._taken(value)
        if "epoch" in values:
            epoch = values["epoch"]
            self._logged_epoch = epoch if isinstance(epoch, float) else None
        epoch = self._logged_epoch if self._logged_epoch is not None else self.passes
        journal.append(("scalars", step, self._optimizer_step or 0, epoch, time.time(), values))

    def _taken(self, value: Number | Tensor) -> float | Slot:
        if not isinstance(value, torch.Tensor) or value.device.type == "cpu":
            return read(value)
        numbers = self._devices.get(value.device)
        if numbers is None:
            numbers = self._devices[value.device] = DeviceNumbers(value.device)
        return numbers.put(value)

    def measures(self, values: Mapping[str, Mapping[str, float]], stamp: Stamp) -> None:
        """Record what watching found: quantity -> name -> number."""
        self._append("measures", {quantity: dict(group) for quantity, group in values.items()}, stamp)

    def distributions(self, values: Mapping[str, Mapping[str, Distribution]], stamp: Stamp) -> None:
        """Record distributions: kind -> name -> distribution."""
        self._append("distributions", {kind: dict(group) for kind, group in values.items()}, stamp)

    def record(self, kind: str, value: object, stamp: Stamp | None = None) -> None:
        """Record one of the run's records (a frozen dataclass) under the journal's word for it."""
        self._append(kind, value, stamp or self.stamp())

    def store(self, data: bytes, suffix: str) -> str:
        """Keep a file under its content's hash and return its name. It is on disk when this returns."""
        name = f"{hashlib.sha256(data).hexdigest()[:20]}.{suffix}"
        if self.path is not None and self.owner:
            folder = self.path / MEDIA
            place = folder / name
            if not place.exists():
                folder.mkdir(exist_ok=True)
                temporary = folder / f"{name}.{os.getpid()}.tmp"
                temporary.write_bytes(data)
                temporary.replace(place)
        return name

    def note(self, kind: str, where: str, what: str, step: int = 0) -> None:
        """Note what was left out or failed ("failure", "rejected", "omission"): one warning, then only counted."""
        self._notes.add(kind, where, what, step)

    def reject(self, error: InvalidArgumentError) -> None:
        """A value that could not be used: raises it when strict, else notes it."""
        if self.strict:
            raise error
        self.note("rejected", error.argument.partition("[")[0], str(error), self._step(None, None))

    def guard(self, where: str) -> Guard:
        """A context in which any Exception becomes a note (strict: goes on), and whose time counts as our cost."""
        return Guard(self, where)

    # -- writing ------------------------------------------------------------------------------------------------

    def flush(self) -> None:
        """Write all that is held back to disk now."""
        if self.owner:
            self._collect()
            self._journal_flush()

    def update_meta(self, **fields: Any) -> None:
        """Change fields of the run's Meta, and run.json with them."""
        self._meta = replace(self._meta, **fields)
        if self._folder is not None and self.owner:
            write_manifest(self._folder.path, self._meta)

    def end(self, status: str) -> None:
        """Record that the run ended, and how. It may go on after it."""
        if self.owner:
            self._collect()
            self._append("end", {"status": status}, self.stamp())
            self._journal_flush()
            self.update_meta(status=status, ended=time.time(), cost=self.cost)

    def close(self) -> None:
        """Write what is pending, end the thread, close the file."""
        if self._journal is not None and self.owner:
            self._collect()
            self._journal.close()

    def _append(self, kind: str, payload: object, stamp: Stamp) -> None:
        if self._journal is not None:
            self._journal.append((kind, stamp.step, stamp.optimizer_step, stamp.epoch, stamp.time, payload))

    def _journal_flush(self) -> None:
        if self._journal is not None:
            self._journal.flush()

    def _collect(self) -> None:
        for callback in self.before_flush:
            with self.guard("flush"):
                callback()
        for note in self._notes.take_changed():
            self._append("note", note, self.stamp(note.step))

    def _in_background(self) -> None:
        self._depth.background = True
        self._collect()
        now = time.monotonic()
        if now >= self._manifest_due:
            self._manifest_due = now + MANIFEST_SECONDS
            with self.guard("folder"):
                self.update_meta(cost=self.cost)

    def _not_written(self, error: OSError) -> None:
        self.note("failure", "folder", f"the journal cannot be written ({error.strerror}); it is tried again")

    def _lines(self, entries: list[Entry]) -> list[str]:
        """The buffered entries as lines; runs under the journal's lock, in whichever thread flushes."""
        lines: list[str] = []
        if not self._begun:
            self._begun = True
            lines.append(self._line(("start", *entries[0][1:5], self._start(entries[0][1]))))
        for entry in _merged(_fetched(entries)):
            try:
                lines.append(self._line(entry))
            except (TypeError, ValueError) as error:
                self.note("failure", entry[0], f"a record could not be written: {error}", entry[1])
        return lines

    def _start(self, first_step: int) -> dict[str, Any]:
        from reportgen import __version__

        attempt = self._folder.attempt if self._folder is not None else 0
        resumed = first_step if attempt else None
        return {"schema": SCHEMA, "attempt": attempt, "rank": 0, "resumed_from": resumed, "reportgen": __version__}

    @staticmethod
    def _line(entry: Entry) -> str:
        kind, step, optimizer_step, epoch, moment, payload = entry
        at = None if epoch is None else plain_number(epoch)
        plain = to_plain(payload)
        return encoded({"k": kind, "step": step, "opt": optimizer_step, "epoch": at, "t": round(moment, 3), "v": plain})


def _fetched(entries: list[Entry]) -> list[Entry]:
    """The entries with every number on the host: one copy a device buffer."""
    slots = [value for entry in entries if entry[0] == "scalars" for value in entry[5].values() if type(value) is Slot]
    if not slots:
        return entries
    numbers = dict(zip(map(id, slots), resolve(slots), strict=True))
    return [
        (*entry[:5], {tag: numbers.get(id(value), value) for tag, value in entry[5].items()})
        if entry[0] == "scalars"
        else entry
        for entry in entries
    ]


def _merged(entries: list[Entry]) -> list[Entry]:
    """The entries with neighbouring scalars of one step on one line, while no tag repeats."""
    merged: list[Entry] = []
    for entry in entries:
        before = merged[-1] if merged else None
        if (
            before is not None
            and entry[0] == before[0] == "scalars"
            and entry[1:4] == before[1:4]
            and not (entry[5].keys() & before[5].keys())
        ):
            merged[-1] = (*entry[:5], {**before[5], **entry[5]})
        else:
            merged.append(entry)
    return merged


class Guard:
    """Keeps exceptions of ours from the loop, and counts the time spent. Made anew for each use; nests."""

    __slots__ = ("_outermost", "_recorder", "_started", "_where")

    def __init__(self, recorder: Recorder, where: str) -> None:
        self._recorder = recorder
        self._where = where

    def __enter__(self) -> None:
        depth = self._recorder._depth
        # Only the outermost guard of a thread counts time, so that nothing is counted twice.
        self._outermost = not getattr(depth, "inside", False)
        depth.inside = True
        self._started = time.perf_counter()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> Literal[False] | bool:
        recorder = self._recorder
        if self._outermost:
            recorder._depth.inside = False
            if not getattr(recorder._depth, "background", False):
                costs = recorder._costs
                costs[self._where] = costs.get(self._where, 0.0) + time.perf_counter() - self._started
        if not isinstance(error, Exception) or recorder.strict:
            return False
        rejected = isinstance(error, InvalidArgumentError)
        what = str(error) if rejected else f"{type(error).__name__}: {error}"
        recorder.note("rejected" if rejected else "failure", self._where, what, recorder._step(None, None))
        return True
