from __future__ import annotations

import math
from dataclasses import dataclass

import pytest
import torch
from torch import nn

from tests.collect.networks import train


def test_lbfgs_with_many_forwards_a_step_is_seen_once_a_step(memory, watcher):
    model = nn.Linear(3, 1)
    optimizer = torch.optim.LBFGS(model.parameters(), max_iter=5)
    watcher.watch(model, optimizer)
    batch, forwards = torch.randn(8, 3), []

    def closure():
        optimizer.zero_grad()
        loss = model(batch).square().mean()
        loss.backward()
        forwards.append(1)
        return loss

    for _ in range(2):
        optimizer.step(closure)
    assert len(forwards) > 2
    assert [step for step, _ in memory.taken["activation"]["Linear"]] == [0, 1]
    assert [step for step, _ in memory.measured["gradient_norm"]["weight"]] == [0, 1]
    assert memory.measured["gradient_norm"]["weight"][-1][1] == pytest.approx(model.weight.grad.norm().item())
    assert memory.optimizer_step == 2


def test_gradients_that_accumulate_are_taken_as_the_optimizer_sees_them(memory, watcher):
    model = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    watcher.watch(model, optimizer)
    for _ in range(4):
        model(torch.randn(2, 3)).sum().backward()
    seen = model.weight.grad.norm().item()
    optimizer.step()
    assert memory.measured["gradient_norm"]["weight"] == [(0, pytest.approx(seen))]
    assert [step for step, _ in memory.taken["activation"]["Linear"]] == [0]


def test_a_step_that_a_scaler_skips_is_not_counted(memory, watcher):
    model = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=8.0)
    watcher.watch(model, optimizer, scaler=scaler)
    for factor in (math.inf, 1.0):
        optimizer.zero_grad()
        scaler.scale(model(torch.randn(2, 3)).sum() * factor).backward()
        scaler.step(optimizer)
        scaler.update()
    assert memory.optimizer_step == 1
    assert memory.measured["loss_scale"]["scaler"] == [(0, 4.0)]
    assert memory.measured["gradient_norm"]["weight"][0][1] == pytest.approx(model.weight.grad.norm().item())


def test_a_fused_optimizer_with_a_scaler_has_its_gradients_unscaled_in_the_record(memory, watcher):
    model = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0, fused=True)
    watcher.watch(model, optimizer)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    batch = torch.randn(2, 3)
    scaler.scale(model(batch).sum()).backward()
    scaler.step(optimizer)
    assert memory.measured["gradient_norm"]["weight"][0][1] == pytest.approx(batch.sum(0).norm().item(), rel=1e-4)


def test_a_learning_rate_of_several_numbers_is_left_out_and_the_step_goes_on(memory, watcher):
    class PerRow(torch.optim.Optimizer):
        def __init__(self, parameters):
            super().__init__(parameters, {"lr": torch.tensor([[0.1], [0.2]])})

        @torch.no_grad()
        def step(self, closure=None):
            for group in self.param_groups:
                for parameter in group["params"]:
                    parameter -= group["lr"] * parameter.grad

    model = nn.Linear(3, 2, bias=False)
    optimizer = PerRow(model.parameters())
    watcher.watch(model, optimizer)
    model(torch.randn(2, 3)).sum().backward()
    optimizer.step()
    assert memory.optimizer_step == 1
    assert "learning_rate" not in memory.measured


def test_the_optimizer_that_steps_is_found_when_none_is_given(memory, watcher):
    model = nn.Linear(3, 1)
    stranger = torch.optim.SGD(nn.Linear(2, 2).parameters(), lr=1.0)
    watcher.watch(model)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for parameter in stranger.param_groups[0]["params"]:
        parameter.grad = torch.ones_like(parameter)
    stranger.step()
    assert memory.optimizer_step == 0
    train(model, optimizer, torch.randn(4, 3), 3)
    assert memory.optimizer_step == 3
    assert [step for step, _ in memory.measured["update_ratio"]["weight"]] == [0, 1, 2]
    assert memory.last("model").optimizers == ("Adam",)


