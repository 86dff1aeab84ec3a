"""The switches of torch that our own calls set, where an exception comes in between."""

from __future__ import annotations

import sys

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

import reportgen
from reportgen.collect import quiet as module
from reportgen.collect.quiet import quiet


class Mode(TorchDispatchMode):
    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        return function(*args, **(kwargs or {}))


def switches():
    return (
        torch.is_grad_enabled(),
        torch._C._is_torch_function_enabled(),
        torch._C._len_torch_dispatch_stack(),
    )


def interrupted(at):
    """Enter and leave `quiet`, with KeyboardInterrupt after its `at`-th call into C; whether there were so many."""
    calls = 0

    def profile(frame, event, argument):
        nonlocal calls
        if event == "c_return" and frame.f_code.co_filename == module.__file__:
            calls += 1
            if calls == at:
                raise KeyboardInterrupt

    try:
        sys.setprofile(profile)
        with quiet():
            pass
    except KeyboardInterrupt:
        pass
    finally:
        sys.setprofile(None)
    return calls >= at


@pytest.mark.parametrize("grad", [True, False])
def test_a_signal_after_any_call_leaves_no_switch_behind(grad):
    with torch.set_grad_enabled(grad):
        before = switches()
        at = 1
        while interrupted(at):
            assert switches() == before, at
            at += 1
        assert at > 5


def test_a_mode_is_back_on_its_stack_when_entering_is_interrupted():
    with Mode():
        before = switches()
        for at in range(1, 5):  # up to the mode's own context, which is torch's
            assert interrupted(at)
            assert switches() == before, at


def test_an_exception_that_comes_as_quiet_is_about_to_end_leaves_no_switch_behind(tmp_path):
    report = reportgen.Report("run", folder=tmp_path / "run")
    before = switches()

    def trace(frame, event, argument):
        if frame.f_code is quiet.__exit__.__code__:
            raise KeyboardInterrupt

    try:
        sys.settrace(trace)
        with pytest.raises(KeyboardInterrupt), report._recorder.guard("test"), quiet():
            pass
    finally:
        sys.settrace(None)
    assert switches() == before
    report.close()
