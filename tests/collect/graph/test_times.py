"""The time of each module, from plain clocks in a few forwards in which nothing else is looked at."""

from __future__ import annotations

import time

import pytest
import torch
from torch import nn

from reportgen.collect.graph.times import FORWARDS
from reportgen.collect.watch import Watcher
from tests.collect.memory import Memory
from tests.collect.networks import train


class Sleeps(nn.Module):
    def __init__(self, seconds):
        super().__init__()
        self.seconds = seconds

    def forward(self, x):
        time.sleep(self.seconds)
        return x


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.slow, self.layer, self.raising = Sleeps(0.004), nn.Linear(2, 2), None

    def forward(self, x):
        x = self.slow(self.slow(x))
        if self.raising is not None:
            raise self.raising
        return self.layer(x)


def times_of(memory):
    return [record for kind, record in memory.records if kind == "graph_times"]


def test_a_module_has_the_time_of_one_call(memory, watcher):
    model = Model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    watcher.watch(model, optimizer)
    train(model, optimizer, torch.randn(1, 2), 40)
    (times,) = times_of(memory)
    assert (times.model, times.forwards) == ("Model", FORWARDS)
    assert set(times.seconds) == {"", "slow", "layer"}
    assert times.seconds["slow"] >= 0.004
    assert times.seconds["layer"] < times.seconds["slow"]
    assert times.seconds[""] >= 2 * times.seconds["slow"]


def test_steps_that_are_looked_at_are_not_timed(memory, watcher):
    model = Model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    watcher.watch(model, optimizer)
    train(model, optimizer, torch.randn(1, 2), 9)  # 0 to 8 are all looked at
    watcher.late_graphs()
    assert times_of(memory) == []
    train(model, optimizer, torch.randn(1, 2), 2)
    watcher.late_graphs()
    (times,) = times_of(memory)
    assert times.forwards == 2
    watcher.late_graphs()
    train(model, optimizer, torch.randn(1, 2), 30)
    watcher.late_graphs()
    assert [times.forwards for times in times_of(memory)] == [2, FORWARDS]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError()])
def test_a_timed_forward_that_raises_is_forgotten(memory, watcher, error):
    model = Model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    watcher.watch(model, optimizer)
    train(model, optimizer, torch.randn(1, 2), 9)
    model.raising = error
    with pytest.raises(type(error)):
        model(torch.randn(1, 2))
    model.raising = None
    train(model, optimizer, torch.randn(1, 2), 30)
    watcher.late_graphs()
    (times,) = times_of(memory)
    assert times.forwards == FORWARDS - 1  # the one that raised was one of them
    assert times.seconds[""] >= 2 * times.seconds["slow"]


def test_clocks_on_an_accelerator_are_read_at_the_flush(monkeypatch):
    class Event:
        now = 0.0
        passed = False

        def __init__(self, enable_timing):
            assert enable_timing

        def record(self):
            Event.now += 1.0
            self.at = Event.now

        def query(self):
            return Event.passed

        def synchronize(self):
            raise AssertionError("waited for the device")

        def elapsed_time(self, end):
            return (end.at - self.at) * 1000

    memory = Memory()
    watcher = Watcher(memory)
    monkeypatch.setattr(torch.cuda, "Event", Event)
    model = nn.Sequential(nn.Linear(2, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    watcher.watch(model, optimizer)
    times = watcher._forwards._times
    monkeypatch.setattr(times, "_on_device", lambda root: True)
    train(model, optimizer, torch.randn(1, 2), 30)
    for fetch in memory.before_flush:
        fetch()
    assert times_of(memory) == []
    Event.passed = True
    for fetch in memory.before_flush:
        fetch()
    (found,) = times_of(memory)
    assert found.seconds == {"0": 1.0, "": 3.0}
    watcher.close()
