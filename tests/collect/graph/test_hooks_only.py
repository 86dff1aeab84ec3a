"""The graph from hooks alone: module calls, and edges read from the autograd graph, without any mode."""

from __future__ import annotations

import gc
import sys
import weakref

import torch
import torch.nn.functional as F
from torch import nn

from reportgen.collect.autograd_graph import MOST_NODES
from reportgen.collect.watch import Watcher
from tests.collect.memory import Memory


def graph_of(model, *args, **kwargs):
    memory = Memory()
    watcher = Watcher(memory)
    try:
        watcher.watch(model)
        sys.setprofile(lambda *event: None)  # with a profiler running, no mode is entered
        model(*args, **kwargs)
    finally:
        sys.setprofile(None)
        watcher.close()
    graph = memory.last("graph")
    assert not graph.operations
    assert "Operations between modules are missing, since a profiler follows" in graph.notes[0]
    return graph


def edges_of(graph):
    names = {node.id: node.path if node.kind == "module" else node.id for node in graph.nodes}
    return {(names[edge.source], names[edge.target]): edge.via for edge in graph.edges}


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x):
        y = self.conv2(F.relu(self.bn(self.conv1(x)), inplace=True))
        y += x
        return y.relu_()


def test_calls_nest_and_functions_between_them_name_the_edges():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), Block(2), nn.Flatten(), nn.Linear(2 * 36, 5))
    graph = graph_of(model, torch.randn(4, 1, 8, 8))
    nodes = {node.path: node for node in graph.nodes if node.kind == "module"}
    assert [node.path for node in graph.nodes if node.kind == "module"] == [
        "", "0", "1", "1.conv1", "1.bn", "1.conv2", "2", "3",
    ]  # fmt: skip
    assert nodes["1.conv1"].parent == nodes["1"].id
    assert nodes["1"].parent == nodes[""].id
    assert nodes[""].parent is None
    assert (nodes["1"].leaf, nodes["1.bn"].leaf) == (False, True)
    assert nodes["3"].outputs[0].shape == (4, 5)
    assert nodes["3"].inputs[0].shape == (4, 72)
    assert nodes["3"].memory == 4 * 5 * 4
    assert nodes["3"].parameters == 72 * 5 + 5
    assert "kernel_size=(3, 3)" in nodes["0"].detail
    assert edges_of(graph) == {
        ("in0", "0"): (),
        ("0", "1.conv1"): (),
        ("1.conv1", "1.bn"): (),
        ("1.bn", "1.conv2"): ("relu",),
        ("1.conv2", "2"): ("add", "relu"),
        ("0", "2"): ("add", "relu"),  # the residual
        ("2", "3"): (),
        ("3", "out0"): (),
    }
    assert graph.parameters == graph.trainable == sum(node.parameters for node in graph.nodes)
    assert graph.parameters == sum(p.numel() for p in model.parameters())
    assert graph.batch == 4
    assert all(node.status == "ok" for node in graph.nodes)


def test_keywords_dictionaries_and_several_inputs_and_outputs():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(2, 2), nn.Linear(2, 2)

        def forward(self, batch, *, scale):
            return {"sum": self.a(batch["x"]) * scale + self.b(batch["y"]), "b": [self.b(input=batch["y"])]}

    graph = graph_of(Two(), {"x": torch.randn(3, 2), "y": torch.randn(3, 2)}, scale=torch.ones(1))
    inputs = [(node.id, node.path) for node in graph.nodes if node.kind == "input"]
    outputs = [(node.id, node.path) for node in graph.nodes if node.kind == "output"]
    assert inputs == [("in0", "x"), ("in1", "y"), ("in2", "scale")]
    assert outputs == [("out0", "sum"), ("out1", "b.0")]
    assert edges_of(graph) == {
        ("in0", "a"): (),
        ("in1", "b"): (),
        ("a", "out0"): ("mul", "add"),
        ("b", "out0"): ("add",),
        ("b", "out1"): (),
    }


