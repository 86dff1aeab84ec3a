"""No mode, hook or profile function of ours outlives the forward it was made for, whatever ends it."""

from __future__ import annotations

import gc
import signal
import sys
import time
import weakref
from contextlib import suppress

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.overrides import TorchFunctionMode, _get_current_function_mode_stack, handle_torch_function
from torch.utils._python_dispatch import TorchDispatchMode, _get_current_dispatch_mode_stack

from reportgen.collect.schedule import Schedule
from reportgen.collect.watch import Watcher
from tests.collect.memory import Memory


def stacks():
    return (
        list(_get_current_function_mode_stack()),
        list(_get_current_dispatch_mode_stack()),
        sys.getprofile(),
        sys.gettrace(),
        torch.is_grad_enabled(),
        torch._C._is_torch_function_all_disabled(),
    )


class Inner(nn.Module):
    def __init__(self, strike):
        super().__init__()
        self.layer, self.strike, self.inside = nn.Linear(4, 4), strike, False

    def forward(self, x):
        y = self.layer(x) + 1
        if self.inside:
            self.strike()
        return y * 2


class Outer(nn.Module):
    def __init__(self, strike):
        super().__init__()
        self.first, self.inner, self.strike, self.between = nn.Linear(4, 4), Inner(strike), strike, False

    def forward(self, x):
        x = F.relu(self.first(x))
        if self.between:
            self.strike()
        return self.inner(x).sum()


def interrupt():
    raise KeyboardInterrupt


def leave():
    sys.exit(3)


def signalled():
    signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("strike", [interrupt, leave, signalled])
@pytest.mark.parametrize("place", ["between", "inside"])
def test_an_interruption_leaves_nothing_behind(strike, place):
    memory = Memory()
    watcher = Watcher(memory)
    model = Outer(strike)
    watcher.watch(model)
    before = stacks()
    model.between, model.inner.inside = place == "between", place == "inside"
    try:
        model(torch.randn(2, 4))
    except (KeyboardInterrupt, SystemExit):
        assert stacks() == before
    else:
        pytest.fail("it was not interrupted")
    model.between = model.inner.inside = False
    for _ in range(2):
        model(torch.randn(2, 4))
    assert stacks() == before
    watcher.close()


# It may be raised in the callback of a weak reference (Dynamo has some of models that are gone): Python drops it there.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_signal_while_torch_computes_leaves_nothing_behind(monkeypatch):
    """It is raised in the profile function, which Python then takes away: that is seen."""
    # What looks at activations has contexts of its own, out of which a signal may throw it.
    monkeypatch.setattr(Schedule, "activations", lambda self, step: False)
    old = signal.signal(signal.SIGALRM, signal.default_int_handler)
    before = stacks()
    struck = attempt = 0
    takes = 0.002  # seconds that an observed forward takes, here and now
    try:
        while struck < 40 and attempt < 1000:
            attempt += 1
            watcher = Watcher(Memory())
            model = Outer(interrupt)
            watcher.watch(model)
            batch, began = torch.randn(2, 4), time.perf_counter()
            try:
                signal.setitimer(signal.ITIMER_REAL, takes * (0.05 + attempt % 40 / 40))
                model(batch)  # the one that is observed
                takes = time.perf_counter() - began
                signal.setitimer(signal.ITIMER_REAL, 0)
            except KeyboardInterrupt:
                struck += 1
                assert stacks() == before, attempt
            watcher.close()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
    assert struck == 40


