"""The chart of some curves: lines over steps, with their numbers, times and a caption."""

from __future__ import annotations

from collections.abc import Sequence

from reportgen.blocks.charts import Band, LineChart
from reportgen.blocks.slug import slug
from reportgen.blocks.wording import count, named
from reportgen.config import TABLE_ROWS
from reportgen.figures.foot import with_foot
from reportgen.sections.attempts import overlapping
from reportgen.sections.axis import Axis, place
from reportgen.sections.captions import metric_caption
from reportgen.sections.curves import Curve
from reportgen.sections.lines import logarithmic, numbers_table, to_lines
from reportgen.sections.times import clock

LINES = 8


def metric_chart(
    curves: Sequence[Curve], title: str, rows: int = TABLE_ROWS, started: float = 0.0, notes: Sequence[str] = ()
) -> LineChart:
    """The chart of `curves` (one at least), LINES of them drawn; a note says how many are left out.

    rows: about how many its table of numbers has. started: when the run began, in seconds since the Unix epoch.
    """
    shown = list(curves[:LINES])
    axis = place(shown, started)
    more = [f"{len(shown)} of {count(len(curves))} series are drawn; the table below lists all."]
    told = [*notes, *axis.notes, *(more if len(curves) > len(shown) else [])]
    return assembled(title, shown, shown, axis, rows, started, told)


def assembled(
    title: str,
    shown: Sequence[Curve],
    listed: Sequence[Curve],
    axis: Axis,
    rows: int,
    started: float,
    notes: Sequence[str],
    bands: tuple[Band, ...] = (),
) -> LineChart:
    """The chart of the `shown` curves, with the numbers of those `listed`."""
    share = all(curve.share for curve in shown)
    style = "percent" if share else "number"
    chart = LineChart(
        title=named(title),
        lines=to_lines(shown, axis),
        caption=metric_caption(shown),
        x_label=axis.label,
        y_format=style,
        log_y=not share and logarithmic(shown),
        anchor=slug("metric", title),
        numbers=numbers_table(listed, axis, style, rows, started),
        notes=tuple(notes),
        bands=bands,
        over_time=True,
        clock=clock(shown, axis, overlapping(shown), started),
    )
    return with_foot(chart)
