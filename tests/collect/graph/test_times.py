"""The time of each module, from plain clocks in a few forwards in which nothing else is looked at."""

from __future__ import annotations

import time
from contextlib import nullcontext

import pytest
import torch
from torch import nn

from reportgen.collect.graph import device_clock
from reportgen.collect.graph import times as module
from reportgen.collect.graph.times import DEVICE_FORWARDS, FORWARDS, MORE_FORWARDS
from tests.collect import cuda
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


# -- on a device -----------------------------------------------------------------------------------------------------


class Device:
    """A CUDA device: `now` is its clock, an event takes some of its time, and `behind` is whether the loop is ahead."""

    EVENT = 2e-6

    def __init__(self):
        self.now = 0.0
        self.behind = True
        self.done = False
        self.stream = 1
        self.delays = []

    def sleep(self, cycles):
        self.delays.append(cycles)
        self.behind = True


class Works(nn.Module):
    """Takes seconds of the device."""

    def __init__(self, device, seconds):
        super().__init__()
        self.device, self.seconds = device, seconds

    def forward(self, x):
        self.device.now += self.seconds
        return x


@pytest.fixture
def device(monkeypatch):
    device = Device()

    class Event(cuda.Event):
        def record(self, stream):
            device.now += Device.EVENT
            self.at = device.now

        def query(self):
            return device.done or not device.behind

        def synchronize(self):
            assert device.done, "waited for the device"

        def elapsed_time(self, end):
            return (end.at - self.at) * 1000

    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "device", lambda device: nullcontext())
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: device)
    monkeypatch.setattr(torch.cuda, "_sleep", device.sleep)
    monkeypatch.setattr(device_clock, "stream_of", lambda _: device.stream)
    monkeypatch.setattr(module, "only_device", lambda parameters: torch.device("cuda", 0))
    return device


def watched_training(device, memory, watcher, steps=40):
    model = nn.Sequential(Works(device, 3e-3), nn.Sequential(Works(device, 1e-6), nn.Linear(2, 2)))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    watcher.watch(model, optimizer)
    train(model, optimizer, torch.randn(1, 2), steps)
    return model


def flush(memory):
    for fetch in memory.before_flush:
        fetch()


def test_clocks_on_a_device_are_read_when_it_is_past_them_and_without_their_own_time(device, memory, watcher):
    watched_training(device, memory, watcher)
    flush(memory)
    assert times_of(memory) == []
    device.done = True
    flush(memory)
    (times,) = times_of(memory)
    assert times.forwards == DEVICE_FORWARDS
    assert device.delays == []
    # The reference has two events around each call; ours are there for each module inside as well.
    expected = {"0": 3e-3, "1.0": 1e-6, "1.1": 0.0, "1": 1e-6, "": 3.001e-3}
    assert {path: seconds - Device.EVENT for path, seconds in times.seconds.items()} == {
        path: pytest.approx(seconds, abs=1e-9) for path, seconds in expected.items()
    }


def test_a_device_that_waits_for_the_loop_is_kept_busy_until_the_loop_is_ahead(device, memory, watcher):
    device.behind = False
    watched_training(device, memory, watcher)
    device.done = True
    flush(memory)
    (times,) = times_of(memory)
    assert times.forwards == DEVICE_FORWARDS
    assert set(times.seconds) == {"0", "1.0", "1.1", "1", ""}
    assert len(device.delays) == DEVICE_FORWARDS
    assert 0 < max(device.delays) <= device_clock.MOST_DELAY * device_clock.CYCLES


def test_a_device_that_the_loop_never_gets_ahead_of_has_no_times_rather_than_wrong_ones(
    device, memory, watcher, monkeypatch
):
    device.behind = False
    monkeypatch.setattr(torch.cuda, "_sleep", device.delays.append)
    watched_training(device, memory, watcher, 60)
    device.done = True
    flush(memory)
    watcher.late_graphs()
    assert times_of(memory) == []
    assert len(device.delays) == MORE_FORWARDS + DEVICE_FORWARDS - 1  # all but the first; then it is given up


def test_only_calls_in_which_the_device_paused_are_left_without_a_time(device, memory, watcher, monkeypatch):
    monkeypatch.setattr(torch.cuda, "_sleep", device.delays.append)
    enter = Works.forward

    def forward(self, x):
        device.behind = self.seconds < 1e-3  # from the second module on the loop is ahead
        return enter(self, x)

    monkeypatch.setattr(Works, "forward", forward)
    watched_training(device, memory, watcher, 60)
    device.done = True
    flush(memory)
    (times,) = times_of(memory)
    assert set(times.seconds) == {"1.0", "1.1"}


def test_a_forward_on_another_stream_or_in_a_capture_is_not_timed(device, memory, watcher, monkeypatch):
    original = Works.forward

    def forward(self, x):
        device.stream += 1
        return original(self, x)

    monkeypatch.setattr(Works, "forward", forward)
    watched_training(device, memory, watcher)
    device.done = True
    flush(memory)
    watcher.late_graphs()
    assert times_of(memory) == []


@pytest.mark.parametrize(
    ("devices", "timed"), [((), "cpu"), (("cpu", "cpu"), "cpu"), (("cpu", "meta"), None), (("meta",), "meta")]
)
def test_where_a_model_lies_is_known_only_when_it_is_one_place(devices, timed):
    found = device_clock.only_device([nn.Parameter(torch.zeros(1, device=name)) for name in devices])
    assert found == (None if timed is None else torch.device(timed))
