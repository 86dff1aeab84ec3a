"""One journal: the lines that one process wrote, as far as they can be read."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from operator import lt
from pathlib import Path
from typing import Any

from reportgen.errors import NewerSchemaError, UnreadableRunError
from reportgen.readers.own_findings import refuse_odd_checks
from reportgen.readers.rows import Rows, number
from reportgen.run.codec import from_plain, to_plain
from reportgen.run.distribution import LARGEST_BIN, Distribution
from reportgen.run.evidence import (
    DataSplit,
    LoaderUse,
    LossUse,
    ModelUse,
    ModeUse,
    NonFinite,
    SchedulerUse,
    TorchWarning,
)
from reportgen.run.found import FOUND, OwnCheck
from reportgen.run.graph import Graph, GraphTimes
from reportgen.run.journal import PROGRESS
from reportgen.run.logged import Audio, Embedding, HParams, Layout, Mesh, PRCurve, TagGroup, TensorRecord, Video
from reportgen.run.predictions import PredictionSet
from reportgen.run.records import SCHEMA, Failure, Images, Model, Note, TableRecord, TextRecord
from reportgen.run.series import Stamp

INTEGERS = range(-(2**63), 2**63)
LATEST = 253_402_300_800.0  # the year 10,000: no clock says so, a damaged digit may
RECORDS: dict[str, type[Any]] = {
    "model": Model,
    "graph": Graph,
    "graph_times": GraphTimes,
    "predictions": PredictionSet,
    "images": Images,
    "text": TextRecord,
    "table": TableRecord,
    "audio": Audio,
    "video": Video,
    "pr_curve": PRCurve,
    "embedding": Embedding,
    "mesh": Mesh,
    "tensor": TensorRecord,
    "hparams": HParams,
    "layout": Layout,
    "group": TagGroup,
    "loss_use": LossUse,
    "mode_use": ModeUse,
    "model_use": ModelUse,
    "non_finite": NonFinite,
    "scheduler_use": SchedulerUse,
    "data_split": DataSplit,
    "loader_use": LoaderUse,
    "torch_warning": TorchWarning,
    "note": Note,
    "failure": Failure,
    FOUND: OwnCheck,
}
# Where the compact form of a distribution (run/codec.py) holds its counts of non-finite numbers.
NON_FINITE = slice(7, 10)
# What a damaged line may raise while it is decoded.
DAMAGE = (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RecursionError)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A distribution as its line holds it: decoded when it is wanted, since a page wants few of very many."""

    stamp: Stamp
    line: int
    plain: list[Any]

    @property
    def odd(self) -> bool:
        """Whether it says that some of its numbers are not finite."""
        return any(self.plain[NON_FINITE])


@dataclass(slots=True)
class Journal:
    """What one journal held. end: the status that its last end line gives, None when the process went on after it.

    purges: the user said so: also a step of 0 is one, and hides all that came before.
    lines: how many there are; damaged: the numbers of those that could not be read, grows as snapshots are decoded.
    """

    number: int
    started: float | None = None
    resumed_from: int | None = None
    purges: bool = False
    end: str | None = None
    ended: float | None = None
    last: float | None = None
    lines: int = 0
    damaged: set[int] = field(default_factory=set)
    torn: bool = False
    scalars: Rows = field(default_factory=Rows)
    measures: dict[str, Rows] = field(default_factory=dict)
    distributions: dict[tuple[str, str], list[Snapshot]] = field(default_factory=dict)
    records: dict[str, list[Any]] = field(default_factory=dict)

    @property
    def hides_from(self) -> int | None:
        """The step from which earlier attempts are hidden; None where only what is recorded again is.

        A run that merely goes on with step 0 may count several things.
        """
        return self.resumed_from if self.purges else self.resumed_from or None


def read_journal(path: Path, attempt: int) -> Journal:
    """Read what can be read; damaged lines are counted. Raises NewerSchemaError, and UnreadableRunError for a file
    that cannot be opened or read on."""
    journal = Journal(attempt)
    try:
        with path.open("rb") as file:
            for line in file:
                journal.lines += 1
                whole = line.endswith(b"\n")
                try:
                    _read_line(journal, line)
                except DAMAGE:
                    if whole:
                        journal.damaged.add(journal.lines)
                    else:
                        journal.torn = True
    except OSError as error:
        raise UnreadableRunError(f"{path} cannot be read: {error.strerror or type(error).__name__}") from None
    return journal


