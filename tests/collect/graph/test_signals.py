"""What a signal that is raised at an unlucky moment leaves of a forward that is observed, or is ours: nothing.

Python raises it where a function begins or a call has returned, which a profile or trace function can do as well.
"""

from __future__ import annotations

import contextlib
import copy
import gc
import signal
import sys

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.flop_counter import flop_registry

import reportgen
from reportgen.collect.graph import asked
from reportgen.collect.graph.asked import asked_for, asked_graph
from reportgen.collect.graph.charges import flops_of_call
from reportgen.collect.graph.faults import fault_of
from reportgen.collect.graph.settings import settings_of
from reportgen.collect.graph.undo import Undo
from reportgen.collect.watch import Watcher
from tests.collect.graph.test_observer import stacks
from tests.collect.memory import Memory
from tests.collect.test_nothing_changes import assert_same, hook_tables

# Python drops what is raised where a generator ends because nothing holds it.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


class Small(nn.Module):
    """Changes its buffers, an attribute and a list, and draws random numbers."""

    def __init__(self):
        super().__init__()
        self.layer, self.norm, self.calls, self.sizes = nn.Linear(3, 4), nn.BatchNorm1d(4), 0, []

    def forward(self, x):
        self.calls += 1
        self.sizes.append(len(x))
        with torch.no_grad():
            self.layer.bias.add_(1)
        return F.dropout(F.relu(self.norm(self.layer(x))), 0.5)


