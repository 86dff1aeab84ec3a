"""How numbers, times and lists of names are written in sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timezone

NO_BREAK = "\u00a0"
MINUS = "\u2212"


def number(value: float, digits: int = 3) -> str:
    """`value` with `digits` significant digits: 0.0312, 1,234, 4.1e-5; "NaN", "∞" and "−∞" for the rest."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "∞" if value > 0 else f"{MINUS}∞"
    size = abs(value)
    rounded = float(f"{size:.{digits}g}")
    if rounded == 0:
        text = "0"
    elif rounded >= 10**digits and size < 999_999.5:
        text = f"{size:,.0f}"
    elif 1e-3 <= rounded < 1e6:
        text = f"{rounded:.{digits}g}"
    else:
        # Of the number itself: rounded as a number, the largest float would be infinite.
        mantissa, exponent = f"{size:.{digits - 1}e}".split("e")
        if "." in mantissa:
            mantissa = mantissa.rstrip("0").rstrip(".")
        text = f"{mantissa}e{int(exponent)}"
    return f"{MINUS}{text}" if value < 0 and text != "0" else text


def code_number(value: float, digits: int = 3) -> str:
    """`value` as `number` writes it, as Python reads it: 10000, -0.5, 4.1e-5, float("inf")."""
    if not math.isfinite(value):
        return f'float("{value}")'
    return number(value, digits).replace(",", "").replace(MINUS, "-")


def percent(share: float) -> str:
    """A share (1 is the whole) in percent with one decimal; more where rounding would say 0 or 100 % falsely."""
    if not math.isfinite(share):
        return number(share)
    if share in (0.0, 1.0):
        return f"{share * 100:.0f}{NO_BREAK}%"
    for decimals in (1, 2, 3):
        text = f"{share * 100:.{decimals}f}"
        if float(text) not in (0.0, 100.0):
            break
    else:  # nearer to 0 or 1 than three decimals can say
        text = "< 0.001" if share < 0.5 else "> 99.999" if share < 1 else text
    return f"{text.replace('-', MINUS)}{NO_BREAK}%"


def count(amount: int) -> str:
    """1,234."""
    return f"{amount:,}"


def counted(amount: int, noun: str, several: str = "") -> str:
    """ "1 step", "1,234 steps"; `several` where the plural takes more than an s."""
    return f"{amount:,} {noun if amount == 1 else several or noun + 's'}"


def seconds(duration: float) -> str:
    """A duration as people say it: 14.2 ms, 3.4 s, 38 s, 5 min 12 s, 2 h 5 min, 3 d 4 h."""
    if not math.isfinite(duration) or duration < 0:
        return "unknown"
    if duration == 0:
        return f"0{NO_BREAK}s"
    if duration < 0.9995e-3:
        return f"{number(duration * 1e6)}{NO_BREAK}µs"
    if duration < 0.9995:
        return f"{number(duration * 1e3)}{NO_BREAK}ms"
    if duration < 9.95:
        return f"{duration:.1f}{NO_BREAK}s"
    whole = round(duration)
    if whole < 60:
        return f"{whole}{NO_BREAK}s"
    if whole < 3600:
        return _pair(whole, 60, "min", 1, "s")
    return _pair(whole, 3600, "h", 60, "min") if whole < 86400 else _pair(whole, 86400, "d", 3600, "h")


def _pair(whole: int, size: int, large: str, part: int, small: str) -> str:
    first, rest = divmod(whole, size)
    second = rest // part
    return f"{first}{NO_BREAK}{large}" + (f" {second}{NO_BREAK}{small}" if second else "")


def scaled(amount: float, unit: str = "") -> str:
    """An amount with its thousands as a prefix: 44.6 M, 1.2 G; `unit` follows the prefix."""
    for factor, prefix in ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(amount) >= 0.9995 * factor:
            return f"{number(amount / factor)}{NO_BREAK}{prefix}{unit}"
    return f"{number(amount)}{NO_BREAK}{unit}".rstrip(NO_BREAK)


def listed(names: Sequence[str], limit: int = 3) -> str:
    """ "a", "a and b", "a, b and c", "a, b, c and 4 more"."""
    shown = [named(name, 60) for name in names[:limit]]
    if len(names) > limit:
        shown.append(f"{len(names) - limit:,} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}" if shown else ""


def cut(text: str, limit: int = 100) -> str:
    """`text`, or its beginning with the sign of omission when it is longer than `limit` characters."""
    return balanced(text if len(text) <= limit else text[: limit - 1].rstrip() + "…")


def balanced(text: str) -> str:
    """`text` with every change of direction that it opens closed, so that the words after it are not turned around."""
    # Embeddings and overrides end at U+202C, isolates at U+2069.
    for opening, closing in (("\u202a\u202b\u202d\u202e", "\u202c"), ("\u2066\u2067\u2068", "\u2069")):
        text += closing * (sum(map(text.count, opening)) - text.count(closing))
    return text


def named(name: str, limit: int = 100) -> str:
    """A user's name cut to `limit` characters; "(no name)" for one of nothing but space."""
    return cut(name, limit) if name.strip() else "(no name)"


def moment(time: float) -> str:
    """A time in seconds since the Unix epoch as "2026-11-23 15:00:12 UTC", wherever it is read."""
    try:
        return datetime.fromtimestamp(time, timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):  # a clock that was wrong beyond the calendar
        return "unknown"


def sentence(text: str) -> str:
    """`text` beginning with a capital letter and ending in a full stop."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?", "…")) else ".")


def box_words(place: int, label: str, score: float | None) -> str:
    """The words of box `place` (from 0), such as "2 cat 0.93"."""
    return " ".join(
        [str(place + 1), *([cut(label, 40)] if label.strip() else []), *([] if score is None else [number(score)])]
    )
