import dataclasses

from reportgen.figures.graphs.hierarchy import NOBODY, Hierarchy
from reportgen.run.graph import Graph, GraphEdge, GraphNode, TensorSpec
from reportgen.testing.graphs import cell_loop, resnet, transformer

SPEC = TensorSpec((2, 3), "float32")


def node(name, parent=None, kind="module", **given):
    return GraphNode(name, kind, given.pop("path", name), "T", parent, outputs=(SPEC,), **given)


def test_what_is_inside_a_module_follows_it():
    tree = Hierarchy(resnet())
    for p, children in enumerate(tree.children):
        assert all(p < child < p + tree.size[p] and tree.parent[child] == p for child in children)
    assert tree.size[tree.places["m0"]] == sum(n.kind not in ("input", "output") for n in tree.nodes)


def test_the_root_gives_way_to_what_is_inside_of_it():
    tree = Hierarchy(transformer(2))
    kinds = [tree.nodes[p].kind for p in tree.top]
    assert kinds[0] == "input"
    assert kinds[-1] == "output"
    assert "m0" not in [tree.nodes[p].id for p in tree.top]


def test_unknown_parents_and_rings_of_parents_lose_no_node():
    nodes = (node("a", "gone"), node("b", "b"), node("c", "d"), node("d", "c"), node("e", "d"))
    tree = Hierarchy(Graph("n", "c", nodes))
    assert sorted(n.id for n in tree.nodes) == ["a", "b", "c", "d", "e"]
    assert sum(tree.size[p] for p in tree.top) == 5


def test_modules_nested_a_thousand_deep_are_taken():
    nodes = tuple(node(f"m{k}", f"m{k - 1}" if k else None, path=".".join(["x"] * k)) for k in range(1500))
    tree = Hierarchy(Graph("n", "c", nodes))
    assert tree.size[0] == 1500


def test_a_layer_of_one_operation_has_no_inside_to_see():
    nodes = (node("m", path="fc"), node("o", "m", "operation"), node("n", path="two"), node("p", "n"), node("q", "n"))
    tree = Hierarchy(Graph("n", "c", nodes))
    assert [tree.opens(tree.places[name]) for name in ("m", "n")] == [False, True]


def test_parameters_of_a_module_called_fifty_times_count_once():
    tree = Hierarchy(cell_loop())
    assert sum(tree.parameters[p] for p in tree.top) == cell_loop().parameters


def test_sums_go_up_the_tree_and_a_measured_time_stands_for_its_inside():
    tree = Hierarchy(transformer(2, timed=True))
    block = next(p for p, n in enumerate(tree.nodes) if n.path == "h.0")
    inner = [n.seconds for n in tree.nodes[block : block + tree.size[block]] if n.kind == "module" and n.leaf]
    assert abs(tree.seconds[block] - sum(inner)) < 1e-9
    assert tree.memory[block] == sum(n.memory for n in tree.nodes[block : block + tree.size[block]] if n.leaf)
    untimed = Hierarchy(transformer(2))
    assert set(untimed.seconds) == {None}


def test_an_edge_that_ends_at_a_module_ends_at_a_call_inside_of_it():
    nodes = (node("x"), node("m"), node("a", "m"), node("b", "m"), node("y"))
    edges = (GraphEdge("x", "m", SPEC), GraphEdge("a", "b", SPEC), GraphEdge("m", "y", SPEC))
    tree = Hierarchy(Graph("n", "c", nodes, edges))
    pairs = {(tree.nodes[w.source].id, tree.nodes[w.target].id) for w in tree.wires}
    assert pairs == {("x", "a"), ("a", "b"), ("b", "y")}
    # Where calls inside have such edges themselves, the module's own say nothing new, and stay with it.
    more = dataclasses.replace(tree.graph, edges=(*edges, GraphEdge("x", "a", SPEC), GraphEdge("b", "y", SPEC)))
    again = Hierarchy(more)
    assert {(again.nodes[w.source].id, again.nodes[w.target].id) for w in again.wires} == pairs | {
        ("x", "m"),
        ("m", "y"),
    }


def test_edges_of_unknown_nodes_are_passed_over():
    tree = Hierarchy(Graph("n", "c", (node("a"),), (GraphEdge("a", "nobody", SPEC), GraphEdge("a", "a", SPEC))))
    assert [(w.source, w.target, w.meeting) for w in tree.wires] == [(0, 0, 0)]
    assert NOBODY not in (w.source for w in tree.wires)
