import dataclasses
import math
import re
import time

import pytest

from reportgen.blocks import Health, Page, SectionView
from reportgen.figures import engine
from reportgen.figures.engine import programs
from reportgen.figures.graphs.atlas import MOST
from reportgen.figures.graphs.view import LINES
from reportgen.render import render_page
from reportgen.run.graph import Graph, GraphEdge, GraphNode, TensorSpec
from reportgen.testing.graphs import GraphBuilder, cell_loop, chain, failed, operations, resnet, transformer, unet
from tests.figures.graphs.drawn import block, rects, texts, view, words
from tests.render.graph_sample import graph
from tests.render.sample import NASTY, header

SPEC = TensorSpec((2, 3), "float32")
RESNET_152 = resnet((3, 8, 36, 3), basic=False, timed=True)


def coloured(markup):
    """The boxes with a class: (classes, fill)."""
    return [(rect["class"], rect["fill"]) for rect in rects(markup) if "class" in rect]


def test_a_box_tells_name_class_sizes_and_the_shape_it_makes():
    shown = texts(view(resnet(timed=True)).pictures[0].markup)
    assert "conv1 Conv2d" in shown
    assert "9.41 k parameters · 20.9 µs · 25.7 MB" in shown
    assert "8×64×112×112" in shown
    assert "flatten" in shown


def test_a_shape_stands_only_where_it_changes():
    shown = texts(view(resnet()).pictures[0].markup)
    assert shown.count("8×64×112×112") == 1
    assert shown.count("8×512×7×7") == 1


def test_figures_of_a_fold_are_sums():
    graph = transformer(48, timed=True)
    shown = texts(view(graph).pictures[0].markup)
    assert "h.0 to h.47 Block ×48" in shown
    whole = sum(n.parameters for n in graph.nodes if n.path.startswith("h."))
    assert f"{whole / 1e6:.3g} M parameters in all · 41.7 ms · 2.11 GB" in shown
    assert "p 0.0 to 0.1" in shown
    assert "×48 stands for 48 alike in a row: figures beside it are sums, those inside its frame are of the first." in (
        view(graph).notes
    )


def test_a_loop_is_told_by_what_is_in_it_and_how_often():
    assert "(getitem, LSTMCell) ×50" in words(view(cell_loop(50)))


def rows(names, unit=("tanh", "add")):
    """Linear layers of these names in turn with operations."""
    build = GraphBuilder("Net")
    x = build.input((2, 8))
    for name in names:
        x = build.layer(name, "Linear", x, parameters=72)
        for operation in unit:
            x = build.operation(operation, x)
    build.output(x)
    return build.graph()


def test_a_row_of_units_names_its_first_and_last_module():
    assert "a to h (Linear, tanh, add) ×8" in words(view(rows("abcdefgh")))
    long = [f"{letter}_with_a_very_long_name_{letter}" for letter in "abcdefgh"]
    assert "a_with…ame_a to h_with…ame_h (Linear, tanh, add) ×8" in words(view(rows(long)))


@pytest.mark.parametrize("names", [[str(k) for k in range(8)], [f"fc{k}" for k in range(8)], ["cell"] * 8])
def test_a_row_of_units_that_differ_in_a_number_only_names_none(names):
    assert "(Linear, tanh, add) ×8" in words(view(rows(names)))


def test_what_bytes_are_of_is_told_once_where_there_are_any():
    told = "Bytes are those of the outputs that are made in a box, not of its parameters."
    graph = resnet()
    assert view(graph).notes.count(told) == 1
    nodes = tuple(dataclasses.replace(node, memory=None) for node in graph.nodes)
    assert told not in view(dataclasses.replace(graph, nodes=nodes)).notes


def test_each_closed_module_has_a_picture_of_its_inside():
    shown = view(resnet())
    ids = {picture.id for picture in shown.pictures[1:]}
    links = set(re.findall(r'href="#(in-[^"]*)"', shown.pictures[0].markup))
    assert links == ids
    titles = [picture.title for picture in shown.pictures[1:]]
    assert titles[:2] == ["layer1.0: BasicBlock", "layer2.0: BasicBlock"]
    inner = texts(shown.pictures[2].markup)
    assert {"conv1 Conv2d", "add_", "downsample Sequential", "from layer1", "to 1"} <= set(inner)
    assert shown.pictures[2].crumbs == (("Net", "graph-net"), ("layer2", ""), ("0", ""))


