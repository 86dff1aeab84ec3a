"""Where a mode would change a result or a compilation, hooks alone capture the graph, and it says so."""

from __future__ import annotations

import sys

import pytest
import torch
from torch import nn

from reportgen.collect.graph.safety import compiling_is_used, why_hooks_only
from reportgen.collect.structure import nbytes_of, spec_of
from reportgen.collect.watch import Watcher
from tests.collect.graph.test_capture import edges_of, graph_of
from tests.collect.memory import Memory


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")  # Dynamo asks for it
def test_a_compiled_function_called_inside_keeps_modes_out():
    torch._dynamo.reset()
    assert not compiling_is_used()
    torch.optim.Adam(nn.Linear(1, 1).parameters())  # imports Dynamo
    assert "torch._dynamo" in sys.modules
    assert not compiling_is_used()

    @torch.compile(backend="eager")
    def activation(x):
        return torch.tanh(x) * 2

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(2, 2)

        def forward(self, x):
            return activation(self.layer(x))

    try:
        assert compiling_is_used()
        graph = graph_of(Model(), torch.randn(1, 2))
    finally:
        torch._dynamo.reset()
    assert not graph.operations
    assert "since torch.compile is in use" in graph.notes[0]
    assert ("in0", "layer") in edges_of(graph)


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
def test_a_transformer_layer_in_eval_mode_keeps_modes_out_of_a_training_forward():
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    model = nn.Sequential(layer, nn.Linear(8, 2))
    assert why_hooks_only(model) == ""
    layer.eval()
    assert "fast path" in why_hooks_only(model)
    assert why_hooks_only(model, asked=True) == ""


def test_other_reasons():
    class Own(torch.Tensor):
        @classmethod
        def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
            return args[0]

    model = nn.Linear(2, 2)
    with torch.overrides.BaseTorchFunctionMode():
        assert "already entered" in why_hooks_only(model)
    with torch.utils.flop_counter.FlopCounterMode(display=False):
        assert "already entered" in why_hooks_only(model)
    with torch.device("cpu"):
        assert why_hooks_only(model) == ""
    model.weight = nn.Parameter(torch.Tensor._make_wrapper_subclass(Own, (2, 2)), requires_grad=False)
    assert "dispatch of their own" in why_hooks_only(model)


def test_under_vmap_and_tracing_no_mode_is_entered():
    found = []

    class Model(nn.Module):
        def forward(self, x):
            found.append(why_hooks_only(self))
            return x * 2

    torch.vmap(Model())(torch.ones(3))
    assert "traced or transformed" in found[0]


def test_an_evaluation_that_was_not_asked_for_is_captured_by_hooks_alone():
    memory = Memory()
    watcher = Watcher(memory)
    stacks = []

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(2, 2)

        def forward(self, x):
            stacks.append((torch._C._len_torch_function_stack(), sys.getprofile()))
            return self.layer(x)

    model = Model().eval()
    watcher.watch(model)
    for _ in range(3):
        with torch.no_grad():
            model(torch.ones(1, 2))
    assert stacks == [(0, None)] * 3
    assert [kind for kind, _ in memory.records] == ["model"]
    watcher.late_graphs()
    graph = memory.last("graph")
    assert graph.captured == "the first evaluation forward"
    assert not graph.operations
    assert "this forward trained nothing" in graph.notes[0]
    assert edges_of(graph) == [("in0", "layer"), ("layer", "out0")]
    watcher.late_graphs()
    model.train()
    model(torch.ones(1, 2))
    watcher.late_graphs()
    watcher.close()
    graphs = [graph.captured for kind, graph in memory.records if kind == "graph"]
    assert graphs == ["the first evaluation forward", "the first training forward"]


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors", "ignore:enable_nested_tensor")
def test_an_encoder_that_makes_nested_tensors_of_what_is_padded_keeps_its_graph():
    memory = Memory()
    watcher = Watcher(memory)
    model = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2).eval()
    watcher.watch(model)
    mask = torch.tensor([[False, False, True], [False, False, False]])
    with torch.no_grad():
        model(torch.randn(2, 3, 8), src_key_padding_mask=mask)
    watcher.late_graphs()
    watcher.close()
    assert not memory.notes
    nodes = {node.path: node for node in memory.last("graph").nodes if node.kind == "module"}
    assert nodes["layers.0"].outputs[0].shape == (2, -1, 8)
    assert nodes["layers.0"].memory == 5 * 8 * 4


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
@pytest.mark.parametrize("layout", [torch.strided, torch.jagged])
def test_a_nested_tensor_has_a_shape(layout):
    tensor = torch.nested.nested_tensor([torch.ones(2, 3), torch.ones(4, 3)], layout=layout)
    assert spec_of(tensor).shape == (2, -1, 3)
    assert nbytes_of(tensor) == 6 * 3 * 4


def test_an_evaluation_before_training_leaves_no_graph_of_its_own():
    memory = Memory()
    watcher = Watcher(memory)
    model = nn.Linear(2, 2)
    watcher.watch(model)
    with torch.no_grad():
        model(torch.ones(1, 2))
    model(torch.ones(1, 2))
    watcher.late_graphs()
    watcher.close()
    graphs = [graph.captured for kind, graph in memory.records if kind == "graph"]
    assert graphs == ["the first training forward"]
