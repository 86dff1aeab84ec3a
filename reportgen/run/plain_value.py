"""A number of an array as a record holds it."""

from __future__ import annotations

import cmath
import math

from reportgen.run.logged import Plain


def plain_value(value: bool | int | float | complex) -> Plain:
    """The number itself where JSON has it; a complex or non-finite one as text ("1+2j", "nan", "inf", "-inf")."""
    if isinstance(value, complex):
        return f"{value:.7g}" if cmath.isfinite(value) else str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    return value
