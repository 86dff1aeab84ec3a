"""report.graph: one forward of ours, after which everything is as it was."""

from __future__ import annotations

import copy
import random
import warnings

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from reportgen.collect.graph.asked import asked_for, asked_graph
from reportgen.collect.watch import Watcher
from reportgen.errors import InvalidArgumentError
from tests.collect.graph.test_capture import Pair, edges_of
from tests.collect.graph.test_observer import stacks
from tests.collect.memory import Memory
from tests.collect.test_nothing_changes import assert_same, hook_tables


class Restless(nn.Module):
    """Changes whatever a forward can change of a module."""

    def __init__(self):
        super().__init__()
        self.layer, self.norm, self.drop = nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Dropout(0.5)
        self.table = nn.Embedding(5, 4, max_norm=0.1)
        self.spectral = nn.utils.parametrizations.spectral_norm(nn.Linear(4, 4))
        self.register_buffer("count", torch.zeros(()))
        self.register_buffer("cache", torch.zeros(2))
        self.register_buffer("replaced", torch.zeros(2))
        self.calls, self.noise = 0, torch.Generator().manual_seed(3)
        self.numbers, self.dice = np.random.default_rng(4), random.Random(5)
        self.plain, self.grown, self.listed = torch.zeros(2), torch.zeros(2), [torch.zeros(2)]
        self.running, self.shifted = torch.zeros(4), torch.zeros(2)
        self.tied = self.layer.weight
        self.moved = nn.Linear(4, 4)

    def forward(self, x, ids=None, *, scale=1.0):
        self.calls += 1
        x.relu_()
        ids -= 1
        with torch.no_grad():
            self.layer.weight.clamp_(-0.01, 0.01)
            self.tied.view(-1)[0] = 7.0
            self.norm.weight.data.fill_(3)
            torch._foreach_add_([self.layer.bias, self.moved.bias], 1.0)
        with torch.enable_grad():
            (self.moved(x).sum() + self.layer(x).sum()).backward()
        self.moved.weight.data = torch.ones(3)
        self.moved.bias.requires_grad_(False)
        self.plain += 1
        self.grown.resize_(9).fill_(2)
        self.listed[0].add_(1)
        F.batch_norm(x, self.running, torch.ones(4), training=True)
        self.shifted.set_(torch.ones(5))
        self.numbers.random(), self.dice.random()
        self.latest = x
        self.count += 1
        self.cache.resize_(7).fill_(2)
        self.replaced = torch.ones(3)
        self.register_buffer("late", torch.ones(1), persistent=False)
        self.drop.eval()
        x = x + torch.rand(4, generator=self.noise) * random.random() * np.random.rand()
        return self.spectral(self.drop(F.dropout(self.norm(self.layer(x)), 0.3))) * scale + self.table(ids).sum()


def plain_tensors(model):
    return [model.plain, model.grown, *model.listed, model.running, model.shifted, model.tied]


def everything(model):
    return {
        "flags": [module.training for module in model.modules()],
        "state": {k: v.clone() for k, v in model.state_dict().items()},
        "buffers": {k: v.clone() for k, v in model.named_buffers()},
        "identities": [id(t) for t in (*model.parameters(), *model.buffers())],
        "versions": [t._version for t in (*model.parameters(), *model.buffers(), *plain_tensors(model))],
        "plain": [t.clone() for t in plain_tensors(model)],
        "own": [(id(t), t.is_leaf, t.requires_grad) for t in (*model.parameters(), *plain_tensors(model))],
        "draws": [copy.deepcopy(model.numbers).random(), copy.deepcopy(model.dice).random()],
        "attributes": [sorted(vars(module)) for module in model.modules()],
        "calls": model.calls,
        "transient": [set(module._non_persistent_buffers_set) for module in model.modules()],
        "gradients": [(id(p.grad), None if p.grad is None else p.grad.clone()) for p in model.parameters()],
        "generators": [
            torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist(), model.noise.get_state(),
        ],
        "stacks": [len(one) if isinstance(one, list) else one for one in stacks()],
        "cached": torch.is_autocast_cache_enabled(),
    }  # fmt: skip


