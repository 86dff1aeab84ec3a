import dataclasses

from reportgen.blocks import Health
from reportgen.figures.graphs.hierarchy import NOBODY
from reportgen.figures.graphs.sketch import FULL, Detail, every
from reportgen.run.graph import Graph
from reportgen.testing.graphs import GraphBuilder, cell_loop, chain, failed, operations, resnet, transformer, unet
from tests.figures.graphs.drawn import overview, sketcher


def paths(sketch, tree):
    """The boxes as (first path or operation, times)."""
    return [(tree.nodes[item.first].path, item.times) for item in sketch.boxes()]


def test_blocks_that_are_alike_are_drawn_once():
    maker = sketcher(transformer(48))
    sketch = maker.sketch(NOBODY)
    (frame,) = [item for item in every(sketch.items) if item.times == 48]
    assert [maker.tree.nodes[p].path for p in frame.places] == [f"h.{k}" for k in range(48)]
    assert frame.inside
    assert len(list(sketch.boxes())) <= FULL.boxes


def test_a_cell_in_a_loop_is_one_frame_of_two():
    maker = sketcher(cell_loop(50))
    sketch = maker.sketch(NOBODY)
    (frame,) = [item for item in sketch.items if item.times > 1]
    assert (frame.period, frame.times) == (2, 50)
    assert [maker.tree.nodes[item.first].type for item in frame.inside] == ["getitem", "LSTMCell"]


def test_a_run_inside_of_a_unit_is_folded_as_well():
    kinds = ["A", "A", "A", "A", "B"] * 6
    sketch = overview(chain(30, lambda at: kinds[at]))
    (frame,) = [item for item in sketch.items if item.times == 6]
    assert [(item.period, item.times) for item in frame.inside] == [(1, 4), (1, 1)]


def test_what_is_of_another_size_is_not_folded_while_there_is_room():
    maker = sketcher(resnet())
    drawn = paths(maker.sketch(NOBODY), maker.tree)
    assert ("layer1.0", 2) in drawn
    assert {("layer2.0", 1), ("layer2.1", 1), ("layer4.1", 1)} <= set(drawn)


def test_what_is_of_another_size_is_folded_where_there_would_be_too_many():
    graph = chain(100)
    nodes = [
        dataclasses.replace(n, parameters=n.parameters + at) if n.kind == "module" and n.path else n
        for at, n in enumerate(graph.nodes)
    ]
    sketch = overview(dataclasses.replace(graph, nodes=tuple(nodes)))
    assert sketch.bold
    assert [item.times for item in sketch.boxes()] == [1, 100, 1]


def test_the_deepest_level_within_the_limit_is_drawn():
    maker = sketcher(unet(2))
    sketch = maker.sketch(NOBODY)
    assert FULL.boxes - 10 < len(list(sketch.boxes())) <= FULL.boxes
    assert len(list(maker.sketch(NOBODY, detail=Detail(boxes=20)).boxes())) <= 20


def test_the_middle_of_what_is_too_wide_is_left_out():
    sketch = overview(chain(1000, lambda at: f"Kind{at}"))
    boxes = list(sketch.boxes())
    assert len(boxes) == 2 * FULL.ends + 1
    (left_out,) = [item for item in boxes if item.left_out]
    assert len(left_out.places) == 1002 - 2 * FULL.ends
    assert left_out.times == 1


def test_a_module_with_an_inside_is_not_left_out_of_a_long_row():
    b = GraphBuilder("Net")
    x = b.input((2, 4))
    for at in range(200):
        if at in (70, 120):
            with b.module(f"part{at}", "Part"):
                x = b.layer("a", "Linear", b.layer("b", "Linear", x))
        x = b.operation(f"op{at}", x)
    b.output(x)
    maker = sketcher(b.graph())
    boxes = list(maker.sketch(NOBODY).boxes())
    drawn = {maker.tree.nodes[item.first].path for item in boxes if not item.left_out}
    assert {"part70", "part120"} <= drawn
    assert [len(item.places) for item in boxes if item.left_out] == [57, 50, 67]


