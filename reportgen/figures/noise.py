"""A line of many more points than pixels: its extremes as a band, and the middle of what lies between as the line.

Every point drawn as a line would be a solid block in which nothing can be followed. The band keeps what the block would
show, the least and the greatest value at every place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from reportgen.figures.svg import line_data

# px of a place: narrower ones are not told apart, and cost bytes.
PLACE = 4.0
# A place needs this many points, on average, before a band says more than they do.
CROWD = 4

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Band:
    """The greatest and the least place of each bucket, left to right, and the line through the medians."""

    upper: tuple[tuple[float, float], ...]
    lower: tuple[tuple[float, float], ...]
    middle: tuple[tuple[float, float], ...]

    def outline(self) -> str:
        """Path data of the band's closed outline."""
        return f"{line_data([*self.upper, *reversed(self.lower)])}z"


def band(points: Points, coarse: float = 1.0) -> Band | None:
    """The band of a line (points in px, left to right); None for a line of few points, which is drawn as it is.

    coarse: how many times wider than usual the places are. The line keeps its first and its last point.
    """
    width = PLACE * coarse
    if len(points) < 2 or len(points) * width < CROWD * (points[-1][0] - points[0][0]):
        return None
    buckets: list[list[tuple[float, float]]] = []
    for point in points:
        if not buckets or point[0] // width != buckets[-1][0][0] // width:
            buckets.append([])
        buckets[-1].append(point)
    if len(buckets) < 2:
        return None
    # Whole px: a place is wider than one, and tenths would cost a quarter of the band's bytes.
    centres = [float(round((bucket[0][0] + bucket[-1][0]) / 2)) for bucket in buckets]
    return Band(
        upper=tuple((x, min(y for _, y in bucket)) for x, bucket in zip(centres, buckets, strict=True)),
        lower=tuple((x, max(y for _, y in bucket)) for x, bucket in zip(centres, buckets, strict=True)),
        middle=(
            points[0],
            *((x, median(y for _, y in bucket)) for x, bucket in zip(centres[1:-1], buckets[1:-1], strict=True)),
            points[-1],
        ),
    )