@pytest.mark.parametrize("watched", [False, True])
@pytest.mark.parametrize("training", [False, True])
def test_nothing_is_changed(watched, training):
    memory = Memory()
    memory.strict = True
    watcher = Watcher(memory)
    model = Restless().train(training)
    model.norm.eval()
    tables = hook_tables(model)
    if watched:
        watcher.watch(model, torch.optim.SGD(model.parameters(), lr=0.1))
    batch, ids = torch.randn(3, 4), torch.tensor([1, 2])
    model.layer.weight.grad = torch.ones(4, 4)
    given = batch.clone(), ids.clone()
    during, before = hook_tables(model), everything(model)
    watcher.graph(model, (batch,), {"ids": ids, "scale": 2.0})
    assert memory.last("graph").fault is None
    assert_same(before, everything(model))
    assert_same(given, (batch, ids))
    assert batch._version == ids._version == 0
    assert hook_tables(model) == during
    graph = memory.last("graph")
    assert graph.operations
    assert graph.captured == "a forward that report.graph ran"
    assert graph.fault is None
    assert "without gradients" in graph.autograd_note
    assert [n.path for n in graph.nodes if n.kind == "input"] == ["", "ids"]
    assert not memory.taken["activation"]
    watcher.close()
    assert hook_tables(model) == tables


def test_the_generator_of_torch_goes_on_as_if_nothing_had_been_run():
    batch = torch.randn(3, 4)
    model = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5))
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    asked_graph("x", model, (batch,), {})
    assert torch.equal(torch.rand(3), expected)


def test_it_shows_the_same_as_training_does():
    batch = torch.randn(3, 4)
    model = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2))
    asked, error = asked_graph("x", model, (batch,), {})
    memory = Memory()
    watcher = Watcher(memory)
    watcher.watch(model)
    model(batch)
    watcher.close()
    trained = memory.last("graph")
    assert error is None
    assert asked.nodes == trained.nodes
    assert asked.edges == trained.edges
    assert (asked.flops, asked.parameters) == (trained.flops, trained.parameters)


def test_a_backward_pass_that_is_pending_still_works():
    model = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4).eval(), nn.Sigmoid())
    given = torch.randn(3, 4)
    plain = torch.autograd.grad(model(given).sum(), model[0].weight)[0]
    loss = model(given).sum()
    model[1].train()
    asked_graph("x", model, (torch.randn(3, 4),), {})
    loss.backward()  # which raises if a tensor it saved was written into
    assert torch.equal(model[0].weight.grad, plain)


def test_autocast_keeps_no_weight_that_was_cast_without_a_gradient():
    model = nn.Linear(4, 4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        asked_graph("x", model, (torch.randn(3, 4),), {})
        model(torch.randn(3, 4)).sum().backward()
    assert model.weight.grad is not None


def test_a_forward_that_raises_shows_how_far_it_came():
    memory = Memory()
    memory.strict = False
    watcher = Watcher(memory)
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(5, 2))
    before = copy.deepcopy(list(model.parameters()))
    watcher.graph(model, (torch.randn(3, 4),), {})
    graph = memory.last("graph")
    assert graph.captured == "a forward that report.graph ran, up to where it raised"
    assert graph.fault.code == "nn.Linear(4, 2)"
    assert [n.status for n in graph.nodes if n.kind == "module"] == ["failed", "ok", "ok", "failed"]
    ((kind, where, what),) = memory.notes
    assert (kind, where) == ("rejected", "graph")
    assert "raised RuntimeError: mat1 and mat2" in what
    assert "Change in_features of 2 from 5 to 4." in what
    assert_same(before, list(model.parameters()))
    memory.strict = True
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        watcher.graph(model, (torch.randn(3, 4),), {})
    watcher.close()
    assert stacks()[:3] == ([], [], None)


def test_an_interruption_of_it_leaves_everything_as_it_was():
    class Interrupted(nn.Module):
        def forward(self, x):
            x = x + 1
            raise KeyboardInterrupt

    before = stacks()
    tables = hook_tables(nn.Module())
    with pytest.raises(KeyboardInterrupt):
        asked_graph("x", Interrupted(), (torch.ones(1),), {})
    assert stacks() == before
    assert hook_tables(nn.Module()) == tables
    assert not asked_for()


