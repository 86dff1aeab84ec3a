import dataclasses
import re

import pytest
import torch
from torch import nn

import reportgen
from reportgen.blocks import GraphDrawing
from reportgen.diagnose import diagnose
from reportgen.pipeline import build_html
from reportgen.run.graph import Graph, GraphEdge, GraphNode, TensorSpec
from reportgen.run.records import Model, Parameter
from reportgen.sections import graph
from reportgen.sections.graph_map import is_unseen, map_caption, module_map
from reportgen.testing import fake_run
from reportgen.testing.graphs import failed, resnet


def leaf(path, kind, **given):
    return GraphNode(f"x{path}", "module", path, kind, call=0, status="not called", **given)


LEAVES = (leaf("body.0.fc", "Linear", parameters=72, detail="8, 8"), leaf("body.1.fc", "Linear", parameters=72))
UNSEEN = Graph("Net", "nothing: torch.compile is used", LEAVES, parameters=154, trainable=154)


def model(parameters=(), **modules):
    listed = tuple(Parameter(name, shape, "float32", "cpu", True, 0, tied) for name, shape, tied in parameters)
    return Model("Net", "Net", listed, {path.replace("__", "."): kind for path, kind in modules.items()})


MODEL = model(
    [
        ("scale", (10,), ""),
        ("body.0.gain", (5,), ""),
        ("body.1.gain", (5,), "body.0.gain"),
        ("body.0.fc.weight", (8, 9), ""),
    ],
    body="ModuleList",
    body__0="Block",
    body__0__fc="Linear",
    body__1="Block",
    body__1__fc="Linear",
)


def test_only_a_graph_of_modules_without_a_single_call_is_a_map():
    assert is_unseen(UNSEEN)
    assert not is_unseen(Graph("Net", "nothing"))
    assert not is_unseen(resnet())
    assert not is_unseen(failed())


def test_the_modules_stand_inside_those_that_hold_them_with_what_is_known_of_each():
    made = module_map(UNSEEN, MODEL)
    around = {node.id: node.path for node in made.nodes}
    told = [
        (node.path, node.type, around.get(node.parent), node.parameters, node.leaf, node.detail) for node in made.nodes
    ]
    assert told == [
        ("", "Net", None, 10, False, ""),
        ("body", "ModuleList", "", 0, False, ""),
        ("body.0", "Block", "body", 5, False, ""),
        ("body.0.fc", "Linear", "body.0", 72, True, "8, 8"),
        ("body.1", "Block", "body", 0, False, ""),
        ("body.1.fc", "Linear", "body.1", 72, True, ""),
    ]
    assert {(node.call, node.status) for node in made.nodes} == {(0, "ok")}


def test_nothing_is_joined_whatever_the_record_says():
    edge = GraphEdge(LEAVES[0].id, LEAVES[1].id, TensorSpec((1,), "float32"))
    assert module_map(dataclasses.replace(UNSEEN, edges=(edge,)), MODEL).edges == ()


def test_without_a_record_of_the_model_the_names_of_its_layers_tell_what_is_inside_of_what():
    made = module_map(UNSEEN, None)
    assert [(node.path, node.type) for node in made.nodes] == [
        ("", "Net"),
        ("body", ""),
        ("body.0", ""),
        ("body.0.fc", "Linear"),
        ("body.1", ""),
        ("body.1.fc", "Linear"),
    ]


@pytest.mark.parametrize("path", ["", ".", "..a", "a..b", "a.b."])
def test_a_single_module_of_any_name_is_a_map(path):
    made = module_map(Graph("Net", "nothing", (leaf(path, "Linear"),)), None)
    places = {node.id: node for node in made.nodes}
    assert [node.path for node in made.nodes if node.leaf] == [path]
    assert all(node.parent in places for node in made.nodes if node.path)