def test_a_loop_that_never_steps_is_followed_by_its_forwards(memory, watcher):
    model = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(nn.Linear(3, 1).parameters(), lr=0.1)  # the wrong one
    watcher.watch(model, optimizer)
    for _ in range(140):
        model.zero_grad()
        model(torch.randn(4, 3)).sum().backward()
        with torch.no_grad():
            model.weight -= 0.1 * model.weight.grad
    assert memory.optimizer_step == 0
    assert [step for step, _ in memory.taken["weight"]["weight"]] == [74, 97, 128]
    steps = [step for step, _ in memory.taken["activation"]["Linear"]]
    assert steps[0] == 0
    assert len(steps) <= 4


def test_several_optimizers_of_one_model_each_bring_their_parameters(memory, watcher):
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 1))
    both = [torch.optim.SGD(model[0].parameters(), lr=0.1), torch.optim.SGD(model[1].parameters(), lr=0.2)]
    watcher.watch(model, both)
    for _ in range(3):
        model(torch.randn(4, 3)).sum().backward()
        for optimizer in both:
            optimizer.step()
    assert memory.optimizer_step == 3
    for name in ("0.weight", "1.weight"):
        assert [step for step, _ in memory.measured["update_ratio"][name]] == [0, 1, 2]
    assert memory.measured["learning_rate"] == {
        "group 0": [(0, 0.1), (1, 0.1), (2, 0.1)],
        "group 1": [(0, 0.2), (1, 0.2), (2, 0.2)],
    }
    assert [p.group for p in memory.last("model").parameters] == [0, 0, 1, 1]


def test_several_models_have_their_names_in_front(memory, watcher):
    one, two = nn.Linear(2, 2), nn.Linear(2, 2)
    first, second = (torch.optim.SGD(m.parameters(), lr=0.1) for m in (one, two))
    watcher.watch(one, first, name="generator")
    watcher.watch(two, second, name="critic")
    train(one, first, torch.randn(2, 2), 1)
    train(two, second, torch.randn(2, 2), 2)
    assert set(memory.taken["weight"]) == {"generator/weight", "generator/bias", "critic/weight", "critic/bias"}
    assert memory.optimizer_step == 1  # of the first model's optimizer
    assert [graph.model for kind, graph in memory.records if kind == "graph"] == ["generator", "critic"]


def test_what_no_optimizer_changes_is_recorded_once(memory, watcher):
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 1))
    model[0].requires_grad_(False)
    optimizer = torch.optim.SGD(model[1].parameters(), lr=0.1)
    watcher.watch(model, optimizer)
    train(model, optimizer, torch.randn(4, 3), 5)
    assert [step for step, _ in memory.taken["weight"]["0.weight"]] == [0]
    assert len(memory.taken["weight"]["1.weight"]) == 5
    assert "0.weight" not in memory.taken["gradient"]
    frozen = memory.last("model").parameters[0]
    assert (frozen.trainable, frozen.group) == (False, None)


def test_tied_and_never_used_parameters_and_sparse_gradients(memory, watcher):
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(10, 4, sparse=True)
            self.unused = nn.Linear(4, 4)
            self.out = nn.Linear(4, 10, bias=False)
            self.copy = self.out

        def forward(self, x):
            return self.copy(self.embedding(x))

    model = Tied()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    watcher.watch(model, optimizer)
    train(model, optimizer, torch.tensor([[1, 2, 2]]), 1)
    ((_, gradient),) = memory.taken["gradient"]["embedding.weight"]
    assert gradient.count == 40
    assert gradient.zeros >= 32
    assert memory.measured["gradient_norm"]["embedding.weight"][0][1] == pytest.approx(
        model.embedding.weight.grad.to_dense().norm().item(), rel=1e-5
    )
    assert "unused.weight" not in memory.taken["gradient"]
    tied = {p.name: p.tied_to for p in memory.last("model").parameters}
    assert tied["copy.weight"] == "out.weight"
    assert tied["out.weight"] == ""


