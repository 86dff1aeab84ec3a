"""Small charts that findings carry: the series that a rule looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from reportgen.blocks.charts import Line, LineChart
from reportgen.run.series import Series

POINTS = 240


def curve(
    title: str,
    caption: str,
    lines: Mapping[str, Series | Mapping[int, float]],
    log_y: bool = False,
    y_format: str = "number",
    shown: Sequence[int] = (),
) -> LineChart:
    """A chart of series, or of numbers by optimizer step, with at most 240 points each, evenly chosen.

    y_format: as Column.format. shown: positions in each line that are drawn in any case.
    """
    return LineChart(
        title=title,
        lines=tuple(
            _line(name, _role(name, place), given, shown) for place, (name, given) in enumerate(lines.items(), 1)
        ),
        caption=caption,
        x_label="step" if all(isinstance(given, Series) for given in lines.values()) else "optimizer step",
        log_y=log_y,
        y_format=y_format,
    )


def _role(name: str, place: int) -> str:
    return next((split for split in ("train", "val", "test") if split in name.lower()), str((place - 1) % 8 + 1))


def _line(name: str, role: str, given: Series | Mapping[int, float], shown: Sequence[int]) -> Line:
    if isinstance(given, Series):
        x: Sequence[float] = list(given.steps)
        y: Sequence[float] = list(given.values)
    else:
        x, y = list(given), list(given.values())
    every = max(1, -(-len(x) // POINTS))
    places = sorted({*range(0, len(x), every), len(x) - 1, *(at for at in shown if 0 <= at < len(x))}) if x else []
    breaks = tuple(k for k, (before, after) in enumerate(pairwise(places), 1) if x[after] < x[before])
    return Line(name, tuple(float(x[k]) for k in places), tuple(float(y[k]) for k in places), role, breaks=breaks)