def test_a_mode_that_the_forward_leaves_on_the_stack_stays_there_alone():
    class Own(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            return function(*args, **(kwargs or {}))

    class Leaves(nn.Module):
        def forward(self, x):
            mode.__enter__()
            return x + 1

    mode = Own()
    asked_graph("x", Leaves(), (torch.ones(1),), {})
    found = stacks()
    mode.__exit__(None, None, None)
    assert found[:2] == ([], [mode])
    assert stacks()[:2] == ([], [])


def test_lazy_modules_are_listed_and_stay_lazy():
    model = nn.Sequential(nn.LazyLinear(4), nn.ReLU())
    graph, error = asked_graph("x", model, (torch.randn(2, 3),), {})
    assert error is None
    assert nn.parameter.is_lazy(model[0].weight)
    assert [(n.path, n.status) for n in graph.nodes] == [("0", "not called"), ("1", "not called")]
    assert "lazy modules their shape (0)" in graph.notes[0]


def test_what_is_no_module_is_refused():
    watcher = Watcher(Memory())
    with pytest.raises(InvalidArgumentError, match=r"^model is .*torch\.nn\.Module"):
        watcher.graph(lambda x: x, (torch.ones(1),), {})
    watcher.close()


def test_two_models_of_one_class_have_two_names_and_watching_takes_over_the_first():
    memory = Memory()
    watcher = Watcher(memory)
    one, two = nn.Sequential(nn.Linear(2, 2)), nn.Sequential(nn.Linear(2, 3))
    for model in (one, two, one):  # the third says nothing new
        watcher.graph(model, (torch.ones(1, 2),), {})
    assert [graph.model for kind, graph in memory.records if kind == "graph"] == ["Sequential", "Sequential-2"]
    watcher.watch(one)
    one(torch.ones(1, 2))
    assert memory.last("graph").model == memory.last("model").name == "Sequential"
    assert memory.last("graph").captured == "the first training forward"
    watcher.close()


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
def test_a_transformer_in_eval_mode_shows_its_layers():
    model = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 1).eval()
    batch = torch.randn(2, 3, 8)
    with torch.no_grad():
        expected = model(batch)
    graph, _ = asked_graph("x", model, (batch,), {})
    assert "layers.0.self_attn" in [n.path for n in graph.nodes]
    with torch.no_grad():
        assert torch.equal(model(batch), expected)


@pytest.mark.parametrize("way", ["wrapped", "in place", "a part of it"])
def test_a_compiled_model_runs_uncompiled_and_is_not_compiled_again(way):
    from torch._dynamo.testing import CompileCounter

    counter = CompileCounter()
    part = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
    model = nn.Sequential(part, nn.Linear(4, 2))
    called = model
    if way == "wrapped":
        called = torch.compile(model, backend=counter)
    elif way == "in place":
        model.compile(backend=counter)
    else:
        model[0] = torch.compile(part, backend=counter)
    batch = torch.randn(3, 4)
    expected = called(batch)
    compiled = counter.frame_count
    graph, error = asked_graph("x", called, (batch,), {})
    assert error is None
    assert graph.operations
    assert sum(n.type == "Linear" for n in graph.nodes) == 2
    assert torch.equal(called(batch), expected)
    assert counter.frame_count == compiled >= 1
    torch._dynamo.reset()


def test_a_graph_that_was_asked_for_is_not_lost_to_compiling():
    memory = Memory()
    watcher = Watcher(memory)
    model = nn.Sequential(nn.Linear(4, 2))
    watcher.graph(model, (torch.ones(1, 4),), {})
    watcher.watch(torch.compile(model, backend="eager"))
    watcher.graph(model, (torch.ones(2, 4),), {})
    watcher.close()
    torch._dynamo.reset()
    captured = [graph.captured for kind, graph in memory.records if kind == "graph"]
    assert captured == ["a forward that report.graph ran"] * 2
    assert [(kind, where) for kind, where, _ in memory.notes] == [("omission", "Sequential")]


def test_scripted_models_are_shown_by_their_modules():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that scripting is deprecated
        model = nn.Sequential(torch.jit.script(nn.BatchNorm1d(3)), nn.Linear(3, 2))
    mean = model[0].running_mean.clone()
    graph, error = asked_graph("x", model, (torch.randn(4, 3) + 5,), {})
    assert error is None
    assert not graph.operations
    assert "scripted" in graph.notes[0]
    assert torch.equal(model[0].running_mean, mean)


