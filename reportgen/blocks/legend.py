"""What the lines of several charts stand for."""

from __future__ import annotations

from dataclasses import dataclass

from reportgen.blocks.table import Link


@dataclass(frozen=True, slots=True)
class Legend:
    """Names with the colour and dash of their lines (Link.role). note: what of the lines is not named."""

    items: tuple[Link, ...]
    note: str = ""