def test_who_is_led_into_a_fold_is_led_to_its_content():
    # A browser opens the folds around a target by itself, but not a fold that is the target.
    drawn = block(RESNET_152)
    page = render_page(Page(header(), (SectionView("graph", "Graph", "How.", (drawn,)),), "{}"))
    assert "<summary>Inside " in page
    folds = set(re.findall(r'<(?:details|summary)\b[^>]*? id="([^"]*)"', page))
    ids = set(re.findall(r'\bid="([^"]*)"', page))
    shown = view(RESNET_152)
    targets = {*shown.targets.values(), *(picture.id for picture in shown.pictures[1:])}
    targets |= {name for name in re.findall(r'href="#([^"]*)"', page) if name.startswith(("in-", "box-", "graph-"))}
    assert len(targets) > 40
    assert targets <= ids - folds


def test_modules_alike_share_a_picture():
    shown = view(RESNET_152)
    assert "0 to 2 Bottleneck" not in words(shown)
    assert "1 to 35 Bottleneck ×35" in words(shown)
    assert [picture.title for picture in shown.pictures[1:]].count("layer3.1: Bottleneck") == 1
    graph = chain(1)
    assert view(graph).pictures[1:] == ()
    twice = unet(4)
    nodes = tuple(
        dataclasses.replace(n, detail="", path=n.path.replace("merge.3", "down.0x")) if "merge.3" in n.path else n
        for n in twice.nodes
    )
    named = view(dataclasses.replace(twice, nodes=nodes))
    assert len(named.pictures) == 10


def test_the_same_module_called_again_is_told_as_the_same():
    from reportgen.testing.graphs import GraphBuilder

    b = GraphBuilder("Net")
    x = b.input((2, 4))
    for at in range(30):
        with b.module("block", "Block"):
            for name in ("a", "b", "c"):
                x = b.layer(name, "Linear", x, parameters=20)
        x = b.operation(f"op{at}", x)
    b.output(x)
    shown = view(b.graph())
    (inside,) = shown.pictures[1:]
    assert inside.title == "block: Block"
    assert inside.detail == "3 boxes; the same as block"


def test_links_lead_only_to_what_is_on_the_page():
    links = {"conv1": "layer-conv1", "fc": "layer-fc", "layer2.0.conv1": "layer-x"}
    shown = view(resnet(), leads=lambda target: target == "layer-fc", links=links)
    found = [target for picture in shown.pictures for target in re.findall(r'href="#(layer[^"]*)"', picture.markup)]
    assert found == ["layer-fc"]


def test_every_module_has_a_place_that_is_in_the_pictures():
    for built in (resnet(), transformer(48), cell_loop(), chain(1000, lambda at: f"Kind{at}"), RESNET_152):
        shown = view(built)
        ids = {found for p in shown.pictures for found in re.findall(r' id="([^"]*)"', p.markup)}
        counted = [found for p in shown.pictures for found in re.findall(r' id="([^"]*)"', p.markup)]
        assert len(counted) == len(set(counted))
        ids |= {picture.id for picture in shown.pictures} | {"graph-net"}
        assert set(shown.targets.values()) <= ids
        assert set(shown.targets) == {node.path for node in built.nodes if node.kind == "module"}
    assert shown.targets["layer3.30.conv2"] == "box-layer3.1.conv2"
    assert view(transformer(48)).targets["h.47.mlp.c_fc"] == "box-h.0.mlp.c_fc"


def test_what_failed_is_red_says_what_it_got_and_what_follows_is_pale():
    shown = view(failed())
    found = texts(shown.pictures[0].markup)
    at = found.index("failed here")
    assert found[at - 2 : at] == ["fc1 Linear", "402 k parameters"]
    assert found[at + 1 : at + 4] == ["got float32 32×1600", "takes 3,136 features in the last", "dimension"]
    assert found.count("not called") == 2
    markup = shown.pictures[0].markup
    boxes = rects(markup)
    (red,) = [box for box in boxes if box["fill"].startswith("var(--badwash,")]
    assert red["stroke"].startswith("var(--bad,")
    assert [box.get("stroke-dasharray") for box in boxes][-2:] == ["3 2", "3 2"]
    # They stand under each other, not beside.
    tops = [float(box["y"]) for box in boxes]
    assert tops[-3:] == sorted(set(tops[-3:]))


