"""A table, and what may stand in its cells."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Link:
    """Text that leads to an element of the same page (`target` is an id without '#').

    role: of the lines it names, whose colour and dash then stand before it.
    """

    text: str
    target: str
    code: bool = False
    role: str = ""


@dataclass(frozen=True, slots=True)
class Spark:
    """A line of about word size: values in order, evenly spaced; non-finite values are gaps. role colours it.

    label is its text alternative ("from 2.31 to 0.03").
    """

    values: tuple[float, ...]
    label: str
    role: str = "neutral"


@dataclass(frozen=True, slots=True)
class Histogram:
    """A filled outline of about word size: heights (>= 0) of equal-width bins from low to high."""

    heights: tuple[float, ...]
    low: float
    high: float
    label: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A share (0 to 1) as a number with a bar behind it."""

    share: float
    text: str = ""


Cell = str | int | float | None | Link | Spark | Histogram | Bar


@dataclass(frozen=True, slots=True)
class Column:
    """A table's column. format: how numbers in it are written: "text", "code", "count" (1,234), "number" (4 digits),
    "percent" (of a share), "seconds", "bytes", "si" (1.2 M), "step", "elapsed" (+2 h 3 min), "moment" (of seconds since
    the Unix epoch: 2026-11-23 15:00:12 in UTC), "daytime" (15:00:12 of the same).
    hint: what it means, shown on the heading."""

    name: str
    format: str = "text"
    hint: str = ""

    @property
    def numeric(self) -> bool:
        """Whether the column is aligned to the right."""
        return self.format not in ("text", "code")


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under columns. anchors: an id for each row, () for none. marks: (row, column) of cells that want attention.

    strong: (row, column) of cells to set strongly, such as the best. total: number of rows there would be, when more
    than shown. folded: shown under a summary line `title`.
    """

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    title: str = ""
    caption: str = ""
    anchors: tuple[str, ...] = ()
    marks: tuple[tuple[int, int], ...] = ()
    strong: tuple[tuple[int, int], ...] = ()
    total: int = 0
    folded: bool = False
