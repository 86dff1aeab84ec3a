"""Loops with transforms, modes and tensors of other kinds, watched strictly: nothing of ours fails, nothing changes."""

from __future__ import annotations

import signal

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.func import functional_call, grad, vmap
from torch.overrides import TorchFunctionMode

import reportgen
from reportgen.collect.evidence import schedulers
from reportgen.collect.evidence.non_finite_search import why_not_again
from reportgen.collect.evidence.oddness import oddness
from reportgen.collect.graph.asked import asked_for


@pytest.fixture
def report(tmp_path):
    torch.manual_seed(0)
    made = reportgen.Report("run", folder=tmp_path / "run", strict=True)
    yield made
    made.close()


def ended(report):
    report.close()
    return reportgen.load(report.folder)


def batches(count=12):
    numbers = torch.Generator().manual_seed(1)
    return [(torch.randn(8, 4, generator=numbers), torch.randint(0, 3, (8,), generator=numbers)) for _ in range(count)]


def train(report, model, criterion, given=None):
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    report.watch(model, optimizer, criterion)
    for x, y in given or batches():
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        report.log({"train/loss": loss})


def test_a_criterion_inside_of_function_transforms_is_not_looked_at(report):
    model, criterion = nn.Linear(4, 3), nn.CrossEntropyLoss()
    train(report, model, criterion)
    weights = {name: parameter.detach() for name, parameter in model.named_parameters()}

    def loss_of(weights, x, y):
        loss = criterion(functional_call(model, weights, (x[None],)), y[None])
        report.log({"other/loss": 1.0})
        return loss

    x, y = batches(1)[0]
    found = vmap(grad(loss_of), (None, 0, 0))(weights, x, y)
    assert found["weight"].shape == (8, 3, 4)
    assert not [note for note in ended(report).notes if note.kind == "failure"]


def test_the_oddness_of_what_cannot_be_read_is_none():
    nested = torch.nested.nested_tensor([torch.full((2,), float("nan")), torch.ones(3)], layout=torch.jagged)
    assert oddness(nested) == 0
    seen = []
    vmap(lambda x: seen.append(oddness(x)) or x)(torch.full((3,), float("nan")))
    assert seen == [0]
    assert oddness(torch.tensor(float("nan")))


def test_a_model_of_nested_tensors_trains(report):
    class Squares(nn.Module):
        def forward(self, output, target):
            return sum(one.square().mean() for one in output.unbind())

    given = [(torch.nested.nested_tensor([x[:3], x[3:]], layout=torch.jagged), y) for x, y in batches()]
    train(report, nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3)), Squares(), given)
    run = ended(report)
    assert "nested" in run.graphs[0].autograd_note
    assert len(run.graphs[0].nodes) > 3


def test_fake_tensors_are_not_read(report):
    with FakeTensorMode():
        model, criterion = nn.Linear(4, 3), nn.CrossEntropyLoss()
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        report.watch(model, optimizer, criterion)
        for _ in range(3):
            criterion(model(torch.randn(8, 4)), torch.zeros(8, dtype=torch.long)).backward()
            optimizer.step()
    assert not [note for note in ended(report).notes if note.kind == "failure"]


class Counting(TorchFunctionMode):
    def __init__(self):
        super().__init__()
        self.calls = 0

    def __torch_function__(self, function, types, args=(), kwargs=None):
        self.calls += 1
        return function(*args, **(kwargs or {}))


def counted(watch):
    torch.manual_seed(0)
    model, criterion = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3)), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    watch(model, optimizer, criterion)
    for step, (x, y) in enumerate(batches()):
        with Counting() as mode:
            if step == 9:
                model[0].weight.data.fill_(float("inf"))  # what follows is not finite, and looked into
            optimizer.zero_grad()
            criterion(model(x), y).backward()
            optimizer.step()
        yield mode.calls


