"""Charts: numbers and names, no coordinates."""

from __future__ import annotations

from dataclasses import dataclass

from reportgen.blocks.table import Table


@dataclass(frozen=True, slots=True)
class Point:
    """A point worth a ring and a word on a line: the best value."""

    x: float
    y: float
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chart: x ascending within a stretch; y may hold non-finite values, which are gaps with a mark.

    role picks the colour and dash the same way on every chart: "train", "val", "test", or "1" ... "6".
    breaks: positions at which a new stretch begins (a resumed attempt).
    """

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    role: str = "1"
    best: Point | None = None
    breaks: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class LineChart:
    """Lines over one x axis. y_format as Column.format. caption: what it shows, in a sentence with its numbers.

    how: how to read it. numbers: the table of what is drawn. log_y: logarithmic axis. anchor: its id on the page.
    """

    title: str
    lines: tuple[Line, ...]
    caption: str
    x_label: str = "step"
    y_format: str = "number"
    log_y: bool = False
    anchor: str = ""
    numbers: Table | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ScatterChart:
    """Points (x, y), with the line y = x when `diagonal`."""

    title: str
    points: tuple[tuple[float, float], ...]
    caption: str
    x_label: str
    y_label: str
    diagonal: bool = False
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Matrix:
    """Counts of truth (rows) against prediction (columns), drawn as a table whose cells are shaded by row share."""

    title: str
    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    caption: str
    row_label: str = "truth"
    column_label: str = "prediction"


@dataclass(frozen=True, slots=True)
class Ridge:
    """One distribution of a ridgeline: heights (0 to 1 of the ridgeline's highest) of the ridgeline's bins."""

    step: int
    heights: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Ridgeline:
    """Distributions of one thing over time, oldest first.

    The bins of all ridges are the same and equally wide on the drawn axis. ticks: (place 0..1, text) on that axis.
    caption: what it shows, in a sentence.
    """

    name: str
    title: str
    ridges: tuple[Ridge, ...]
    ticks: tuple[tuple[float, str], ...]
    caption: str
    role: str = "1"


@dataclass(frozen=True, slots=True)
class Ridgelines:
    """Ridgelines side by side: the weight, gradient and activation distributions of one layer."""

    items: tuple[Ridgeline, ...]
    numbers: Table | None = None
