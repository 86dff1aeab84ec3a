"""The border between reportgen and the training loop: no failure of ours crosses it, and its time is counted."""

from __future__ import annotations

import signal
import threading
import time
import weakref
from types import TracebackType
from typing import TYPE_CHECKING

import torch

from reportgen.errors import InvalidArgumentError, OutputError

if TYPE_CHECKING:
    from reportgen.collect.recorder import Recorder


# Looked up once, since a guard is around everything that a training step does with us.
_reference, _clock, _is_grad_enabled = weakref.ref, time.perf_counter, torch.is_grad_enabled
_function_state = torch._C._get_torch_function_state  # type: ignore[attr-defined]


class Depth(threading.local):
    """Where a thread is: its outermost guard while that lives, whether it is the one that writes in the background, and
    whether it is one of the user's that asked for a flush and waits for it.
    """

    outermost: weakref.ref[Guard] | None = None
    background = False
    asked = False


class Guard:
    """Keeps exceptions of ours from the loop, and counts the time spent. Made anew for each use; nests.

    Where an exception leaves the outermost one, gradients are enabled as they were: that of a signal may come just as a
    context of ours is about to put that back.
    """

    __slots__ = ("__weakref__", "_functions", "_grad", "_outermost", "_recorder", "_started", "_where")

    def __init__(self, recorder: Recorder, where: str) -> None:
        self._recorder = recorder
        self._where = where

    def __enter__(self) -> None:
        depth = self._recorder._depth
        # Only the outermost guard of a thread counts time, so that nothing is counted twice.
        # A signal may keep `__exit__` from being called. Then it is its dying that says that it is no more.
        outermost = depth.outermost
        self._outermost = outermost is None or outermost() is None
        if self._outermost:
            depth.outermost = _reference(self)
            self._grad = _is_grad_enabled()
            self._functions = _function_state()
        self._started = _clock()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        recorder = self._recorder
        depth = recorder._depth
        if self._outermost:
            depth.outermost = None
            if error is not None:
                torch._C._set_grad_enabled(self._grad)
                torch._C._set_torch_function_state(self._functions)  # type: ignore[attr-defined]
            if not depth.background:
                costs = recorder._costs
                costs[self._where] = costs.get(self._where, 0.0) + _clock() - self._started
        # In the thread that writes nobody could catch it: there a strict recorder makes a note, too.
        if not isinstance(error, Exception) or (recorder.strict and not depth.background) or of_a_signal(error):
            return False
        # What is wrong with an argument or a disk is no fault of ours, and says itself what to do.
        rejected = isinstance(error, (InvalidArgumentError, OutputError))
        try:
            what = str(error) if rejected else f"{type(error).__name__}: {error}"
        except Exception as broken:  # noqa: BLE001 - an error of the user's whose str raises must not pass for that
            what = f"{type(error).__name__} (its message cannot be shown: {type(broken).__name__})"
        recorder.note("rejected" if rejected else "failure", self._where, what, recorder._step(None, None))
        return True


def of_a_signal(error: Exception) -> bool:
    """Whether `error` was raised by the user's handler of a signal (a time limit) that came while ours was running."""
    handlers = {
        getattr(handler, "__code__", None)
        for number in signal.valid_signals()
        if callable(handler := signal.getsignal(number))
    }
    traceback = error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code in handlers:
            return True
        traceback = traceback.tb_next
    return False
