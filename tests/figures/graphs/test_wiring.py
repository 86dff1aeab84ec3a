from reportgen.figures.graphs.hierarchy import NOBODY
from reportgen.figures.graphs.wiring import MOST_JOINTS, MOST_STUBS, wiring
from reportgen.run.graph import Graph, GraphEdge, GraphNode, TensorSpec
from reportgen.testing.graphs import GraphBuilder, cell_loop, resnet, transformer, unet
from tests.figures.graphs.drawn import sketcher

SPEC = TensorSpec((2, 3), "float32")


def drawn(graph, scope=""):
    """The edges between boxes as pairs of paths, the wiring, and the sketch."""
    maker = sketcher(graph)
    tree = maker.tree
    place = next(p for p, n in enumerate(tree.nodes) if n.path == scope) if scope else NOBODY
    sketch = maker.sketch(place)
    wires = wiring(tree, sketch)
    names = {wires.names[id(item)]: tree.nodes[item.first].path for item in sketch.boxes()}
    names |= {
        stub.name: ("from " if stub.incoming else "to ") + tree.nodes[stub.places[0]].path for stub in wires.stubs
    }
    return {(names[joint.source], names[joint.target]) for joint in wires.joints}, wires, sketch


def test_the_edges_of_folded_blocks_are_those_of_the_drawn_one():
    pairs, _, _ = drawn(transformer(48))
    inside = {(a.removeprefix("h.0."), b.removeprefix("h.0.")) for a, b in pairs}
    assert {("ln_1", "attn.c_attn"), ("ln_2", "mlp.c_fc"), ("mlp.c_fc", "mlp.gelu")} <= inside
    # The last block's output goes on to the norm, from the box that stands for its last operation.
    assert ("add", "ln_f") in pairs
    assert not [b for a, b in pairs if a == "ln_f" and b.startswith("h.")]


def test_no_edge_leads_back_in_a_loop_that_is_folded():
    pairs, _, _ = drawn(cell_loop(50))
    assert pairs == {
        ("x", "getitem"),
        ("zeros", "cell"),
        ("getitem", "cell"),
        ("cell", "stack"),
        ("stack", "head"),
        ("head", ""),
    }


def test_skips_reach_the_boxes_they_belong_to():
    pairs, _, _ = drawn(unet())
    assert {a for a, b in pairs if b == "cat"} == {f"{name}.{at}" for name in ("down", "up") for at in range(4)}


def test_a_picture_of_a_module_says_where_its_tensors_come_from_and_go_to():
    pairs, wires, _ = drawn(resnet(), "layer2.0")
    assert {("from layer1", "layer2.0.conv1"), ("from layer1", "layer2.0.downsample.0")} <= pairs
    assert ("layer2.0.relu", "to layer2.1") in pairs
    assert [stub.incoming for stub in wires.stubs] == [True, False]


def test_many_neighbours_share_a_stub():
    b = GraphBuilder("Net")
    flows = [b.input((2, 4), f"x{at}") for at in range(20)]
    with b.module("mix", "Mix"):
        y = b.operation("cat", *flows, shape=(2, 80))
        y = b.layer("fc", "Linear", y, parameters=10)
    b.output(y)
    _, wires, _ = drawn(b.graph(), "mix")
    incoming = [stub for stub in wires.stubs if stub.incoming]
    assert len(incoming) == MOST_STUBS
    assert sum(len(stub.places) for stub in incoming) == 20


def test_a_grey_area_of_edges_is_cut_and_counted():
    nodes = tuple(GraphNode(f"n{k}", "operation", f"o{k}", f"o{k}") for k in range(30))
    edges = tuple(GraphEdge(f"n{a}", f"n{b}", SPEC) for a in range(30) for b in range(a + 1, 30))
    _, wires, _ = drawn(Graph("n", "c", nodes, edges))
    assert len(wires.joints) == MOST_JOINTS
    assert wires.dropped == 435 - MOST_JOINTS
    # Those between neighbours stay.
    kept = {(joint.source, joint.target) for joint in wires.joints}
    assert {(f"n{k}", f"n{k + 1}") for k in range(29)} <= kept
    assert ("n0", "n29") not in kept


def test_an_edge_back_and_an_edge_to_itself_are_kept():
    nodes = tuple(GraphNode(name, "operation", name, name) for name in "abc")
    edges = (GraphEdge("a", "b", SPEC), GraphEdge("b", "a", SPEC), GraphEdge("c", "c", SPEC))
    pairs, _, _ = drawn(Graph("n", "c", nodes, edges))
    assert pairs == {("a", "b"), ("b", "a"), ("c", "c")}


def test_each_folded_node_has_its_like():
    maker = sketcher(transformer(3))
    tree = maker.tree
    wires = wiring(tree, maker.sketch(NOBODY))
    for p, like in wires.like.items():
        assert tree.nodes[p].type == tree.nodes[like].type
        assert tree.nodes[p].path.replace("h.1.", "h.0.").replace("h.2.", "h.0.") in (tree.nodes[like].path, "view")
