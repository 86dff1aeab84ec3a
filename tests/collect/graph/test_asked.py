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

from reportgen.collect.graph.asked import asked_for, asked_graph
from reportgen.collect.watch import Watcher
from reportgen.errors import InvalidArgumentError
from tests.collect.graph.test_capture import edges_of
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

    def forward(self, x, ids=None, *, scale=1.0):
        self.calls += 1
        self.latest = x
        self.count += 1
        self.cache.resize_(7).fill_(2)
        self.replaced = torch.ones(3)
        self.register_buffer("late", torch.ones(1), persistent=False)
        self.drop.eval()
        x = x + torch.rand(4, generator=self.noise) * random.random() * np.random.rand()
        return self.spectral(self.drop(F.dropout(self.norm(self.layer(x)), 0.3))) * scale + self.table(ids).sum()


def everything(model):
    return {
        "flags": [module.training for module in model.modules()],
        "state": {k: v.clone() for k, v in model.state_dict().items()},
        "buffers": {k: v.clone() for k, v in model.named_buffers()},
        "identities": [id(t) for t in (*model.parameters(), *model.buffers())],
        "versions": [t._version for t in (*model.parameters(), *model.buffers())],
        "attributes": [sorted(vars(module)) for module in model.modules()],
        "calls": model.calls,
        "transient": [set(module._non_persistent_buffers_set) for module in model.modules()],
        "gradients": [p.grad for p in model.parameters()],
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
    watcher = Watcher(memory)
    model = Restless().train(training)
    model.norm.eval()
    tables = hook_tables(model)
    if watched:
        watcher.watch(model, torch.optim.SGD(model.parameters(), lr=0.1))
    batch = torch.randn(3, 4)
    during, before = hook_tables(model), everything(model)
    watcher.graph(model, (batch,), {"ids": torch.tensor([1, 2]), "scale": 2.0})
    assert_same(before, everything(model))
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
    loss = model(torch.randn(3, 4)).sum()
    model[1].train()
    asked_graph("x", model, (torch.randn(3, 4),), {})
    loss.backward()


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


def test_a_copy_made_of_the_model_afterwards_is_whole():
    model = Restless()
    asked_graph("x", model, (torch.randn(3, 4),), {"ids": torch.tensor([1])})
    assert_same(dict(copy.deepcopy(model).state_dict()), dict(model.state_dict()))
    assert edges_of(asked_graph("x", nn.ReLU(), (torch.ones(1),), {})[0]) == [("in0", "m0"), ("m0", "out0")]
