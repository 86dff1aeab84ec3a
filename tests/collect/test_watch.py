from __future__ import annotations

import gc
import weakref

import pytest
import torch
from torch import nn

from reportgen.collect.watch import Watcher
from reportgen.errors import InvalidArgumentError
from tests.collect.memory import Memory
from tests.collect.networks import DigitsNet, train


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
