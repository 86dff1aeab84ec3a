"""The computation graph as pictures: an overview, all of it, and how autograd saw it; as text without Graphviz."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from reportgen.blocks.model import GraphDrawing
from reportgen.blocks.wording import counted
from reportgen.figures.dot import dot_source
from reportgen.figures.engine import LayoutError, laid_out
from reportgen.figures.graph_svg import graph_svg
from reportgen.figures.kinds import KIND_COLOURS, kind_of
from reportgen.figures.outline import Outline, deepest, outline_within
from reportgen.figures.palette import paint
from reportgen.figures.svg import drawing, element
from reportgen.figures.text import clean
from reportgen.figures.tree import tree_text

# What a reader takes in at first, and what Graphviz lays out in time and a screen can hold.
FIRST_NODES = 40
MOST_NODES = 150
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
    """All pictures of a graph. leads: whether an id is on the page; other links are left out."""
    graph = block.graph
    links = {path: target for path, target in block.links.items() if leads(target)}
    pictures: list[Picture] = []
    notes: list[str] = []
    texts: list[tuple[str, str]] = []
    shown: list[Outline] = []
    for outline, title in _outlines(block):
        source, told = dot_source(outline, links)
        try:
            pictures.append(Picture(title, graph_svg(laid_out(source), title, told)))
            shown.append(outline)
        except LayoutError as error:
            notes.append(f"Without a picture: {error}." if not pictures else f"Not drawn in more detail: {error}.")
            if not pictures:
                texts = [("The same as text", tree_text(graph)), ("DOT source, for any Graphviz", source)]
            break
    if shown and shown[-1].depth < deepest(graph):
        depth = f"{shown[-1].depth} of {deepest(graph)}"
        notes.append(f"It is drawn to depth {depth}: with more it would have over {MOST_NODES} boxes.")
    if block.autograd and graph.autograd:
        _autograd(block, pictures, texts)
    legend = _legend(shown[-1]) if shown else ()
    return GraphView(tuple(pictures), tuple(notes), legend, tuple(texts))


def _outlines(block: GraphDrawing) -> list[tuple[Outline, str]]:
    """The depths to draw, with their titles: a first look, and all that can be drawn."""
    graph = block.graph
    first, full = outline_within(graph, FIRST_NODES), outline_within(graph, MOST_NODES)
    if len(first.drawn) > MOST_NODES:
        return [(first, block.title)]
    wanted = [first] if full.depth == first.depth else [first, full]
    titles = [block.title or "graph", f"In full: {counted(len(full.drawn), 'box', 'boxes')}"]
    return list(zip(wanted, titles, strict=False))


def _autograd(block: GraphDrawing, pictures: list[Picture], texts: list[tuple[str, str]]) -> None:
    """The graph that autograd recorded, in torchviz's drawing."""
    source = block.graph.autograd
    title = f"What autograd recorded: {counted(block.graph.autograd_nodes, 'node')}"
    if block.graph.autograd_nodes > MOST_AUTOGRAD:
        texts.append((f"{title}, too many to draw; its DOT source", source))
        return
    try:
        plain = clean(source).replace("fontname=monospace", 'fontname="Helvetica"')
        pictures.append(Picture(title, graph_svg(laid_out(plain), title, {}, "10")))
    except LayoutError as error:
        texts.append((f"{title}; its DOT source ({error})", source))


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