def test_the_way_to_a_failure_deep_inside_is_open():
    at = {"", "layer3", "layer3.20", "layer3.20.conv2"}
    nodes = tuple(dataclasses.replace(n, status="failed") if n.path in at else n for n in RESNET_152.nodes)
    shown = texts(view(dataclasses.replace(RESNET_152, nodes=nodes)).pictures[0].markup)
    assert shown.count("failed here") == 1
    assert "layer3 Sequential" in shown
    assert "got 8×256×14×14" in shown


def test_boxes_can_be_coloured_by_what_is_known():
    plain = view(
        dataclasses.replace(resnet(), nodes=tuple(dataclasses.replace(n, memory=None) for n in resnet().nodes))
    )
    assert plain.scales == ()
    ill = {"layer2.0.conv1": Health("error", "nan gradient"), "fc": Health("high", "dead 72 %"), "bn1": Health("ok")}
    shown = view(resnet(timed=True), health=ill)
    assert shown.scales == ("health", "time", "memory")
    classes = {name for picture in shown.pictures for found, _ in coloured(picture.markup) for name in found.split()}
    assert {"k", "he", "hh", "ho", "t1", "t3", "y1"} <= classes
    assert {"inside: nan gradient", "nan gradient", "dead 72 %"} <= set(words(shown))


def test_a_box_is_coloured_by_kind_without_a_style_sheet():
    boxes = coloured(view(resnet()).pictures[0].markup)
    assert len({fill for _, fill in boxes}) > 3
    for classes, fill in boxes:
        assert classes.startswith("k")
        assert re.fullmatch(r"var\(--\w+,#\w{6}\)", fill)


def test_the_legend_names_the_kinds_that_are_drawn():
    assert [kind for kind, _ in view(failed()).legend] == ["convolution", "activation"]


def test_nothing_of_a_drawing_needs_styles():
    for picture in view(resnet(timed=True)).pictures:
        assert not re.search(r"\b(style|xlink:\w+)=\"", picture.markup)
        assert not re.search(r"var\(--\w+\)", picture.markup)
        assert "<!--" not in picture.markup


def test_a_graph_of_hooks_alone_names_the_operations_on_its_edges():
    shown = words(view(graph()))
    assert "relu, max_pool2d, flatten" in shown
    assert {"layer.0 to layer.2 BasicBlock ×3", "fc1 Linear", "fc2 Linear"} <= set(shown)


@pytest.mark.parametrize(
    ("built", "limit"),
    [
        (RESNET_152, 65_000),
        (transformer(48, timed=True), 12_000),
        (resnet(timed=True), 45_000),
        (unet(6), 65_000),
        (operations(10_000), 8_000),
        (chain(1000), 3_000),
        (chain(1000, lambda at: f"Kind{at}"), 12_000),
    ],
    ids=["resnet152", "gpt48", "resnet18", "unet", "operations", "list", "mixed list"],
)
def test_pictures_are_bounded_in_bytes_and_time(built, limit):
    started = time.process_time()
    shown = view(built)
    assert time.process_time() - started < 3
    assert sum(len(picture.markup.encode()) for picture in shown.pictures) < limit
    assert len(shown.texts[0][1].splitlines()) <= LINES + 1


def test_what_is_left_out_is_said():
    assert any(note.startswith("974 calls in the middle") for note in view(chain(1000, lambda at: f"Kind{at}")).notes)
    from reportgen.testing.graphs import GraphBuilder

    b = GraphBuilder("Net")
    x = b.input((2, 4))
    for at in range(39):
        with b.module(f"part{at}", f"Part{at}"):
            for k in range(25):
                x = b.layer(f"l{k}", f"Kind{k}", x, parameters=20 + at)
    b.output(x)
    shown = view(b.graph())
    assert len(shown.pictures) < 20
    assert re.search(r"The inside is not drawn of part\d+, part\d+, part\d+ and \d+ more: ", " ".join(shown.notes))
    assert sum(len(picture.markup) for picture in shown.pictures) < 1.3 * MOST


