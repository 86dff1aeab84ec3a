"""Colours on a terminal."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TextIO

_CODES = {
    "error": "31;1",
    "warning": "33;1",
    "info": "36",
    "ok": "32",
    "strong": "1",
    "dim": "2",
    "del": "31",
    "ins": "32",
}


@dataclass(frozen=True, slots=True)
class Styles:
    """Gives texts a colour, or leaves them as they are when not `coloured`. Meaning never rests on it alone."""

    coloured: bool = False

    @classmethod
    def of(cls, stream: TextIO) -> Styles:
        """Coloured on a terminal that has colours, unless NO_COLOR is set to anything (https://no-color.org)."""
        plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
        return cls(stream.isatty() and not plain)

    def __call__(self, text: str, style: str) -> str:
        """`text` in a style: "error", "warning", "info", "ok", "strong", "dim", "del" or "ins"."""
        code = _CODES.get(style)
        return f"\x1b[{code}m{text}\x1b[0m" if self.coloured and code and text else text


def plain(text: str) -> str:
    """`text` without what a terminal would obey: control characters and changes of direction become escapes."""
    return "".join(sign if sign.isprintable() or sign == "\n" else ascii(sign)[1:-1] for sign in text)