def test_recurrent_layers_hand_over_each_of_their_outputs():
    class Tagger(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed, self.lstm, self.out = nn.Embedding(9, 4), nn.LSTM(4, 5), nn.Linear(5, 2)

        def forward(self, x):
            _, (h, _) = self.lstm(self.embed(x))
            return self.out(h[-1])

    graph = graph_of(Tagger(), torch.tensor([[1], [2]]))
    found = edges_of(graph)
    assert set(found) == {("in0", "embed"), ("embed", "lstm"), ("lstm", "out"), ("out", "out0")}
    nodes = {node.path: node for node in graph.nodes}
    assert [spec.name for spec in nodes["lstm"].outputs] == ["0", "1.0", "1.1"]
    assert graph.uncounted == ("LSTM",)
    assert nodes["lstm"].flops is None
    assert nodes["embed"].flops == 0
    assert graph.flops == 2 * 5 * 2


def test_inputs_changed_before_the_first_layer_and_frozen_layers_leave_what_trace_they_can():
    class Frozen(nn.Module):
        def __init__(self):
            super().__init__()
            self.base = nn.Linear(4, 4).requires_grad_(False)
            self.head = nn.Linear(4, 2)

        def forward(self, x):
            return self.head(self.base(x.view(-1, 4) / 255))

    found = edges_of(graph_of(Frozen(), torch.randn(3, 2, 2)))
    assert found[("in0", "base")] == ("operations without gradient",)
    assert found[("base", "head")] == ()

    class Between(Frozen):
        def forward(self, x):
            return self.head(self.base(x).relu())

    graph = graph_of(Between(), torch.randn(3, 4))
    assert ("base", "head") not in edges_of(graph)
    assert any("1 tensors that modules took have no edge" in note for note in graph.notes)


def test_an_exception_that_the_model_catches_leaves_the_nesting_right():
    class Fails(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.Identity()

        def forward(self, x):
            self.inner(x)
            raise KeyError("caught above")

    class Careful(nn.Module):
        def __init__(self):
            super().__init__()
            self.fails, self.works = Fails(), nn.Linear(2, 2)

        def forward(self, x):
            try:
                x = self.fails(x)
            except KeyError:
                x = self.works(x)
            return x

    nodes = {node.path: node for node in graph_of(Careful(), torch.randn(1, 2)).nodes if node.kind == "module"}
    assert nodes["fails"].status == "failed"
    assert nodes["works"].parent == nodes[""].id
    assert nodes["works"].status == nodes["fails.inner"].status == "ok"


def test_autograd_functions_are_held_no_longer_than_the_forward():
    class Marked(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, gradient):
            return gradient * 2

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(2, 2)

        def forward(self, x):
            y = Marked.apply(self.layer(x))
            functions.append(weakref.ref(y.grad_fn))
            return y

    functions = []
    memory, model = Memory(), Model()
    watcher = Watcher(memory)
    watcher.watch(model)
    sys.setprofile(lambda *event: None)
    model(torch.randn(1, 2))
    sys.setprofile(None)
    gc.collect()
    assert functions[0]() is None
    assert edges_of(memory.last("graph"))[("layer", "out0")] == ("marked",)
    watcher.close()


def test_a_resnet_is_captured_whole():
    from torchvision.models import resnet18

    graph = graph_of(resnet18(num_classes=10), torch.randn(2, 3, 32, 32))
    found = edges_of(graph)
    assert found[("bn1", "relu")] == ()
    assert found[("layer1.0.bn2", "layer1.0.relu")] == ("add",)
    assert found[("maxpool", "layer1.0.relu")] == ("add",)
    assert found[("avgpool", "fc")] == ("view",)
    leaves = [node.id for node in graph.nodes if node.kind == "module" and node.leaf]
    targets = {edge.target for edge in graph.edges}
    assert set(leaves) <= targets
    assert graph.autograd_nodes == 195  # as many as torchviz draws
    assert bool(graph.autograd) is (graph.autograd_nodes <= MOST_NODES)
    assert bool(graph.autograd_note) is not bool(graph.autograd)
    assert len(graph.notes) == 1


def test_a_model_of_a_single_layer_is_fed_by_its_input():
    assert edges_of(graph_of(nn.Linear(3, 1), torch.randn(2, 3))) == {("in0", ""): (), ("", "out0"): ()}


class KeywordLayer(nn.Linear):
    def forward(self, *, x):
        return super().forward(x)


def test_a_single_layer_called_by_keyword_is_fed_too():
    assert ("in0", "") in edges_of(graph_of(KeywordLayer(3, 1), x=torch.randn(2, 3)))
