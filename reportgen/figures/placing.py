"""The lines and bands of a chart in px."""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass

from reportgen.blocks.charts import Band, Line
from reportgen.figures.decimate import stretches
from reportgen.figures.noise import PLACE
from reportgen.figures.palette import colour_of
from reportgen.figures.scale import Scale
from reportgen.figures.svg import line_data

Points = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Placed:
    """A line with its drawable stretches in px. attempts: for each stretch, how many attempts came before its own."""

    line: Line
    runs: tuple[Points, ...]
    attempts: tuple[int, ...]

    @property
    def colour(self) -> str:
        """The name of the line's colour."""
        return colour_of(self.line.role)


@dataclass(frozen=True, slots=True)
class Area:
    """One stretch of a band: path data of its outline, and the line (its position, its attempt) it belongs to."""

    line: int
    attempt: int
    outline: str


def placed_lines(lines: Sequence[Line], x: Scale, y: Scale) -> list[Placed]:
    """The lines in px, each in its stretches."""
    out = []
    for line in lines:
        values = [
            value if math.isfinite(at) and y.drawable(value) else math.nan
            for at, value in zip(line.x, line.y, strict=True)
        ]
        runs = stretches(values, line.breaks)
        points = (tuple((x.place(line.x[at]), y.place(values[at])) for at in run) for run in runs)
        out.append(Placed(line, tuple(points), _attempts(runs, line.breaks, line.attempt)))
    return out


def _attempts(runs: Sequence[Sequence[int]], breaks: Sequence[int], first: int = 0) -> tuple[int, ...]:
    starts = sorted(breaks)
    return tuple(first + bisect.bisect_right(starts, run[0]) for run in runs)


def placed_bands(bands: Sequence[Band], x: Scale, y: Scale) -> list[Area]:
    """The bands in px, each stretch as an area; on a logarithmic axis what is not above zero ends at its foot."""
    out = []
    for band in bands:
        known = [
            high if math.isfinite(at) and math.isfinite(low) and y.drawable(high) else math.nan
            for at, low, high in zip(band.x, band.low, band.high, strict=True)
        ]
        runs = stretches(known, band.breaks)
        for run, attempt in zip(runs, _attempts(runs, band.breaks), strict=True):
            edges = _bucketed([(x.place(band.x[at]), _foot(y, band.low[at]), y.place(band.high[at])) for at in run])
            upper, lower = [(at, top) for at, _, top in edges], [(at, low) for at, low, _ in edges]
            out.append(Area(band.line, attempt, f"{line_data([*upper, *reversed(lower)])}z"))
    return out


def _foot(y: Scale, value: float) -> float:
    return y.place(value) if y.drawable(value) else y.start


def _bucketed(edges: list[tuple[float, float, float]]) -> list[tuple[float, float, float]]:
    """Places nearer than PLACE together, at their widest: what is drawn covers all that was given."""
    if len(edges) < 3 or len(edges) * PLACE < edges[-1][0] - edges[0][0]:
        return edges
    buckets: list[list[tuple[float, float, float]]] = []
    for edge in edges:
        if not buckets or edge[0] // PLACE != buckets[-1][0][0] // PLACE:
            buckets.append([])
        buckets[-1].append(edge)
    return [
        (bucket[0][0] if at == 0 else bucket[-1][0], max(low for _, low, _ in bucket), min(top for *_, top in bucket))
        for at, bucket in enumerate(buckets)
    ]


def reach(bands: Sequence[Band]) -> list[tuple[float, float]]:
    """Points (x, value) at the edges of bands, which a chart's axes must hold."""
    return [
        (at, value)
        for band in bands
        for at, *ends in zip(band.x, band.low, band.high, strict=True)
        for value in ends
        if math.isfinite(at)
    ]
