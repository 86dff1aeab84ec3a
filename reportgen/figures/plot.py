"""Axes, grid and lines of a chart, drawn by matplotlib (object-oriented, without pyplot) and made fit for the page."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reportgen.figures.frame import Frame, end_centre
from reportgen.figures.palette import COLOURS, paint
from reportgen.figures.tidy import merged, shapes_of

_COLOURS = {values[0]: paint(name) for name, values in COLOURS.items()}
# What the run's user set for their own figures must not change ours, and ours must not change theirs.
_OWN = {
    "svg.fonttype": "none",
    "svg.hashsalt": "reportgen",
    "path.simplify": False,  # lines come decimated; extremes must stay
    "font.family": ["DejaVu Sans"],
    "font.size": 12.0,
    "text.usetex": False,
    "text.parse_math": False,
    "axes.unicode_minus": True,
    "axes.linewidth": 1.0,
    "axes.autolimit_mode": "data",
    "lines.antialiased": True,
    "lines.dash_joinstyle": "round",
    "lines.scale_dashes": False,
    "lines.solid_capstyle": "round",
    "lines.solid_joinstyle": "round",
    "path.effects": [],
    "path.sketch": None,
    "agg.path.chunksize": 0,
    "savefig.bbox": None,
    "savefig.dpi": "figure",
    "savefig.facecolor": "auto",
    "savefig.transparent": False,
    "figure.autolayout": False,
    "figure.constrained_layout.use": False,
    "xtick.top": False,
    "xtick.bottom": True,
    "xtick.labelbottom": True,
    "xtick.labeltop": False,
    "ytick.left": True,
    "ytick.right": False,
    "ytick.labelleft": True,
    "ytick.labelright": False,
    "xtick.minor.visible": False,
    "ytick.minor.visible": False,
}


@dataclass(frozen=True, slots=True)
class Stroke:
    """A line through points in px of the picture."""

    points: tuple[tuple[float, float], ...]
    colour: str
    width: float = 1.5
    dashes: str = ""


@contextlib.contextmanager
def chart_settings() -> Iterator[None]:
    """matplotlib's settings as our charts need them; on leaving, those of the program are back."""
    import matplotlib

    with matplotlib.rc_context(_OWN):
        yield


def plotted(frame: Frame, strokes: Sequence[Stroke]) -> str:
    """Grid, axis numbers and strokes as markup. To be called within chart_settings()."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    size = frame.size
    figure = Figure(figsize=(size.width / 72, size.height / 72), dpi=72)
    FigureCanvasSVG(figure)
    figure.patch.set_visible(False)
    box = (frame.left, size.height - frame.bottom, frame.right - frame.left, frame.bottom - frame.top)
    axes = figure.add_axes((box[0] / size.width, box[1] / size.height, box[2] / size.width, box[3] / size.height))
    axes.patch.set_visible(False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    # The axes count in px of the picture, so that words placed by us and lines placed by matplotlib agree.
    axes.set_xlim(frame.left, frame.right)
    axes.set_ylim(frame.bottom, frame.top)
    look = {"length": 0.0, "labelsize": size.font, "labelcolor": COLOURS["muted"][0]}
    axes.tick_params(axis="both", which="both", pad=6.0, **look)
    axes.set_yticks(frame.y_ticks.places, frame.y_ticks.texts)
    axes.set_xticks(_centres(frame), frame.x_ticks.texts)
    axes.grid(visible=True, axis="y", color=COLOURS["grid"][0], linewidth=1.0, linestyle="-", clip_on=False, solid_capstyle="butt")
    axes.grid(visible=False, axis="x")
    axes.set_axisbelow(True)
    for stroke in strokes:
        style = (0, tuple(float(part) for part in stroke.dashes.split())) if stroke.dashes else "-"
        axes.plot(
            [x for x, _ in stroke.points],
            [y for _, y in stroke.points],
            color=COLOURS[stroke.colour][0],
            linewidth=stroke.width,
            linestyle=style,
            clip_on=False,
            marker="",
        )
    return _saved(figure)


def _centres(frame: Frame) -> list[float]:
    """Where the numbers at the horizontal axis are centred; the last is moved so that it stays within the picture."""
    places = list(frame.x_ticks.places)
    if places:
        places[-1] = end_centre(places[-1], frame.x_ticks.texts[-1], frame.size)
    return places


def _saved(figure: object) -> str:
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None})  # type: ignore[attr-defined]
    # Words after lines: neighbours of one look then share their attributes.
    return merged(sorted(shapes_of(out.getvalue(), _COLOURS), key=lambda shape: shape.startswith("<text")))
