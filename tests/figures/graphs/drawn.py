"""Drawing graphs in tests, and reading the pictures."""

import html
import re
import xml.etree.ElementTree as ET

from reportgen.blocks import GraphDrawing
from reportgen.figures.graph import graph_view
from reportgen.figures.graphs.atlas import atlas
from reportgen.figures.graphs.hierarchy import NOBODY, Hierarchy
from reportgen.figures.graphs.notes import Notes
from reportgen.figures.graphs.signature import signatures
from reportgen.figures.graphs.sketch import Sketcher


def block(graph, **given):
    places = {node.path: f"box-{node.path}" for node in graph.nodes if node.kind == "module"}
    return GraphDrawing("Net", graph, "caption", "graph-net", **{"places": places, **given})


def view(graph, leads=lambda target: True, **given):
    return graph_view(block(graph, **given), leads, lambda name: name)


def plain(words):
    """Without the spaces that do not break, and without isolates."""
    return re.sub("[\u2066-\u2069]", "", html.unescape(words)).replace("\u00a0", " ").strip()


def texts(markup):
    """The lines of words in a picture, from above to below and from left to right."""
    placed = re.findall(r'<text x="([^"]*)" y="([^"]*)"[^>]*>(.*?)</text>', markup)
    lines = sorted((float(y), float(x), plain(re.sub(r"<[^>]*>", "", line))) for x, y, line in placed)
    return [line for _, _, line in lines]


def rects(markup):
    """The boxes and frames in a picture, each with its own attributes and those of the groups around it."""
    found = []

    def within(element, around):
        own = {**around, **element.attrib} if element.tag != "svg" else {}
        if element.tag == "rect":
            found.append(own)
        for inner in element:
            within(inner, {name: own[name] for name in own.keys() - {"class", "id", "href"}})

    within(ET.fromstring(markup), {})
    return found


def words(shown):
    """The lines of all pictures of a view."""
    return [line for picture in shown.pictures for line in texts(picture.markup)]


def sketcher(graph, health=None):
    tree = Hierarchy(graph)
    notes = Notes(tree, health or {}, {}, {})
    return Sketcher(tree, signatures(tree, notes.marked), notes.opened, notes.marked)


def atlas_of(graph, health=None):
    """The tree of a graph and the pictures that are drawn of it."""
    maker = sketcher(graph, health)
    return maker.tree, atlas(maker.tree, maker.same, maker, "in", lambda name: name)


def openable(tree, made):
    """Places of the modules that are not drawn open though there is something inside."""
    boxes = [item for plate in made.plates for item in plate.sketch.boxes()]
    return {p for item in boxes for p in (item.places if item.left_out else item.places[:1]) if tree.opens(p)}


def overview(graph):
    return sketcher(graph).sketch(NOBODY)
