"""Distributions over time as ridgelines, and the last one as a word-sized outline."""

from __future__ import annotations

import math
from collections.abc import Sequence

from reportgen.blocks.charts import Ridge, Ridgeline
from reportgen.blocks.table import Histogram
from reportgen.blocks.wording import count, number, percent, sentence
from reportgen.run.distribution import Distribution, DistributionSeries
from reportgen.sections.curves import evenly
from reportgen.sections.rebin import BINS, TAIL, Scale, magnitude_quantiles, spread, value_quantiles

RIDGES = 8
# Exact zeros above this share (what a ReLU leaves) would dwarf every other bin: they are told, not drawn.
MANY_ZEROS = 0.2
CELL_BINS = 31
DIGITS = 3
TICKS = 4
ROLES = {"weight": "1", "gradient": "3", "activation": "2", "histogram": "4"}
TITLES = {"weight": "weights", "gradient": "gradients", "activation": "activations", "histogram": "values"}


def ridgeline(series: DistributionSeries, title: str = "", ridges: int = RIDGES, bins: int = BINS) -> Ridgeline | None:
    """The ridgeline of a series; None when no snapshot has a finite number to draw.

    Gradients stand on a log10 axis of their magnitude, since they change by orders of magnitude; the rest on a linear
    one, symmetric about zero for weights of both signs.
    """
    chosen = [at for at in evenly(len(series.snapshots), ridges) if series.snapshots[at].finite]
    snapshots = [series.snapshots[at] for at in chosen]
    log = series.kind == "gradient"
    zeros = not log and not _mostly_zero(snapshots)
    scale = log_scale(snapshots, bins) if log else linear_scale(snapshots, series.kind == "weight", zeros, bins)
    if scale is None:
        return None
    shares = [_shares(snapshot, scale, zeros) for snapshot in snapshots]
    highest = max((max(heights) for heights in shares), default=0.0)
    if highest <= 0:
        return None
    return Ridgeline(
        name=series.name,
        title=title or TITLES.get(series.kind, "values"),
        ridges=tuple(
            Ridge(series.steps[at], tuple(round(height / highest, DIGITS) for height in heights))
            for at, heights in zip(chosen, shares, strict=True)
        ),
        ticks=log_ticks(scale) if log else linear_ticks(scale),
        caption=_caption(series, chosen, log, zeros),
        role=ROLES.get(series.kind, "1"),
    )


def _mostly_zero(snapshots: Sequence[Distribution]) -> bool:
    return any(snapshot.zeros > MANY_ZEROS * snapshot.finite for snapshot in snapshots) and any(
        snapshot.zeros < snapshot.finite for snapshot in snapshots
    )


def _shares(snapshot: Distribution, scale: Scale, zeros: bool) -> list[float]:
    """Each bin's share of the finite numbers, so that snapshots of different sizes compare."""
    return [height / snapshot.finite for height in spread(snapshot, scale, zeros)]


def linear_scale(
    snapshots: Sequence[Distribution], symmetric: bool, zeros: bool = True, bins: int = BINS
) -> Scale | None:
    """The range of all but the outermost 0.5 % on each side.

    None without a number, and where all lie within an octave: the stored bins, a quarter of one, have no shape to show.
    """
    low, high = value_quantiles(snapshots, (TAIL, 1 - TAIL), zeros)
    if (
        math.isnan(low)
        or math.isinf(high - low)
        or (low * high > 0 and max(low, high, -low, -high) < 2 * _nearer(low, high))
    ):
        return None
    if symmetric and low < 0 < high:
        reach = max(-low, high)
        return Scale(-reach, reach, bins - 1)  # odd, so that zero is the middle of a bin
    if low == high:  # nothing but zeros
        return Scale(-1.0, 1.0, bins - 1)
    if low > 0 and low < 0.3 * high:
        low = 0.0
    return Scale(low, high, bins)


def _nearer(low: float, high: float) -> float:
    return min(abs(low), abs(high))


def spread_of(snapshot: Distribution) -> float | None:
    """The standard deviation; None without a number, and below 1 % of the mean, where kept moments cannot tell it."""
    if not snapshot.finite:
        return None
    if snapshot.minimum == snapshot.maximum:
        return 0.0
    return snapshot.std if snapshot.std > 0.01 * abs(snapshot.mean) else None


def log_scale(snapshots: Sequence[Distribution], bins: int = BINS) -> Scale | None:
    """The same for log10 of the magnitude; at least one decade wide."""
    low, high = magnitude_quantiles(snapshots, (TAIL, 1 - TAIL))
    if math.isnan(low) or low <= 0:
        return None
    bottom, top = math.log10(low), math.log10(high)
    if top - bottom < 1:
        middle = (top + bottom) / 2
        bottom, top = middle - 0.5, middle + 0.5
    return Scale(bottom, top, bins, log=True)


def linear_ticks(scale: Scale) -> tuple[tuple[float, str], ...]:
    """Round numbers along a linear axis."""
    span = scale.high - scale.low
    raw = span / TICKS
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw)
    first, last = math.ceil(scale.low / step), math.floor(scale.high / step)
    return tuple(
        (round((k * step - scale.low) / span, 4), number(float(f"{k * step:.6g}"))) for k in range(first, last + 1)
    )


def log_ticks(scale: Scale) -> tuple[tuple[float, str], ...]:
    """Powers of ten along a log axis."""
    first, last = math.ceil(scale.low), math.floor(scale.high)
    step = max(1, math.ceil((last - first + 1) / (TICKS + 1)))
    span = scale.high - scale.low
    return tuple((round((k - scale.low) / span, 4), f"1e{k}") for k in range(first, last + 1, step))


def _caption(series: DistributionSeries, chosen: Sequence[int], log: bool, zeros: bool) -> str:
    first, last = series.snapshots[chosen[0]], series.snapshots[chosen[-1]]
    begin, end = series.steps[chosen[0]], series.steps[chosen[-1]]
    name = "root mean square" if log else "standard deviation"
    before, after = (first.rms, last.rms) if log else (spread_of(first), spread_of(last))
    told = f"{name} {_size(before)} at step {count(begin)}"
    if len(chosen) > 1:
        told += f", {_size(after)} at step {count(end)}"
    parts = [told]
    if log:
        parts.append("axis: magnitude, logarithmic")
    if last.zeros and (log or not zeros):
        parts.append(f"{percent(last.zeros / last.finite)} exactly 0 at the end, not drawn")
    bad = last.count - last.finite
    if bad:
        parts.append(f"{percent(bad / last.count)} not finite at the end")
    return sentence("; ".join(parts))


def _size(value: float | None) -> str:
    return "under 1 % of the mean" if value is None else number(value, 2)


def in_words(snapshot: Distribution) -> str:
    """Mean and spread of one distribution, where there is no shape to draw."""
    spread_out = spread_of(snapshot)
    about = number(snapshot.mean, 3)
    return f"about {about}" if spread_out is None else f"{about} ± {number(spread_out, 2)}" if spread_out else about


def outline(snapshot: Distribution, scale: Scale) -> Histogram:
    """One distribution at word size on a given linear axis."""
    cell = Scale(scale.low, scale.high, CELL_BINS)
    heights = spread(snapshot, cell)
    highest = max(heights) or 1.0
    label = f"mean {number(snapshot.mean, 2)}, standard deviation {_size(spread_of(snapshot))}"
    return Histogram(tuple(round(height / highest, 2) for height in heights), cell.low, cell.high, label)