def test_what_to_do_about_the_edges_depends_on_why_there_are_none():
    compiled = map_caption(module_map(UNSEEN, MODEL))
    assert compiled == (
        "5 modules in the order of registration; 154 parameters. Without edges, since no call was seen. "
        "report.graph(model, *inputs) runs it once, uncompiled, and shows its calls with the edges between them."
    )
    lazy = dataclasses.replace(UNSEEN, captured="nothing: the model has lazy modules", trainable=100)
    told = map_caption(module_map(lazy, None))
    assert "154 parameters, 100 of them trainable." in told
    assert told.endswith(
        "Call the model once, so that they get their shape; then report.graph(model, *inputs) shows its calls."
    )


def test_each_module_of_a_map_has_its_own_place_health_and_row():
    run = fake_run(graphs=(UNSEEN,), models=(MODEL,), measures={}, distributions={})
    view = graph.build(run, diagnose(run))
    assert view.how == (
        "The modules, each inside the one that holds it. A layer leads to its row in the table, a module to its inside."
    )
    (drawing,) = [block for block in view.blocks if isinstance(block, GraphDrawing)]
    assert {"body.0.fc", "body.1.fc"} <= set(drawing.places) & set(drawing.links)
    mixed = dataclasses.replace(run, graphs=(UNSEEN, dataclasses.replace(resnet(), model="other")))
    assert graph.build(mixed, diagnose(mixed)).how.startswith("What passes from call to call")


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm, self.fc, self.act = nn.LayerNorm(6), nn.Linear(6, 6), nn.GELU()

    def forward(self, x):
        return x + self.act(self.fc(self.norm(x)))


class Net(nn.Module):
    def __init__(self, head):
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(6))
        self.blocks = nn.ModuleList(Block() for _ in range(12))
        self.head = head

    def forward(self, x):
        x = x + self.shift
        for block in self.blocks:
            x = block(x)
        return self.head(x)


def picture(run):
    html = build_html(run)[0]
    return re.search(r'<figure class="graph_drawing".*?</figure>', html, re.DOTALL)[0]


def test_a_compiled_model_that_trains_has_a_map_without_edges(tmp_path):
    net = Net(nn.Linear(6, 3))
    compiled = torch.compile(net, backend="eager")
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    report = reportgen.Report("compiled", folder=tmp_path / "run", strict=True)
    report.watch(compiled, optimizer)
    for _ in range(3):
        optimizer.zero_grad()
        compiled(torch.rand(4, 6)).square().mean().backward()
        optimizer.step()
    report.close()
    run = reportgen.load(report.folder)
    figure = picture(run)
    assert "50 modules in the order of registration; 675 parameters. Without edges, since no call was seen." in figure
    assert "report.graph(model, *inputs) runs it once, uncompiled" in figure
    told = [re.sub(r"<[^>]*>", "", found) for found in re.findall(r"<text .*?</text>", figure)]
    assert {"blocks ModuleList", "0 to 11 Block \u00d712", "norm LayerNorm", "fc Linear", "head Linear"} <= set(told)
    assert "not called" not in told
    assert 'href="#layer-head"' in figure
    assert not re.search(r'<path [^>]*fill="none"', figure)
    # It is a map of what was recorded: asked for, the calls are seen.
    again = reportgen.Report("compiled", folder=tmp_path / "again", strict=True)
    again.graph(compiled, torch.rand(4, 6))
    again.close()
    assert re.search(r'<path [^>]*fill="none"', picture(reportgen.load(again.folder)))


def test_a_model_with_lazy_modules_has_a_map_and_stays_lazy(tmp_path):
    net = Net(nn.LazyLinear(3))
    report = reportgen.Report("lazy", folder=tmp_path / "run", strict=True)
    report.graph(net, torch.rand(4, 6))
    report.close()
    figure = picture(reportgen.load(report.folder))
    assert nn.parameter.is_lazy(net.head.weight)
    assert "Call the model once, so that they get their shape" in figure
    assert "0 to 11 \u00d712" in re.sub(r"<[^>]*>", "", figure)
    assert not re.search(r'<path [^>]*fill="none"', figure)