def test_with_less_detail_a_picture_has_fewer_levels_and_shorter_rows():
    maker = sketcher(resnet())
    whole = maker.sketch(NOBODY, detail=Detail(boxes=200))
    assert max(level for level, _ in levels(whole.items)) == 4
    assert max(level for level, _ in levels(maker.sketch(NOBODY, detail=Detail(boxes=200, levels=2)).items)) == 2
    row = sketcher(chain(50, lambda at: f"Kind{at}"))
    assert len(list(row.sketch(0).boxes())) == 50
    short = list(row.sketch(0, detail=Detail(row=24, ends=8)).boxes())
    assert len(short) == 17
    assert sum(len(item.places) for item in short) == 50


def levels(items, level=1):
    for item in items:
        yield level, item
        yield from levels(item.inside, level + 1)


def test_what_something_is_said_of_is_neither_folded_nor_left_out():
    ill = {"layers.500": Health("error", "nan gradient"), "layers.7": Health("ok", "dead 2 %")}
    for kind in (lambda at: "Linear", lambda at: f"Kind{at}"):
        maker = sketcher(chain(1000, kind), ill)
        sketch = maker.sketch(NOBODY)
        (box,) = [item for item in sketch.boxes() if maker.tree.nodes[item.first].path == "layers.500"]
        assert len(box.places) == 1
        assert len(list(sketch.boxes())) < FULL.boxes


def test_the_way_to_what_failed_is_open_and_the_rest_folded():
    graph = resnet((3, 8, 36, 3), basic=False)
    at = {"", "layer3", "layer3.20", "layer3.20.conv2"}
    nodes = tuple(dataclasses.replace(n, status="failed") if n.path in at else n for n in graph.nodes)
    maker = sketcher(dataclasses.replace(graph, nodes=nodes))
    sketch = maker.sketch(NOBODY)
    drawn = paths(sketch, maker.tree)
    assert ("layer3.20.conv2", 1) in drawn
    assert ("layer3.1", 19) in drawn
    assert ("layer3.21", 15) in drawn
    assert len(drawn) <= 2 * FULL.boxes


def test_what_is_not_called_is_not_folded_with_what_is():
    maker = sketcher(failed())
    assert [maker.tree.nodes[item.first].status for item in maker.sketch(NOBODY).boxes()][-3:] == [
        "failed",
        "not called",
        "not called",
    ]
    graph = chain(20)
    nodes = tuple(
        dataclasses.replace(n, status="not called") if n.path in ("layers.12", "layers.13") else n for n in graph.nodes
    )
    drawn = [item.times for item in overview(dataclasses.replace(graph, nodes=nodes)).boxes()]
    assert drawn == [1, 12, 1, 1, 6, 1]


def test_a_graph_of_nothing_has_an_empty_sketch():
    assert overview(Graph("n", "c")).items == ()


def test_ten_thousand_operations_are_few_boxes():
    sketch = overview(operations(10_000))
    assert len(list(sketch.boxes())) <= FULL.boxes
    assert sum(len(item.places) for item in sketch.items) == 10_002


def test_what_failed_is_never_left_out():
    graph = chain(1000, lambda at: f"Kind{at}")
    ill = {f"layers.{at}": Health("warning", "odd") for at in range(100, 200)}
    status = {"layers.700": "failed", "layers.800": "not called"}
    nodes = tuple(dataclasses.replace(n, status=status.get(n.path, n.status)) for n in graph.nodes)
    maker = sketcher(dataclasses.replace(graph, nodes=nodes), ill)
    boxes = list(maker.sketch(NOBODY).boxes())
    drawn = {maker.tree.nodes[item.first].path for item in boxes if not item.left_out}
    assert "layers.700" in drawn
    assert len(boxes) < 60
