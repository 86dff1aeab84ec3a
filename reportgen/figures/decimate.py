"""Which points of a line are drawn: all that a picture of a given width can show."""

from __future__ import annotations

import math
from collections.abc import Sequence


def stretches(values: Sequence[float], breaks: Sequence[int] = ()) -> list[list[int]]:
    """Positions of the finite values, in runs that end at non-finite values and before each position in `breaks`."""
    runs: list[list[int]] = [[]]
    starts = set(breaks)
    for at, value in enumerate(values):
        finite = math.isfinite(value)
        if (not finite or at in starts) and runs[-1]:
            runs.append([])
        if finite:
            runs[-1].append(at)
    return runs if runs[-1] else runs[:-1]


def thinned(
    points: Sequence[tuple[float, float]], width: float, bucket_width: float = 1.0
) -> list[tuple[float, float]]:
    """At most two points for each `bucket_width` of x (a pixel), of the about `width` pixels the points span.

    First, last, and in each bucket the lowest and the highest point stay, in their order. A line of few points stays as
    it is. Points are in the coordinates of the picture.
    """
    if len(points) * bucket_width <= 2 * width:
        return list(points)
    kept = [points[0]]
    bucket: list[tuple[float, float]] = []
    for point in points[1:-1]:
        if bucket and point[0] // bucket_width != bucket[0][0] // bucket_width:
            kept.extend(_extremes(bucket))
            bucket = []
        bucket.append(point)
    if bucket:
        kept.extend(_extremes(bucket))
    return [*kept, points[-1]]


def _extremes(bucket: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The lowest and the highest point, in their order; one when they are the same."""
    low = min(range(len(bucket)), key=lambda at: bucket[at][1])
    high = max(range(len(bucket)), key=lambda at: bucket[at][1])
    return [bucket[at] for at in sorted({low, high})]
