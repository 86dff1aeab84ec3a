"""Long trainings: between looks most forwards are only counted, and nothing is missed by that."""

from __future__ import annotations

import copy
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from reportgen.collect.evidence import root_calls
from reportgen.collect.evidence.root_calls import SETTLED
from reportgen.collect.watch import Watcher
from tests.collect.memory import Memory

# Nothing is due from step 260 to 293: 256 begins a burst, and 294 is a snapshot.
LONG, LATE = 300, 275


class Net(nn.Module):
    """`between` is applied to what the first layer gives at forward `at`."""

    def __init__(self, at=-1, between=lambda x: x):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.bn, self.out = nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 3)
        self.at, self.between, self.calls = at, between, 0

    def forward(self, x):
        self.calls += 1
        x = self.first(x)
        return self.out(self.bn(self.between(x) if self.calls - 1 == self.at else x).relu())


class PinnedLoss(nn.Module):
    """Gives `value` for the loss of call `at`."""

    def __init__(self, at=-1, value=math.nan):
        super().__init__()
        self.at, self.value, self.calls = at, value, 0

    def forward(self, logits, labels):
        self.calls += 1
        return F.cross_entropy(logits, labels) * (self.value if self.calls - 1 == self.at else 1.0)


def batch(step):
    generator = torch.Generator().manual_seed(step)
    return torch.randn(6, 4, generator=generator), torch.randint(0, 3, (6,), generator=generator)


def train(watcher, model, steps=LONG, criterion=None, each=lambda step, model: None):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    if watcher is not None:
        watcher.watch(model, optimizer, criterion)
    for step in range(steps):
        each(step, model)
        x, y = batch(step)
        optimizer.zero_grad()
        loss = criterion(model(x), y) if criterion is not None else F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
    return model


@pytest.fixture
def counted(monkeypatch):
    """The steps before which a forward was only counted."""
    steps = []
    real = root_calls.RootCalls._counts

    def counts(self, called, module):
        found = real(self, called, module)
        if found:
            steps.append(called.steps)
        return found

    monkeypatch.setattr(root_calls.RootCalls, "_counts", counts)
    return steps


def modes(memory):
    for write in memory.before_flush:
        write()
    last = {}
    for kind, one in memory.records:
        if kind == "mode_use":
            last[one.phase, one.training, one.root] = one
    return {key: one for key, one in last.items() if one.forwards}


def not_finite(memory):
    return [one for kind, one in memory.records if kind == "non_finite"]


def test_most_forwards_are_only_counted_and_all_of_them_count(memory, watcher, counted):
    train(watcher, Net())
    assert counted[0] > SETTLED
    assert len(counted) >= 0.6 * (LONG - counted[0])
    ((key, one),) = modes(memory).items()
    assert key == ("train", ("bn",), True)
    assert (one.forwards, one.first, one.last) == (LONG, 0, LONG - 1)


