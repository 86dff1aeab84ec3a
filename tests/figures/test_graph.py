import html
import re
import time
from dataclasses import replace

import pytest

from reportgen.blocks import GraphDrawing
from reportgen.figures import engine
from reportgen.figures.dot import dot_source, node_lines
from reportgen.figures.engine import laid_out, programs
from reportgen.figures.graph import MOST_NODES, graph_view
from reportgen.figures.graph_svg import graph_svg
from reportgen.figures.outline import Drawn, Outline, deepest, outline_within
from reportgen.figures.text import one_line
from reportgen.figures.tree import tree_text
from reportgen.run.graph import Graph, GraphEdge, GraphNode, TensorSpec
from tests.render.sample import NASTY, autograd_drawing, drawing, graph

SPEC = TensorSpec((2, 3), "float32")


def view(block, leads=lambda target: True):
    return graph_view(block, leads)


def texts(markup):
    return [html.unescape(found) for found in re.findall(r"<text[^>]*>([^<]*)</text>", markup)]


def test_a_graph_shows_names_classes_shapes_and_parameters():
    shown = texts(view(drawing()).pictures[0].markup)
    assert "conv1: Conv2d" in shown
    assert "layer.0: BasicBlock" in shown
    assert any(words.replace("\u00a0", " ") == "32×128 · 73.9 k parameters" for words in shown)
    assert {"failed here", "not called"} <= set(shown)
    assert any(words.strip() == "relu, max_pool2d, flatten" for words in shown)


def test_nodes_lead_only_to_what_is_on_the_page():
    markup = view(drawing(), leads=lambda target: target == "layer-fc1").pictures[0].markup
    assert re.findall(r'<a href="([^"]*)"', markup) == ["#layer-fc1"]


def test_the_legend_names_the_kinds_that_are_drawn():
    assert [kind for kind, _ in view(drawing()).legend] == [
        "normalization",
        "convolution",
        "linear, embedding",
        "activation",
    ]


def test_nothing_of_a_drawing_needs_styles_or_ids():
    for picture in (*view(drawing()).pictures, *view(autograd_drawing()).pictures):
        assert not re.search(r"\b(style|id|class|xlink:\w+)=\"(?!graph\")", picture.markup)
        assert "<!--" not in picture.markup
        assert 'stroke="black"' not in picture.markup
        assert not re.search(r"var\(--\w+\)", picture.markup)


def test_a_large_graph_begins_with_an_overview():
    shown = view(drawing(blocks=12))
    assert len(shown.pictures) == 2
    assert any("4 layers inside" in words for words in texts(shown.pictures[0].markup))
    assert not any("inside" in words for words in texts(shown.pictures[1].markup))
    assert sum(len(picture.markup) for picture in shown.pictures) < 60_000


def test_a_very_large_graph_is_drawn_coarser_and_says_so():
    block = drawing(blocks=60)
    started = time.monotonic()
    shown = view(block)
    assert time.monotonic() - started < 30
    assert deepest(block.graph) == 3 - 1
    assert len(outline_within(block.graph, MOST_NODES).drawn) <= MOST_NODES
    assert "depth 1 of 2" in shown.notes[0]


def test_a_model_that_is_wide_at_its_outermost_level_is_told_as_text():
    nodes = tuple(GraphNode(f"m{at}", "module", f"layer{at}", "Linear", outputs=(SPEC,)) for at in range(1_500))
    shown = view(GraphDrawing("t", Graph("n", "c", nodes), "c", "a"))
    assert shown.pictures == ()
    assert "1,500 boxes" in shown.notes[0]
    assert shown.texts[0][1].endswith("and 500 more")
    assert len(shown.texts) == 1


def test_a_coarse_outline_keeps_all_edges_between_its_nodes():
    source = graph(3)
    coarse = Outline(source, 1)
    assert set(coarse.drawn) == {"i0", "m1", "b0", "b1", "b2", "f1", "f2", "f3"}
    pairs = {(joint.source, joint.target) for joint in coarse.joints}
    assert pairs == {("i0", "m1"), ("m1", "b0"), ("b0", "b1"), ("b1", "b2"), ("b2", "f1"), ("f1", "f2")}
    assert coarse.drawn["b0"].parameters == 2320 * 2 + 32
    assert coarse.drawn["b0"].inside == 4
    assert sum(drawn.parameters for drawn in coarse.drawn.values()) == sum(node.parameters for node in source.nodes)


