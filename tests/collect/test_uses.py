"""What goes into models and comes out, and whether gradients are cleared between steps."""

from __future__ import annotations

import copy
import gc
import weakref

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from reportgen.collect.watch import Watcher
from tests.collect.memory import Memory


def model_and_optimizer(watcher, name=None, size=3):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(size, 8), nn.Tanh(), nn.Linear(8, size))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    watcher.watch(model, optimizer, name=name)
    return model, optimizer


def use(memory, name="Sequential"):
    for write in memory.before_flush:
        write()
    return [one for kind, one in memory.records if kind == "model_use" and one.model == name][-1]


def by_optimizer(model, optimizer):
    optimizer.zero_grad()


def to_zeros(model, optimizer):
    optimizer.zero_grad(set_to_none=False)


def by_model(model, optimizer):
    model.zero_grad()


def by_hand(model, optimizer):
    for parameter in model.parameters():
        parameter.grad = None


def through_data(model, optimizer):
    for parameter in model.parameters():
        if parameter.grad is not None:
            parameter.grad.data.zero_()


def in_place(model, optimizer):
    for parameter in model.parameters():
        if parameter.grad is not None:
            parameter.grad.detach_().zero_()


CLEARING = [by_optimizer, to_zeros, by_model, by_hand, through_data, in_place]


@pytest.mark.parametrize("hold", [False, True])
@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("clear", CLEARING)
def test_gradients_that_are_cleared_in_any_way(memory, watcher, clear, late, hold):
    watcher._work.later.hold = hold
    model, optimizer = model_and_optimizer(watcher)
    for _ in range(6):
        if not late:
            clear(model, optimizer)
        loss = model(torch.randn(4, 3)).square().mean()
        if late:
            clear(model, optimizer)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    one = use(memory)
    assert (one.checked, one.kept, one.longest, one.backwards) == (5, 0, 0, 6)


@pytest.mark.parametrize("hold", [False, True])
def test_gradients_that_are_never_cleared(memory, watcher, hold):
    watcher._work.later.hold = hold
    model, optimizer = model_and_optimizer(watcher)
    for step in range(8):
        if step in (0, 1, 2):
            optimizer.zero_grad()
        model(torch.randn(4, 3)).square().mean().backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    one = use(memory)
    assert (one.checked, one.kept, one.longest, one.kept_since) == (7, 5, 5, 3)


def test_gradients_that_add_up_over_several_backwards_and_are_cleared_then(memory, watcher):
    model, optimizer = model_and_optimizer(watcher)
    for _ in range(4):
        for _ in range(3):
            model(torch.randn(4, 3)).square().mean().backward()
        optimizer.step()
        optimizer.zero_grad()
    one = use(memory)
    assert (one.checked, one.kept, one.backwards) == (3, 0, 12)


def test_adding_up_that_is_never_cleared(memory, watcher):
    model, optimizer = model_and_optimizer(watcher)
    for _ in range(4):
        for _ in range(3):
            model(torch.randn(4, 3)).square().mean().backward()
        optimizer.step()
    assert (use(memory).checked, use(memory).kept) == (3, 3)


@pytest.mark.parametrize("hold", [False, True])
@pytest.mark.parametrize("clear", [by_optimizer, to_zeros])
def test_two_networks_whose_gradients_meet(memory, watcher, clear, hold):
    watcher._work.later.hold = hold
    generator, first = model_and_optimizer(watcher, "g")
    judge, second = model_and_optimizer(watcher, "d")
    for _ in range(5):
        clear(judge, second)
        (judge(torch.randn(4, 3)) - judge(generator(torch.randn(4, 3)).detach())).mean().backward()
        second.step()
        clear(generator, first)
        judge(generator(torch.randn(4, 3))).mean().backward()  # the judge's gradients are still there
        first.step()
    for name in "gd":
        assert (use(memory, name).checked, use(memory, name).kept) == (4, 0), name


def test_a_parameter_that_takes_no_part_and_one_that_is_frozen_later(memory, watcher):
    model, optimizer = model_and_optimizer(watcher)
    model[0].requires_grad_(False)
    for _ in range(4):
        optimizer.zero_grad()
        model(torch.randn(4, 3)).square().mean().backward()
        optimizer.step()
    assert (use(memory).checked, use(memory).kept) == (3, 0)


def test_a_closure_that_clears(memory, watcher):
    model = nn.Linear(3, 1)
    optimizer = torch.optim.LBFGS(model.parameters(), lr=0.1, max_iter=3)
    watcher.watch(model, optimizer)
    batch = torch.randn(5, 3)

    def closure():
        optimizer.zero_grad()
        loss = (model(batch) - 1).square().mean()
        loss.backward()
        return loss

    for _ in range(4):
        optimizer.step(closure)
    assert use(memory, "Linear").kept == 0


