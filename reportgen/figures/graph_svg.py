"""What Graphviz draws, made fit for the page."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping

from reportgen.figures.engine import LayoutError
from reportgen.figures.palette import COLOURS, paint
from reportgen.figures.paths import numbers_in
from reportgen.figures.svg import drawing, element
from reportgen.figures.text import cut, escaped
from reportgen.figures.tidy import merged, shapes_of, shift_of

_COLOURS = {values[0]: paint(name) for name, values in COLOURS.items()}
# The names of colours that Graphviz and torchviz use.
_COLOURS |= {
    "black": paint("edge"),
    "white": paint("paper"),
    "lightgrey": paint("plain"),
    "lightblue": paint("c1soft"),
    "#add8e6": paint("c1soft"),
    "#caff70": paint("c3soft"),
    "darkolivegreen1": paint("c3soft"),
    "darkolivegreen3": paint("c3soft"),
    "#a2cd5a": paint("c3soft"),
    "orange": paint("c2soft"),
    "#ffa500": paint("c2soft"),
}
_LINE = f' fill="none" stroke="{paint("edge")}"'
_STROKE = f' stroke="{paint("edge")}"'


def graph_svg(markup: str, label: str, told: Mapping[str, str], font: str = "12") -> str:
    """A drawing of Graphviz at its natural size.

    label: its text alternative. told: Graphviz' title of a node, edge or frame -> what a reader who points at it is
    told; those it does not name are told nothing. font: the font size of most texts.

    Raises LayoutError when there is nothing to draw.
    """
    try:
        root = ET.fromstring(markup)
    except ET.ParseError as error:
        raise LayoutError(f"Graphviz made a picture that is no XML ({error})") from None
    box = numbers_in(root.get("viewBox", ""))
    groups = [child for child in root if isinstance(child.tag, str) and child.tag.endswith("}g")]
    if len(box) != 4 or not groups:
        raise LayoutError("Graphviz made a picture without a size")
    layers = _Layers(told, {"text-anchor": "middle", "font-size": font, "fill": paint("ink")})
    for group in groups[0]:
        layers.add(group)
    look = {"transform": shift_of(groups[0].get("transform", "")), "font_size": font, "text_anchor": "middle"}
    content = element("g", layers.markup(), fill=paint("ink"), **look)
    return drawing(box[2], box[3], content, cut(label, 120), "graph")


class _Layers:
    """Frames, edges, words at edges, and nodes, each drawn over those before."""

    def __init__(self, told: Mapping[str, str], texts: Mapping[str, str]) -> None:
        self._told, self._texts = told, texts
        self._frames: list[str] = []
        self._edges: list[str] = []
        self._words: list[str] = []
        self._nodes: list[str] = []

    def add(self, group: ET.Element) -> None:
        """One node, edge or frame of Graphviz; its background is none of them."""
        kind = group.get("class", "")
        title = next((child.text or "" for child in group if str(child.tag).endswith("}title")), "")
        shapes = shapes_of(group, _COLOURS, self._texts)
        words = self._told.get(title, "")
        if kind == "edge":
            self._words += [shape for shape in shapes if shape.startswith("<text")]
            lines = [_edge(shape) for shape in shapes if not shape.startswith("<text")]
            self._edges += [_titled(words, lines)] if words else lines
        elif kind in ("node", "cluster"):
            layer = self._nodes if kind == "node" else self._frames
            layer += [_titled(words, shapes)] if words else shapes

    def markup(self) -> str:
        """All layers; what has no title of its own is brought together by its look."""
        edges = element("g", merged(sorted(self._edges)), fill="none", stroke=paint("edge")) if self._edges else ""
        nodes = sorted(self._nodes, key=_look) if not self._told else self._nodes
        return merged(self._frames) + edges + merged(self._words) + merged(nodes)


def _titled(words: str, shapes: list[str]) -> str:
    return f"<g><title>{escaped(words)}</title>{merged(shapes)}</g>"


def _edge(shape: str) -> str:
    """A line or an arrowhead without what the group around all edges says."""
    return shape.replace(_LINE, "").replace(_STROKE, "")


def _look(shape: str) -> tuple[bool, str]:
    """Boxes before words, and those of one look together."""
    return shape.startswith("<text"), re.sub(r' (?:x|y|width|height|d)="[^"]*"|>[^<]*', "", shape)
