from __future__ import annotations

import gc
import math
import weakref
from dataclasses import dataclass

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from reportgen.collect.watch import Watcher
from reportgen.errors import InvalidArgumentError
from tests.collect.memory import Memory


class DigitsNet(nn.Module):
    """Convolutions whose rectifiers are functions, not modules."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 4, 3)
        self.conv2 = nn.Conv2d(4, 6, 3)
        self.fc1 = nn.Linear(6 * 4, 8)
        self.fc2 = nn.Linear(8, 3)

    def forward(self, x):
        x = F.relu(self.conv2(F.relu(self.conv1(x))))
        x = torch.flatten(F.avg_pool2d(x, 2), 1)
        return self.fc2(torch.tanh(self.fc1(x)))


def train(model, optimizer, batch, steps, loss=lambda output: output.square().mean()):
    for _ in range(steps):
        optimizer.zero_grad()
        loss(model(batch)).backward()
        optimizer.step()


@pytest.fixture
def memory():
    return Memory()


@pytest.fixture
def watcher(memory):
    watching = Watcher(memory)
    yield watching
    watching.close()


def test_a_step_brings_weights_gradients_activations_norms_and_ratios(memory, watcher):
    torch.manual_seed(0)
    model = DigitsNet()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    watcher.watch(model, optimizer, nn.CrossEntropyLoss(label_smoothing=0.1))
    start = {name: p.detach().clone() for name, p in model.named_parameters()}
    batch = torch.randn(5, 1, 8, 8)
    train(model, optimizer, batch, 1)

    names = set(start)
    assert set(memory.taken["weight"]) == set(memory.taken["gradient"]) == names
    assert set(memory.taken["activation"]) == {"conv1", "conv2", "fc1", "fc2"}
    for name, before in start.items():
        ((step, weights),) = memory.taken["weight"][name]
        assert step == 0
        assert weights.norm == pytest.approx(before.norm().item(), rel=1e-5)
        gradient = dict(model.named_parameters())[name].grad
        assert memory.taken["gradient"][name][0][1].norm == pytest.approx(gradient.norm().item(), rel=1e-5)
        assert memory.measured["gradient_norm"][name] == [(0, pytest.approx(gradient.norm().item(), rel=1e-5))]
        ratio = 0.1 * gradient.norm() / before.norm()
        assert memory.measured["update_ratio"][name] == [(0, pytest.approx(ratio.item(), rel=1e-4))]
        assert memory.measured["weight_norm"][name] == [(0, pytest.approx(before.norm().item(), rel=1e-5))]
    assert memory.measured["learning_rate"] == {"group 0": [(0, 0.1)]}
    assert memory.optimizer_step == 1
    record = memory.last("model")
    assert record.type == record.name == "DigitsNet"
    assert record.criterion == "CrossEntropyLoss(ignore_index=-100, label_smoothing=0.1, reduction='mean')"
    assert record.optimizers == ("SGD",)
    assert record.groups[0]["lr"] == 0.1
    assert [p.group for p in record.parameters] == [0] * 8
    assert memory.notes == []


def test_a_hundred_steps_are_enough_and_the_schedule_is_kept(memory, watcher):
    model = nn.Linear(3, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    watcher.watch(model, optimizer)
    train(model, optimizer, torch.randn(4, 3), 100)
    steps = [step for step, _ in memory.taken["weight"]["weight"]]
    assert len(steps) >= 10
    assert steps[:9] == [0, 1, 2, 3, 4, 5, 6, 7, 8]
    assert {step for step, _ in memory.taken["gradient"]["weight"]} == set(steps)
    assert set(memory.taken["activation"]) == {"Linear"}  # a model that is one layer goes by its own name
    assert len(memory.measured["update_ratio"]["weight"]) > len(steps)
    assert memory.optimizer_step == 100


def test_dead_units_are_counted_behind_modules_and_behind_functions(memory, watcher):
    model = DigitsNet()
    with torch.no_grad():
        model.conv1.weight[1] = 0
        model.conv1.bias[1] = -1  # this channel never gives anything
        model.conv2.weight.zero_()
        model.conv2.bias.copy_(torch.tensor([1.0, -1, -1, -1, 1, 0]))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    watcher.watch(model, optimizer)
    train(model, optimizer, torch.rand(5, 1, 8, 8), 2)
    assert memory.measured["dead_share"]["conv1"][-1][1] >= 1 / 4
    assert memory.measured["dead_share"]["conv2"] == [(1, pytest.approx(4 / 6))]
    assert set(memory.measured["dead_share"]) == {"conv1", "conv2"}
    assert set(memory.measured["saturated_share"]) == {"fc1"}

    other = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 2), nn.Sigmoid())
    with torch.no_grad():
        other[0].weight.zero_()
        other[0].bias.copy_(torch.tensor([1.0, -1, -1, 0]))
        other[2].weight.zero_()
        other[2].bias.copy_(torch.tensor([9.0, 0.0]))
    second = torch.optim.SGD(other.parameters(), lr=0.0)
    watcher.watch(other, second, name="other")
    train(other, second, torch.randn(7, 2), 1)
    assert memory.measured["dead_share"]["other/1"] == [(0, pytest.approx(3 / 4))]
    assert memory.measured["saturated_share"]["other/3"] == [(0, pytest.approx(0.5))]


def test_units_lie_last_after_linear_layers_of_a_sequence(memory, watcher):
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU())
    with torch.no_grad():
        model[0].weight.zero_()
        model[0].bias.copy_(torch.tensor([1.0, 1, 1, -1]))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    watcher.watch(model, optimizer)
    train(model, optimizer, torch.randn(2, 10, 3), 1)
    assert memory.measured["dead_share"]["1"] == [(0, pytest.approx(1 / 4))]


def test_only_training_forwards_of_the_model_itself_count(memory, watcher):
    import copy

    model = nn.Sequential(nn.Linear(3, 3), nn.ReLU())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    watcher.watch(model, optimizer)
    batch = torch.randn(4, 3)
    model.eval()
    model(batch)
    model.train()
    with torch.no_grad():
        model(batch)
    model[0](batch)  # a part of it, called alone
    copy.deepcopy(model)(batch)
    assert memory.taken["activation"] == {}
    assert [kind for kind, _ in memory.records] == ["model"]
    model(batch)
    assert set(memory.taken["activation"]) == {"0", "1"}


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


def test_a_snapshot_on_demand_takes_what_is_there_now(memory, watcher):
    model = nn.Linear(3, 2)
    watcher.watch(model)
    watcher.snapshot(step=7)
    assert memory.taken["weight"]["weight"][0][0] == 7
    assert memory.taken["gradient"] == {}
    model(torch.randn(2, 3)).sum().backward()
    watcher.snapshot(step=8)
    assert memory.taken["gradient"]["weight"][-1][0] == 8


def test_histograms_of_the_users_own(memory, watcher):
    import numpy as np

    for values in (torch.arange(5.0), np.arange(5), [0, 1, 2, 3, 4]):
        watcher.histogram("mine", values, step=3)
    assert [one.total for _, one in memory.taken["histogram"]["mine"]] == [10.0, 10.0, 10.0]
    with pytest.raises(InvalidArgumentError, match="values"):
        watcher.histogram("mine", "text")
    watcher.histogram("mine", torch.zeros(3, device="meta"))
    assert "meta device" in memory.notes[0][2]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"model": 3}, "model"),
        ({"model": nn.Linear(1, 1), "optimizer": 3}, "optimizer"),
        ({"model": nn.Linear(1, 1), "optimizer": ["x"]}, "optimizer"),
        ({"model": nn.Linear(1, 1), "criterion": 3}, "criterion"),
        ({"model": nn.Linear(1, 1), "scaler": 3}, "scaler"),
        ({"model": nn.Linear(1, 1), "scheduler": 3}, "scheduler"),
    ],
)
def test_a_wrong_argument_is_named(watcher, arguments, named):
    with pytest.raises(InvalidArgumentError, match=f"^{named} is "):
        watcher.watch(**arguments)


def test_watching_twice_is_refused(watcher):
    model = nn.Linear(1, 1)
    watcher.watch(model)
    with pytest.raises(InvalidArgumentError, match="once is enough"):
        watcher.watch(model)


def test_a_scheduler_is_recorded_and_its_rates_where_they_move(memory, watcher):
    model = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 50)
    watcher.watch(model, optimizer, scheduler=scheduler)
    for _ in range(120):
        train(model, optimizer, torch.randn(2, 3), 1)
        scheduler.step()
    assert memory.last("model").scheduler.startswith("StepLR(")
    rates = memory.measured["learning_rate"]["group 0"]
    assert (50, pytest.approx(0.01)) in rates
    assert (100, pytest.approx(0.001)) in rates
    assert len(rates) < 60


def test_where_an_exception_was_raised_is_read_from_its_frames(memory, watcher):
    class Broken(nn.Module):
        def forward(self, x):
            raise ValueError("no")

    model = nn.Sequential(nn.Identity(), nn.Sequential(nn.Identity(), Broken()))
    watcher.watch(model)
    with pytest.raises(ValueError, match="no") as raised:
        model(torch.randn(2))
    assert watcher.current_module(raised.value) == "1.1"
    try:
        model(torch.randn(2))
    except ValueError:
        assert watcher.current_module() == "1.1"
    assert watcher.current_module(ValueError("elsewhere")) == ""


def test_the_model_and_its_tensors_are_not_kept_alive(memory, watcher):
    model = DigitsNet()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    watcher.watch(model, optimizer)
    batch = torch.randn(2, 1, 8, 8)
    train(model, optimizer, batch, 2)
    held = [weakref.ref(thing) for thing in (model, optimizer, model.conv1.weight, batch)]
    del model, optimizer, batch
    gc.collect()
    assert [reference() for reference in held] == [None] * 4
    watcher.snapshot()  # with nothing left to look at
    nn.Linear(2, 2)(torch.randn(1, 2))


def test_a_failure_of_ours_ends_that_look_and_not_the_forward(tmp_path):
    import time
    import warnings

    from reportgen.collect.recorder import Recorder
    from reportgen.errors import ReportgenWarning
    from reportgen.run.folder import create_folder
    from reportgen.run.records import Meta

    class Hostile(nn.Linear):
        def extra_repr(self):
            raise RuntimeError("no")

        def parameters(self, recurse=True):
            raise RuntimeError("broken on purpose")

    recorder = Recorder(create_folder("t", tmp_path / "run"), Meta("t", "running", time.time()))
    watcher = Watcher(recorder)
    model = nn.Sequential(nn.Linear(3, 3), Hostile(3, 3))
    optimizer = torch.optim.SGD(nn.Module.parameters(model), lr=0.1)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        watcher.watch(model, optimizer)
        for _ in range(3):
            optimizer.zero_grad()
            model(torch.randn(2, 3)).sum().backward()
            optimizer.step()
        watcher.close()
        recorder.close()
    assert any(issubclass(w.category, ReportgenWarning) and "broken on purpose" in str(w.message) for w in caught)
    assert len(caught) <= 3


def test_what_lies_on_an_accelerator_is_read_at_the_flush_and_is_what_it_was():
    def watched_run(hold):
        memory = Memory()
        watcher = Watcher(memory)
        watcher._work.later.hold = hold
        torch.manual_seed(0)
        model = DigitsNet()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        watcher.watch(model, optimizer)
        train(model, optimizer, torch.randn(5, 1, 8, 8), 3)
        written = bool(memory.taken["weight"] or memory.measured["gradient_norm"])
        assert written is not hold
        for fetch in memory.before_flush:
            fetch()
        watcher.close()
        return memory

    at_once, held = watched_run(False), watched_run(True)
    assert at_once.measured == held.measured
    assert at_once.taken.keys() == held.taken.keys()
    for kind, names in at_once.taken.items():
        for name, taken in names.items():
            for (step, one), (step_held, other) in zip(taken, held.taken[kind][name], strict=True):
                assert (step, one.count, one.bins, one.counts, one.minimum, one.zeros) == (
                    step_held, other.count, other.bins, other.counts, other.minimum, other.zeros,
                )  # fmt: skip
                assert one.squares == pytest.approx(other.squares, rel=1e-5)
