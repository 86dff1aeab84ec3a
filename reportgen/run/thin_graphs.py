"""Fewer nodes of a graph: what a page can draw, list and carry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from reportgen.run.graph import Graph, GraphEdge, GraphNode

# Nodes of all graphs of a page together. A ResNet-152 has 520 modules and 210 operations between them.
NODES = 4000
# Operations named on one edge that leads past what is left out.
NAMED = 12
# Sources that an edge is led back to: a node that many others fed has no single way.
SOURCES = 8

_Number = TypeVar("_Number", int, float)


def thin_graphs(graphs: tuple[Graph, ...]) -> tuple[Graph, ...]:
    """Graphs with at most NODES nodes together: operations are left out first, the deepest before all others, then
    later calls of the same module, then what lies deepest.

    What is left out is bridged: an edge leads on to the next node that is kept, with the operations named on it. What
    it adds to sums (parameters, FLOPs, bytes, seconds) is added to the nearest call around it that is kept.
    Idempotent: graphs that are small enough come back as they are.
    """
    if sum(len(graph.nodes) for graph in graphs) <= NODES:
        return graphs
    share = NODES // len(graphs)
    spare = NODES - sum(min(share, len(graph.nodes)) for graph in graphs)
    found = []
    for graph in graphs:
        limit = min(len(graph.nodes), share + spare)
        spare -= max(0, limit - share)
        found.append(graph if len(graph.nodes) <= limit else _thinned(graph, limit))
    return tuple(found)


def _thinned(graph: Graph, limit: int) -> Graph:
    depths = _depths(graph.nodes)
    # The least important first; of equals those that come last, since loops repeat what they began with.
    order = sorted(range(len(graph.nodes)), key=lambda place: (_rank(graph.nodes[place], depths[place]), -place))
    left_out = {graph.nodes[place].id for place in order[: len(graph.nodes) - limit]}
    parents = {node.id: node.parent for node in graph.nodes}
    # What lies inside a call that is left out moves up to the nearest one that is kept.
    moved = {
        name: _kept(parent, parents, left_out) if parent in left_out else parent for name, parent in parents.items()
    }
    lost = _lost(graph.nodes, left_out, moved)
    nodes = tuple(
        _with(replace(node, parent=moved[node.id]), lost.get(node.id))
        for node in graph.nodes
        if node.id not in left_out
    )
    return replace(graph, nodes=nodes, edges=_bridged(graph, left_out))


@dataclass(slots=True)
class _Lost:
    """What a kept call is to say besides its own: parameters and FLOPs of what was left out in it, and the bytes and
    seconds of it with all inside."""

    parameters: int = 0
    flops: list[int] = field(default_factory=list)
    memory: int | None = None
    seconds: float | None = None


def _lost(nodes: tuple[GraphNode, ...], left_out: set[str], moved: Mapping[str, str | None]) -> dict[str, _Lost]:
    """For each kept call around something that is left out what it is to say."""
    known = {node.id: node for node in nodes}
    memory = _summed(nodes, lambda node: node.memory, max)
    seconds = _summed(nodes, lambda node: node.seconds, lambda own, inside: own)
    found: dict[str, _Lost] = {}
    for node in nodes:
        heir = moved[node.id]
        if node.id not in left_out or heir not in known:
            continue
        lost = found.setdefault(heir, _Lost(memory=memory.get(heir), seconds=seconds.get(heir)))
        if node.flops is not None:
            lost.flops.append(node.flops)
        # Parameters are told at the first call of a module, and count nowhere else.
        while heir is not None and heir in known and known[heir].call > 1:
            heir = moved[heir]
        if node.parameters and node.call <= 1 and heir in known:
            found.setdefault(heir, _Lost(memory=memory.get(heir), seconds=seconds.get(heir)))
            found[heir].parameters += node.parameters
    return found


def _summed(
    nodes: tuple[GraphNode, ...],
    of: Callable[[GraphNode], _Number | None],
    together: Callable[[_Number, _Number], _Number],
) -> dict[str, _Number]:
    """By id: the sum of all inside, together with the node's own."""
    inside: dict[str, _Number] = {}
    sums: dict[str, _Number] = {}
    for node in reversed(nodes):  # a call comes before what it encloses
        own, inner = of(node), inside.get(node.id)
        value = together(own, inner) if own is not None and inner is not None else inner if own is None else own
        if value is not None:
            sums[node.id] = value
            if node.parent is not None:
                inside[node.parent] = inside[node.parent] + value if node.parent in inside else value
    return sums


def _with(node: GraphNode, lost: _Lost | None) -> GraphNode:
    if lost is None:
        return node
    return replace(
        node,
        parameters=node.parameters + lost.parameters,
        flops=(node.flops or 0) + sum(lost.flops) if lost.flops else node.flops,
        memory=node.memory if lost.memory is None else lost.memory,
        seconds=node.seconds if lost.seconds is None else lost.seconds,
    )


def _rank(node: GraphNode, depth: int) -> tuple[int, int]:
    # The outermost call takes up what is left out at its own level.
    if node.status == "failed" or node.kind in ("input", "output") or (node.kind == "module" and node.parent is None):
        return 3, 0
    if node.kind == "operation":
        return 0, -depth
    return (1, -node.call) if node.call > 1 else (2, -depth)


def _depths(nodes: tuple[GraphNode, ...]) -> list[int]:
    known: dict[str, int] = {}
    for node in nodes:  # a call comes after the one that encloses it
        known[node.id] = 0 if node.parent is None else known.get(node.parent, 0) + 1
    return [known[node.id] for node in nodes]


def _kept(parent: str | None, parents: Mapping[str, str | None], left_out: set[str]) -> str | None:
    seen: set[str] = set()
    while parent is not None and parent in left_out:
        seen.add(parent)
        parent = parents.get(parent)
        if parent in seen:  # a ring of parents, as no forward makes
            return None
    return parent


def _bridged(graph: Graph, left_out: set[str]) -> tuple[GraphEdge, ...]:
    names = {node.id: node.path for node in graph.nodes}
    kinds = {node.id: node.kind for node in graph.nodes}
    before: dict[str, list[tuple[str, tuple[str, ...]]]] = {}  # node left out -> (kept source, names on the way)
    edges: list[GraphEdge] = []
    seen: set[GraphEdge] = set()
    for edge in graph.edges:  # in the order of their targets, so that what comes before is known
        ways = before.get(edge.source, []) if edge.source in left_out else [(edge.source, edge.via)]
        if edge.target in left_out:
            name = (names[edge.target],) if kinds[edge.target] == "operation" else ()
            known = before.setdefault(edge.target, [])
            sources = {source for source, _ in known}
            for source, via in ways:
                if source not in sources and len(known) < SOURCES:
                    sources.add(source)
                    known.append((source, (*via, *name)[:NAMED]))
        elif edge.source not in left_out:
            edges.append(edge)
        else:
            for source, via in ways:
                led = replace(edge, source=source, via=via)
                if led not in seen:
                    seen.add(led)
                    edges.append(led)
    return tuple(edges)
