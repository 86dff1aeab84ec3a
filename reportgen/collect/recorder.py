"""The one way into the run folder: stamps records, buffers them, keeps every failure away from the training loop."""

from __future__ import annotations

import errno
import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from reportgen.collect.environment import completed
from reportgen.collect.fetching import Fetching
from reportgen.collect.git import TIMEOUT, GitQuestion
from reportgen.collect.guard import Depth, Guard
from reportgen.collect.lines import DISTRIBUTIONS, MEASURES, SCALARS, Entry, Lines, line, payload_text
from reportgen.collect.notes import Notes
from reportgen.collect.values import ACCEPTED, Number, read
from reportgen.errors import InvalidArgumentError
from reportgen.run.folder import MEDIA, RunFolder, read_manifest, write_manifest
from reportgen.run.journal import PATIENCE, PROGRESS, Journal
from reportgen.run.records import SCHEMA, Cost, Meta, Note
from reportgen.run.resume import Reached, reached
from reportgen.run.series import Stamp

if TYPE_CHECKING:
    from torch import Tensor

    from reportgen.collect.data import DataSets
    from reportgen.run.distribution import Distribution

# run.json is rewritten in the background for the cost alone; nothing depends on it.
MANIFEST_SECONDS = 30.0
# Steps are kept in 64 bits.
LARGEST_STEP = 2**63
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Recorder:
    """Writes one attempt of one run. With folder=None, and on another rank than 0, nothing is recorded, and every call
    is cheap and harmless.

    before_flush: called before each periodic write, in the thread that writes, where collectors put what they hold
    back. An attempt that resumes a run counts its steps on from the last one recorded.
    passes: completed passes over the train loader, None before the first one began.
    resumed_from: the step from which an attempt that resumes hides what was recorded before; None for the least step of
    what it records first. Read with the first line that is written.
    """

    def __init__(self, folder: RunFolder | None, meta: Meta, strict: bool = False) -> None:
        self.strict = strict
        self.before_flush: list[Callable[[], None]] = []
        self.passes: float | None = None
        self.resumed_from: int | None = None
        self._optimizer_step: int | None = None
        self._logged_epoch: float | None = None
        self._counter = 0
        self._counted: set[str] = set()
        self._notes = Notes()
        self._costs: dict[str, float] = {}
        self._depth = Depth()
        self._fetching = Fetching(lambda what, step: self.note("failure", "log", what, step))
        self._begun = False
        self._ended: str | None = None
        self._manifest_due = 0.0
        self._manifest = threading.Lock()
        self._collecting = threading.RLock()
        self._git: GitQuestion | None = None
        self._git_told = False
        self._format = Lines()
        self._before = Cost()
        self._reached = Reached()
        self._folder = folder if folder is None or not folder.rank else None
        folder = self._folder
        self.split: str | None = None  # of the innermost loader that is being tracked
        self.data: DataSets | None = None  # what looks at rows, once anything does
        self._meta = meta
        self._journal: Journal | None = None
        if folder is not None:
            self._journal = Journal(folder.journal, self._lines, self._in_background, self._failed)
            if folder.attempt:
                with self.guard("folder"):
                    self._go_on(folder)
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
    def asked(self) -> bool:
        """Whether this thread, one of the user's, has asked for a flush and waits for it."""
        return self._depth.asked

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

    @property
    def cost(self) -> Cost:
        """Seconds spent collecting in the training loop's own threads, by all attempts.

        Building is no part of it: it is asked for, and usually comes when training is over.
        """
        grouped: dict[str, float] = dict(self._before.by_collector)
        for where, seconds in sorted(self._costs.copy().items()):
            group = where.partition(".")[0]
            if group == "build":
                continue
            grouped[group] = grouped.get(group, 0.0) + seconds
        return Cost(seconds=sum(grouped.values()), by_collector=grouped)

    def stamp(self, step: int | None = None, tag: str | None = None, at: float | None = None) -> Stamp:
        """When something is recorded: now, or `at` (seconds since the Unix epoch) where the user says so.

        `tag` advances the counter that stands in for a step nobody knows.
        """
        return Stamp(self._step(step, tag), self._done(), self.epoch, time.time() if at is None else at)

    @property
    def notes(self) -> tuple[Note, ...]:
        """All notes so far, also those that a full disk kept from the run folder."""
        return self._notes.all()

    def _done(self) -> int:
        """Optimizer steps completed by all attempts."""
        return self._reached.optimizer_step + (self._optimizer_step or 0)

    def _step(self, step: int | None, tag: str | None) -> int:
        if step is not None:
            if not -LARGEST_STEP <= step < LARGEST_STEP:
                raise InvalidArgumentError("step", step, "an integer of 64 bits, or None for the optimizer steps done")
            return step
        if self._optimizer_step is not None:
            return self._done()
        if tag is not None:
            if tag in self._counted:
                self._counter += 1
                self._counted.clear()
            self._counted.add(tag)
        return self._counter

    # -- recording ----------------------------------------------------------------------------------------------

    def log(self, values: Mapping[str, Number | Tensor], step: int | None = None, at: float | None = None) -> None:
        """Record numbers by tag, stamped now or `at` (as in `stamp`): the path that every training step takes.

        Numbers on the host are read now, those on a device at a later flush.
        """
        if values:
            self._scalars(dict(values), self._step(step, next(iter(values))), at)

    def _scalars(self, values: dict[str, Any], step: int, at: float | None) -> None:
        journal = self._journal
        if journal is None or not values:
            return
        if not (len(values) == 1 and type(next(iter(values.values()))) is float):
            for tag, value in list(values.items()):
                if type(value) is not float:
                    self._take(values, tag, value)
            if not values:
                return
        if "epoch" in values:
            epoch = values["epoch"]
            self._logged_epoch = epoch if isinstance(epoch, float) else None
        epoch = self._logged_epoch if self._logged_epoch is not None else self.passes
        self._ended = None
        done = self._reached.optimizer_step + (self._optimizer_step or 0)
        journal.append((SCALARS, step, done, epoch, time.time() if at is None else at, values))

    def _take(self, values: dict[str, Any], tag: str, value: Number | Tensor) -> None:
        """Put the number in `value` into its place, or take that away when it has none to give."""
        try:
            if isinstance(value, torch.Tensor) and self._fetching.concerns(value):
                values[tag] = self._fetching.take(tag, value)
            else:
                values[tag] = read(value)
        except InvalidArgumentError as error:
            del values[tag]
            self.reject(error)
        except (RuntimeError, TypeError, ValueError, OverflowError, NotImplementedError) as error:
            del values[tag]
            self.reject(
                InvalidArgumentError(f"values[{tag[:80]!r}]", value, f"{ACCEPTED} (reading it raised: {error})")
            )

    def measures(self, values: Mapping[str, Mapping[str, float]], stamp: Stamp) -> None:
        """Record what watching found: quantity -> name -> number."""
        self._append_large(MEASURES, {quantity: dict(group) for quantity, group in values.items()}, stamp)

    def distributions(self, values: Mapping[str, Mapping[str, Distribution]], stamp: Stamp) -> None:
        """Record distributions: kind -> name -> distribution."""
        self._append_large(DISTRIBUTIONS, {kind: dict(group) for kind, group in values.items()}, stamp)

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
                # Two threads may be given the same at once.
                temporary = folder / f"{name}.{os.getpid()}.{threading.get_ident()}.tmp"
                try:
                    temporary.write_bytes(data)
                    temporary.replace(place)
                except OSError:
                    temporary.unlink(missing_ok=True)  # what of it a full disk took
                    raise
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
        if self._journal is not None and self.owner:
            with self._asking():
                self._collect()
                self._journal.flush()

    def update_meta(self, **fields: Any) -> None:
        """Change fields of the run's Meta, and run.json with them."""
        if self._folder is None or not self.owner:
            return
        if "environment" in fields and self._git is None:
            with self.guard("git"):
                self._git = GitQuestion()
        with self._manifest:  # the flushing thread writes it, too
            self._meta = replace(self._meta, **fields)
            answer = self._git.answer(0.0) if self._git is not None else None
            self._git_told = answer is not None
            self._meta = replace(self._meta, environment=completed(self._meta.environment, answer))
            write_manifest(self._folder.path, self._meta)

    def end(self, status: str) -> None:
        """Record that the run ended, and how. It may go on after it; said twice, the first time stands."""
        if self._journal is None or not self.owner:
            return
        with self._asking():
            self._collect()
            if self._ended != status:
                now = self.stamp()
                self._append("end", {"status": status}, now)
                if self._git is not None:
                    self._git.answer(TIMEOUT)
                # A full disk must not keep a page from being built elsewhere: the journal has the end, too.
                with self.guard("folder"):
                    self.update_meta(status=status, ended=now.time, cost=self.cost)
                self._ended = status
            self._journal.flush()

    def close(self) -> None:
        """Write what is pending, end the thread, close the file."""
        if self._journal is not None and self.owner:
            with self._asking():
                self._collect()
                self._journal.close()

    @contextmanager
    def _asking(self) -> Iterator[None]:
        before, self._depth.asked = self._depth.asked, True
        try:
            yield
        finally:
            self._depth.asked = before

    def _go_on(self, folder: RunFolder) -> None:
        """Take over what the attempts before this one left."""
        earlier = read_manifest(folder.path)
        self._meta = replace(self._meta, started=earlier.started, cost=earlier.cost)
        self._before = earlier.cost
        self._reached = reached(folder.path, folder.attempt)
        if self._reached.step is not None:
            self._counter = self._reached.step + 1
        self.passes = self._reached.epoch

    def _append(self, kind: str, payload: object, stamp: Stamp) -> None:
        if kind in PROGRESS:
            self._ended = None
        if self._journal is not None:
            self._journal.append((kind, stamp.step, stamp.optimizer_step, stamp.epoch, stamp.time, payload))

    def _append_large(self, kind: str, payload: object, stamp: Stamp) -> None:
        # In the thread that writes, now is the time to make text of it: later it would hold the journal.
        self._append(kind, payload_text(kind, payload) if self._depth.background else payload, stamp)

    def _collect(self) -> None:
        # The end of a run waits for what the thread has begun to hand over: written after it, that would undo it.
        waited = self._collecting.acquire(timeout=PATIENCE)
        try:
            for callback in self.before_flush:
                with self.guard("flush"):
                    callback()
            if self.asked and self._journal is not None:
                for entry in self._fetching.late():
                    self._journal.append(entry)
            for note in self._notes.take_changed():
                self._append("note", note, self.stamp(note.step))
        finally:
            if waited:
                self._collecting.release()

    def _in_background(self) -> None:
        self._depth.background = True
        self._collect()
        now = time.monotonic()
        answered = self._git is not None and not self._git_told and self._git.answer(0.0) is not None
        # Once the run has ended, run.json is what the page was built of.
        if self._ended is None and (now >= self._manifest_due or answered):
            self._manifest_due = now + MANIFEST_SECONDS
            with self.guard("folder"):
                self.update_meta(cost=self.cost)

    def _failed(self, error: Exception) -> None:
        """What the journal makes of a failure of its own: a note, whichever thread it is in."""
        if not isinstance(error, OSError):
            self.note("failure", "flush", f"{type(error).__name__}: {error}", self._step(None, None))
            return
        reason = error.strerror or type(error).__name__
        remedy = "make room for it" if error.errno in FULL else "make the run folder writable"
        what = f"the journal cannot be written ({reason}); it is tried again every second: {remedy}"
        self.note("failure", "folder", what, self._step(None, None))
        if self._journal is not None and self._journal.lost:
            self.note("failure", "folder", "there was no room for the newest lines, and they are lost")

    def _lines(self, entries: list[Entry]) -> list[str]:
        """The buffered entries as lines; runs under the journal's lock, in whichever thread flushes."""
        lines: list[str] = []
        if not self._begun:
            self._begun = True
            first = entries[0]
            lines.append(line(("start", *first[1:5], self._start(entries))))
        for found in self._format.of(self._fetching.ready(entries, self.asked)):
            if isinstance(found, str):
                lines.append(found)
            else:
                self.note("failure", "record", f"a record could not be written: {found}", entries[0][1])
        return lines

    def _start(self, entries: list[Entry]) -> dict[str, Any]:
        from reportgen import __version__

        attempt = self._folder.attempt if self._folder is not None else 0
        steps = [entry[1] for entry in entries if entry[0] == SCALARS] if attempt else []
        purges = self.resumed_from is not None
        resumed = self.resumed_from if purges else min(steps, default=None)
        start = {"schema": SCHEMA, "attempt": attempt, "rank": 0, "resumed_from": resumed, "reportgen": __version__}
        return start | ({"purges": True} if purges else {})