@pytest.mark.parametrize("ending", [None, KeyboardInterrupt, RuntimeError])
def test_a_mode_that_the_user_leaves_on_the_stack_stays_there_alone(ending):
    class Functions(TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            return function(*args, **(kwargs or {}))

    class Operations(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            return function(*args, **(kwargs or {}))

    modes = Functions(), Operations()

    class Leaves(nn.Module):
        def forward(self, x):
            for mode in modes:
                mode.__enter__()
            y = x * 2
            if ending is not None:
                raise ending
            return y

    watcher = Watcher(Memory())
    model = Leaves()
    watcher.watch(model)
    with suppress(KeyboardInterrupt, RuntimeError):
        model(torch.ones(2))
    found = stacks()
    for mode in reversed(modes):
        mode.__exit__(None, None, None)
    assert found[:3] == ([modes[0]], [modes[1]], None)
    assert stacks()[:3] == ([], [], None)
    watcher.close()


def test_a_device_context_around_and_inside_survives_and_operations_are_seen():
    class Meta(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(2, 2)

        def forward(self, x):
            with torch.device("meta"):
                scratch = torch.ones(2)
            assert scratch.is_meta
            return self.layer(x) + 1

    memory = Memory()
    watcher = Watcher(memory)
    model = Meta()
    watcher.watch(model)
    with torch.device("cpu"):
        around = stacks()
        model(torch.randn(1, 2))
        assert stacks() == around
    watcher.close()
    assert [n.path for n in memory.last("graph").nodes if n.kind == "operation"] == ["ones", "add"]


def test_a_profile_function_that_the_user_sets_in_the_forward_stays():
    def mine(frame, event, argument):
        pass

    class Profiles(nn.Module):
        def forward(self, x):
            y = x * 2
            sys.setprofile(mine)
            return y + 1

    watcher = Watcher(Memory())
    model = Profiles()
    watcher.watch(model)
    try:
        model(torch.ones(1))
        assert sys.getprofile() is mine
        assert stacks()[:2] == ([], [])
    finally:
        sys.setprofile(None)
        watcher.close()


def test_a_fault_of_ours_ends_the_capture_and_not_the_forward(monkeypatch):
    from reportgen.collect.graph.capture import GraphCapture

    def broken(*_):
        raise RuntimeError("broken on purpose")

    class Loud(Memory):
        def guard(self, where):
            self.notes.append(("guard", where, ""))
            return suppress(RuntimeError)

    monkeypatch.setattr(GraphCapture, "close", broken)
    memory = Loud()
    watcher = Watcher(memory)
    model = Outer(interrupt)
    watcher.watch(model)
    assert model(torch.randn(1, 4)).dim() == 0
    assert stacks()[:3] == ([], [], None)
    watcher.close()
    assert not [graph for kind, graph in memory.records if kind == "graph"]


def test_a_function_that_cannot_be_asked_for_its_name_does_not_end_the_forward():
    class Strange:
        __hash__ = None

        @property
        def __name__(self):
            raise RuntimeError("broken on purpose")

        def __call__(self, x):
            return x * 2

    class Loud(Memory):
        def guard(self, where):
            self.notes.append(("guard", where, ""))
            return suppress(RuntimeError)

    class Calls(nn.Module):
        def forward(self, x):
            return handle_torch_function(Strange(), (x,), x)

    memory = Loud()
    watcher = Watcher(memory)
    model = Calls()
    watcher.watch(model)
    assert torch.equal(model(torch.ones(2)), torch.full((2,), 2.0))
    watcher.close()
    assert stacks()[:3] == ([], [], None)


def test_functions_of_the_users_are_not_held():
    def made():
        tensor = torch.ones(2)
        held.append(weakref.ref(tensor))

        def scaled(x):
            return x * tensor

        return scaled

    class Calls(nn.Module):
        def forward(self, x):
            return handle_torch_function(made(), (x,), x)

    held = []
    memory = Memory()
    watcher = Watcher(memory)
    model = Calls()
    watcher.watch(model)
    model(torch.ones(2))
    watcher.close()
    assert [n.path for n in memory.last("graph").nodes if n.kind == "operation"][-1] == "scaled"
    gc.collect()
    assert [one() for one in held] == [None]


def test_operations_after_the_forward_are_not_seen():
    memory = Memory()
    watcher = Watcher(memory)
    model = nn.Sequential(nn.Linear(2, 2))
    watcher.watch(model)
    (model(torch.ones(1, 2)) * 5).sum().backward()
    watcher.close()
    assert not [n for n in memory.last("graph").nodes if n.kind == "operation"]


def test_a_mode_that_comes_back_after_the_forward_is_taken_out_by_the_next():
    watcher = Watcher(Memory())
    kept = []

    class Keeps(nn.Module):
        def forward(self, x):
            kept.extend(_get_current_function_mode_stack())
            return x * 2

    model = Keeps()
    watcher.watch(model)
    model(torch.ones(1))
    (mode,) = kept
    torch._C._push_on_torch_function_stack(mode)
    nn.ReLU()(torch.ones(1))
    assert stacks()[0] == [mode]  # a stranger's forward is not looked at
    model(torch.ones(1))
    assert stacks()[:3] == ([], [], None)
    watcher.close()
