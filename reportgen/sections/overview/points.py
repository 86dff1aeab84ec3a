"""Few points of a series that show how it went on the whole, so that many runs can be told apart on one chart."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from dataclasses import replace

from reportgen.run.series import Series
from reportgen.run.thin_series import FEWEST_POINTS, even_choice, thin_series

FLOAT32_BITS = 24


def typical(series: Series, limit: int, tick: int) -> Series:
    """`series` with at most `limit` points (at least FEWEST_POINTS), rounded as on every page.

    The first, the last, the least and the greatest stay, and the first that is not finite; of equal stretches between
    them the point with the median value. (A page of one run keeps the extremes of each stretch instead: lines of
    several noisy runs would cover each other.) The same object when nothing changes.
    """
    if len(series) > limit:
        kept = typical_positions(series.values, max(limit, FEWEST_POINTS))
        series = replace(
            series,
            steps=array("q", [series.steps[at] for at in kept]),
            values=array("d", [series.values[at] for at in kept]),
            times=array("d", [series.times[at] for at in kept]),
            epochs=array("d", [series.epochs[at] for at in kept]),
            optimizer_steps=array("q", [series.optimizer_steps[at] for at in kept]),
        )
    return thin_series(series, max(len(series), 1), FLOAT32_BITS, tick)


def typical_positions(values: Sequence[float], limit: int) -> list[int]:
    """Ascending positions of at most `limit` (>= FEWEST_POINTS) of more values, as `typical` keeps them."""
    count = len(values)
    finite = [at for at in range(count) if math.isfinite(values[at])]
    kept = {0, count - 1}
    if len(finite) < count:
        odd = [at for at in range(count) if not math.isfinite(values[at])]
        # Where values cease to be finite and where they are again; not each of thousands.
        ends = [at for at in odd if at == 0 or math.isfinite(values[at - 1]) or at + 1 == count]
        kept.update([ends[at] for at in even_choice(len(ends), max(1, limit // 4))])
    if finite:
        kept.add(min(finite, key=lambda at: values[at]))
        kept.add(max(finite, key=lambda at: values[at]))
    parts = min(limit - len(kept), len(finite))
    for part in range(parts):
        stretch = finite[part * len(finite) // parts : (part + 1) * len(finite) // parts]
        kept.add(sorted(stretch, key=lambda at: (values[at], at))[(len(stretch) - 1) // 2])
    return sorted(kept)
