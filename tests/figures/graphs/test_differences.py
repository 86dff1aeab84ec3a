import pytest

from reportgen.figures.graphs.differences import differences
from reportgen.figures.graphs.hierarchy import Hierarchy
from reportgen.figures.graphs.sketch import Item
from reportgen.run.graph import Graph, GraphNode, TensorSpec


def told(details, kind="Conv2d", shapes=None):
    nodes = tuple(
        GraphNode(f"n{k}", "module", f"c{k}", kind, detail=detail, outputs=(TensorSpec(shape, "float32"),))
        for k, (detail, shape) in enumerate(zip(details, shapes or [(4,)] * len(details), strict=True))
    )
    return differences(Hierarchy(Graph("n", "c", nodes)), Item(tuple(range(len(nodes)))))


@pytest.mark.parametrize(
    ("details", "expected"),
    [
        (["p=0.1", "p=0.1", "p=0.1"], ""),
        (["p=0.0", "p=0.1", "p=0.2", "p=0.3"], "p 0.0 to 0.3"),
        (["p=0.0", "p=0.09791666666666667"], "p 0.0, then 0.09792"),
        (["stride=(2, 2)", "stride=(1, 1)", "stride=(1, 1)"], "stride (2, 2), then (1, 1)"),
        (["3, 64, bias=False", "64, 64, bias=False"], "in channels 3, then 64"),
        (["3, 64", "64, 128, groups=2"], "in channels 3, then 64, out channels 64, then 128"),
        (["a=1", "a=1, b=x"], "b none, then x"),
        (["", "p=0.5"], "p none, then 0.5"),
        (["name=" + "x" * 100, "name=y"], "name xxxxxxxxxxxx…xxxxxxxxxxx, then y"),
    ],
)
def test_settings_that_differ_are_named_with_their_values(details, expected):
    assert told(details) == expected


def test_other_shapes_are_told_before_settings():
    assert told(["stride=2", "stride=1"], shapes=[(2, 64), (2, 128)]) == "output 2×64, then 2×128"


def test_a_setting_deep_inside_of_blocks_is_found():
    nodes = []
    for k in range(3):
        nodes += [
            GraphNode(f"b{k}", "module", f"h.{k}", "Block"),
            GraphNode(f"d{k}", "module", f"h.{k}.drop", "Dropout", f"b{k}", detail=f"p={k / 10}"),
        ]
    tree = Hierarchy(Graph("n", "c", tuple(nodes)))
    assert differences(tree, Item((0, 2, 4))) == "p 0.0, then 0.1, then 0.2"


def test_a_single_one_and_what_is_left_out_differ_in_nothing():
    tree = Hierarchy(
        Graph("n", "c", (GraphNode("a", "module", "a", "A", detail="1"), GraphNode("b", "module", "b", "A")))
    )
    assert differences(tree, Item((0,))) == ""
    assert differences(tree, Item((0, 1), left_out=True)) == ""
