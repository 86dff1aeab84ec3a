"""Which parameters an optimizer holds is asked of the model at snapshots, and remembered between them."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch
from torch import nn

from reportgen.collect.schedule import Schedule
from tests.collect.networks import train


@pytest.fixture
def model(monkeypatch, watcher):
    """A watched model with its optimizer, past a snapshot, before steps of which only norms are taken."""
    monkeypatch.setattr(Schedule, "snapshot", lambda self, step: step == 0)
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 2))
    model.optimizer = torch.optim.SGD(model[0].parameters(), lr=0.1)
    watcher.watch(model, model.optimizer)
    train(model, model.optimizer, torch.randn(4, 3), 1)
    return model


def test_a_step_between_snapshots_asks_no_model(memory, model, monkeypatch):
    def asked(*args, **kwargs):
        raise AssertionError("asked the model")

    monkeypatch.setattr(nn.Module, "named_parameters", asked)
    train(model, model.optimizer, torch.randn(4, 3), 3)
    assert [step for step, _ in memory.measured["weight_norm"]["0.weight"]] == [0, 1, 2, 3]
    assert [step for step, _ in memory.measured["update_ratio"]["0.bias"]][-3:] == [1, 2, 3]


def test_parameters_that_are_added_are_seen_at_the_next_step(memory, model):
    model.optimizer.add_param_group({"params": list(model[1].parameters())})
    train(model, model.optimizer, torch.randn(4, 3), 1)
    assert [step for step, _ in memory.measured["weight_norm"]["1.weight"]] == [1]


def test_a_layer_that_is_replaced_is_seen_under_its_name_once_the_optimizer_holds_it(memory, model):
    old = weakref.ref(model[0].weight)
    model[0] = nn.Linear(3, 3)
    model.optimizer.param_groups[0]["params"] = list(model[0].parameters())
    model.optimizer.state.clear()
    gc.collect()
    assert old() is None  # what is remembered keeps nothing alive
    train(model, model.optimizer, torch.randn(4, 3), 1)
    assert memory.measured["gradient_norm"]["0.weight"][-1] == (
        1,
        pytest.approx(model[0].weight.grad.norm().item(), rel=1e-5),
    )


def test_names_change_when_another_model_is_watched(memory, watcher, model):
    other = nn.Linear(2, 2)
    watcher.watch(other, torch.optim.SGD(other.parameters(), lr=0.1), name="other")
    train(model, model.optimizer, torch.randn(4, 3), 1)
    assert [step for step, _ in memory.measured["weight_norm"]["Sequential/0.weight"]] == [1]
