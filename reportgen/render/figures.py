"""The figures of one page: which chart is drawn how, as markup that templates may use as it is."""

from __future__ import annotations

import base64
import dataclasses

from markupsafe import Markup

from reportgen.blocks.charts import LineChart, Ridgeline, ScatterChart
from reportgen.blocks.media import AudioItem, ImageItem
from reportgen.blocks.model import GraphDrawing
from reportgen.blocks.page import Page
from reportgen.blocks.shapes import CurveChart, MeshViews, PointChart
from reportgen.blocks.table import Bar, Histogram, Spark
from reportgen.figures.curves import curve_chart, curve_swatch
from reportgen.figures.frame import BESIDE, LARGE, Size
from reportgen.figures.graph import GraphView, graph_view
from reportgen.figures.grey import grey_picture
from reportgen.figures.overlay import overlay
from reportgen.figures.picture_width import is_coarse, picture_width
from reportgen.figures.points import point_chart, point_swatch
from reportgen.figures.ridgeline import ridgeline
from reportgen.figures.small import bar, histogram, spark, swatch
from reportgen.figures.views import SIDES, mesh_view
from reportgen.figures.waveform import waveform
from reportgen.render.anchors import Anchors, walk
from reportgen.run.media_kind import drawn_names, media_type, sound_type
from reportgen.run.picture_size import picture_size

# matplotlib draws so many charts a page (20 ms each); our own writer some more; the rest are sparks in a line.
MOST_CHARTS = 25
MOST_MINOR = 200
SPARK_VALUES = 100


