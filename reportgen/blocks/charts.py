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

    role picks the colour and dash the same way on every chart: "train", "val", "test", "spread" (of a
    distribution), or "1" ... "8".
    breaks: positions at which a new stretch begins (a resumed attempt). attempt: how many attempts came before the
    first stretch.
    """

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    role: str = "1"
    best: Point | None = None
    breaks: tuple[int, ...] = ()
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class Band:
    """An area around a line, from `low` to `high` at each x: an error band, or a share of a distribution.

    line: the position of the line it belongs to, whose colour it has. x ascending within a stretch; what is not finite
    is a gap. breaks: as of a Line. name: what it holds ("least to greatest").
    """

    line: int
    x: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    name: str = ""
    breaks: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Clock:
    """When the places of a horizontal axis were reached.

    start: the moment that relative times count from, in seconds since the Unix epoch. knots: for each attempt (one,
    unless steps went back) places with their seconds since start, ascending; between them time runs evenly.
    """

    start: float
    knots: tuple[tuple[tuple[float, float], ...], ...]


@dataclass(frozen=True, slots=True)
class LineChart:
    """Lines over one x axis. y_format as Column.format. caption: what it shows, in a sentence with its numbers.

    numbers: the table of what is drawn. log_y: logarithmic axis. anchor: its id on the page. bands: drawn under the
    lines. over_time: the x axis counts steps, so that the page's script may smooth the lines. clock: None when times
    are not known.
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
    bands: tuple[Band, ...] = ()
    over_time: bool = False
    clock: Clock | None = None


@dataclass(frozen=True, slots=True)
class ScatterChart:
    """Points (x, y), with the line y = x when `diagonal`. log_x: logarithmic axis. y_format as Column.format."""

    title: str
    points: tuple[tuple[float, float], ...]
    caption: str
    x_label: str
    y_label: str
    diagonal: bool = False
    anchor: str = ""
    log_x: bool = False
    y_format: str = "number"


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
    """Ridgelines side by side: the weight, gradient and activation distributions of one layer.

    chart: stands beside them, such as percentiles over steps; its own table of numbers is not shown.
    """

    items: tuple[Ridgeline, ...]
    numbers: Table | None = None
    chart: LineChart | None = None