def test_what_needs_to_be_asked_is_not_settled(watcher, counted):
    model = Net()
    optimizer = torch.optim.LBFGS(model.parameters(), max_iter=2)
    watcher.watch(model, optimizer)
    for step in range(LONG // 2):
        x, y = batch(step)

        def closure(x=x, y=y):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            return loss

        optimizer.step(closure)
    assert counted == []


def test_train_that_is_forgotten_after_an_evaluation_is_seen_at_once(memory, watcher, counted):
    def each(step, model):
        if step == LATE:
            model.eval()
            with torch.no_grad():
                model(batch(step)[0])

    train(watcher, Net(), each=each)
    found = modes(memory)
    assert counted
    assert found["train", ("bn",), True].forwards == LATE
    assert found["train", (), False].forwards == LONG - LATE
    assert found["train", (), False].first == LATE
    assert found["evaluation", (), False].forwards == 1


def test_a_module_that_changes_its_mode_is_seen_at_once(memory, watcher, counted):
    def each(step, model):
        model.bn.train(step < LATE)

    train(watcher, Net(), each=each)
    found = modes(memory)
    assert counted
    changed = found["train", (), True]
    assert (changed.forwards, changed.first, changed.last) == (LONG - LATE, LATE, LONG - 1)
    assert found["train", ("bn",), True].forwards == LATE


def test_a_teacher_inside_a_late_training_step_is_no_evaluation(memory, watcher, counted):
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    watcher.watch(model, optimizer)
    for step in range(LONG):
        x, y = batch(step)
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        if step >= LATE and step % 3 == 0:
            with torch.no_grad():
                model(x)
        loss.backward()
        optimizer.step()
    assert counted
    ((key, one),) = modes(memory).items()
    assert (key[0], one.forwards) == ("train", LONG)


def test_gradients_that_add_up_late_count_with_their_step(memory, watcher, counted):
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    watcher.watch(model, optimizer)
    for step in range(LONG):
        x, y = batch(step)
        for _ in range(1 if step < LATE else 3):
            F.cross_entropy(model(x), y).backward()
        optimizer.step()
        optimizer.zero_grad()
    assert counted
    ((_, one),) = modes(memory).items()
    assert one.forwards == LATE + 3 * (LONG - LATE)


@pytest.mark.parametrize("with_criterion", [True, False])
def test_the_module_and_the_function_of_a_late_nan_are_named(memory, watcher, counted, with_criterion):
    # The repetition is one more call, which the model does not see afterwards.
    model = Net(LATE, lambda x: torch.log(x - x.max() - 1))
    again = model.forward

    def forward(x):
        if model.calls == LATE + 1:
            model.calls = LATE
        return again(x)

    model.forward = forward
    train(watcher, model, LATE + 3, nn.CrossEntropyLoss() if with_criterion else None)
    assert LATE in counted
    (one,) = not_finite(memory)
    assert (one.stamp.step, one.operation, one.parameters, one.outside) == (LATE, "log", (), False)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_late_loss_that_is_not_finite_by_itself_is_told_from_the_model(memory, watcher, counted, value):
    train(watcher, Net(), LATE + 2, PinnedLoss(LATE, value))
    assert LATE in counted
    (one,) = not_finite(memory)
    assert (one.stamp.step, one.outside, one.parameters) == (LATE, True, ())


def test_so_is_one_that_is_only_logged(memory, watcher, counted):
    losses = PinnedLoss(LATE)
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    watcher.watch(model, optimizer)
    for step in range(LATE + 2):
        x, y = batch(step)
        optimizer.zero_grad()
        loss = losses(model(x), y)
        loss.backward()
        optimizer.step()
        if not math.isfinite(loss.item()):  # as LoggedLosses tells of what is logged
            watcher.loss_not_finite()
    assert LATE in counted
    (one,) = not_finite(memory)
    assert (one.stamp.step, one.outside) == (LATE, True)


@pytest.mark.parametrize("with_criterion", [True, False])
def test_graphs_that_are_kept_from_late_on_are_all_counted(memory, watcher, counted, with_criterion):
    kept = []
    criterion = nn.CrossEntropyLoss() if with_criterion else F.cross_entropy
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    watcher.watch(model, optimizer, criterion if with_criterion else None)
    for step in range(LATE + 125):
        x, y = batch(step)
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        if step >= LATE:
            kept.append(loss)
    assert len([step for step in counted if step >= LATE]) >= 90
    at, alive = memory.measured["live_graphs"]["Net"][-1]
    assert (at, alive) == (LATE + 125, 125 - 32)


def test_gradients_that_are_odd_by_themselves_are_found_in_the_parameters(memory, watcher, counted):
    def each(step, model):
        if step == LATE:
            model.out.bias.register_hook(lambda gradient: gradient * math.nan)

    train(watcher, Net(), LATE + 3, each=each)
    assert LATE in counted
    (one,) = not_finite(memory)
    assert (one.stamp.step, one.parameters, one.outside) == (LATE + 1, ("out.bias",), False)


def test_an_input_that_nobody_keeps_is_named_as_well(memory, watcher, counted):
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    watcher.watch(model, optimizer)
    for step in range(LATE + 3):
        x, y = batch(step)
        x[2, 1] = math.nan if step == LATE else 0.0
        optimizer.zero_grad()
        F.cross_entropy(model(x * 1.0), y).backward()
        optimizer.step()
    assert LATE in counted
    (one,) = not_finite(memory)
    assert (one.stamp.step, one.inputs, one.rows, one.samples, one.columns) == (LATE, True, 1, 6, ("1",))


def test_a_late_nan_after_which_no_step_comes_is_found(memory, watcher, counted):
    model = Net(LATE, lambda x: x / (x - x))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    watcher.watch(model, optimizer)
    for step in range(LONG):
        x, y = batch(step)
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        if loss.isnan():
            break
        loss.backward()
        optimizer.step()
    assert LATE in counted
    (one,) = not_finite(memory)
    assert one.stamp.step == LATE
    assert not one.outside


@pytest.mark.parametrize("asked", [True, False])
def test_a_last_forward_that_no_step_follows_is_not_counted_as_training(memory, watcher, counted, asked):
    model = train(watcher, Net(), LATE)
    model(batch(LATE)[0])
    assert LATE in counted
    if not asked:  # the thread that writes takes nothing back, since a step may follow
        memory.asked = False
    ((_, one),) = modes(memory).items()
    assert (one.forwards, one.last) == ((LATE, LATE - 1) if asked else (LATE + 1, LATE))
    memory.asked = True
    watcher.close()
    ((_, one),) = modes(memory).items()
    assert (one.forwards, one.last) == (LATE, LATE - 1)


def test_modes_that_alternate_are_both_seen(memory, watcher, counted):
    def each(step, model):
        model.bn.train(step < LATE - 10 or step % 2 == 0)

    train(watcher, Net(), 2 * LONG, each=each)
    found = modes(memory)
    assert counted
    evaluating = len([step for step in range(LATE - 10, 2 * LONG) if step % 2])
    assert found["train", (), True].forwards == evaluating
    assert found["train", ("bn",), True].forwards == 2 * LONG - evaluating


@pytest.mark.parametrize("at", [-1, LATE])
def test_weights_are_bit_equal_over_a_long_run(at):
    watched, plain = (Net(at, lambda x: torch.log(x - x.max() - 1)) for _ in range(2))
    watcher = Watcher(Memory())
    states = []
    for model, by in ((watched, watcher), (plain, None)):
        torch.manual_seed(3)
        train(by, model, LATE + 3, nn.CrossEntropyLoss())
        states.append((copy.deepcopy(model.state_dict()), torch.get_rng_state(), model.calls))
    watcher.close()
    for key, value in states[0][0].items():
        assert torch.allclose(value, states[1][0][key], rtol=0, atol=0, equal_nan=True), key
    assert torch.equal(states[0][1], states[1][1])
    assert states[0][2] == states[1][2]
