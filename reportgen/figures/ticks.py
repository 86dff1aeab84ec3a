"""How the numbers at an axis are written: all of them with the same decimals."""

from __future__ import annotations

import math
from collections.abc import Sequence

from reportgen.blocks.wording import MINUS, count, number, scaled, seconds


def tick_texts(ticks: Sequence[float], format: str) -> list[str]:  # noqa: A002 - as Column.format
    """The ticks of one axis as text. format: as of a Column."""
    if format == "percent":
        decimals = _decimals([100 * tick for tick in ticks])
        return [f"{_signed(100 * tick, decimals)}%" for tick in ticks]
    if format == "seconds":
        return [seconds(tick) if tick >= 0 else number(tick) for tick in ticks]
    if format in ("bytes", "si"):
        return [scaled(tick, "B" if format == "bytes" else "") for tick in ticks]
    largest = max((abs(tick) for tick in ticks), default=0.0)
    if format in ("count", "step") and 1e6 <= largest < 1e15:
        return [scaled(tick) for tick in ticks]
    if largest >= 1e6 or 0 < largest < 1e-3:
        return [number(tick, 2) if tick == _rounded(tick, 2) else number(tick, 3) for tick in ticks]
    if all(float(tick).is_integer() for tick in ticks):
        return [count(int(tick)).replace("-", MINUS) for tick in ticks]
    return [_signed(tick, _decimals(ticks)) for tick in ticks]


def log_tick_texts(ticks: Sequence[float], format: str) -> list[str]:  # noqa: A002 - as Column.format
    """The ticks of a logarithmic axis as text, each with the decimals it needs."""
    return [tick_texts([tick], format)[0] for tick in ticks]


def _rounded(value: float, digits: int) -> float:
    return float(f"{value:.{digits}g}")


def _signed(value: float, decimals: int) -> str:
    text = f"{value:,.{decimals}f}"
    return text.replace("-", MINUS) if float(text.replace(",", "")) else text.lstrip("-")


def _decimals(ticks: Sequence[float]) -> int:
    """The decimals that tell neighbouring ticks apart, 6 at most."""
    for decimals in range(6):
        shown = [round(tick, decimals) for tick in ticks]
        if all(math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12) for a, b in zip(shown, ticks, strict=True)):
            return decimals
    return 6
