"""Fewer snapshots of a distribution, and fewer counts in each: what its drawing needs."""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping
from dataclasses import replace
from functools import cache

from reportgen.run.distribution import LARGEST_BIN, Distribution, DistributionSeries, bin_of
from reportgen.run.thin_series import even_choice, rounded

# Snapshots a ridgeline shows, and how many all tensors keep together: 175 tensors with 8 each.
SNAPSHOTS = 8
ALL_SNAPSHOTS = 1400
FEWEST_SNAPSHOTS = 2
# The user's own histograms are drawn as percentiles over steps too, which take more: as long as they are few.
HISTOGRAM_SNAPSHOTS = 32
ALL_HISTOGRAMS = 400
# Octaves below that of the root mean square that keep four counts an octave. Of a normal distribution the bins from
# there on (a sixteenth to an eighth of its standard deviation) are narrower than a fortieth of its range.
FINE_OCTAVES = 3
# Bits of mantissa that the moments keep: five digits.
MOMENT_BITS = 16
# In bins.
OCTAVE = 8
QUARTER = 2


def snapshot_limit(lengths: list[int]) -> int:
    """How many snapshots each of the series of these lengths may keep."""
    if sum(min(length, SNAPSHOTS) for length in lengths) <= ALL_SNAPSHOTS:
        return SNAPSHOTS
    return max(FEWEST_SNAPSHOTS, ALL_SNAPSHOTS // len(lengths))


def kind_limit(kind: str, limit: int, series: int) -> int:
    """How many snapshots each of so many series of one kind keeps, when any series may keep `limit`."""
    few = min(HISTOGRAM_SNAPSHOTS, ALL_HISTOGRAMS // max(1, series)) if kind == "histogram" else 0
    return max(limit, few)


def thin_distributions(
    kinds: Mapping[str, Mapping[str, DistributionSeries]],
) -> tuple[dict[str, dict[str, DistributionSeries]], bool]:
    """All distributions thinned, and whether anything changed."""
    limit = snapshot_limit([len(series.snapshots) for group in kinds.values() for series in group.values()])
    changed = False
    thinned: dict[str, dict[str, DistributionSeries]] = {}
    for kind, group in kinds.items():
        thinned[kind] = {}
        kept = kind_limit(kind, limit, len(group))
        for name, series in group.items():
            thinned[kind][name] = thin_distribution_series(series, kept)
            changed |= thinned[kind][name] is not series
    return thinned, changed


def thin_distribution_series(series: DistributionSeries, limit: int) -> DistributionSeries:
    """`series` with at most `limit` snapshots, each merged; the same object when nothing changes."""
    odd = (place for place, snapshot in enumerate(series.snapshots) if snapshot.finite < snapshot.count)
    kept = chosen_snapshots(len(series.snapshots), limit, next(odd, None))
    snapshots = tuple(merged(series.snapshots[position]) for position in kept)
    if len(kept) == len(series.snapshots) and all(a is b for a, b in zip(snapshots, series.snapshots, strict=True)):
        return series
    return replace(
        series,
        steps=array("q", [series.steps[position] for position in kept]),
        optimizer_steps=array("q", [series.optimizer_steps[position] for position in kept]),
        snapshots=snapshots,
    )


def chosen_snapshots(count: int, limit: int, odd: int | None) -> list[int]:
    """Evenly spread positions with the first and last; `odd`, the first of a snapshot that holds a non-finite number,
    takes its neighbour's place, since that is the one to look at."""
    kept = even_choice(count, limit)
    if odd is not None and odd not in kept and len(kept) > 2:
        nearest = min(range(1, len(kept) - 1), key=lambda i: abs(kept[i] - odd))
        kept[nearest] = odd
        kept.sort()
    return kept


def merged(distribution: Distribution) -> Distribution:
    """`distribution` with its counts known for coarser bins only (Distribution.fine) and its moments to five digits."""
    if distribution.fine is not None:
        return distribution
    minimum, maximum, total, squares = (
        rounded(array("d", [value]), MOMENT_BITS)[0]
        for value in (distribution.minimum, distribution.maximum, distribution.total, distribution.squares)
    )
    rms = distribution.rms
    fine = max(0, (bin_of(rms) >> 3) - FINE_OCTAVES) if math.isfinite(rms) else 0
    short = replace(
        distribution, minimum=minimum, maximum=maximum, total=total, squares=squares, fine=fine, bins=array("h")
    )
    starts, counts = group(distribution.bins, distribution.counts, fine)
    return spread(short, starts, counts)


def group(bins: array[int], counts: array[int], fine: int) -> tuple[array[int], array[int]]:
    """The sums of `counts` over the coarser bins, and the bin nearest to zero of each, ascending."""
    starts = _starts(fine)
    sums: dict[int, int] = {}
    for index, count in zip(bins, counts, strict=True):
        start = starts[index] if index >= 0 else -starts[-index]
        sums[start] = sums.get(start, 0) + count
    return array("h", sums), array("q", sums.values())


@cache
def _starts(fine: int) -> list[int]:
    """For each bin >= 0 the first of those it is merged with."""
    limit = fine * OCTAVE
    return [
        index // QUARTER * QUARTER if index >= limit else index // OCTAVE * OCTAVE for index in range(LARGEST_BIN + 1)
    ]


def spread(distribution: Distribution, starts: array[int], sums: array[int]) -> Distribution:
    """`distribution` with bins and counts: each sum divided evenly over the bins it stands for.

    Inverse of `group`, as far as it can be: bins beyond minimum and maximum get nothing.
    """
    assert distribution.fine is not None
    limit = distribution.fine * OCTAVE
    lowest, highest = -LARGEST_BIN, LARGEST_BIN
    if math.isfinite(distribution.minimum) and math.isfinite(distribution.maximum):
        lowest, highest = bin_of(distribution.minimum), bin_of(distribution.maximum)
    bins: list[int] = []
    counts: list[int] = []
    for start, total in zip(starts, sums, strict=True):
        width = QUARTER if abs(start) >= limit else OCTAVE
        low = start if start > 0 else start - width + 1
        high = low + width - 1
        if start == 0:
            low = high = 0
        elif low < lowest or high > highest:
            low, high = max(low, lowest), min(high, highest)
        if low >= high:  # one bin; `low > high` where rounding moved an end past its own bin
            bins.append(low if low == high else start)
            counts.append(total)
            continue
        width = high - low + 1
        if total >= width:
            bins.extend(range(low, high + 1))
            if width == QUARTER:
                counts.extend((total // 2, total - total // 2))
            else:
                counts.extend([total * (n + 1) // width - total * n // width for n in range(width)])
        else:
            for part in range(width):
                if total * (part + 1) // width > total * part // width:
                    bins.append(low + part)
                    counts.append(1)
    return replace(distribution, bins=array("h", bins), counts=array("q", counts))
