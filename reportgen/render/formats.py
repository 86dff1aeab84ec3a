"""How the numbers of a page are written; the words of sentences are in blocks/wording.py, and agree with these."""

from __future__ import annotations

import math

from reportgen.blocks import wording
from reportgen.blocks.table import Column

# What stands where there is no number.
NOTHING = "–"


def number(value: float) -> str:
    """Four significant digits: 0.03125, 1,234, 1.2e-5, NaN, ∞."""
    return wording.number(float(value), 4)


def percent(share: float) -> str:
    """A share (1 is the whole) with one decimal: 98.1 %."""
    return wording.percent(float(share))


def count(amount: float) -> str:
    """A whole number with thousands set apart: 1,234. A number that is not whole is written as by `number`."""
    if isinstance(amount, float) and not amount.is_integer():
        return number(amount)
    return wording.count(int(amount)).replace("-", wording.MINUS)


def seconds(duration: float) -> str:
    """14.2 ms, 38 s, 2 min 5 s."""
    return wording.seconds(float(duration))


def size(amount: float) -> str:
    """A number of bytes in decimal units: 512 B, 1.2 MB."""
    return wording.scaled(float(amount), "B")


def si(amount: float) -> str:
    """A number with its thousands as a prefix: 1.2 M."""
    return wording.scaled(float(amount))


def elapsed(duration: float) -> str:
    """A time since the beginning: +2 h 3 min; −3 s for one before it."""
    return f"{wording.MINUS if duration < 0 else '+'}{wording.seconds(abs(float(duration)))}"


def moment(time: float) -> str:
    """Seconds since the Unix epoch as date and time of day in UTC, to be said above the column."""
    return wording.moment(float(time)).removesuffix(" UTC")


def daytime(time: float) -> str:
    """The time of day of seconds since the Unix epoch, in UTC: 15:00:12."""
    return moment(time).rpartition(" ")[2]


_WRITERS = {
    "number": number,
    "percent": percent,
    "count": count,
    "step": count,
    "seconds": seconds,
    "bytes": size,
    "si": si,
    "elapsed": elapsed,
    "moment": moment,
    "daytime": daytime,
}


def written(value: str | int | float | None, column: Column) -> str:
    """The text of a plain cell in its column."""
    if value is None:
        return NOTHING
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and not math.isfinite(value):
        return number(value)
    if column.format in _WRITERS:
        return _WRITERS[column.format](value)
    return str(value) if isinstance(value, int) else number(value)
