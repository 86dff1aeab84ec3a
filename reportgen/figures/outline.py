"""Which nodes of a graph are drawn at a given depth, and the edges between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from reportgen.run.graph import Graph, GraphEdge, GraphNode, TensorSpec


@dataclass(frozen=True, slots=True)
class Drawn:
    """A node as it is drawn. inside: how many calls and operations a module that is drawn as one node holds."""

    node: GraphNode
    inside: int
    parameters: int
    failed: bool


@dataclass(frozen=True, slots=True)
class Joint:
    """All tensors between two drawn nodes as one edge. via: operations they pass, in order, each once."""

    source: str
    target: str
    tensors: tuple[TensorSpec, ...]
    via: tuple[str, ...]


@dataclass(frozen=True)
class Outline:
    """A graph cut at a depth. The root module, if there is a single one, is not drawn: the picture is it."""

    graph: Graph
    depth: int

    @cached_property
    def nodes(self) -> Mapping[str, GraphNode]:
        """All nodes by id."""
        return {node.id: node for node in self.graph.nodes}

    @cached_property
    def children(self) -> Mapping[str | None, list[GraphNode]]:
        """The nodes inside each, in order; those whose parent is not known are at the top."""
        found: dict[str | None, list[GraphNode]] = {}
        for node in self.graph.nodes:
            parent = node.parent if node.parent in self.nodes and node.parent != node.id else None
            found.setdefault(parent, []).append(node)
        return found

    @cached_property
    def top(self) -> list[GraphNode]:
        """The outermost nodes drawn: those inside the root, with what stands beside it (inputs and outputs)."""
        out: list[GraphNode] = []
        for node in self.children.get(None, []):
            inside = self.children.get(node.id, [])
            out.extend(inside if node.path == "" and node.kind == "module" and inside else [node])
        return out

    def open(self, node: GraphNode, level: int) -> bool:
        """Whether a node at a level (1 at the top) is drawn as a frame around its children."""
        return level < self.depth and bool(self.children.get(node.id))

    @cached_property
    def holders(self) -> Mapping[str, str]:
        """The drawn node that stands for each node that has one: itself, or the closed module around it."""
        found: dict[str, str] = {}
        stack = [(node, 1, "") for node in reversed(self.top)]
        while stack:
            node, level, holder = stack.pop()
            opened = not holder and self.open(node, level)
            if not opened:
                found[node.id] = holder or node.id
            inner = "" if opened else holder or node.id
            stack.extend((child, level + 1, inner) for child in reversed(self.children.get(node.id, [])))
        return found

    @cached_property
    def drawn(self) -> Mapping[str, Drawn]:
        """The nodes that are drawn as boxes."""
        inside: dict[str, list[GraphNode]] = {}
        for name, holder in self.holders.items():
            inside.setdefault(holder, []).append(self.nodes[name])
        return {
            holder: Drawn(
                self.nodes[holder],
                len(held) - 1,
                sum(node.parameters for node in held),
                any(node.status == "failed" for node in held),
            )
            for holder, held in inside.items()
        }

    @cached_property
    def joints(self) -> list[Joint]:
        """The edges between drawn nodes, in order of their first tensor."""
        found: dict[tuple[str, str], list[GraphEdge]] = {}
        for edge in self.graph.edges:
            source, target = self.holders.get(edge.source, ""), self.holders.get(edge.target, "")
            if source and target and (source != target or edge.source == edge.target):
                found.setdefault((source, target), []).append(edge)
        return [
            Joint(
                source,
                target,
                tuple(dict.fromkeys(edge.tensor for edge in edges)),
                tuple(dict.fromkeys(name for edge in edges for name in edge.via)),
            )
            for (source, target), edges in found.items()
        ]


def deepest(graph: Graph) -> int:
    """The depth at which nothing is closed."""
    outline = Outline(graph, 1)
    depth, level = 1, list(outline.top)
    seen = {node.id for node in level}
    while level:
        level = [child for node in level for child in outline.children.get(node.id, []) if child.id not in seen]
        seen.update(node.id for node in level)
        depth += bool(level)
    return depth


def outline_within(graph: Graph, most: int) -> Outline:
    """The deepest outline of at most `most` nodes; depth 1 when there is none."""
    best = Outline(graph, 1)
    for depth in range(2, deepest(graph) + 1):
        finer = Outline(graph, depth)
        if len(finer.drawn) > most:
            break
        best = finer
    return best
