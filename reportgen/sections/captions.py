"""The sentence under a chart of metrics: what it shows, with its numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

from reportgen.blocks.wording import count, counted, number, sentence
from reportgen.sections.curves import Curve
from reportgen.sections.lines import SPLITS, names_of

# Longer captions are not read; the table has the rest.
TOLD = 4


def metric_caption(curves: Sequence[Curve]) -> str:
    """What happened to a metric.

    "Train falls from 2.31 to 0.031; val is lowest, 0.066, at step 630, and ends at 0.087."
    """
    names = names_of(curves)
    told = [_clause(curve, name) for curve, name in zip(curves[:TOLD], names[:TOLD], strict=True)]
    bad = [(clause, name) for curve, name in zip(curves, names, strict=True) if (clause := _bad(curve, name))]
    return " ".join(_sentence(part, name) for part, name in (("; ".join(told), names[0]), *bad))


def _sentence(text: str, name: str) -> str:
    """A split begins a sentence with a capital letter; a tag (`name`) is a name and stays as it is."""
    return f"{text}." if name not in SPLITS and text.startswith(f"{name} ") else sentence(text)


def _clause(curve: Curve, name: str) -> str:
    series, places = curve.series, curve.finite
    if not places:
        return f"{name} has no finite value"
    first, last = series.values[places[0]], series.values[places[-1]]
    if len(places) == 1:
        return f"{name} is {curve.written(first)} at step {count(series.steps[places[0]])}"
    low, high = min(series.values[at] for at in places), max(series.values[at] for at in places)
    if low == high:
        return f"{name} stays at {curve.written(first)}"
    best = curve.best()
    if best is not None and curve.split in ("val", "test"):
        word = "lowest" if curve.direction == "lower" else "highest"
        (value, end), step = curve.apart(series.values[best], last), count(series.steps[best])
        if best == places[-1]:
            return f"{name} is {word}, {value}, at its end, step {step}"
        if last == series.values[best]:
            return f"{name} is {word}, {value}, at step {step}, and ends there"
        return f"{name} is {word}, {value}, at step {step}, and ends at {end}"
    return f"{name} {_motion(curve, first, last, low, high)}"


def _motion(curve: Curve, first: float, last: float, low: float, high: float) -> str:
    start, end, least, greatest = curve.apart(first, last, low, high)
    verb = "falls" if last < first else "rises" if last > first else "ends where it began,"
    told = f"{verb} from {start} to {end}" if last != first else f"{verb} at {end}"
    beyond = []
    if low < min(first, last) and not curve.direction:
        beyond.append(f"down to {least}")
    if high > max(first, last) and not curve.direction:
        beyond.append(f"up to {greatest}")
    return f"{told}, {' and '.join(beyond)} in between" if beyond else told


def _bad(curve: Curve, name: str) -> str:
    values = curve.series.values
    bad = [at for at, value in enumerate(values) if not math.isfinite(value)]
    if not bad:
        return ""
    step = count(curve.series.steps[bad[0]])
    if len(bad) == len(values):
        return f"every value of {name} is NaN or infinite"
    return f"{name} is {number(values[bad[0]])} first at step {step}: {counted(len(bad), 'point')} cannot be drawn"
