"""The computation graph as pictures: the map of a model, or what autograd recorded; as text without Graphviz."""

from __future__ import annotations

from collections.abc import Callable

from reportgen.blocks.model import GraphDrawing
from reportgen.figures.graphs.autograd import autograd_view
from reportgen.figures.graphs.view import GraphView, Picture, map_view

__all__ = ["GraphView", "Picture", "graph_view"]


def graph_view(block: GraphDrawing, leads: Callable[[str], bool], claim: Callable[[str], str]) -> GraphView:
    """All that is shown of a graph: of its modules, or of what autograd recorded where the block asks for that.

    leads: whether an id is on the page, other links are left out; claim: makes an id one the page does not have yet.
    """
    return autograd_view(block.graph) if block.autograd else map_view(block, leads, claim)