def test_a_mode_of_the_users_around_the_step_sees_nothing_of_ours(report):
    assert list(counted(report.watch)) == list(counted(lambda *given: None))


class Popping(nn.Module):
    """Gives NaN, and takes from `source` at each call."""

    def __init__(self, source):
        super().__init__()
        self.layer, self.source = nn.Linear(4, 3), source

    def forward(self, x):
        taken = self.source.pop() if isinstance(self.source, list) else next(self.source)
        return self.layer(x) * taken / 0


@pytest.mark.parametrize("source", [list, iter])
def test_looking_for_nan_uses_up_nothing_that_a_forward_takes_from(report, source):
    model = Popping(source([0.0] * 12))
    train(report, model, nn.CrossEntropyLoss())  # exactly as many as there are
    (found,) = ended(report).evidence.non_finite
    assert found.repeated == (source is list)


def test_a_forward_with_an_iterator_or_under_a_mode_is_not_done_again():
    x = torch.ones(1, 4)
    assert why_not_again(nn.Linear(4, 3), (x,), {}) == ""
    assert "iterator" in why_not_again(Popping(iter([1])), (x,), {})
    with Counting():
        assert "mode" in why_not_again(nn.Linear(4, 3), (x,), {})
    with torch.device("cpu"):
        assert why_not_again(nn.Linear(4, 3), (x,), {}) == ""


def test_a_time_limit_that_is_up_while_a_forward_is_done_again_ends_the_loop(report):
    class TimeIsUpError(Exception):
        pass

    def end(number, frame):
        raise TimeIsUpError

    class Net(nn.Linear):
        calls = 0

        def forward(self, x):
            Net.calls += 1
            if Net.calls == 2:
                signal.raise_signal(signal.SIGALRM)
            return super().forward(x) / 0

    before = signal.signal(signal.SIGALRM, end)
    try:
        with pytest.raises(TimeIsUpError):
            train(report, Net(4, 3), nn.CrossEntropyLoss())
    finally:
        signal.signal(signal.SIGALRM, before)
    assert Net.calls == 2
    assert not asked_for()


def test_a_criterion_of_two_models_tells_of_the_one_that_was_called_last(report):
    models = {"one": nn.Linear(4, 3), "two": nn.Linear(4, 2)}
    criterion = nn.CrossEntropyLoss()
    optimizers = {}
    for name, model in models.items():
        optimizers[name] = torch.optim.SGD(model.parameters(), 0.1)
        report.watch(model, optimizers[name], criterion, name=name)
    for x, y in batches():
        for name, model in models.items():
            optimizers[name].zero_grad()
            criterion(model(x), y % 2).backward()
            optimizers[name].step()
    found = {use.model: use for use in ended(report).evidence.losses if use.seen == "criterion"}
    assert {name: use.input.shape for name, use in found.items()} == {"one": (8, 3), "two": (8, 2)}


def test_a_criterion_that_raises_for_whatever_it_is_asked_is_watched(report):
    class Hostile:
        def __getattr__(self, name):
            raise RuntimeError(name)

        def __call__(self, output, target):
            return F.cross_entropy(output, target)

    train(report, nn.Linear(4, 3), Hostile())
    run = ended(report)
    assert run.models[0].criterion == "Hostile"
    assert [use.kind for use in run.evidence.losses] == ["cross_entropy"]


def test_schedulers_of_ever_new_optimizers_are_searched_for_a_few_times_only(report, monkeypatch):
    searched = []
    monkeypatch.setattr(schedulers, "_found", lambda optimizer: searched.append(1) or [])
    model, criterion = nn.Linear(4, 3), nn.CrossEntropyLoss()
    report.watch(model)
    for x, y in batches(200):
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 2)
        criterion(model(x), y).backward()
        optimizer.step()
        scheduler.step()
    assert len(searched) == schedulers.MOST_SEARCHED
    assert len(report._watcher._steps._clocks) < 150
