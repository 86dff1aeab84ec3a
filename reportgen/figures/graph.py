"""The computation graph as pictures: an overview, all of it, and how autograd saw it; as text without Graphviz."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from reportgen.blocks.model import GraphDrawing
from reportgen.blocks.wording import counted
from reportgen.figures.dot import dot_source, relabelled
from reportgen.figures.engine import LayoutError, laid_out
from reportgen.figures.graph_svg import graph_svg
from reportgen.figures.kinds import KIND_COLOURS, kind_of
from reportgen.figures.outline import Outline, deepest, outline_within
from reportgen.figures.palette import paint
from reportgen.figures.svg import drawing, element
from reportgen.figures.tree import tree_text
from reportgen.run.graph import Graph

# What a reader takes in at first, and what Graphviz lays out in time and a screen can hold.
FIRST_NODES = 40
MOST_NODES = 150
# A model whose outermost level alone has more boxes is told as text.
WIDEST = 300
LONGEST_SOURCE = 60_000
# torchviz's graphs have a node for each function and tensor.
MOST_AUTOGRAD = 400


@dataclass(frozen=True, slots=True)
class Picture:
    """One drawing with the words that lead to it."""

    title: str
    markup: str


@dataclass(frozen=True, slots=True)
class GraphView:
    """What is shown of a graph. texts: (title, text) of what could not be drawn. legend: (kind, swatch)."""

    pictures: tuple[Picture, ...] = ()
    notes: tuple[str, ...] = ()
    legend: tuple[tuple[str, str], ...] = ()
    texts: tuple[tuple[str, str], ...] = ()


def graph_view(block: GraphDrawing, leads: Callable[[str], bool]) -> GraphView:
    """All pictures of a graph: of its modules, or of what autograd recorded where the block asks for that.

    leads: whether an id is on the page; other links are left out.
    """
    return _autograd(block.graph) if block.autograd else _modules(block, leads)


def _modules(block: GraphDrawing, leads: Callable[[str], bool]) -> GraphView:
    graph = block.graph
    links = {path: target for path, target in block.links.items() if leads(target)}
    pictures: list[Picture] = []
    notes: list[str] = []
    texts: tuple[tuple[str, str], ...] = ()
    shown: list[Outline] = []
    for outline, title in _outlines(block):
        source, told = dot_source(outline, links)
        try:
            if len(outline.drawn) > WIDEST:
                raise LayoutError(f"it has {len(outline.drawn):,} boxes at its outermost level")
            pictures.append(Picture(title, graph_svg(laid_out(source), title, told)))
            shown.append(outline)
        except LayoutError as error:
            notes.append(f"Without a picture: {error}." if not pictures else f"Not drawn in more detail: {error}.")
            if not pictures:
                texts = (("The same as text", tree_text(graph)), *_source(source))
            break
    if shown and shown[-1].depth < deepest(graph):
        depth = f"{shown[-1].depth} of {deepest(graph)}"
        notes.append(f"It is drawn to depth {depth}: with more it would have over {MOST_NODES} boxes.")
    return GraphView(tuple(pictures), tuple(notes), _legend(shown[-1]) if shown else (), texts)


def _outlines(block: GraphDrawing) -> list[tuple[Outline, str]]:
    """The depths to draw, with their titles: a first look, and all that can be drawn."""
    first, full = outline_within(block.graph, FIRST_NODES), outline_within(block.graph, MOST_NODES)
    wanted = [first] if full.depth == first.depth else [first, full]
    titles = [block.title or "graph", f"In full: {counted(len(full.drawn), 'box', 'boxes')}"]
    return list(zip(wanted, titles, strict=False))


def _autograd(graph: Graph) -> GraphView:
    """The graph that autograd recorded, in torchviz's drawing."""
    if graph.autograd_nodes > MOST_AUTOGRAD:
        note = f"Not drawn: it has {graph.autograd_nodes:,} nodes, over {MOST_AUTOGRAD}."
        return GraphView(notes=(note,), texts=_source(graph.autograd))
    title = f"What autograd recorded: {counted(graph.autograd_nodes, 'node')}"
    try:
        return GraphView((Picture(title, graph_svg(laid_out(relabelled(graph.autograd)), title, {}, "10")),))
    except LayoutError as error:
        return GraphView(notes=(f"Without a picture: {error}.",), texts=_source(graph.autograd))


def _source(source: str) -> tuple[tuple[str, str], ...]:
    """The DOT source for those who have a Graphviz, unless it would be most of the page."""
    return (("DOT source, for any Graphviz", source),) if len(source) <= LONGEST_SOURCE else ()


def _legend(outline: Outline) -> tuple[tuple[str, str], ...]:
    """The kinds of nodes in the picture with their colours."""
    kinds = {kind_of(drawn.node) for drawn in outline.drawn.values()}
    return tuple(
        (kind, _swatch(*KIND_COLOURS[kind])) for kind in KIND_COLOURS if kind in kinds and kind != "input, output"
    )


def _swatch(fill: str, stroke: str) -> str:
    return drawing(
        12, 12, element("rect", x="1", y="1", width="10", height="10", fill=paint(fill), stroke=paint(stroke))
    )
