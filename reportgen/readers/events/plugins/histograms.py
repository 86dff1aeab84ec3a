"""Histograms of any buckets, old style (right edges) and new style (left edge, right edge, count)."""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import BinaryIO

from reportgen.readers.events.builder import Builder
from reportgen.readers.events.event import HISTOGRAM, TENSOR, Value
from reportgen.readers.events.log import Log
from reportgen.readers.events.log_parts import Entry, EventFile
from reportgen.readers.events.names import shown_file
from reportgen.readers.events.tensor import array as numbers
from reportgen.readers.events.tensor import read_tensor
from reportgen.readers.events.wire import BYTES, FIXED64, Malformed, double, fields
from reportgen.run.distribution import Distribution, DistributionSeries
from reportgen.run.spread import spread, spread_buckets
from reportgen.run.thin_distributions import chosen_snapshots

# Fields of HistogramProto.
MINIMUM, MAXIMUM, COUNT, SUM, SQUARES, LIMITS, BUCKETS = range(1, 8)
REBINNED = (
    "counts were spread from the files' buckets over this page's bins: totals stay exact, and the values in a bucket "
    "are taken to be evenly spread"
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a histogram is in its file. odd: it says that some of its numbers are not finite."""

    kind: int
    offset: int
    length: int
    odd: bool = False


@dataclass(slots=True)
class Old:
    """HistogramProto's numbers."""

    minimum: float = math.nan
    maximum: float = math.nan
    count: float = 0.0
    total: float = 0.0
    squares: float = 0.0
    limits: array[float] | None = None
    buckets: array[float] | None = None


def draft(log: Log, entry: Entry, value: Value, offset: int) -> None:
    """Draft a histogram: where it is, once it is known to be one. Raises Malformed."""
    place = (offset + value.start, value.end - value.start)
    if value.kind == HISTOGRAM:
        old = _old(value.data, value.start, value.end, columns=False)
        odd = not all(math.isfinite(known) for known in (old.minimum, old.maximum, old.total))
        entry.draft = Place(HISTOGRAM, *place, odd and old.count > 0)
    elif value.kind == TENSOR:
        shape = read_tensor(value.data, value.start, value.end).shape
        if len(shape) != 2 or shape[1] != 3:
            raise Malformed("a histogram that is no table of three columns")
        entry.draft = Place(TENSOR, *place)


def _old(data: bytes, at: int, end: int, columns: bool = True) -> Old:
    old = Old(minimum=0.0, maximum=0.0)
    lengths = {LIMITS: 0, BUCKETS: 0}
    found = {LIMITS: array("d"), BUCKETS: array("d")}
    for number, kind, a, b in fields(data, at, end):
        if number in lengths:
            if kind not in (BYTES, FIXED64) or (b - a) % 8:
                raise Malformed("a histogram's buckets are no numbers")
            lengths[number] += b - a
            if columns:
                found[number].frombytes(data[a:b])
        elif number == MINIMUM:
            old.minimum = double(data, kind, a)
        elif number == MAXIMUM:
            old.maximum = double(data, kind, a)
        elif number == COUNT:
            old.count = double(data, kind, a)
        elif number == SUM:
            old.total = double(data, kind, a)
        elif number == SQUARES:
            old.squares = double(data, kind, a)
    if lengths[LIMITS] != lengths[BUCKETS]:
        raise Malformed("a histogram has more edges than counts, or fewer")
    old.limits, old.buckets = found[LIMITS], found[BUCKETS]
    return old


def distribution(kind: int, data: bytes) -> Distribution:
    """The distribution that a histogram stands for. Raises ValueError (Malformed is one)."""
    if kind == HISTOGRAM:
        return _of_old(_old(data, 0, len(data)))
    table = numbers(read_tensor(data, 0, len(data))).astype(float)
    if not len(table):
        return Distribution(count=0)
    lefts, rights, counts = (column.tolist() for column in table.T)
    return spread_buckets(lefts, rights, counts)


def _of_old(old: Old) -> Distribution:
    assert old.limits is not None
    assert old.buckets is not None
    if not old.limits:
        return Distribution(count=round(old.count) if 0 <= old.count < 1e18 else 0)
    return spread(
        old.limits.tolist(),
        old.buckets.tolist(),
        minimum=old.minimum,
        maximum=old.maximum,
        total=old.total,
        squares=old.squares,
        count=old.count,
    )


def lengths(logs: Iterable[Log]) -> list[int]:
    """How many histograms each tag of each log has."""
    return [
        count
        for log in logs
        for count in Counter(entry.tag for entry in log.entries if entry.plugin == "histograms").values()
    ]


def make(entries: list[Entry], builder: Builder) -> None:
    """The series of distributions; of those that a page does not show only the number is told."""
    by_tag: dict[str, list[Entry]] = {}
    for entry in entries:
        by_tag.setdefault(builder.tag(entry.tag), []).append(entry)
    wanted: list[tuple[str, int, Entry]] = []
    for tag, each in by_tag.items():
        places = list(range(len(each)))
        if builder.page:
            odd = next((at for at, entry in enumerate(each) if entry.draft.odd), None)
            places = chosen_snapshots(len(each), builder.snapshots, odd)
        wanted += [(tag, at, each[at]) for at in places]
    known = _decoded(wanted, builder)
    for tag, each in by_tag.items():
        kept = [(entry, known[id(entry)]) for entry in each if id(entry) in known]
        if kept:
            builder.add(
                "histogram",
                DistributionSeries(
                    kind="histogram",
                    name=tag,
                    steps=array("q", [entry.step for entry, _ in kept]),
                    optimizer_steps=array("q", [0] * len(kept)),
                    snapshots=tuple(one for _, one in kept),
                    logged=len(each),
                ),
            )
    if known:
        builder.note("histograms", REBINNED, kind="reading")


def _decoded(wanted: list[tuple[str, int, Entry]], builder: Builder) -> dict[int, Distribution]:
    """The distributions by the id of their entry, file by file and from the front to the back."""
    found: dict[int, Distribution] = {}
    ordered = sorted(wanted, key=lambda each: (each[2].file.number, each[2].draft.offset))
    for _, group in groupby(ordered, key=lambda each: each[2].file.number):
        each = list(group)
        file: EventFile = each[0][2].file
        try:
            with file.path.open("rb") as stream:
                for tag, _, entry in each:
                    try:
                        found[id(entry)] = _read(stream, entry.draft)
                    except (ValueError, OverflowError) as error:
                        builder.note("histograms", f"a histogram of {tag} could not be read: {error}")
        except OSError as error:  # it has gone since
            reason = error.strerror or type(error).__name__
            lost = sum(id(entry) not in found for _, _, entry in each)
            builder.note("histograms", f"{shown_file(file.path.name)} cannot be read any more: {reason}", lost)
    return found


def _read(stream: BinaryIO, place: Place) -> Distribution:
    stream.seek(place.offset)
    return distribution(place.kind, stream.read(place.length))
