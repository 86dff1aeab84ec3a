"""The graph of the first training forward: modules, operations, and what passed from one to the other."""

from __future__ import annotations

from collections import namedtuple
from dataclasses import dataclass

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint
from torch.utils.flop_counter import FlopCounterMode

from reportgen.collect.graph import capture
from reportgen.collect.watch import Watcher
from tests.collect.memory import Memory


def graph_of(model, *args, **kwargs):
    memory = Memory()
    watcher = Watcher(memory)
    try:
        watcher.watch(model)
        model(*args, **kwargs)
    finally:
        watcher.close()
    return memory.last("graph")


def label(node):
    return node.path or node.id if node.kind == "module" else node.id if node.kind != "operation" else node.path


def names_of(graph):
    """A readable name for each node: the path, with a number where it would repeat."""
    names, seen = {}, {}
    for node in graph.nodes:
        name = label(node)
        seen[name] = seen.get(name, 0) + 1
        names[node.id] = name if seen[name] == 1 else f"{name}#{seen[name]}"
    return names


def edges_of(graph):
    names = names_of(graph)
    return [(names[edge.source], names[edge.target]) for edge in graph.edges]


def shapes_of(graph):
    names = names_of(graph)
    return {(names[e.source], names[e.target]): e.tensor.shape for e in graph.edges}


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


def test_operations_are_nodes_between_and_inside_of_modules():
    model = nn.Sequential(nn.Conv2d(1, 2, 3), Block(2), nn.Flatten(), nn.Linear(2 * 36, 5))
    graph = graph_of(model, torch.randn(4, 1, 8, 8))
    nodes = {node.path: node for node in graph.nodes}
    assert graph.operations
    assert graph.captured == "the first training forward"
    assert [(n.kind, n.path) for n in graph.nodes if n.kind in ("module", "operation")] == [
        ("module", ""), ("module", "0"), ("module", "1"), ("module", "1.conv1"), ("module", "1.bn"),
        ("operation", "relu"), ("module", "1.conv2"), ("operation", "add"), ("operation", "relu"),
        ("module", "2"), ("module", "3"),
    ]  # fmt: skip
    assert {nodes[name].parent for name in ("relu", "add", "relu", "1.conv1")} == {nodes["1"].id}
    assert edges_of(graph) == [
        ("in0", "0"),
        ("0", "1.conv1"),
        ("1.conv1", "1.bn"),
        ("1.bn", "relu"),
        ("relu", "1.conv2"),
        ("1.conv2", "add"),
        ("0", "add"),  # the residual
        ("add", "relu#2"),
        ("relu#2", "2"),
        ("2", "3"),
        ("3", "out0"),
    ]
    assert shapes_of(graph)[("2", "3")] == (4, 72)
    assert nodes["add"].outputs[0].shape == (4, 2, 6, 6)
    assert nodes["add"].memory == 4 * 2 * 36 * 4
    assert nodes["3"].parameters == 72 * 5 + 5
    assert graph.parameters == graph.trainable == sum(n.parameters for n in graph.nodes)
    assert (graph.batch, graph.notes, graph.uncounted) == (4, (), ())
    assert nodes["1.conv1"].flops == 2 * 4 * 36 * 2 * 2 * 9
    assert all(node.status == "ok" for node in graph.nodes)


