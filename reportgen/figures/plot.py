"""Axes, grid and lines of a chart, drawn by matplotlib (object-oriented, without pyplot) and made fit for the page."""

from __future__ import annotations

import contextlib
import io
import math
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reportgen.figures.frame import Frame, end_centre
from reportgen.figures.palette import COLOURS, paint
from reportgen.figures.tidy import merged, shapes_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.transforms import Affine2D

_COLOURS = {values[0]: paint(name) for name, values in COLOURS.items()}
# What the run's user set for their own figures must not change ours, and ours must not change theirs.
_OWN: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "reportgen",
    "path.simplify": False,  # lines come decimated; extremes must stay
    "font.family": ["DejaVu Sans"],
    "font.size": 12.0,
    "font.style": "normal",
    "font.variant": "normal",
    "font.weight": "normal",
    "font.stretch": "normal",
    "text.usetex": False,
    "text.parse_math": False,
    "axes.unicode_minus": True,
    "lines.antialiased": True,
    "lines.dash_joinstyle": "round",
    "lines.scale_dashes": False,
    "lines.solid_capstyle": "round",
    "lines.solid_joinstyle": "round",
    "path.effects": [],
    "path.snap": True,
    "path.sketch": None,
    "agg.path.chunksize": 0,
    "savefig.bbox": None,
    "savefig.dpi": "figure",
    "savefig.facecolor": "auto",
    "savefig.transparent": False,
    "figure.autolayout": False,
    "figure.constrained_layout.use": False,
}


@dataclass(frozen=True, slots=True)
class Stroke:
    """A line through points in px of the picture; a NaN interrupts it."""

    points: tuple[tuple[float, float], ...]
    colour: str
    width: float = 1.5
    dashes: str = ""


@dataclass(frozen=True, slots=True)
class Plotted:
    """axes: grid and numbers as markup. lines: the strokes, one <path> each, in their order."""

    axes: str
    lines: str


@contextlib.contextmanager
def chart_settings() -> Iterator[None]:
    """matplotlib's settings as our charts need them; on leaving, those of the program are back."""
    import matplotlib

    with matplotlib.rc_context(_OWN):
        yield


def plotted(frame: Frame, strokes: Sequence[Stroke]) -> Plotted:
    """Grid, axis numbers and strokes (each with a point). To be called within chart_settings().

    The artists stand in the figure itself: an Axes object with its ticks would take three times as long, and all places
    are known already.
    """
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.transforms import Affine2D

    size = frame.size
    figure = Figure(figsize=(size.width / 72, size.height / 72), dpi=72)
    FigureCanvasSVG(figure)
    figure.patch.set_visible(False)
    # From px of the picture, counted downward, to matplotlib's, counted upward.
    place = Affine2D().scale(1, -1).translate(0, size.height)
    grid: list[tuple[float, float]] = []
    for y in frame.y_ticks.places:
        grid += [(frame.left, y), (frame.right, y), (math.nan, math.nan)]
    for stroke in (Stroke(tuple(grid), "grid", 1.0), *strokes):
        line = Line2D(
            [x for x, _ in stroke.points],
            [y for _, y in stroke.points],
            color=COLOURS[stroke.colour][0],
            linewidth=stroke.width,
            linestyle=(0, tuple(float(part) for part in stroke.dashes.split())) if stroke.dashes else "-",
            marker="None",
            transform=place,
        )
        figure.add_artist(line)
    _write_numbers(figure, frame, place)
    return _saved(figure)


def _write_numbers(figure: Figure, frame: Frame, place: Affine2D) -> None:
    """The numbers at both axes; the last one at the horizontal axis is moved so that it stays within the picture."""
    from matplotlib.text import Text

    look: dict[str, Any] = {"fontsize": frame.size.font, "color": COLOURS["muted"][0], "transform": place}
    for y, words in zip(frame.y_ticks.places, frame.y_ticks.texts, strict=True):
        figure.add_artist(Text(frame.left - 6, y + frame.size.font * 0.35, words, ha="right", va="baseline", **look))
    places = list(frame.x_ticks.places)
    if places:
        places[-1] = end_centre(places[-1], frame.x_ticks.texts[-1], frame.size)
    below = frame.bottom + frame.size.font * 1.55
    for x, words in zip(places, frame.x_ticks.texts, strict=True):
        figure.add_artist(Text(x, below, words, ha="center", va="baseline", **look))


def _saved(figure: Figure) -> Plotted:
    out = io.StringIO()
    with warnings.catch_warnings():
        # Words stay words in an SVG: a browser has another font for what this one lacks.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font", category=UserWarning)
        figure.savefig(out, format="svg", metadata={"Date": None})
    shapes = shapes_of(ET.fromstring(out.getvalue()), _COLOURS)
    # Words after lines: neighbours of one look then share their attributes. The grid is the first of the lines.
    words = [shape for shape in shapes if shape.startswith("<text")]
    lines = [shape for shape in shapes if not shape.startswith("<text")]
    return Plotted(merged([*lines[:1], *words]), "".join(lines[1:]))
