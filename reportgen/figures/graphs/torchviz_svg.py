"""What Graphviz draws of torchviz's source, made fit for the page."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

from reportgen.figures.engine import LayoutError
from reportgen.figures.palette import COLOURS, paint
from reportgen.figures.paths import numbers_in
from reportgen.figures.svg import drawing, element
from reportgen.figures.text import cut
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


def graph_svg(markup: str, label: str, font: str = "12") -> str:
    """A drawing of Graphviz at its natural size. label: its text alternative. font: the font size of most texts.

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
    inherited = {"text-anchor": "middle", "font-size": font, "fill": paint("ink")}
    edges: list[str] = []
    nodes: list[str] = []
    for group in groups[0]:
        shapes = shapes_of(group, _COLOURS, inherited)
        if group.get("class", "") == "edge":
            edges += [shape.replace(_LINE, "").replace(_STROKE, "") for shape in shapes]
        elif group.get("class", "") == "node":
            nodes += shapes
    # Lines under boxes under words, those of one look together.
    drawn = element("g", merged(sorted(edges)), fill="none", stroke=paint("edge")) if edges else ""
    look = {"transform": shift_of(groups[0].get("transform", "")), "font_size": font, "text_anchor": "middle"}
    content = element("g", drawn + merged(sorted(nodes, key=_look)), fill=paint("ink"), **look)
    return drawing(box[2], box[3], content, cut(label, 120), "graph")


def _look(shape: str) -> tuple[bool, str]:
    """Boxes before words, and those of one look together."""
    return shape.startswith("<text"), re.sub(r' (?:x|y|width|height|d)="[^"]*"|>[^<]*', "", shape)