def test_arguments_are_copied_with_what_they_are_in_and_one_tensor_stays_one():
    class Takes(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("count", torch.zeros(2))

        def forward(self, batch, pair, weight, buffer):
            seen.append((batch["x"][0] is pair[1], weight is self.weight, buffer is self.count))
            batch["x"][0].add_(1)
            batch["x"].append(1)
            pair[0].mul_(0)
            del batch["gone"]
            buffer.add_(1)
            return batch["x"][0] * weight

    seen = []
    model = Takes()
    model.weight = nn.Parameter(torch.ones(2))
    x, pair = torch.ones(2), Pair(torch.ones(2), None)
    pair = Pair(pair.left, x)
    batch = {"x": [x], "gone": 1}
    graph, error = asked_graph("x", model, (batch, pair, model.weight, model.count), {})
    assert error is None
    assert seen == [(True, True, True)]
    assert batch == {"x": [x], "gone": 1}
    assert torch.equal(x, torch.ones(2))
    assert torch.equal(pair.left, torch.ones(2))
    assert torch.equal(model.count, torch.zeros(2))
    assert [node.path for node in graph.nodes if node.kind == "operation"] == ["add", "mul", "add", "mul"]


def test_weights_that_are_not_written_into_are_not_copied():
    class Counts(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            made = function(*args, **(kwargs or {}))
            if isinstance(made, torch.Tensor) and made.numel() >= 10_000 and "clone" in str(function):
                copied.append(made)
            return made

    copied = []
    with Counts():
        asked_graph("x", nn.Linear(100, 100), (torch.ones(1, 100),), {})
    assert not copied


def test_a_buffer_given_to_a_module_is_the_models_own():
    class Positions(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(2, 2)
            self.register_buffer("positions", torch.ones(1, 2))

        def forward(self, x):
            return x + self.layer(self.positions)

    graph, _ = asked_graph("x", Positions(), (torch.ones(1, 2),), {})
    assert graph.notes == ()


def test_a_graph_of_a_whole_training_forward_stays():
    memory = Memory()
    memory.strict = False
    watcher = Watcher(memory)
    model = nn.Sequential(nn.Linear(2, 2))
    watcher.watch(model)
    for width in (2, 3, 2):  # the second raises
        watcher.graph(model, (torch.ones(1, width),), {})
    model(torch.ones(1, 2))
    for width in (2, 3, 2):
        watcher.graph(model, (torch.ones(1, width),), {})
    watcher.late_graphs()
    watcher.close()
    captured = [graph.captured for kind, graph in memory.records if kind == "graph"]
    assert captured == ["a forward that report.graph ran", "the first training forward"]
    assert len(memory.notes) == 2  # that the forwards raised is said


def test_an_evaluation_that_happens_to_be_seen_does_not_replace_a_graph_that_was_asked_for():
    memory = Memory()
    watcher = Watcher(memory)
    model = nn.Sequential(nn.Linear(2, 2)).eval()
    watcher.watch(model)
    watcher.graph(model, (torch.ones(1, 2),), {})
    model(torch.ones(1, 2))
    watcher.late_graphs()
    watcher.close()
    captured = [graph.captured for kind, graph in memory.records if kind == "graph"]
    assert captured == ["a forward that report.graph ran"]


def test_the_name_of_a_model_that_is_gone_is_not_given_to_another():
    memory = Memory()
    watcher = Watcher(memory)
    for width in (2, 3, 4):
        watcher.graph(nn.Sequential(nn.Linear(width, 2)), (torch.ones(1, width),), {})
    watcher.close()
    graphs = [graph.model for kind, graph in memory.records if kind == "graph"]
    assert graphs == ["Sequential", "Sequential-2", "Sequential-3"]


def test_a_copy_made_of_the_model_afterwards_is_whole():
    model = Restless()
    asked_graph("x", model, (torch.randn(3, 4),), {"ids": torch.tensor([1])})
    assert_same(dict(copy.deepcopy(model).state_dict()), dict(model.state_dict()))
    assert edges_of(asked_graph("x", nn.ReLU(), (torch.ones(1),), {})[0]) == [("in0", "m0"), ("m0", "out0")]
