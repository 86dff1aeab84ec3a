"""While a CUDA graph is captured, nothing of ours is computed: it would be in the graph, or break the capture."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from reportgen.collect import forward_hooks, step_hooks, watch
from reportgen.collect.activations import Activations
from tests.collect.networks import train


@pytest.fixture
def capture(monkeypatch):
    """Begins and ends a capture, as far as our code can tell."""

    def set_to(captures):
        for module in (forward_hooks, step_hooks, watch):
            monkeypatch.setattr(module, "capturing", lambda: captures)

    return set_to


def fail(*args, **kwargs):
    raise AssertionError("computed something")


def test_a_captured_step_is_not_looked_at_and_the_next_one_is(memory, watcher, capture, monkeypatch):
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    watcher.watch(model, optimizer)
    train(model, optimizer, torch.randn(5, 3), 1)
    capture(True)
    with monkeypatch.context() as patch:
        patch.setattr(watcher._work.later, "arrays", fail)
        patch.setattr(watcher._work.later, "distributions", fail)
        train(model, optimizer, torch.randn(5, 3), 1)
    capture(False)
    train(model, optimizer, torch.randn(5, 3), 1)
    assert [step for step, _ in memory.taken["weight"]["0.weight"]] == [0, 2]
    assert [step for step, _ in memory.taken["activation"]["1"]] == [0, 2]


def test_a_forward_that_was_interrupted_sees_nothing_of_a_capture(memory, watcher, capture, monkeypatch):
    class Interrupted(nn.Module):
        interrupts = False

        def forward(self, x):
            if self.interrupts:
                raise KeyboardInterrupt
            return x

    model = nn.Sequential(nn.Linear(3, 3), Interrupted())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    watcher.watch(model, optimizer)
    train(model, optimizer, torch.randn(2, 3), 1)
    model[1].interrupts = True
    with pytest.raises(KeyboardInterrupt):
        model(torch.randn(2, 3))
    model[1].interrupts = False
    capture(True)
    monkeypatch.setattr(Activations, "take", fail)
    model[0](torch.randn(2, 3))  # a part of it alone
    model(torch.randn(2, 3))


def test_a_snapshot_and_a_histogram_during_a_capture_are_refused_with_what_to_do(memory, watcher, capture, monkeypatch):
    class OnDevice(torch.Tensor):
        is_cuda = True

    watcher.watch(nn.Linear(2, 2))
    capture(True)
    watcher.snapshot()
    watcher.histogram("mine", torch.zeros(3).as_subclass(OnDevice))
    watcher.histogram("host", torch.zeros(3))
    assert [(where, "after replay()" in what) for _, where, what in memory.notes] == [
        ("snapshot", True),
        ("histogram 'mine'", True),
    ]
    assert not memory.taken["weight"]
    assert set(memory.taken["histogram"]) == {"host"}