@pytest.mark.parametrize("program", programs())
def test_labels_of_users_are_drawn_as_they_are(program, monkeypatch):
    monkeypatch.setattr(engine, "programs", lambda: (program,))
    names = [name for name in NASTY if name.strip() and len(name) < 30]
    nodes = tuple(GraphNode(f"m{at}", "module", name, "T", outputs=(SPEC,)) for at, name in enumerate(names))
    edges = tuple(GraphEdge(f"m{at}", f"m{at + 1}", SPEC, (name,)) for at, name in enumerate(names[:-1]))
    source, told = dot_source(Outline(Graph("n", "c", nodes, edges), 1), {})
    markup = graph_svg(laid_out(source), "g", told)
    shown = [" ".join(words.split()) for words in texts(markup)]
    for name in names:
        assert one_line(f"{name}: T") in shown, name
    assert "<script" not in markup
    assert "onerror=alert(1)>" not in markup


def test_without_graphviz_the_same_is_told_as_text(monkeypatch):
    monkeypatch.setattr(engine, "programs", lambda: ())
    shown = view(drawing())
    assert shown.pictures == ()
    assert "pip install graphviz-pure" in shown.notes[0]
    titles = [title for title, _ in shown.texts]
    assert titles == ["The same as text", "DOT source, for any Graphviz"]
    told = shown.texts[0][1].replace("\u00a0", " ")
    assert "conv1: Conv2d, 32×16×26×26 · 320 parameters" in told
    assert "  conv2: Conv2d" in told
    assert "fc2: Linear, 1.29 k parameters, failed here" in told
    assert "digraph" in shown.texts[1][1]
    assert view(autograd_drawing()).texts[0][0] == "DOT source, for any Graphviz"


def test_odd_graphs_are_drawn():
    assert view(GraphDrawing("t", Graph("n", "c"), "c", "a")).pictures
    lone = GraphNode("m0", "module", "", "Net", status="failed")
    loop = (GraphNode("a", "operation", "add", "add", parent="a"), GraphNode("b", "module", "b", "B", parent="gone"))
    edges = (GraphEdge("a", "a", SPEC), GraphEdge("nobody", "b", SPEC))
    for nodes in ((lone,), loop):
        assert view(GraphDrawing("t", Graph("n", "c", nodes, edges), "c", "a")).pictures
        assert tree_text(Graph("n", "c", nodes, edges))


def test_autograd_graphs_are_drawn_or_given_as_source():
    shown = view(autograd_drawing())
    assert "AddmmBackward0" in texts(shown.pictures[0].markup)
    large = view(replace(autograd_drawing(), graph=replace(graph(), autograd_nodes=5_000)))
    assert large.notes == ("Not drawn: it has 5,000 nodes, over 400.",)
    assert large.texts[0][1].startswith("digraph")
    huge = replace(graph(), autograd_nodes=5_000, autograd="x" * 100_000)
    assert view(replace(autograd_drawing(), graph=huge)).texts == ()


def test_names_in_an_autograd_graph_may_be_anything():
    source = (
        'digraph { 3 [label="\\N \\"q\\" &lt; \n (2)"] 4 [label="'
        + "w" * 10_000
        + '"] 1 [label="a\x00b\x1b <b>&\ud800"] 2 [image="/etc/passwd" label="<i>"] }'
    )
    shown = view(replace(autograd_drawing(), graph=replace(graph(), autograd=source)))
    assert "a\u2400b\u241b <b>&\ufffd" in texts(shown.pictures[0].markup)
    assert {'\\N "q" &lt;', "(2)"} <= set(texts(shown.pictures[0].markup))
    assert float(re.search(r'width="([\d.]+)"', shown.pictures[0].markup)[1]) < 2_000
    assert "passwd" not in shown.pictures[0].markup
    broken = view(replace(autograd_drawing(), graph=replace(graph(), autograd='digraph { 1 [label="a"b" }')))
    assert "failed with status" in broken.notes[0]


def test_the_same_graph_gives_the_same_drawing():
    assert view(drawing()) == view(drawing())


def test_a_model_that_is_one_layer_is_named_by_its_class():
    assert node_lines(Drawn(GraphNode("m0", "module", "", "Linear"), 0, 4, False))[0] == "Linear"
