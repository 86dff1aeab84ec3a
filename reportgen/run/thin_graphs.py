"""Fewer nodes of a graph: what a page can draw, list and carry."""

from __future__ import annotations

from dataclasses import replace

from reportgen.run.graph import Graph, GraphEdge, GraphNode

# Nodes of all graphs of a page together. A ResNet-152 has 520 modules and 210 operations between them.
NODES = 4000
# Operations named on one edge that leads past what is left out.
NAMED = 12
# Sources that an edge is led back to: a node that many others fed has no single way.
SOURCES = 8


def thin_graphs(graphs: tuple[Graph, ...]) -> tuple[Graph, ...]:
    """Graphs with at most NODES nodes together: operations are left out first, the deepest before all others, then
    later calls of the same module, then what lies deepest.

    What is left out is bridged: an edge leads on to the next node that is kept, with the operations named on it.
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
    nodes = tuple(
        replace(node, parent=_kept(node.parent, parents, left_out)) if node.parent in left_out else node
        for node in graph.nodes
        if node.id not in left_out
    )
    return replace(graph, nodes=nodes, edges=_bridged(graph, left_out))


def _rank(node: GraphNode, depth: int) -> tuple[int, int]:
    if node.status == "failed" or node.kind in ("input", "output"):
        return 3, 0
    if node.kind == "operation":
        return 0, -depth
    return (1, -node.call) if node.call > 1 else (2, -depth)


def _depths(nodes: tuple[GraphNode, ...]) -> list[int]:
    known: dict[str, int] = {}
    for node in nodes:  # a call comes after the one that encloses it
        known[node.id] = 0 if node.parent is None else known.get(node.parent, 0) + 1
    return [known[node.id] for node in nodes]


def _kept(parent: str | None, parents: dict[str, str | None], left_out: set[str]) -> str | None:
    while parent is not None and parent in left_out:
        parent = parents.get(parent)
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