def test_modules_called_twice_tied_and_never():
    class Shared(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(3, 3)
            self.tied = nn.Linear(3, 3, bias=False)
            self.tied.weight = self.layer.weight
            self.spare = nn.Linear(3, 7)
            self.many = nn.ModuleList([nn.Linear(3, 3)])

        def forward(self, x):
            return self.tied(self.layer(self.layer(x)))

    graph = graph_of(Shared(), torch.randn(2, 3))
    calls = [(node.path, node.call, node.parameters, node.status) for node in graph.nodes if node.kind == "module"]
    assert calls == [
        ("", 1, 0, "ok"),
        ("layer", 1, 12, "ok"),
        ("layer", 2, 0, "ok"),
        ("tied", 1, 0, "ok"),
        ("spare", 0, 28, "not called"),
        ("many.0", 0, 12, "not called"),
    ]
    assert graph.parameters == 12 + 28 + 12
    ids = [node.id for node in graph.nodes]
    assert len(set(ids)) == len(ids)
    assert edges_of(graph) == [("in0", "layer"), ("layer", "layer#2"), ("layer#2", "tied"), ("tied", "out0")]


def test_in_place_changes_make_a_new_product_also_through_views():
    class Writes(nn.Module):
        def forward(self, x):
            y = x * 2
            y[:, 0] = 3
            view = y[0]
            view.add_(1)
            other = y.view(-1)
            y.mul_(2)
            return y, other

    graph = graph_of(Writes(), torch.randn(2, 2))
    assert edges_of(graph) == [
        ("in0", "mul"),
        ("mul", "setitem"),
        ("setitem", "getitem"),
        ("getitem", "add"),
        ("add", "view"),
        ("add", "mul#2"),
        ("mul#2", "out0"),
        ("mul#2", "out1"),  # written into since it was taken
    ]


@dataclass
class Answer:
    logits: torch.Tensor
    extra: torch.Tensor | None = None


Pair = namedtuple("Pair", "left right")


def test_structures_keywords_and_what_is_no_tensor():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.none = nn.Linear(2, 2), nn.Linear(2, 2), Nothing()

        def forward(self, batch, mode, *, scale):
            assert mode == "sum"
            self.none(batch["x"])
            left, right = Pair(self.a(batch["x"]) * scale, self.b(input=batch["y"][0]))
            return {"answer": Answer(left + right), "parts": [right]}

    class Nothing(nn.Module):
        def forward(self, x):
            return None

    batch = {"x": torch.randn(3, 2), "y": (torch.randn(3, 2), None)}
    graph = graph_of(Two(), batch, "sum", scale=torch.ones(1))
    inputs = [(node.id, node.path) for node in graph.nodes if node.kind == "input"]
    outputs = [(node.id, node.path) for node in graph.nodes if node.kind == "output"]
    assert inputs == [("in0", "0.x"), ("in1", "0.y.0"), ("in2", "scale")]
    assert outputs == [("out0", "answer.logits"), ("out1", "parts.0")]
    assert edges_of(graph) == [
        ("in0", "none"),
        ("in0", "a"),
        ("a", "mul"),
        ("in2", "mul"),
        ("in1", "b"),
        ("mul", "add"),
        ("b", "add"),
        ("add", "out0"),
        ("b", "out1"),
    ]


def test_unpacking_and_iterating_over_a_tensor_is_seen():
    class Splits(nn.Module):
        def __init__(self):
            super().__init__()
            self.qkv, self.out = nn.Linear(4, 12), nn.Linear(4, 4)

        def forward(self, x):
            q, k, v = self.qkv(x).view(-1, 3, 4).transpose(0, 1)
            total = sum(row for row in v)
            return self.out(q @ k.T + total)

    graph = graph_of(Splits(), torch.randn(4, 4))
    edges = edges_of(graph)
    assert ("transpose", "unbind") in edges
    assert [edge for edge in edges if edge[1] == "matmul"] == [("unbind", "matmul"), ("T", "matmul")]
    assert ("unbind", "T") in edges
    assert ("unbind#2", "add") in edges
    flops = {node.path: node.flops for node in graph.nodes}
    assert flops["matmul"] == 2 * 4 * 4 * 4


def test_recurrent_layers_hand_over_each_of_their_outputs_and_are_not_counted():
    class Tagger(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed, self.lstm, self.out = nn.Embedding(9, 4), nn.LSTM(4, 5), nn.Linear(5, 2)

        def forward(self, x):
            _, (h, _) = self.lstm(self.embed(x))
            return self.out(h[-1])

    graph = graph_of(Tagger(), torch.tensor([[1], [2]]))
    assert edges_of(graph) == [
        ("in0", "embed"), ("embed", "lstm"), ("lstm", "getitem"), ("getitem", "out"), ("out", "out0"),
    ]  # fmt: skip
    nodes = {node.path: node for node in graph.nodes}
    assert [spec.name for spec in nodes["lstm"].outputs] == ["0", "1.0", "1.1"]
    assert graph.uncounted == ("LSTM",)
    assert nodes["lstm"].flops is None
    assert nodes["embed"].flops == 0
    assert graph.flops == 2 * 5 * 2


def test_an_autograd_function_is_one_operation_under_its_own_name():
    class Double(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, factor):
            return (x * factor).contiguous() + 0

        @staticmethod
        def backward(ctx, gradient):
            return gradient * 2, None

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(2, 2)

        def forward(self, x):
            return Double.apply(self.layer(x), 2.0).relu()

    graph = graph_of(Model(), torch.randn(1, 2))
    assert edges_of(graph) == [("in0", "layer"), ("layer", "Double"), ("Double", "relu"), ("relu", "out0")]
    assert shapes_of(graph)[("layer", "Double")] == (1, 2)


class Inner(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, gradient):
        return gradient * 2


@pytest.mark.parametrize("inside", [Inner.apply, lambda x: dict.fromkeys([0], x)[0] * 1])
def test_an_autograd_function_that_calls_another_or_a_class_method_is_one_operation(inside):
    class Outer(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return inside(x) + 1

        @staticmethod
        def backward(ctx, gradient):
            return gradient

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(2, 2)

        def forward(self, x):
            return Outer.apply(self.layer(x)).relu()

    graph = graph_of(Model(), torch.randn(1, 2))
    assert edges_of(graph) == [("in0", "layer"), ("layer", "Outer"), ("Outer", "relu"), ("relu", "out0")]


@pytest.mark.parametrize("reentrant", [False, True])
def test_a_checkpointed_block_is_captured_once(reentrant):
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.block = nn.Linear(2, 2), nn.Sequential(nn.Linear(2, 2), nn.ReLU())

        def forward(self, x):
            return checkpoint(self.block, self.first(x), use_reentrant=reentrant) + 1

    memory, model = Memory(), Model()
    watcher = Watcher(memory)
    watcher.watch(model)
    model(torch.randn(3, 2)).sum().backward()
    watcher.close()
    graph = memory.last("graph")
    edges = edges_of(graph)
    for edge in (("first", "block.0"), ("block.0", "block.1"), ("block.1", "add"), ("add", "out0")):
        assert edge in edges
    assert [node.call for node in graph.nodes if node.path == "block.0"] == [1]
    assert len([kind for kind, _ in memory.records if kind == "graph"]) == 1


def test_modules_in_a_plain_list_go_by_their_class_and_it_is_said():
    class Hidden(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers, self.out = [nn.Linear(2, 2), nn.Linear(2, 2)], nn.Linear(2, 1)

        def forward(self, x):
            for layer in self.layers:
                x = layer(x)
            return self.out(nn.Tanh()(x))

    graph = graph_of(Hidden(), torch.randn(1, 2))
    assert edges_of(graph) == [
        ("in0", "(Linear)"), ("(Linear)", "(Linear 2)"), ("(Linear 2)", "(Tanh)"), ("(Tanh)", "out"), ("out", "out0"),
    ]  # fmt: skip
    assert graph.parameters == 3
    assert graph.notes[0].startswith("2 modules are called but not registered in the model")


def test_modules_made_for_one_call_are_told_apart_although_they_share_an_id():
    class Makes(nn.Module):
        def forward(self, x):
            for _ in range(3):
                x = nn.Linear(2, 2)(x)
            return x

    graph = graph_of(Makes(), torch.randn(1, 2))
    calls = [(n.path, n.call) for n in graph.nodes if n.kind == "module"]
    assert calls == [("", 1), ("(Linear)", 1), ("(Linear 2)", 1), ("(Linear 3)", 1)]
    assert "an optimizer made from model.parameters() does not train them" in graph.notes[0]


def test_modules_made_in_the_first_forward_are_the_models_own():
    class Builds(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.ones(3))
            self.layer = None

        def forward(self, x):
            if self.layer is None:
                self.layer = nn.Linear(x.shape[1], 3)
            return self.layer(x) * self.scale

    graph = graph_of(Builds(), torch.randn(1, 2))
    assert [(n.path, n.parameters) for n in graph.nodes if n.kind == "module"] == [("", 3), ("layer", 9)]
    assert graph.notes == ()


def test_the_calls_are_gone_through_once_for_all_modules_that_were_not_called():
    class Many(nn.Module):
        def __init__(self):
            super().__init__()
            self.spare = nn.ModuleList([nn.Identity() for _ in range(300)])
            self.hidden = [nn.Identity() for _ in range(300)]

        def forward(self, x):
            for module in self.hidden:
                x = module(x)
            return x

    model, looked = Many(), []

    class Counted(list):
        def __reversed__(self):
            looked.append(len(self))
            return super().__reversed__()

    one = capture.GraphCapture("x", {id(m): n for n, m in model.named_modules()}, model, "", "hooks")
    one._drafts = Counted()
    one.enter(model, (), {})
    for module in model.hidden:
        one.enter(module, (), {})
        one.leave(module, (), {}, None)
    one.leave(model, (), {}, None)
    graph = one.finish(None, model, dict(model.named_modules()))
    assert len({node.path for node in graph.nodes}) == 1 + 300 + 301
    assert looked == [301]


def test_a_layer_replaced_after_watch_is_known_by_its_name():
    memory = Memory()
    watcher = Watcher(memory)
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    watcher.watch(model)
    model[0] = nn.Linear(2, 3)
    model(torch.randn(1, 2))
    watcher.close()
    assert [n.path for n in memory.last("graph").nodes if n.kind == "module"] == ["", "0", "1"]


def test_reading_a_number_says_that_the_branch_taken_is_shown():
    class Branches(nn.Module):
        def __init__(self):
            super().__init__()
            self.gate, self.layer = nn.Identity(), nn.Linear(2, 2)

        def forward(self, x):
            if x.shape[0] > 1 and x.size(1) == 2 and x.dim() == 2 and x.is_floating_point():
                x = self.layer(x)
            if x.sum() > 1e9:
                return x
            return x * x.max().item()

    graph = graph_of(Branches(), torch.randn(3, 2))
    assert [node.path for node in graph.nodes if node.kind == "operation"] == ["sum", "gt", "max", "mul"]
    assert "Numbers were read out of tensors in Branches (bool)" in graph.notes[0]
    assert "the branch taken in this forward is shown" in graph.notes[0]
    assert graph_of(nn.Sequential(nn.Linear(2, 2), nn.LSTM(2, 2)), torch.randn(3, 2)).notes == ()


def test_parametrised_layers_stay_one_node():
    model = nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(2, 3)), nn.ReLU())
    graph = graph_of(model, torch.randn(1, 2))
    assert edges_of(graph) == [("in0", "0"), ("0", "1"), ("1", "out0")]
    assert graph.parameters == sum(p.numel() for p in model.parameters()) == sum(n.parameters for n in graph.nodes)


def test_a_block_of_the_users_with_a_parametrised_weight_shows_its_inside():
    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight, self.layer = nn.Parameter(torch.ones(2, 2)), nn.Linear(2, 2)

        def forward(self, x):
            return self.layer(x) @ self.weight

    class Doubled(nn.Module):
        def forward(self, weight):
            return weight * 2

    block = Own()
    nn.utils.parametrize.register_parametrization(block, "weight", Doubled())
    graph = graph_of(nn.Sequential(block), torch.randn(1, 2))
    nodes = {node.path: node for node in graph.nodes if node.kind in ("module", "operation")}
    assert nodes["0"].type == "Own"
    assert nodes["0.layer"].parent == nodes["matmul"].parent == nodes["0"].id
    assert sum(node.parameters for node in graph.nodes) == graph.parameters == 10
    linear = nn.utils.parametrizations.weight_norm(nn.Linear(2, 3))
    assert [n.type for n in graph_of(linear, torch.randn(1, 2)).nodes if n.kind == "module"] == ["Linear"]


def test_attention_is_one_node_with_all_its_parameters():
    class Attends(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = nn.MultiheadAttention(4, 2, batch_first=True)

        def forward(self, x):
            return x + self.attention(x, x, x)[0]

    model = Attends()
    graph = graph_of(model, torch.randn(2, 3, 4))
    assert [n.path for n in graph.nodes if n.kind == "module"] == ["", "attention"]
    assert graph.parameters == sum(p.numel() for p in model.parameters()) == sum(n.parameters for n in graph.nodes)
    assert edges_of(graph)[-3:] == [("in0", "add"), ("attention", "add"), ("add", "out0")]


def test_a_gan_gives_two_graphs():
    memory = Memory()
    watcher = Watcher(memory)
    generator, critic = nn.Sequential(nn.Linear(2, 4), nn.Tanh()), nn.Sequential(nn.Linear(4, 1))
    watcher.watch(generator, name="G")
    watcher.watch(critic, name="D")
    critic(generator(torch.randn(3, 2))).sum().backward()
    watcher.close()
    graphs = {graph.model: graph for kind, graph in memory.records if kind == "graph"}
    assert edges_of(graphs["G"]) == [("in0", "0"), ("0", "1"), ("1", "out0")]
    assert edges_of(graphs["D"]) == [("in0", "0"), ("0", "out0")]


def test_a_watched_part_of_a_watched_model_gets_its_own_graph_later():
    memory = Memory()
    watcher = Watcher(memory)
    part = nn.Sequential(nn.Linear(2, 2))
    model = nn.Sequential(part, nn.Linear(2, 1))
    watcher.watch(model, name="whole")
    watcher.watch(part, name="part")
    for _ in range(2):
        model(torch.randn(3, 2))
    watcher.close()
    graphs = {graph.model: graph for kind, graph in memory.records if kind == "graph"}
    assert graphs["whole"].operations
    assert graphs["part"].operations
    assert [n.path for n in graphs["part"].nodes if n.kind == "module"] == ["", "0"]


def test_data_parallel_on_the_cpu():
    graph = graph_of(nn.DataParallel(nn.Sequential(nn.Linear(2, 2), nn.ReLU())), torch.randn(3, 2))
    assert edges_of(graph) == [("in0", "0"), ("0", "1"), ("1", "out0")]


def test_an_exception_that_the_model_catches_leaves_the_nesting_right():
    class Fails(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.Identity()

        def forward(self, x):
            torch.cat([self.inner(x), x[0]])

    class Careful(nn.Module):
        def __init__(self):
            super().__init__()
            self.fails, self.works = Fails(), nn.Linear(2, 2)

        def forward(self, x):
            try:
                x = self.fails(x)
            except RuntimeError:
                x = self.works(x)
            return x + 1

    graph = graph_of(Careful(), torch.randn(1, 2))
    nodes = {node.path: node for node in graph.nodes if node.kind in ("module", "operation")}
    assert nodes["fails"].status == nodes["cat"].status == "failed"
    assert nodes["works"].parent == nodes["add"].parent == nodes[""].id
    assert nodes["works"].status == nodes["fails.inner"].status == "ok"
    assert graph.fault is None


def families():
    from torchvision.models import resnet18

    yield "mlp", nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3)), torch.randn(5, 8)
    yield "cnn", nn.Sequential(nn.Conv1d(2, 4, 3, groups=2), nn.ConvTranspose1d(4, 6, 3, stride=2), nn.GELU(),
                               nn.Flatten(), nn.LazyLinear(3)), torch.randn(2, 2, 9)  # fmt: skip
    yield "resnet18", resnet18(num_classes=10), torch.randn(2, 3, 32, 32)
    yield "transformer", nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 4, 32), 2), torch.randn(7, 2, 16)
    yield "gru cell", nn.GRUCell(3, 4), torch.randn(2, 3)


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
def test_flops_are_those_of_torchs_counter():
    for name, model, batch in families():
        graph = graph_of(model, batch)
        with FlopCounterMode(display=False) as counter:
            model(batch)
        assert graph.flops == counter.get_total_flops(), name
        assert graph.uncounted == (), name
        assert graph.parameters == sum(p.numel() for p in model.parameters())


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
def test_each_edge_into_a_module_has_the_shape_that_the_users_own_hook_sees():
    for name, model, batch in families():
        if name == "cnn":
            continue  # its lazy layer cannot be hooked by name before it is called
        seen = {}
        handles = [
            module.register_forward_pre_hook(
                lambda _, args, path=path, seen=seen: (
                    seen.setdefault(path, []).append([tuple(a.shape) for a in args]) and None
                )
            )
            for path, module in model.named_modules()
        ]
        graph = graph_of(model, batch)
        for handle in handles:
            handle.remove()
        checked = 0
        nodes = {node.id: node for node in graph.nodes}
        for edge in graph.edges:
            node = nodes[edge.target]
            if node.kind == "module":
                assert edge.tensor.shape in seen[node.path][node.call - 1], (name, node.path)
                checked += 1
        fed = {edge.target for edge in graph.edges}
        assert {n.id for n in graph.nodes if n.kind == "operation"} <= fed, name  # none without where it came from
        assert checked >= sum(n.leaf for n in graph.nodes if n.kind == "module"), name


def test_the_graph_is_cut_at_a_number_of_nodes_and_says_so(monkeypatch):
    monkeypatch.setattr(capture, "MOST_NODES", 10)

    class Loop(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell, self.out = nn.GRUCell(2, 2), nn.Linear(2, 1)

        def forward(self, x):
            h = x
            for _ in range(30):
                h = self.cell(x, h) + 1
            return self.out(h)

    graph = graph_of(Loop(), torch.randn(1, 2))
    assert len([n for n in graph.nodes if n.status != "not called" and n.kind != "output"]) == 10
    assert any("53 further calls are left out (the first 10 are kept)" in note for note in graph.notes)


def test_nothing_of_the_forward_is_kept_alive():
    import gc
    import weakref

    held = []

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(2, 2)

        def forward(self, x):
            y = self.layer(x) * 2
            held.append(weakref.ref(y))
            return y.relu()

    memory, model = Memory(), Model()
    watcher = Watcher(memory)
    watcher.watch(model)
    model(torch.randn(1, 2))
    gc.collect()
    assert [one() for one in held] == [None]
    watcher.close()
