"""The first forward that gives NaN or infinity: where it came from, and that looking for it changes nothing."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from reportgen.collect.watch import Watcher
from tests.collect.memory import Memory


class Net(nn.Module):
    """`between` is applied to what the first layer gives."""

    def __init__(self, between=lambda x: x, last=lambda x: x):
        super().__init__()
        self.first, self.bn, self.drop, self.out = nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.2), nn.Linear(8, 3)
        self.between, self.last = between, last
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        return self.last(self.out(self.drop(self.bn(self.between(self.first(x))).relu())))


class Block(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.fc, self.function = nn.Linear(4, 4), function

    def forward(self, x):
        return self.function(self.fc(x))


def train(model, batches, watcher=None, loss=lambda output: output.float().square().mean(), criterion=None):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    if watcher is not None:
        watcher.watch(model, optimizer, criterion)
    for batch in batches:
        optimizer.zero_grad()
        loss(model(batch)).backward()
        optimizer.step()


def batches(number=3):
    return [torch.randn(6, 4, generator=torch.Generator().manual_seed(i)) for i in range(number)]


def found(memory):
    return [one for kind, one in memory.records if kind == "non_finite"]


def test_a_healthy_training_has_none(memory, watcher):
    train(Net(), batches(), watcher)
    assert found(memory) == []


def test_the_function_between_modules_and_the_step_are_named(memory, watcher):
    def between(x):
        return torch.log(x - x.max() - 1) if model.calls in (3, 4) else x  # again in the repetition

    model = Net(between)
    train(model, batches(5), watcher)
    (one,) = found(memory)
    assert (one.module, one.operation, one.repeated, one.outside, one.inputs) == ("", "log", True, False, False)
    assert (one.stamp.step, one.parameters) == (2, ())
    # The count of calls, too, is afterwards as it was.
    assert model.calls == 5


@pytest.mark.parametrize(
    ("function", "operation"),
    [
        (lambda x: torch.sqrt(-x.abs() - 1), "sqrt"),
        (lambda x: (x - x) / (x - x), "div"),
        (lambda x: torch.exp(x.abs() + 1000), "exp"),
        (lambda x: torch.exp(x.abs() + 1000) * 0, "exp"),  # the overflow, and not what made NaN of it
        (lambda x: torch.log(x - x) * 0, "log"),
        (lambda x: (x.abs() + 1e30).pow(3), "pow"),
    ],
)
def test_the_module_around_the_function_is_named(memory, watcher, function, operation):
    train(nn.Sequential(nn.Linear(4, 4), Block(function)), batches(1), watcher)
    (one,) = found(memory)
    assert (one.module, one.operation, one.repeated) == ("1", operation, True)


def test_a_softmax_of_masks_only_is_named_and_not_the_mask(memory, watcher):
    def masked(x):
        return x.masked_fill(torch.ones_like(x, dtype=torch.bool), -math.inf).softmax(1)

    train(nn.Sequential(Block(masked)), batches(1), watcher)
    (one,) = found(memory)
    assert (one.module, one.operation) == ("0", "softmax")


def test_a_layer_whose_product_overflows_is_named(memory, watcher):
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 2))
    with torch.no_grad():
        model[0].bias.fill_(10.0)
        model[1].weight.fill_(1e38)
    train(model, [torch.full((3, 4), 1e3)], watcher)
    (one,) = found(memory)
    assert (one.module, one.parameters) == ("1", ())


def test_masks_of_minus_infinity_in_healthy_outputs_are_none(memory, watcher):
    def masked(x):
        mask = torch.zeros_like(x, dtype=torch.bool)
        mask[:, 0] = True
        return x.masked_fill(mask, -math.inf)

    train(Net(last=masked), batches(3), watcher, lambda output: -F.log_softmax(output, 1)[:, 1].mean())
    assert found(memory) == []


def test_minus_infinity_of_a_log_is_told_of_once_the_loss_shows_it(memory, watcher):
    model = Net(last=lambda x: torch.log(x.relu() * 0))
    watcher.watch(model)
    model(batches(1)[0])
    assert found(memory) == []
    watcher.loss_not_finite()
    (one,) = found(memory)
    assert (one.operation, one.outside, one.repeated) == ("log", False, False)


def test_odd_parameters_are_counted_and_named(memory, watcher):
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    watcher.watch(model, optimizer)
    with torch.no_grad():
        model.first.weight[1, 1] = math.nan
        model.out.bias[0] = math.inf
    model(batches(1)[0])
    (one,) = found(memory)
    assert (one.parameters, one.amount, one.module, one.repeated) == (("first.weight", "out.bias"), 2, "", False)


def test_odd_inputs_are_counted_by_row_and_column(memory, watcher):
    batch = torch.randn(6, 4)
    batch[2, 1] = math.nan
    batch[4, 1] = math.inf
    batch[4, 3] = math.nan
    train(Net(), [torch.randn(6, 4), batch], watcher)
    (one,) = found(memory)
    assert (one.inputs, one.rows, one.samples, one.columns) == (True, 2, 6, ("1", "3"))
    assert (one.stamp.step, one.amount, one.repeated) == (1, 0, False)


def test_odd_inputs_that_first_show_in_the_parameters(memory, watcher):
    """A tanh makes 1 of infinity, and the gradient of the layer before it is 0 * inf."""
    batch = torch.randn(6, 4)
    batch[3, 2] = math.inf
    model = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2))
    train(model, [torch.randn(6, 4), batch, torch.randn(6, 4)], watcher)
    (one,) = found(memory)
    assert (one.inputs, one.rows, one.columns, one.stamp.step, one.amount) == (True, 1, ("2",), 1, 0)


def test_missing_values_that_a_model_copes_with_are_none(memory, watcher):
    batch = torch.randn(6, 4)
    batch[3, 2] = math.nan

    class Imputing(Net):
        def forward(self, x):
            return super().forward(torch.nan_to_num(x))

    train(Imputing(), [batch] * 3, watcher)
    assert found(memory) == []


def test_odd_channels_of_images(memory, watcher):
    images = torch.randn(4, 3, 5, 5)
    images[1, 2, 0, 0] = math.nan
    train(nn.Conv2d(3, 2, 3), [images], watcher)
    assert (found(memory)[0].rows, found(memory)[0].columns) == (1, ("2",))


def test_only_the_first_is_recorded(memory, watcher):
    train(Net(last=lambda x: x * math.nan), batches(4), watcher)
    watcher.loss_not_finite()
    assert [one.stamp.step for one in found(memory)] == [0]


def test_a_loss_that_is_odd_where_the_output_is_not(memory, watcher):
    model = Net()
    watcher.watch(model)
    model(batches(1)[0])
    watcher.loss_not_finite()
    (one,) = found(memory)
    assert (one.outside, one.parameters, one.inputs) == (True, (), False)


def test_a_watched_criterion_is_seen_to_give_it(memory, watcher):
    model, criterion = Net(), nn.MSELoss()
    targets = torch.full((6, 3), math.nan)
    train(model, batches(1), watcher, lambda output: criterion(output, targets), criterion)
    (one,) = found(memory)
    assert one.outside
    assert one.stamp.step == 0


def test_an_odd_loss_of_an_evaluation_says_nothing_of_training(memory, watcher):
    model = Net()
    watcher.watch(model)
    watcher.loss_not_finite()
    model(batches(1)[0])
    model.eval()
    with torch.no_grad():
        model(batches(1)[0])
    watcher.loss_not_finite()
    assert found(memory) == []


def test_a_model_that_cannot_be_run_again_is_not(memory, watcher):
    calls = []
    model = Net(last=lambda x: x * math.nan)
    handle = model.bn.register_forward_hook(lambda *_: calls.append(1))
    train(model, batches(1), watcher)
    assert len(calls) == 1
    assert not found(memory)[0].repeated
    handle.remove()


def test_spectral_norm_is_torchs_own_hook(memory, watcher):
    model = nn.Sequential(nn.utils.spectral_norm(nn.Linear(4, 4)), Block(lambda x: torch.log(-x.abs() - 1)))
    train(model, batches(1), watcher)
    assert (found(memory)[0].module, found(memory)[0].operation) == ("1", "log")


def test_a_repetition_that_is_finite_says_nothing_of_a_module(memory, watcher):
    once = iter([math.nan])

    train(Net(last=lambda x: x * next(once, 1.0)), batches(1), watcher)
    (one,) = found(memory)
    assert (one.module, one.operation, one.repeated) == ("", "", False)


def test_a_repetition_that_raises_is_no_failure(memory, watcher):
    once = iter([math.nan])

    train(Net(last=lambda x: x * next(once)), batches(1), watcher)
    assert not found(memory)[0].repeated
    assert memory.notes == []


def test_a_model_on_a_device_is_looked_at_later(memory, watcher):
    watcher._work.later.hold = True
    model = Net(last=lambda x: x * (math.nan if model.calls == 3 else 1.0))
    train(model, batches(3), watcher)
    assert found(memory) == []
    for write in memory.before_flush:
        write()
    (one,) = found(memory)
    assert (one.stamp.step, one.inputs, one.amount, one.repeated) == (2, False, 0, False)


def test_odd_parameters_on_a_device(memory, watcher):
    watcher._work.later.hold = True
    model = Net()
    with torch.no_grad():
        model.out.weight[0, 0] = math.nan
    train(model, batches(1), watcher)
    for write in memory.before_flush:
        write()
    assert (found(memory)[0].parameters, found(memory)[0].amount) == (("out.weight",), 1)


@pytest.mark.parametrize("first", [1, 4])
def test_the_search_changes_nothing(first):
    """Weights, statistics, attributes, gradients and random numbers are what they are without us, bit for bit."""

    def run(watch):
        memory = Memory()
        watcher = Watcher(memory)
        torch.manual_seed(3)
        random.seed(3)
        np.random.seed(3)
        model = Net(lambda x: torch.log(x - 1e3) if model.calls in (first, first + 1) else x)
        seen = []

        def loss(output):
            seen.append(output.detach().clone())
            return torch.nan_to_num(output).square().mean()

        train(model, batches(6), watcher if watch else None, loss)
        assert len(found(memory)) == watch
        assert not watch or found(memory)[0].operation == "log"
        watcher.close()
        modes = [module.training for module in model.modules()]
        numbers = (torch.get_rng_state().tolist(), random.getstate(), np.random.get_state()[1].tolist())
        return seen, dict(model.state_dict()), [p.grad for p in model.parameters()], (modes, numbers, model.calls)

    plain, watched = run(False), run(True)
    assert plain[3] == watched[3]
    for one, other in zip(plain[0] + plain[2], watched[0] + watched[2], strict=True):
        assert torch.equal(torch.nan_to_num(one), torch.nan_to_num(other))
    for name in plain[1]:
        assert torch.equal(torch.nan_to_num(plain[1][name]), torch.nan_to_num(watched[1][name])), name


@pytest.mark.parametrize(
    ("numbers", "dtype", "odd"),
    [
        ([1.0, 2.0], torch.float32, 0),
        ([60000.0] * 4, torch.float16, 0),  # whose sum is not finite
        ([math.nan, 1.0], torch.bfloat16, 1),
        ([math.inf, -math.inf], torch.float64, 6),
        ([-math.inf], torch.float32, 4),
        ([1, 2], torch.int64, 0),
        ([], torch.float32, 0),
    ],
)
def test_which_kinds_of_odd_numbers_there_are(numbers, dtype, odd):
    from reportgen.collect.evidence.oddness import oddness

    assert oddness(torch.tensor(numbers, dtype=dtype)) == odd
