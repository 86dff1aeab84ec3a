"""Markdown as a tree: what it says, and how each part is set."""

from __future__ import annotations

import re
from dataclasses import dataclass

# Without white space, controls and signs that change the direction of what follows them.
_ADDRESS = re.compile(r"(https?://|mailto:)[^\s\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]+", re.IGNORECASE)


def web_address(text: str) -> str:
    """`text` when it may be a link: an address of the web or of mail; "" for everything else."""
    return text if _ADDRESS.fullmatch(text) else ""


@dataclass(frozen=True, slots=True)
class MarkedText:
    """A piece of a line. style: "", "strong", "em", "code", "del" or several joined by spaces; href: "" or an address.

    A line break is a text of "\\n".
    """

    text: str
    style: str = ""
    href: str = ""


@dataclass(frozen=True, slots=True)
class MarkedNode:
    """A part of a text: "paragraph", "heading", "bullets", "numbers", "item", "quote", "code", "rule", "table".

    level: of a heading, 1 to 6; of "numbers" the first number. line: its words. children: "item" of a list, or what an
    "item" or "quote" holds. rows: of a table, the heading first, each cell a line. aligned: its columns,
    "left", "center", "right" or ""; () where all are "". code: of a block of code.
    """

    kind: str
    line: tuple[MarkedText, ...] = ()
    children: tuple[MarkedNode, ...] = ()
    level: int = 0
    rows: tuple[tuple[tuple[MarkedText, ...], ...], ...] = ()
    code: str = ""
    aligned: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Markdown:
    """A text set as its Markdown says. caption: such as what was left out."""

    nodes: tuple[MarkedNode, ...]
    title: str = ""
    caption: str = ""