def test_only_some_steps_of_a_long_training_are_checked(memory, watcher):
    model, optimizer = model_and_optimizer(watcher)
    for _ in range(60):
        optimizer.zero_grad()
        model(torch.randn(4, 3)).square().mean().backward()
        optimizer.step()
    one = use(memory)
    assert one.kept == 0
    assert 30 <= one.checked < 50
    assert one.backwards == one.checked + 1  # the first, before any step; in the others nothing hangs on the graph


def test_inputs_and_outputs_are_looked_at(memory, watcher):
    class Named(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(3, 2)

        def forward(self, x, scale=1.0, ids=None):
            return {"logits": self.fc(x), "ids": ids}

    model = Named()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    watcher.watch(model, optimizer)
    for _ in range(2):
        model(torch.full((4, 3), 300.0), ids=torch.arange(4))["logits"].sum().backward()
        optimizer.step()
    one = use(memory, "Named")
    assert one.looks == 2
    assert [(f.name, f.shape, f.dtype, f.looks) for f in one.inputs] == [
        ("", (4, 3), "float32", 2),
        ("ids", (4,), "int64", 2),
    ]
    assert one.inputs[0].maximum == 300.0
    assert {f.name: f.requires_grad for f in one.outputs} == {"logits": True, "ids": False}
    assert one.without_graph == 0


def test_an_output_without_a_graph_is_counted(memory, watcher):
    class Detached(nn.Linear):
        def forward(self, x):
            return super().forward(x).detach()

    model = Detached(3, 2)
    watcher.watch(model)
    model(torch.randn(2, 3))
    with torch.no_grad():
        model(torch.randn(2, 3))
    assert use(memory, "Detached").without_graph == 1
    frozen = nn.Linear(3, 2).requires_grad_(False)
    watcher.watch(frozen)
    frozen(torch.randn(2, 3))
    assert use(memory, "Linear").without_graph == 0


def test_a_backward_without_any_step_is_seen(memory, watcher):
    model, _ = model_and_optimizer(watcher)
    for _ in range(3):
        model(torch.randn(2, 3)).sum().backward()
    assert (use(memory).backwards, use(memory).checked) == (3, 0)


def test_several_outputs_are_one_backward(memory, watcher):
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(3, 2), nn.Linear(3, 2)

        def forward(self, x):
            return self.a(x), self.b(x)

    model = Two()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    watcher.watch(model, optimizer)
    for _ in range(3):
        optimizer.zero_grad()
        one, two = model(torch.randn(2, 3))
        (one + two).sum().backward()
        optimizer.step()
    assert (use(memory, "Two").backwards, use(memory, "Two").kept) == (3, 0)


def test_unusual_backwards_give_the_same_gradients():
    def gradients(watch):
        watcher = Watcher(Memory())
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
        if watch:
            watcher.watch(model)
        x = torch.randn(5, 3, requires_grad=True)
        found = []
        output = model(x)
        found += torch.autograd.grad(output.square().sum(), list(model.parameters()), create_graph=True)
        output.sum().backward(retain_graph=True)
        output.square().sum().backward()
        (slope,) = torch.autograd.grad(model(x).sum(), x, create_graph=True)
        slope.square().sum().backward()
        for reentrant in (True, False):
            checkpoint(model, x, use_reentrant=reentrant).square().sum().backward()
        model(x).relu_().sum().backward()  # changed in place
        rows = torch.func.vmap(torch.func.grad(lambda row: model(row).sum()))(x.detach())
        watcher.close()
        return [*found, rows, x.grad, *(p.grad for p in model.parameters())]

    for one, other in zip(gradients(False), gradients(True), strict=True):
        assert torch.equal(one, other)


def test_nothing_is_kept_alive_by_what_hangs_on_the_graph(memory, watcher):
    model, optimizer = model_and_optimizer(watcher)
    batch = torch.randn(4, 3)
    output = model(batch)
    loss = output.square().mean()
    loss.backward()
    optimizer.step()
    model(batch)  # whose backward never comes
    copy.deepcopy(model)
    held = [weakref.ref(thing) for thing in (model, batch, output, loss, model[0].weight, model[0].weight.grad)]
    del model, optimizer, batch, output, loss
    gc.collect()
    assert [reference() for reference in held] == [None] * 6


def test_a_backward_after_the_watcher_is_closed_and_gone():
    memory = Memory()
    watcher = Watcher(memory)
    model, _ = model_and_optimizer(watcher)
    output = model(torch.randn(2, 3))
    watcher.close()
    del watcher, memory
    gc.collect()
    output.sum().backward()
    assert model[0].weight.grad is not None


def test_the_loss_that_was_given_is_let_go_of_at_the_end(memory):
    watcher = Watcher(memory)
    model, criterion = nn.Linear(3, 2), nn.CrossEntropyLoss()
    watcher.watch(model, criterion=criterion)
    criterion(model(torch.randn(2, 3)), torch.tensor([0, 1])).backward()
    watcher.close()
    held = weakref.ref(criterion)
    del criterion
    gc.collect()
    assert held() is None
