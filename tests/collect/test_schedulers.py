"""How schedulers and optimizers step: read from the counts that schedulers keep."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch
from torch import nn
from torch.optim import lr_scheduler

from reportgen.collect.evidence.schedulers import steps_of

SCHEDULERS = {
    "StepLR": lambda o: lr_scheduler.StepLR(o, 1),
    "OneCycleLR": lambda o: lr_scheduler.OneCycleLR(o, 0.1, 100),
    "LambdaLR": lambda o: lr_scheduler.LambdaLR(o, lambda step: 1.0),
    "CosineAnnealingWarmRestarts": lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 5),
    "ReduceLROnPlateau": lambda o: lr_scheduler.ReduceLROnPlateau(o),
    "SequentialLR": lambda o: lr_scheduler.SequentialLR(
        o, [lr_scheduler.ConstantLR(o), lr_scheduler.StepLR(o, 1)], [2]
    ),
    "ChainedScheduler": lambda o: lr_scheduler.ChainedScheduler([lr_scheduler.ConstantLR(o)]),
}


def made(kind="StepLR", optimizer=torch.optim.SGD):
    model = nn.Linear(2, 1)
    optimizer = optimizer(model.parameters(), lr=0.1)
    return model, optimizer, SCHEDULERS[kind](optimizer)


def train(model, optimizer, steps=1):
    for _ in range(steps):
        optimizer.zero_grad()
        model(torch.ones(1, 2)).sum().backward()
        optimizer.step()


def uses(memory):
    for callback in memory.before_flush:
        callback()
    return [value for kind, value in memory.records if kind == "scheduler_use"]


def step(scheduler):
    if isinstance(scheduler, lr_scheduler.ReduceLROnPlateau):
        scheduler.step(1.0)
    else:
        scheduler.step()


CASES = [(kind, given) for kind in SCHEDULERS for given in (True, False)]
CASES.remove(("ReduceLROnPlateau", False))  # it leaves no mark on its optimizer, and may step when it likes


@pytest.mark.parametrize(("kind", "given"), CASES)
def test_steps_are_counted(memory, watcher, kind, given):
    model, optimizer, scheduler = made(kind)
    watcher.watch(model, optimizer, scheduler=scheduler if given else None)
    assert steps_of(scheduler) == 0
    for _ in range(5):
        train(model, optimizer, 2)
        step(scheduler)
    use = uses(memory)[-1]
    assert (use.model, use.type) == ("Linear", kind)
    assert (use.before, use.steps, use.optimizer_steps) == (0, 5, 10)


@pytest.mark.filterwarnings("ignore:Detected call of")
@pytest.mark.parametrize("given", [True, False], ids=["given", "found"])
def test_a_scheduler_that_steps_first_is_seen(memory, watcher, given):
    model, optimizer, scheduler = made()
    watcher.watch(model, optimizer if given else None, scheduler=scheduler if given else None)
    for _ in range(3):
        scheduler.step()
        train(model, optimizer)
    use = uses(memory)[-1]
    assert (use.before, use.steps, use.optimizer_steps) == (1, 3, 3)


@pytest.mark.filterwarnings("ignore:Detected call of")
@pytest.mark.parametrize("given", [True, False], ids=["given", "found"])
def test_a_resumed_scheduler_did_not_step_first(memory, watcher, given):
    model, optimizer, scheduler = made(optimizer=torch.optim.AdamW)
    train(model, optimizer, 5)
    for _ in range(5):
        scheduler.step()
    states = optimizer.state_dict(), scheduler.state_dict()
    model, optimizer, scheduler = made(optimizer=torch.optim.AdamW)
    watcher.watch(model, optimizer, scheduler=scheduler if given else None)
    optimizer.load_state_dict(states[0])
    scheduler.load_state_dict(states[1])
    train(model, optimizer)
    assert uses(memory)[-1].before == 0


def test_watching_that_begins_late_did_not_see_the_scheduler_step_first(memory, watcher):
    model, optimizer, scheduler = made()
    for _ in range(9):
        train(model, optimizer)
        scheduler.step()
    watcher.watch(model, optimizer, scheduler=scheduler)
    train(model, optimizer)
    use = uses(memory)[-1]
    assert (use.before, use.optimizer_steps) == (0, 1)


@pytest.mark.filterwarnings("ignore:Detected call of")
def test_first_steps_that_a_scaler_left_out_are_no_fault(memory, watcher):
    model, optimizer, scheduler = made()
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0)
    watcher.watch(model, optimizer, scaler=scaler, scheduler=scheduler)
    for factor in (float("inf"), 1.0):
        optimizer.zero_grad()
        scaler.scale(model(torch.ones(1, 2)).sum() * factor).backward()
        scaler.step(optimizer)
        scaler.update()
        scheduler.step()
    assert uses(memory)[-1].before == 0


def test_without_a_scheduler_nothing_is_looked_for(memory, watcher, monkeypatch):
    model = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    watcher.watch(model, optimizer)

    def looked(*objects):
        raise AssertionError("all objects were searched")

    monkeypatch.setattr(gc, "get_referrers", looked)
    train(model, optimizer, 3)
    assert uses(memory) == []


def test_other_schedulers_tell_nothing_and_cost_nothing(memory, watcher):
    class Own:
        def state_dict(self):
            return {}

    model = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    watcher.watch(model, optimizer, scheduler=(own := Own()))
    train(model, optimizer, 3)
    assert steps_of(own) is None
    assert uses(memory) == []


def test_the_last_counts_are_read_when_watching_ends(memory, watcher):
    model, optimizer, scheduler = made()
    watcher.watch(model, optimizer, scheduler=scheduler)
    for _ in range(50):
        train(model, optimizer)
        scheduler.step()
    memory.asked = False  # as it is then: the flush comes later
    watcher.close()
    assert (uses(memory)[-1].steps, uses(memory)[-1].optimizer_steps) == (50, 50)


def test_no_scheduler_is_kept_alive(memory, watcher):
    model, optimizer, scheduler = made()
    watcher.watch(model, optimizer)
    train(model, optimizer)
    scheduler.step()
    reference = weakref.ref(scheduler)
    del scheduler
    gc.collect()
    assert reference() is None
    train(model, optimizer)
    assert uses(memory)[-1].type == "StepLR"
