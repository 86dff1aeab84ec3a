"""Fewer nodes of a graph: operations go first, what is left out is bridged, and doing it twice changes nothing."""

from dataclasses import replace

import pytest

from reportgen.figures.graphs.hierarchy import Hierarchy
from reportgen.run.graph import Graph, GraphEdge, GraphNode, TensorSpec
from reportgen.run.thin import thin
from reportgen.run.thin_graphs import NODES, thin_graphs
from reportgen.testing import fake_run

SPEC = TensorSpec((2, 3), "float32")


def chain(cells, operations):
    """A cell called again and again, each time followed by operations at two depths."""
    nodes = [GraphNode("in0", "input", "", "input"), GraphNode("m0", "module", "", "Net", leaf=False)]
    edges, last = [], "in0"
    for number in range(cells):
        cell = f"m{number + 1}"
        nodes.append(GraphNode(cell, "module", "cell", "Cell", parent="m0", call=number + 1, leaf=False))
        for place in range(operations):
            name = f"o{number * operations + place}"
            parent = cell if place % 2 else "m0"
            nodes.append(GraphNode(name, "operation", f"add{place}", "add", parent=parent))
            edges.append(GraphEdge(last, name, SPEC))
            last = name
    nodes.append(GraphNode("m999999", "module", "head", "Linear", parent="m0"))
    nodes.append(GraphNode("out0", "output", "", "output"))
    edges += [GraphEdge(last, "m999999", SPEC), GraphEdge("m999999", "out0", SPEC)]
    return Graph("net", "x", tuple(nodes), tuple(edges), operations=True)


def test_a_usual_graph_stays_as_it_is():
    graphs = (chain(10, 4),)
    assert thin_graphs(graphs) is graphs


def test_operations_are_left_out_deepest_first_and_edges_lead_past_them():
    (graph,) = thin_graphs((chain(1200, 5),))
    assert len(graph.nodes) == NODES
    kinds = {node.id: node.kind for node in graph.nodes}
    left = [node for node in graph.nodes if node.kind == "operation"]
    assert left
    assert {node.parent for node in left} == {"m0"}  # of those inside the cells none is left
    assert sum(kind == "module" for kind in kinds.values()) == 1202
    assert all(edge.source in kinds and edge.target in kinds for edge in graph.edges)
    fed = {edge.target for edge in graph.edges}
    assert {"m999999", "out0"} | {node.id for node in left} == fed
    assert any(edge.via == ("add1",) for edge in graph.edges)


def test_later_calls_go_next_and_what_failed_stays():
    graph = chain(6000, 1)
    failed = replace(graph.nodes[-3], status="failed")
    graph = replace(graph, nodes=(*graph.nodes[:-3], failed, *graph.nodes[-2:]))
    (thinned,) = thin_graphs((graph,))
    assert len(thinned.nodes) == NODES
    names = {node.id for node in thinned.nodes}
    assert {"in0", "m0", "m1", "m999999", "out0", failed.id} <= names
    assert all(node.parent in names for node in thinned.nodes if node.parent)
    calls = [node.call for node in thinned.nodes if node.path == "cell"]
    assert calls == list(range(1, len(calls) + 1))


def test_it_is_said_and_doing_it_again_changes_nothing():
    run = replace(fake_run(), graphs=(chain(2000, 4), chain(3, 2)))
    once = thin(run)
    assert sum(len(graph.nodes) for graph in once.graphs) <= NODES
    assert len(once.graphs[1].nodes) == len(run.graphs[1].nodes)
    assert any("nodes of the graphs are kept" in sentence for sentence in once.thinned)
    assert thin(once) is once


def weighed(graph):
    """With numbers in every node, as capture gives them; a node of each kind has none."""
    nodes = [
        replace(
            node,
            parameters=(3 + at % 5) * 100 if node.kind == "module" and node.call <= 1 else 0,
            flops=7 + at % 11 if node.kind in ("module", "operation") and at % 13 else None,
            memory=40 + at % 17 if node.kind in ("module", "operation") and at % 19 else None,
            seconds=0.25
            if node.kind == "module" and node.path != "cell"
            else 0.125
            if node.kind == "operation"
            else None,
        )
        for at, node in enumerate(graph.nodes)
    ]
    return replace(graph, nodes=tuple(nodes))


def nested(depth, width):
    """Modules in modules, each with a first call of its own, and operations beside them."""
    nodes = [GraphNode("m0", "module", "", "Net", leaf=False)]
    for k in range(width):
        parent = "m0"
        for level in range(depth):
            name = f"m{k}.{level}"
            nodes.append(GraphNode(name, "module", f"b{k}.{level}", "Block", parent=parent, leaf=False))
            nodes.append(GraphNode(f"o{k}.{level}", "operation", "add", "add", parent=parent))
            parent = name
    return Graph("net", "x", tuple(nodes), (), operations=True)


@pytest.mark.parametrize("graph", [chain(1200, 5), chain(6000, 1), nested(40, 80), nested(3, 1500)])
def test_the_sums_of_what_is_kept_are_those_of_all(graph):
    graph = weighed(graph)
    (thinned,) = thin_graphs((graph,))
    assert len(thinned.nodes) == NODES
    before, after = Hierarchy(graph), Hierarchy(thinned)
    modules = [node.id for node in thinned.nodes if node.kind == "module"]
    assert "m0" in modules
    for name in ("parameters", "flops", "memory"):
        was, is_now = getattr(before, name), getattr(after, name)
        differ = [one for one in modules if was[before.places[one]] != is_now[after.places[one]]]
        assert not differ, name
    seconds = [(before.seconds[before.places[one]], after.seconds[after.places[one]]) for one in modules]
    assert all(now == pytest.approx(was) if was is not None else now is None for was, now in seconds)
    assert before.whole(before.memory) == after.whole(after.memory)
    assert thin_graphs((thinned,))[0] is thinned


def test_a_ring_of_parents_comes_to_an_end():
    ring = [GraphNode(f"r{k}", "operation", "add", "add", parent=f"r{(k + 1) % 3}") for k in range(3)]
    graph = chain(1200, 5)
    (thinned,) = thin_graphs((replace(graph, nodes=(*ring, *graph.nodes)),))
    assert len(thinned.nodes) == NODES