class Figures:
    """All figures of a page. The charts are drawn at once, so that matplotlib's settings change and return once."""

    def __init__(self, page: Page, anchors: Anchors) -> None:
        self._media, self._anchors = page.media, anchors
        self._drawn = drawn_names(page.media)
        self._charts: dict[tuple[int, bool], str] = {}
        self._kept: list[object] = []  # ids of objects stay theirs only while they live
        self._graphs: dict[int, GraphView] = {}
        self._draw(page)
        self._draw_graphs(page)

    def _draw_graphs(self, page: Page) -> None:
        """The graphs are drawn before the page is written: what leads to a box must know whether it is there."""
        for section in page.sections:
            for block, _ in walk(section.blocks):
                if isinstance(block, GraphDrawing):
                    self._graphs[id(block)] = view = graph_view(block, self._anchors.leads, self._anchors.reserve)
                    self._kept.append(block)
                    for path, target in view.targets.items():
                        self._anchors.stand_for(block.places[path], target)

    def _draw(self, page: Page) -> None:
        wanted: list[tuple[LineChart | ScatterChart, bool]] = []
        for section in page.sections:
            for block, finding in walk(section.blocks):
                if isinstance(block, (LineChart, ScatterChart)):
                    wanted.append((block, finding is not None))
        first, rest = wanted[:MOST_CHARTS], wanted[MOST_CHARTS : MOST_CHARTS + MOST_MINOR]
        if first:
            from reportgen.figures.plot import chart_settings

            with chart_settings():
                for block, beside in first:
                    self._keep(block, beside, _chart(block, BESIDE if beside else LARGE))
                for block, beside in rest:
                    self._keep(block, beside, _minor(block))
        for block, beside in wanted[MOST_CHARTS + MOST_MINOR :]:
            self._keep(block, beside, _sparks(block))

    def _keep(self, block: object, beside: bool, markup: str) -> None:
        self._charts[id(block), beside] = markup
        self._kept.append(block)

    def chart(self, block: LineChart | ScatterChart, beside: bool = False) -> Markup:
        """The chart; empty when nothing of it can be drawn."""
        return Markup(self._charts[id(block), beside])

    def small(self, cell: Spark | Histogram | Bar) -> Markup:
        """The small picture of a table's cell; empty when nothing of it can be drawn."""
        if isinstance(cell, Spark):
            return Markup(spark(cell))
        return Markup(histogram(cell) if isinstance(cell, Histogram) else bar(cell))

    def swatch(self, role: str) -> Markup:
        """A piece of a line as it is drawn for a role."""
        return Markup(swatch(role))

    def ridgeline(self, block: Ridgeline) -> Markup:
        """The ridgeline; empty without a ridge."""
        return Markup(ridgeline(block))

    def graph(self, block: GraphDrawing) -> GraphView:
        """The pictures of a graph, or its text where there is no Graphviz."""
        view = self._graphs[id(block)]
        return dataclasses.replace(
            view,
            pictures=tuple(dataclasses.replace(one, markup=Markup(one.markup)) for one in view.pictures),
            legend=tuple((kind, Markup(swatch)) for kind, swatch in view.legend),
        )

    def waveform(self, item: AudioItem) -> Markup:
        """The waveform of a sound; empty without one."""
        return Markup(waveform(item))

    def overlay(self, item: ImageItem) -> Markup:
        """The boxes over a picture; empty without any."""
        return Markup(overlay(item)) if item.boxes else Markup("")

    def shown_width(self, item: ImageItem, small: bool = False) -> int:
        """How many px wide a picture is shown; 0 for as wide as it is. small: among thumbnails."""
        return picture_width(item, picture_size(self._media.get(item.media, b"")), small)

    def curves(self, block: CurveChart) -> Markup:
        """The chart; empty when nothing of it can be drawn."""
        return Markup(curve_chart(block))

    def curve_swatch(self, age: int) -> Markup:
        """How a curve `age` curves before the last is drawn."""
        return Markup(curve_swatch(age))

    def points(self, block: PointChart) -> Markup:
        """The chart; empty when nothing of it can be drawn."""
        return Markup(point_chart(block))

    def point_swatch(self, block: PointChart, at: int) -> Markup:
        """How a point of group `at` is drawn."""
        return Markup(point_swatch(block, at))

    def views(self, block: MeshViews) -> list[tuple[str, Markup]]:
        """The sides of a mesh, each with its name; none without a point."""
        sides = [(f"{side[0]}: {side[1]}", mesh_view(block, at)) for at, side in enumerate(SIDES)]
        return [(name, Markup(drawn)) for name, drawn in sides if drawn]

    def coarse(self, name: str) -> bool:
        """Whether a picture is so small that its pixels should stay sharp when it is enlarged."""
        return is_coarse(picture_size(self._media.get(name, b"")))

    def picture(self, item: ImageItem, width: int) -> Markup | None:
        """A small grey picture as shapes, `width` px wide; None for a picture that is to be shown as an image."""
        if item.media not in self._drawn:
            return None
        data = self._media[item.media]
        drawn = grey_picture(data, item.alt or item.title or "picture", width)
        return Markup(drawn) if drawn else None

    def address(self, name: str) -> str:
        """A picture or sound as a data: address; "" when the page does not have it or no browser shows it."""
        data = self._media.get(name)
        kind = media_type(data) or sound_type(data) if data is not None else ""
        return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}" if data and kind else ""


def _chart(block: LineChart | ScatterChart, size: Size) -> str:
    from reportgen.figures.chart import line_chart
    from reportgen.figures.scatter import scatter_chart

    return line_chart(block, size) if isinstance(block, LineChart) else scatter_chart(block, size)


def _minor(block: LineChart | ScatterChart) -> str:
    from reportgen.figures.minor import minor_chart

    return minor_chart(block) if isinstance(block, LineChart) else _chart(block, BESIDE)


def _sparks(block: LineChart | ScatterChart) -> str:
    """A spark for each line; nothing of a scatter chart, whose caption and numbers remain."""
    if not isinstance(block, LineChart):
        return ""
    drawn = []
    for line in block.lines[:3]:
        stride = max(1, len(line.y) // SPARK_VALUES)
        drawn.append(spark(Spark(line.y[::stride], f"{block.title}, {line.name}", line.role)))
    return "".join(drawn)
