"""Fewer points of a series, such that its drawing and its extremes stay what they are."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from reportgen.config import PAGE_POINTS
from reportgen.run.series import Series

# Points all series of a kind keep together, which bounds a page with very many tags: 40 full series.
ALL_POINTS = 40 * PAGE_POINTS
# What a series keeps however many there are: ends, extremes, and the ends of what is not finite.
FEWEST_POINTS = 8
# Times are kept to a part of the run's duration that no chart can show.
TIME_PARTS = 1024


def point_limit(lengths: Iterable[int]) -> int:
    """How many points each of the series of these lengths may keep."""
    capped = [min(length, PAGE_POINTS) for length in lengths]
    return PAGE_POINTS if sum(capped) <= ALL_POINTS else max(FEWEST_POINTS, ALL_POINTS // len(capped))


def thin_series(series: Series, limit: int, digits: int, tick: int) -> Series:
    """`series` with at most `limit` points, values to `digits` bits of mantissa, times to 2**-tick seconds.

    The same object when nothing changes.
    """
    thinned = series
    if len(series) > limit:
        kept = kept_positions(series.values, limit)
        thinned = replace(
            series,
            steps=array("q", [series.steps[i] for i in kept]),
            values=array("d", [series.values[i] for i in kept]),
            times=array("d", [series.times[i] for i in kept]),
            epochs=array("d", [series.epochs[i] for i in kept]),
            optimizer_steps=array("q", [series.optimizer_steps[i] for i in kept]),
        )
    values = rounded(thinned.values, digits)
    scale = 2.0**tick
    times = array("d", [round(t * scale) / scale if math.isfinite(t) else t for t in thinned.times])
    epochs = rounded(thinned.epochs, 24)
    same = _bytes(values, times, epochs) == _bytes(thinned.values, thinned.times, thinned.epochs)
    return thinned if same else replace(thinned, values=values, times=times, epochs=epochs)


def _bytes(*columns: array[float]) -> list[bytes]:
    return [column.tobytes() for column in columns]  # compares NaN as equal to itself


def tick_of(seconds: float) -> int:
    """The power of two that a second is divided into for times of a run of this length (0 to 20)."""
    if not 0 < seconds < math.inf:
        return 20
    return min(20, max(0, math.floor(math.log2(TIME_PARTS / seconds))))


def kept_positions(values: Sequence[float], limit: int) -> list[int]:
    """Ascending positions of at most `limit` (>= FEWEST_POINTS) values that stand for all.

    First, last, the minimum and maximum of equal buckets, and every non-finite value; of very many non-finite ones the
    ends of each stretch, and of very many stretches an even choice.
    """
    count = len(values)
    if count <= limit:
        return list(range(count))
    kept = {0, count - 1, *_odd_positions(values, limit // 4)}
    buckets = (limit - len(kept)) // 2
    for bucket in range(buckets):
        low, high = bucket * count // buckets, (bucket + 1) * count // buckets
        part = values[low:high]
        if not math.isfinite(sum(part)):
            part = [value for value in part if math.isfinite(value)]
            if not part:
                continue
        kept.add(_index(values, min(part), low, high))
        kept.add(_index(values, max(part), low, high))
    return sorted(kept)


def _index(values: Sequence[float], value: float, low: int, high: int) -> int:
    return values.index(value, low, high)


def _odd_positions(values: Sequence[float], limit: int) -> list[int]:
    if math.isfinite(sum(values)):
        return []
    odd = [position for position, value in enumerate(values) if not math.isfinite(value)]
    if len(odd) <= limit:
        return odd
    ends = [
        position
        for position in odd
        if position in (0, len(values) - 1)
        or math.isfinite(values[position - 1])
        or math.isfinite(values[position + 1])
    ]
    return [ends[i] for i in even_choice(len(ends), limit)]


def even_choice(count: int, limit: int) -> list[int]:
    """At most `limit` (>= 1) of the positions 0 ... count-1, evenly spread, the first and the last among them."""
    if count <= limit:
        return list(range(count))
    if limit == 1:
        return [count - 1]
    return [position * (count - 1) // (limit - 1) for position in range(limit)]


def rounded(values: array[float], digits: int) -> array[float]:
    """`values` to `digits` (at most 24) bits of mantissa, float32's range; as they are where that would lose one.

    A finite value beyond float32 would become infinite, and a tiny one zero: then all keep their float64.
    """
    narrow = array("f", values)
    if digits < 24:
        narrow = _shortened(narrow, 24 - digits)
    wide = array("d", narrow)
    for value, short in zip(values, wide, strict=True):
        if math.isfinite(value) != math.isfinite(short) or (value != 0.0) != (short != 0.0):
            return values
    return wide


def _shortened(narrow: array[float], drop: int) -> array[float]:
    """Round off the last `drop` bits of float32s (half away from zero); infinities and NaN stay as they are."""
    bits = array("I", narrow.tobytes())
    half, mask = 1 << (drop - 1), ~((1 << drop) - 1) & 0xFFFFFFFF
    for position, word in enumerate(bits):
        if word & 0x7F800000 != 0x7F800000:
            bits[position] = (word + half) & mask
    return array("f", bits.tobytes())


def thin_all(
    group: Mapping[str, Series], limit: int, digits: int, tick: int, most: int
) -> tuple[dict[str, Series], bool]:
    """The first `most` series of `group` thinned, and whether anything changed."""
    thinned = {name: thin_series(series, limit, digits, tick) for name, series in list(group.items())[:most]}
    same = len(thinned) == len(group) and all(thinned[name] is series for name, series in group.items())
    return thinned, not same
