"""The computation graph on a page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reportgen.run.graph import Graph


@dataclass(frozen=True, slots=True)
class GraphDrawing:
    """A graph for Graphviz to draw. links: node path -> id on the page that its node leads to.

    autograd: draw what autograd recorded (graph.autograd) instead of the modules.
    """

    title: str
    graph: Graph
    caption: str
    anchor: str
    links: Mapping[str, str] = field(default_factory=dict)
    autograd: bool = False