class Plain(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer, self.norm = nn.Linear(3, 4), nn.BatchNorm1d(4)

    def forward(self, x):
        return F.dropout(F.relu(self.norm(self.layer(x))), 0.5) * 2


def held(model):
    """All that `report.graph` has to put back."""
    tensors = [*model.parameters(), *model.buffers()]
    return {
        "tensors": [(id(tensor), tensor._version, tensor.requires_grad, tensor.tolist()) for tensor in tensors],
        "attributes": (model.calls, list(model.sizes), model.training),
        "random": torch.get_rng_state(),
        "stacks": stacks(),
        "hooks": hook_tables(model),
        "switches": (asked_for(), torch.is_inference_mode_enabled(), torch.is_autocast_cache_enabled()),
        "compiling": str(torch._dynamo.eval_frame._stance),
    }


def struck(model, batch, at):
    """Ask for the graph, with KeyboardInterrupt at the `at`-th moment in files of ours; whether there were so many."""
    moments = 0
    folder = asked.__file__.removesuffix("asked.py")

    def profile(frame, event, argument):
        nonlocal moments
        if event in ("call", "c_return") and frame.f_code.co_filename.startswith((folder, contextlib.__file__)):
            moments += 1
            if moments == at:
                raise KeyboardInterrupt

    try:
        sys.setprofile(profile)
        asked_graph("x", model, (batch,), {})
    except KeyboardInterrupt:
        pass
    finally:
        sys.setprofile(None)
    return moments >= at


@pytest.mark.parametrize("first", [1, 8])
def test_report_graph_puts_everything_back_wherever_it_is_struck(first):
    import torch._dynamo  # makes `report.graph` set more aside

    model, batch = Small(), torch.randn(2, 3)
    model(batch).sum().backward()
    before = copy.deepcopy(held(model))
    at = first
    while struck(model, batch, at):
        assert_same(before, held(model), f"struck at {at}")
        at += 13
    assert at > 500


def struck_watched(model, batch, at):
    """The same while the first forward of a watched model is observed."""
    moments = 0
    own = (reportgen.__file__.removesuffix("__init__.py"), contextlib.__file__, torch.overrides.__file__, F.__file__)

    def trace(frame, event, argument):
        nonlocal moments
        if frame.f_code.co_filename.startswith(own):
            moments += 1
            if moments == at:
                raise KeyboardInterrupt

    watcher = Watcher(Memory())
    watcher.watch(model)
    try:
        sys.settrace(trace)
        model(batch)
    except KeyboardInterrupt:
        pass
    finally:
        sys.settrace(None)
        torch._C._set_grad_enabled(True)  # which the guard of a real recorder does
    gc.collect(0)
    found = stacks()
    watcher.close()
    return found if moments >= at else None


def test_no_mode_is_there_after_an_observed_forward_wherever_it_is_struck():
    before, batch, at = stacks(), torch.randn(2, 3), 1
    while (found := struck_watched(Plain(), batch, at)) is not None:
        assert found == before, f"struck at {at}"
        at += 19
    assert at > 500


@pytest.mark.parametrize("name", ["_pop_mode_temporarily", "_disable_current_modes"])
def test_a_context_of_torch_that_is_not_left_gives_no_mode_back_later(name):
    def trace(frame, event, argument):
        if frame.f_code is left and frame.f_locals["self"].gen.gi_code.co_name == name:
            raise KeyboardInterrupt

    left = contextlib._GeneratorContextManager.__exit__.__code__
    before = stacks()
    watcher = Watcher(Memory())
    model = Plain()
    watcher.watch(model)
    try:
        sys.settrace(trace)
        with pytest.raises(KeyboardInterrupt):
            model(torch.randn(2, 3))
    finally:
        sys.settrace(None)
        torch._C._set_grad_enabled(True)
    gc.collect()
    assert stacks() == before
    watcher.close()


def test_code_of_ours_does_not_run_where_the_users_no_grad_begins_and_ends():
    class Frozen(nn.Module):
        def forward(self, x):
            with torch.no_grad():
                return x * 2

    def trace(frame, event, argument):
        if frame.f_code.co_filename.startswith(ours):
            around = frame.f_back
            while around is not None and around.f_code.co_filename != torch.autograd.grad_mode.__file__:
                around = around.f_back
            if around is not None:
                found.append(frame.f_code.co_name)

    found, ours = [], reportgen.__file__.removesuffix("__init__.py")
    watcher = Watcher(Memory())
    model = Frozen()
    watcher.watch(model)
    try:
        sys.settrace(trace)
        model(torch.ones(2))
    finally:
        sys.settrace(None)
    watcher.close()
    assert found == ["__torch_function__"] * 2


class TimeIsUpError(Exception):
    pass


@pytest.fixture
def alarm():
    """Raises TimeIsUpError, as a script's own limit of time does, from the handler of a signal."""

    def handler(number, frame):
        raise TimeIsUpError

    old = signal.signal(signal.SIGUSR1, handler)
    yield lambda *_, **__: signal.raise_signal(signal.SIGUSR1)
    signal.signal(signal.SIGUSR1, old)


def test_a_limit_of_time_that_is_up_in_report_graph_is_the_users(alarm, tmp_path):
    class Slow(nn.Module):
        def forward(self, x):
            alarm()
            return x

    report = reportgen.Report("run", folder=tmp_path / "run")
    with pytest.raises(TimeIsUpError):
        report.graph(Slow(), torch.ones(1))
    assert not asked_for()
    report.close()


@pytest.mark.parametrize("place", ["enter", "leave", "open", "charge"])
def test_it_is_raised_where_it_is_up_while_ours_looks_on(place, alarm, monkeypatch):
    calls = []
    monkeypatch.setattr(asked.GraphCapture, place, alarm)
    layer = nn.Linear(2, 2)
    layer.register_forward_hook(lambda *_: calls.append("on"))

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = layer

        def forward(self, x):
            made = self.layer(x * 2)
            calls.append("on")
            return made

    with pytest.raises(TimeIsUpError):
        asked_graph("x", Model(), (torch.ones(1, 2),), {})
    assert len(calls) < 2
    assert stacks()[:2] == ([], [])


def test_it_is_raised_out_of_what_is_asked_of_the_users_objects(alarm, monkeypatch):
    class Layer(nn.Module):
        extra_repr = alarm

    class BrokenError(RuntimeError):
        __str__ = alarm

    monkeypatch.setitem(flop_registry, torch.ops.aten.mm, alarm)
    with pytest.raises(TimeIsUpError):
        settings_of(Layer())
    with pytest.raises(TimeIsUpError):
        fault_of("a", nn.Linear(1, 1), (torch.ones(1, 2),), {}, BrokenError())
    with pytest.raises(TimeIsUpError):
        flops_of_call(torch.ops.aten.mm.default, (), {}, None)


def test_what_cannot_be_put_back_keeps_nothing_else_from_it():
    def broken():
        raise ValueError("it cannot")

    def interrupted():
        done.append("begun")
        if len(done) == 1:
            raise KeyboardInterrupt

    done = []
    undo = Undo()
    undo.add(lambda: done.append("first"))
    undo.add(broken)
    undo.add(interrupted)
    with pytest.raises(KeyboardInterrupt):
        undo.run()
    assert done == ["begun", "begun", "first"]
    undo.run()
    assert len(done) == 3
