"""The two Runs that are compared, and what all comparisons need."""

from __future__ import annotations

import math
import struct
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reportgen.run.records import Run
from reportgen.run.series import Stamp


@dataclass(frozen=True)
class Sides:
    """The two Runs. given: times (seconds since the epoch) before it were given by the script, not taken by a clock."""

    theirs: Run
    ours: Run
    given: float = 0.0


def single(value: float) -> float:
    """`value` as the nearest float32, which is what torch's writer keeps of a scalar."""
    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0])
    except OverflowError:
        return math.copysign(math.inf, value)


def same(one: float, other: float, relative: float = 0.0, absolute: float = 0.0) -> bool:
    """Whether two numbers are equal within a tolerance; NaN equals NaN."""
    if math.isnan(one) or math.isnan(other):
        return math.isnan(one) and math.isnan(other)
    return one == other or math.isclose(one, other, rel_tol=relative, abs_tol=absolute)


def paired(where: str, theirs: Mapping[Any, Any], ours: Mapping[Any, Any]) -> Iterator[str]:
    """A sentence for each key that only one of the two has."""
    for key in sorted(theirs.keys() - ours.keys(), key=str):
        yield f"{where}{key!r}: only in torch's"
    for key in sorted(ours.keys() - theirs.keys(), key=str):
        yield f"{where}{key!r}: only in ours"


def moments(
    sides: Sides, records: Callable[[Run], Iterable[Any]]
) -> tuple[list[str], list[tuple[str, list[Any], list[Any]]]]:
    """Records by tag and step: what is on one side only, and for each place the records of both."""

    def grouped(run: Run) -> dict[tuple[str, int], list[Any]]:
        groups: dict[tuple[str, int], list[Any]] = defaultdict(list)
        for record in records(run):
            groups[record.tag, record.stamp.step].append(record)
        return groups

    theirs, ours = grouped(sides.theirs), grouped(sides.ours)
    told = list(paired("", theirs, ours))
    both = []
    for (tag, step), found in theirs.items():
        if (tag, step) not in ours:
            continue
        where = f"{tag!r} at step {step}"
        other = ours[tag, step]
        if len(found) != len(other):
            told.append(f"{where}: {len(found)} records in torch's, {len(other)} in ours")
            continue
        told += [
            f"{where}: time {one.stamp.time} in torch's, {two.stamp.time} in ours"
            for one, two in zip(found, other, strict=True)
            if not same_time(one.stamp, two.stamp, sides.given)
        ]
        both.append((where, found, other))
    return told, both


def same_time(one: Stamp, two: Stamp, given: float) -> bool:
    """Whether two moments are at the same time, where one of them was given."""
    return min(one.time, two.time) >= given or one.time == two.time


def shortened(numbers: Sequence[float]) -> str:
    return str(list(numbers)) if len(numbers) <= 12 else f"{str(list(numbers[:12]))[:-1]}, …] ({len(numbers)})"
