"""The graph that autograd recorded, in torchviz's drawing."""

from __future__ import annotations

import re

from reportgen.blocks.wording import counted
from reportgen.figures.engine import LayoutError, laid_out
from reportgen.figures.graphs.dot import quoted
from reportgen.figures.graphs.torchviz_svg import graph_svg
from reportgen.figures.graphs.view import LONGEST_SOURCE, GraphView, Picture
from reportgen.figures.text import clean, cut
from reportgen.run.graph import Graph

# torchviz's graphs have a node for each function and tensor.
MOST_NODES = 400
LONGEST_LABEL = 60
_LABEL = re.compile(r'label="((?:[^"\\]|\\.)*)"', re.DOTALL)
_SIZE = re.compile(r'\bsize="[\d.,]+"')


def autograd_view(graph: Graph) -> GraphView:
    """The picture, or the DOT source of one that is too large or cannot be drawn."""
    source = graph.autograd
    texts = (("DOT source, for any Graphviz", source),) if len(source) <= LONGEST_SOURCE else ()
    if graph.autograd_nodes > MOST_NODES:
        note = f"Not drawn: it has {graph.autograd_nodes:,} nodes, over {MOST_NODES}."
        return GraphView(notes=(note,), texts=texts)
    title = f"What autograd recorded: {counted(graph.autograd_nodes, 'node')}"
    try:
        return GraphView((Picture(title, graph_svg(laid_out(relabelled(source)), title, "10")),))
    except LayoutError as error:
        return GraphView(notes=(f"Without a picture: {error}.",), texts=texts)


def relabelled(source: str) -> str:
    """DOT source of another writer with its labels quoted and cut as ours are, in a font that every engine knows.

    torchviz leaves names of parameters as they are: one with a backslash is an escape, a long one a very wide drawing.
    It also sets a size, to which dot would scale the picture down, texts and all.
    """
    plain = _SIZE.sub("", clean(source)).replace("fontname=monospace", 'fontname="Helvetica"')
    return _LABEL.sub(_relabelled, plain)


def _relabelled(found: re.Match[str]) -> str:
    lines = found[1].replace('\\"', '"').split("\n")
    label = "\\n".join(quoted(cut(line, LONGEST_LABEL))[1:-1] for line in lines if line.strip())
    return f'label="{label}"'
