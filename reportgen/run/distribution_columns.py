"""The distributions of one kind as columns, and back."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import replace
from itertools import accumulate
from typing import Any

from reportgen.run.columns import Packer, Unpacker
from reportgen.run.distribution import LARGEST_BIN, Distribution, DistributionSeries
from reportgen.run.thin_distributions import OCTAVE, QUARTER, group, spread

WHOLE = ("count", "elements", "zeros", "nans", "positive_infinities", "negative_infinities")
MOMENTS = ("minimum", "maximum", "total", "squares")
NOT_THINNED = -1


def pack_distributions(packer: Packer, series: Mapping[str, DistributionSeries]) -> dict[str, Any]:
    """All series of a kind: a row for each (name, steps, optimizer steps, logged), and columns over all snapshots.

    Of thinned snapshots the merged counts are stored, which is what is known of them.
    """
    snapshots = [snapshot for one in series.values() for snapshot in one.snapshots]
    lengths: list[int] = []
    bins: list[int] = []
    counts: list[int] = []
    for snapshot in snapshots:
        starts, sums = snapshot.bins, snapshot.counts
        if snapshot.fine is not None:
            starts, sums = group(starts, sums, snapshot.fine)
            starts = array("h", [_place(start, snapshot.fine) for start in starts])
        lengths.append(len(starts))
        bins.extend(starts)
        counts.extend(sums)
    return {
        "series": [
            [key, one.name, packer.integers(one.steps), packer.integers(one.optimizer_steps), one.logged]
            for key, one in series.items()
        ],
        "whole": [packer.integers(getattr(snapshot, name) for snapshot in snapshots) for name in WHOLE],
        "moments": [packer.floats(getattr(snapshot, name) for snapshot in snapshots) for name in MOMENTS],
        "fine": packer.integers(NOT_THINNED if s.fine is None else s.fine for s in snapshots),
        "lengths": packer.integers(lengths, delta=False),
        "bins": packer.integers(bins),
        "counts": packer.integers(counts, delta=False),
    }


def unpack_distributions(columns: Unpacker, kind: str, packed: Mapping[str, Any]) -> dict[str, DistributionSeries]:
    """What pack_distributions was given. Raises ValueError where the columns do not fit each other."""
    whole = [columns.integers(number) for number in packed["whole"]]
    moments = [columns.floats(number) for number in packed["moments"]]
    fine, lengths = columns.integers(packed["fine"]), columns.integers(packed["lengths"])
    bins, counts = columns.integers(packed["bins"]), columns.integers(packed["counts"])
    sizes = {len(lengths), len(fine), *map(len, whole), *map(len, moments)}
    if len(sizes) > 1 or not sum(lengths) == len(bins) == len(counts):
        raise ValueError("columns of distributions differ in length")
    if any(abs(index) > LARGEST_BIN for index in bins):
        raise ValueError("a bin of a distribution is out of range")
    found: list[Distribution] = []
    ends = list(accumulate(lengths))
    for position, (integers, floats) in enumerate(
        zip(zip(*whole, strict=True), zip(*moments, strict=True), strict=True)
    ):
        count, elements, zeros, nans, positive, negative = integers
        minimum, maximum, total, squares = floats
        place = slice(ends[position] - lengths[position], ends[position])
        one = Distribution(
            count=count,
            elements=elements,
            minimum=minimum,
            maximum=maximum,
            total=total,
            squares=squares,
            zeros=zeros,
            nans=nans,
            positive_infinities=positive,
            negative_infinities=negative,
            bins=array("h", bins[place]),
            counts=counts[place],
        )
        if fine[position] != NOT_THINNED:
            short = replace(one, bins=array("h"), counts=array("q"), fine=fine[position])
            starts = array("h", [_start(place, fine[position]) for place in one.bins])
            one = spread(short, starts, one.counts)
        found.append(one)
    series: dict[str, DistributionSeries] = {}
    first = 0
    for key, name, steps, optimizer_steps, logged in packed["series"]:
        at = columns.integers(steps)
        series[key] = DistributionSeries(
            kind=kind,
            name=name,
            steps=at,
            optimizer_steps=columns.integers(optimizer_steps),
            snapshots=tuple(found[first : first + len(at)]),
            logged=int(logged),
        )
        first += len(at)
    return series


def _place(start: int, fine: int) -> int:
    """The place of the merged bin that begins at `start` among all, counted from zero: neighbours differ by one."""
    magnitude = abs(start)
    octaves = magnitude // OCTAVE
    place = octaves if octaves < fine else fine + (magnitude - fine * OCTAVE) // QUARTER
    return place if start >= 0 else -place


def _start(place: int, fine: int) -> int:
    """Inverse of _place."""
    magnitude = abs(place)
    start = magnitude * OCTAVE if magnitude < fine else fine * OCTAVE + (magnitude - fine) * QUARTER
    return start if place >= 0 else -start
