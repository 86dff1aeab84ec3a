"""Forwards that do what few do: all of it goes as it does without us."""

from __future__ import annotations

import threading
from collections.abc import Mapping

import pytest
import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils.checkpoint import checkpoint

from reportgen.collect.recorder import Recorder
from reportgen.collect.structure import MOST_ITEMS, arguments, tensors_in
from reportgen.collect.watch import Watcher
from reportgen.readers.folder import read_folder
from reportgen.run.folder import create_folder
from reportgen.run.records import Meta


@pytest.fixture
def watching(tmp_path):
    """A strict watcher, and what gives the graphs it recorded."""
    recorder = Recorder(create_folder("t", tmp_path / "run"), Meta("t", "running", 0.0), strict=True)
    watcher = Watcher(recorder)

    def graphs():
        recorder.flush()
        return read_folder(tmp_path / "run").graphs

    yield watcher, graphs
    watcher.close()
    recorder.close()


class Around(nn.Module):
    """A layer, and whatever `then` does with what it makes."""

    def __init__(self, then):
        super().__init__()
        self.layer = nn.Linear(8, 8)
        self.then = then

    def forward(self, x):
        return self.then(self, x)


def differentiated(function):
    def then(model, x):
        made = model.layer(x)
        return torch.autograd.grad(function(made).sum(), made, create_graph=True)[0]

    return then


def recomputed(model, x):
    return checkpoint(lambda given: differentiated(lambda made: made.cumprod(1))(model, given), x, use_reentrant=False)


def backward_inside(model, x):
    made = model.layer(x)
    torch.autograd.backward(made.prod(1).sum(), inputs=[model.layer.weight], retain_graph=True)
    return made


# In these torch's formulas for the gradient take another way while a mode of dispatch is there.
INSIDE = {
    "cumprod": differentiated(lambda made: made.cumprod(1)),
    "prod": differentiated(lambda made: made.prod(1)),
    "det": differentiated(lambda made: torch.linalg.det(made @ made.mT)),
    "recomputed": recomputed,
    "backward": backward_inside,
}


@pytest.mark.parametrize("name", INSIDE)
def test_autograd_inside_a_captured_forward_is_bit_equal(watching, name):
    watcher, graphs = watching

    def gradients(watched):
        torch.manual_seed(3)
        model = Around(INSIDE[name])
        if watched:
            watcher.watch(model)
        x = torch.randn(4, 8)
        x[0, 3] = 0.0
        output = model(x)
        output.square().sum().backward()
        return [output, *(p.grad for p in model.parameters())]

    for plain, seen in zip(gradients(False), gradients(True), strict=True):
        assert torch.equal(plain, seen)
    (graph,) = graphs()
    assert graph.operations
    assert torch._C._len_torch_dispatch_stack() == 0


@pytest.mark.filterwarnings("ignore:.*torch.jit.trace.*:FutureWarning")
def test_tracing_inside_a_forward_is_left_alone_and_the_next_gives_the_graph(watching):
    watcher, graphs = watching
    traced = []

    def then(model, x):
        if not traced:
            traced.append(torch.jit.trace(lambda given: torch.relu(given) * 2, (x,)))  # checks its own trace
        return model.layer(traced[0](x))

    model = Around(then)
    watcher.watch(model)
    for _ in range(2):
        model(torch.randn(4, 8)).sum().backward()
    (graph,) = graphs()
    assert [node.path for node in graph.nodes if node.kind == "operation"] == ["relu", "mul"]
    assert "aten::size" not in str(traced[0].graph)


class Drawn(Mapping):
    """A batch that is made when it is asked for, from random numbers."""

    def __getitem__(self, name):
        return torch.randn(4, 8)

    def __iter__(self):
        return iter(["x"])

    def __len__(self):
        return 1


def test_a_mapping_that_makes_what_it_is_asked_for_is_not_asked(watching):
    watcher, _ = watching
    model = Around(lambda model, batch: model.layer(batch["x"]))
    watcher.watch(model)
    torch.manual_seed(5)
    model(Drawn())
    left = torch.get_rng_state()
    torch.manual_seed(5)
    torch.randn(4, 8)
    assert torch.equal(torch.get_rng_state(), left)


class Counting(TorchFunctionMode):
    def __init__(self):
        super().__init__()
        self.called = []

    def __torch_function__(self, func, types, args=(), kwargs=None):
        self.called.append(func.__name__)
        return func(*args, **(kwargs or {}))


def test_a_mode_of_the_user_sees_the_forward_and_nothing_of_ours(watching):
    watcher, graphs = watching
    inside = []

    def then(model, x):
        with Counting() as mode:
            made = torch.relu(model.layer(x))
        inside.append(mode.called)
        return made

    model = Around(then)
    model(torch.randn(4, 8)).sum().backward()
    watcher.watch(model)
    model(torch.randn(4, 8)).sum().backward()
    assert inside[1] == inside[0]
    assert graphs()


def test_a_model_that_calls_itself_has_one_graph(watching):
    watcher, graphs = watching
    model = Around(lambda model, x: model(x[:2]) if len(x) > 2 else torch.tanh(model.layer(x)))
    watcher.watch(model)
    model(torch.randn(4, 8)).sum().backward()
    (graph,) = graphs()
    calls = [node for node in graph.nodes if node.kind == "module" and node.path == ""]
    assert [node.call for node in calls] == [1, 2]
    assert all(node.status == "ok" for node in graph.nodes)


def test_two_threads_in_a_model_leave_one_whole_graph(watching):
    watcher, graphs = watching
    both = threading.Barrier(2)

    def then(model, x):
        made = model.layer(x)
        both.wait(30)
        return torch.relu(made)

    model = Around(then)
    watcher.watch(model)
    threads = [threading.Thread(target=lambda: model(torch.randn(4, 8))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (graph,) = graphs()
    assert [node.path for node in graph.nodes if node.kind in ("module", "operation")] == ["", "layer", "relu"]


def test_long_lists_are_looked_at_from_their_beginning_only():
    last = torch.ones(1)
    assert tensors_in([1.0] * (MOST_ITEMS - 1) + [last]) == [(str(MOST_ITEMS - 1), last)]
    assert tensors_in([1.0] * MOST_ITEMS + [last]) == []
    assert arguments(([1.0] * MOST_ITEMS, last), {"mask": last}) == []
    assert [place for place, _ in arguments((last,), {"mask": last})] == ["", "mask"]