@pytest.mark.parametrize("program", programs())
def test_names_may_be_anything(program, monkeypatch):
    monkeypatch.setattr(engine, "programs", lambda: (program,))
    names = [name for name in NASTY if name.strip()]
    nodes = tuple(GraphNode(f"m{at}", "module", name, "T", outputs=(SPEC,)) for at, name in enumerate(names))
    edges = tuple(GraphEdge(f"m{at}", f"m{at + 1}", SPEC, (name,)) for at, name in enumerate(names[:-1]))
    shown = view(Graph("n", "c", nodes, edges))
    markup = "".join(picture.markup for picture in shown.pictures)
    assert shown.pictures
    assert "<script" not in markup
    assert "onerror=alert(1)>" not in markup
    width = float(re.search(r'width="([\d.]+)"', markup)[1])
    assert width < 700


def test_a_name_from_right_to_left_is_kept_apart():
    hebrew = "\u05d0\u05d1\u05d2"
    node = GraphNode("m0", "module", hebrew, "Linear", outputs=(SPEC,))
    markup = view(Graph("n", "c", (node,))).pictures[0].markup
    assert f"\u2068{hebrew}\u2069" in markup


def test_odd_graphs_are_drawn():
    assert view(Graph("n", "c")).pictures
    lone = GraphNode("m0", "module", "", "Net", status="failed")
    loop = (GraphNode("a", "operation", "add", "add", parent="a"), GraphNode("b", "module", "b", "B", parent="gone"))
    edges = (
        GraphEdge("a", "a", SPEC),
        GraphEdge("nobody", "b", SPEC),
        GraphEdge("b", "a", SPEC),
        GraphEdge("a", "b", SPEC),
    )
    empty = (GraphNode("", "module", "", "", inputs=(SPEC,)), GraphNode("x", "operation", "", ""))
    for nodes in ((lone,), loop, empty):
        shown = view(Graph("n", "c", nodes, edges))
        assert shown.pictures
        assert shown.texts[0][1]


def test_a_graph_without_edges_stands_in_one_column():
    nodes = tuple(GraphNode(f"m{k}", "module", f"layer{k}", f"Kind{k}") for k in range(20))
    markup = view(Graph("n", "c", nodes)).pictures[0].markup
    assert float(re.search(r'width="([\d.]+)"', markup)[1]) < 200


def test_the_same_graph_gives_the_same_drawing():
    assert view(resnet()) == view(resnet())


def test_the_boxes_inside_of_a_folded_frame_are_coloured_by_what_all_repetitions_took():
    graph = transformer(48, timed=True)
    spent = sum(n.seconds for n in graph.nodes if n.path.endswith(".mlp.c_fc"))
    whole = sum(n.seconds for n in graph.nodes if n.kind == "module" and n.leaf)
    markup = view(graph).pictures[0].markup
    box = re.search(r'id="box-h.0.mlp.c_fc"><title>[^<]*</title><rect class="k ([^"]*)"', markup)
    assert box[1].split()[0] == f"t{math.ceil(6 * math.sqrt(spent / whole))}"
    assert spent / whole > 0.2


def test_edges_that_are_left_out_are_counted():
    nodes = tuple(GraphNode(f"n{k}", "operation", f"o{k}", f"o{k}") for k in range(30))
    edges = tuple(GraphEdge(f"n{a}", f"n{b}", SPEC) for a in range(30) for b in range(a + 1, 30))
    started = time.process_time()
    assert view(Graph("n", "c", nodes, edges)).notes == ("315 edges that would skip the most boxes are left out.",)
    assert time.process_time() - started < 3


def test_a_box_for_what_is_left_out_says_what_it_hides():
    graph = chain(200, lambda at: f"Kind{at}")
    status = {f"layers.{at}": "not called" for at in (50, 51, 52)}
    nodes = tuple(dataclasses.replace(n, status=status.get(n.path, n.status)) for n in graph.nodes)
    ill = {f"layers.{at}": Health("warning", "odd") for at in range(80, 120)}
    shown = words(view(dataclasses.replace(graph, nodes=nodes), health=ill))
    assert {"3 not called", "26 marked inside"} <= set(shown)