def test_lazy_layers_are_recorded_again_once_they_have_a_shape(memory, watcher):
    model = nn.Sequential(nn.LazyLinear(4), nn.ReLU(), nn.LazyLinear(2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    watcher.watch(model, optimizer)
    assert memory.last("model").parameters[0].shape == ()
    train(model, optimizer, torch.randn(5, 3), 2)
    assert memory.last("model").parameters[0].shape == (4, 3)
    assert memory.last("model").modules["0"] == "Linear"
    assert set(memory.taken["weight"]) == {"0.weight", "0.bias", "2.weight", "2.bias"}
    graph = memory.last("graph")
    assert graph.parameters == sum(node.parameters for node in graph.nodes) == 4 * 3 + 4 + 2 * 4 + 2
    assert [node.type for node in graph.nodes if node.path == "0" and node.kind == "module"] == ["Linear"]


def test_outputs_of_every_structure_are_looked_into(memory, watcher):
    @dataclass
    class Out:
        logits: torch.Tensor
        extra: object = None

    class Recurrent(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm = nn.LSTM(3, 5, batch_first=True)
            self.nothing = Nothing()
            self.mapping = Mapping()

        def forward(self, *, x):
            y, _ = self.lstm(x)
            self.nothing(y)
            return Out(self.mapping(y)["y"])

    class Nothing(nn.Module):
        def forward(self, x):
            return None

    class Mapping(nn.Module):
        def forward(self, x):
            return {"y": x * 2, "n": 3}

    model = Recurrent()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    watcher.watch(model, optimizer)
    model(x=torch.randn(2, 4, 3)).logits.sum().backward()
    optimizer.step()
    assert set(memory.taken["activation"]) == {"lstm", "mapping"}
    assert memory.taken["activation"]["lstm"][0][1].count == 2 * 4 * 5


def test_a_module_called_several_times_adds_its_calls_up(memory, watcher):
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(3, 3)
            self.relu = nn.ReLU()

        def forward(self, x):
            return self.relu(self.layer(self.relu(self.layer(x))))

    model = Twice()
    watcher.watch(model, torch.optim.SGD(model.parameters(), lr=0.1))
    model(torch.randn(4, 3)).sum().backward()
    assert memory.taken["activation"]["layer"][0][1].count == 2 * 4 * 3
    assert set(memory.measured["dead_share"]) == {"relu"}


def test_a_model_without_parameters_and_one_on_the_meta_device(memory, watcher):
    empty, meta = nn.Sequential(nn.Flatten(), nn.ReLU()), nn.Linear(3, 3, device="meta")
    watcher.watch(empty, name="empty")
    watcher.watch(meta, torch.optim.SGD(meta.parameters(), lr=0.1), name="meta")
    empty(torch.randn(2, 3))
    meta(torch.zeros(2, 3, device="meta"))
    watcher.snapshot()
    assert set(memory.taken["activation"]) == {"empty/0", "empty/1"}
    assert not memory.taken["weight"]
    graphs = {graph.model: graph for kind, graph in memory.records if kind == "graph"}
    assert (graphs["empty"].parameters, graphs["empty"].flops, graphs["meta"].parameters) == (0, 0, 12)
    assert any("meta device" in what for _, _, what in memory.notes)


def test_bfloat16_weights_and_gradients(memory, watcher):
    model = nn.Linear(64, 64, dtype=torch.bfloat16)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    watcher.watch(model, optimizer)
    train(model, optimizer, torch.randn(4, 64, dtype=torch.bfloat16), 1)
    norm = model.weight.grad.float().norm().item()
    assert memory.measured["gradient_norm"]["weight"][0][1] == pytest.approx(norm, rel=1e-3)
    assert math.isfinite(memory.measured["update_ratio"]["weight"][0][1])