def _read_line(journal: Journal, line: bytes) -> None:
    if line.isspace():
        return
    entry = json.loads(line.decode("utf-8"))
    kind, payload = entry["k"], entry["v"]
    stamp = _stamp(entry)
    reader = READERS.get(kind)
    if reader is not None:
        reader(journal, stamp, payload)
    elif kind in RECORDS:
        payload.setdefault("stamp", to_plain(stamp))  # a record that has one has its line's, unless it says otherwise
        record = from_plain(RECORDS[kind], payload)
        if isinstance(record, PredictionSet) and any(len(row) != len(record.confusion) for row in record.confusion):
            raise ValueError("a confusion matrix that is not square")
        if isinstance(record, OwnCheck):
            refuse_odd_checks([record])
        journal.records.setdefault(kind, []).append(record)
    else:
        raise ValueError("a kind of line that is not known")
    if kind == FOUND:
        return  # written when a page is built, which is no moment of the run
    journal.last = stamp.time if journal.last is None else max(journal.last, stamp.time)
    if kind in PROGRESS:
        journal.end = journal.ended = None


def _stamp(entry: dict[str, Any]) -> Stamp:
    step, optimizer_step, epoch, time = entry["step"], entry.get("opt", 0), entry.get("epoch"), entry["t"]
    if type(step) is not int or type(optimizer_step) is not int:
        raise TypeError("a step is no integer")
    if step not in INTEGERS or optimizer_step not in INTEGERS:
        raise ValueError("a step beyond 64 bits")
    if not 0 <= time < LATEST:
        raise ValueError("a time that cannot be")
    if epoch is not None:
        epoch = number(epoch)
    return Stamp(step, optimizer_step, epoch, float(time))


def _start(journal: Journal, stamp: Stamp, payload: dict[str, Any]) -> None:
    if isinstance(payload["schema"], int) and payload["schema"] > SCHEMA:
        raise NewerSchemaError(
            f"attempt {journal.number} of the run has schema {payload['schema']}, and this reportgen reads up to "
            f"{SCHEMA}: update reportgen"
        )
    resumed_from = payload.get("resumed_from")
    if resumed_from is not None and (type(resumed_from) is not int or resumed_from not in INTEGERS):
        raise ValueError("resumed_from is no step")
    journal.started, journal.resumed_from, journal.purges = stamp.time, resumed_from, payload.get("purges") is True


def _end(journal: Journal, stamp: Stamp, payload: dict[str, Any]) -> None:
    if not isinstance(payload["status"], str):
        raise TypeError("a status is no text")
    journal.end, journal.ended = payload["status"], stamp.time


def _scalars(journal: Journal, stamp: Stamp, payload: dict[str, Any]) -> None:
    journal.scalars.add(stamp, payload)


def _measures(journal: Journal, stamp: Stamp, payload: dict[str, dict[str, Any]]) -> None:
    for quantity, row in payload.items():
        if row:
            journal.measures.setdefault(quantity, Rows()).add(stamp, row)


def _distributions(journal: Journal, stamp: Stamp, payload: dict[str, dict[str, Any]]) -> None:
    found = [((kind, name), plain) for kind, group in payload.items() for name, plain in group.items()]
    if any(type(plain) is not list for _, plain in found):
        raise TypeError("a distribution is no list")
    for key, plain in found:
        journal.distributions.setdefault(key, []).append(Snapshot(stamp, journal.lines, plain))


def decoded(journal: Journal, snapshot: Snapshot) -> Distribution | None:
    """The distribution of a snapshot; None when its line turns out to be damaged, which is counted."""
    try:
        return _distribution(snapshot.plain)
    except DAMAGE:
        journal.damaged.add(snapshot.line)
        return None


def _distribution(plain: list[Any]) -> Distribution:
    found: Distribution = from_plain(Distribution, plain)
    bins, odd = found.bins, found.nans + found.positive_infinities + found.negative_infinities
    fits = 0 <= odd <= found.count and min(found.zeros, found.nans, found.elements) >= 0
    if not fits or found.squares < 0 or len(bins) != len(found.counts):
        raise ValueError("a distribution that contradicts itself")
    if bins and (bins[0] < -LARGEST_BIN or bins[-1] > LARGEST_BIN or min(found.counts) < 0):
        raise ValueError("a bin that there is not")
    if not all(map(lt, bins, bins[1:])):
        raise ValueError("bins out of order")
    if bins and not (math.isfinite(found.minimum) and math.isfinite(found.maximum)):
        raise ValueError("numbers without a range")
    return found


READERS: dict[str, Callable[[Journal, Stamp, dict[str, Any]], None]] = {
    "start": _start,
    "end": _end,
    "scalars": _scalars,
    "measures": _measures,
    "distributions": _distributions,
}
