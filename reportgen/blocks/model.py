"""The computation graph on a page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reportgen.run.graph import Graph


@dataclass(frozen=True, slots=True)
class Health:
    """How a module is: level "error" or "warning" (a finding), "high" (a measure past its threshold) or "ok".

    text: the few words that stand in its box ("dead 45 %"), "" for none.
    """

    level: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class GraphDrawing:
    """A graph for Graphviz to draw. links: node path -> id on the page that its node leads to.

    places: node path -> id that its box gets, so that others can lead to it. health: by node path; empty when nothing
    is known of it. autograd: draw what autograd recorded (graph.autograd) instead of the modules.
    """

    title: str
    graph: Graph
    caption: str
    anchor: str
    links: Mapping[str, str] = field(default_factory=dict)
    places: Mapping[str, str] = field(default_factory=dict)
    health: Mapping[str, Health] = field(default_factory=dict)
    autograd: bool = False
