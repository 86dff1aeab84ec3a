"""Words and single numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reportgen.blocks.table import Cell, Spark

if TYPE_CHECKING:
    from reportgen.blocks.page import Block


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph. muted: of less weight. preformatted: keep its line breaks."""

    text: str
    muted: bool = False
    preformatted: bool = False
    title: str = ""


@dataclass(frozen=True, slots=True)
class Callout:
    """A boxed remark. level: "error", "warning", "info"."""

    level: str
    title: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Code:
    """Code or a traceback, shown as it is. marked: numbers of the lines (from 0) to point out."""

    text: str
    title: str = ""
    marked: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Stat:
    """One key number: already written out, since its unit and precision belong to its meaning."""

    label: str
    value: str
    detail: str = ""
    spark: Spark | None = None
    level: str = ""


@dataclass(frozen=True, slots=True)
class Stats:
    """A row of key numbers."""

    items: tuple[Stat, ...]


@dataclass(frozen=True, slots=True)
class KeyValues:
    """Names with their values, such as a configuration."""

    items: tuple[tuple[str, Cell], ...]
    title: str = ""
    empty: str = ""


@dataclass(frozen=True, slots=True)
class Fold:
    """Blocks under a summary line that opens without scripts."""

    title: str
    blocks: tuple[Block, ...]
    detail: str = ""
    open: bool = False
    anchor: str = ""
