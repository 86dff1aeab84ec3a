"""The frame of a chart: where its axes stand, and which numbers stand at them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from reportgen.figures.scale import Scale
from reportgen.figures.text import width_of
from reportgen.figures.ticks import log_tick_texts, tick_texts


@dataclass(frozen=True, slots=True)
class Size:
    """A chart's size in px; font: of its numbers and words; y_ticks, x_ticks: about how many numbers an axis gets."""

    width: float
    height: float
    font: float = 12.0
    y_ticks: int = 5
    x_ticks: int = 5


# A chart beside another one, and one beside a finding.
LARGE = Size(440, 220)
BESIDE = Size(260, 130, 11.0, 4, 3)


@dataclass(frozen=True, slots=True)
class Ticks:
    """Places on an axis in px, with their texts."""

    places: tuple[float, ...]
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Frame:
    """The plot's edges in px (y grows downward), its scales and its ticks."""

    size: Size
    left: float
    right: float
    top: float
    bottom: float
    x: Scale
    y: Scale
    x_ticks: Ticks
    y_ticks: Ticks


def linear_ticks(low: float, high: float, amount: int, whole: bool = False) -> list[float]:
    """Round numbers within low..high, about `amount` of them. whole: integers only."""
    room = (high / 2 - low / 2) * 2e-9
    return [tick for tick in _around(low, high, amount, whole) if low - room <= tick <= high + room]


def widened(scale: Scale, amount: int) -> Scale:
    """The scale to the next round number on either side, where that costs little room."""
    if scale.log:
        return scale
    ticks = _around(scale.low, scale.high, amount, whole=False)
    if len(ticks) < 2:
        return scale
    step = ticks[1] - ticks[0]
    below = [tick for tick in ticks if scale.low - 0.6 * step <= tick <= scale.low]
    above = [tick for tick in ticks if scale.high <= tick <= scale.high + 0.6 * step]
    low, high = max(below, default=scale.low), min(above, default=scale.high)
    return replace(scale, low=low, high=high) if math.isfinite(low) and math.isfinite(high) else scale


def _around(low: float, high: float, amount: int, whole: bool) -> list[float]:
    """Round numbers from just below `low` to just above `high`."""
    from matplotlib.ticker import MaxNLocator

    if low == high:
        return [low]
    # Scaled to about 1, since the locator computes differences that could be infinite or subnormal.
    unit = 10.0 ** math.floor(math.log10(max(abs(low), abs(high)))) if max(abs(low), abs(high)) > 1e15 else 1.0
    if max(abs(low), abs(high)) < 1e-15:
        unit = max(10.0 ** math.floor(math.log10(max(abs(low), abs(high)))), 5e-324)
    locator = MaxNLocator(amount, steps=[1, 2, 2.5, 5, 10], integer=whole)
    ticks = [float(tick) * unit + 0.0 for tick in locator.tick_values(low / unit, high / unit)]
    return [tick for tick in ticks if math.isfinite(tick)]


def log_ticks(low: float, high: float, amount: int) -> list[float]:
    """Powers of ten within low..high, thinned to about `amount`; with 2 and 5 where the range is short."""
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    powers = list(range(first, last + 1))
    if len(powers) >= 3:
        stride = math.ceil(len(powers) / (amount + 1))
        return [10.0**power for power in powers[::stride]]
    ticks = [digit * 10.0**power for power in range(first - 1, last + 1) for digit in (1, 2, 5)]
    shown = [tick for tick in ticks if low <= tick <= high]
    return shown if len(shown) >= 2 else linear_ticks(low, high, amount)


def y_axis(scale: Scale, size: Size, format: str) -> Ticks:  # noqa: A002 - as Column.format
    """The numbers at the vertical axis."""
    if scale.log:
        ticks = log_ticks(scale.low, scale.high, size.y_ticks)
        texts = log_tick_texts(ticks, format)
    else:
        ticks = linear_ticks(scale.low, scale.high, size.y_ticks)
        texts = tick_texts(ticks, format)
    return Ticks(tuple(scale.place(tick) for tick in ticks), tuple(texts))


def x_axis(scale: Scale, size: Size, label: str, whole: bool, format: str = "number") -> Ticks:  # noqa: A002
    """The numbers at the horizontal axis; the last says what is counted ("step 900"), whole ones at the axis' end.

    Numbers that would come too close to it are left out. format: as of a Column, of numbers that are not whole.
    """
    if scale.log:
        ticks = log_ticks(scale.low, scale.high, size.x_ticks)
    else:
        ticks = linear_ticks(scale.low, scale.high, size.x_ticks, whole)
    if not ticks or (whole and scale.high not in ticks):
        ticks.append(scale.high)
    if whole:  # a million is 1 M, but the last step is told in full
        texts = tick_texts(ticks[:-1], "step") + tick_texts(ticks[-1:], "count" if abs(ticks[-1]) < 1e9 else "step")
    else:
        texts = (log_tick_texts if scale.log else tick_texts)(ticks, format)
    texts[-1] = f"{label} {texts[-1]}".strip()
    places = [scale.place(tick) for tick in ticks]
    centre = end_centre(places[-1], texts[-1], size)
    limit = centre - width_of(texts[-1], size.font) / 2 - size.font * 0.6
    last = len(ticks) - 1
    kept = [at for at in range(last) if places[at] + width_of(texts[at], size.font) / 2 <= limit] + [last]
    return Ticks(tuple(places[at] for at in kept), tuple(texts[at] for at in kept))


def end_centre(end: float, words: str, size: Size) -> float:
    """Where the last text of the horizontal axis is centred: at the axis' end, or as near as the picture allows."""
    wide = width_of(words, size.font)
    return max(wide / 2, min(end, size.width - wide / 2 - 1))


def margins(texts: Sequence[str], names: Sequence[float], size: Size) -> tuple[float, float]:
    """The room for numbers left of the plot, and for names of these widths right of it."""
    left = max((width_of(words, size.font) for words in texts), default=0.0) + 10
    right = max(names, default=8.0) + 10
    return round(left), round(min(right, size.width * 0.34))
