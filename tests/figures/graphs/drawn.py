"""Drawing graphs in tests, and reading the pictures."""

import html
import re

from reportgen.blocks import GraphDrawing
from reportgen.figures.graph import graph_view
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
    """The lines of words in a picture."""
    lines = []
    for found in re.findall(r"<text\b.*?</text>", markup):
        spans = re.findall(r"<tspan x=[^>]*>((?:<tspan[^>]*>[^<]*</tspan>|[^<])*)</tspan>", found)
        lines += [plain(re.sub(r"<[^>]*>", "", line)) for line in spans or [found]]
    return lines


def words(shown):
    """The lines of all pictures of a view."""
    return [line for picture in shown.pictures for line in texts(picture.markup)]


def tree_of(graph):
    return Hierarchy(graph)


def sketcher(graph, health=None):
    tree = Hierarchy(graph)
    notes = Notes(tree, health or {}, {}, {})
    return Sketcher(tree, signatures(tree, notes.marked), notes.opened, notes.marked)


def overview(graph):
    return sketcher(graph).sketch(NOBODY)
