"""Work on copies in a thread of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from reportgen.collect import encoding as module
from reportgen.collect.encoding import Encoding
from reportgen.collect.recorder import Recorder
from reportgen.errors import ReportgenWarning
from reportgen.readers.load import load
from reportgen.run.folder import create_folder
from reportgen.run.records import Meta, TextRecord


def recorder_in(path: Path, strict: bool = False) -> Recorder:
    return Recorder(create_folder("run", path / "run"), Meta("run", "running", 0.0), strict)


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    made = recorder_in(tmp_path)
    yield made
    made.close()


@pytest.fixture
def encoding(recorder: Recorder) -> Encoding:
    return Encoding(recorder)


class Gate:
    """Work that waits until it is let through, and the numbers and threads of all that was done."""

    def __init__(self) -> None:
        self.open, self.begun = threading.Event(), threading.Event()
        self.done: list[tuple[int, str]] = []

    def __call__(self, array: np.ndarray) -> None:
        self.begun.set()
        assert self.open.wait(30)
        self.done.append((int(array[0]), threading.current_thread().name))

    @property
    def order(self) -> list[int]:
        return [number for number, _ in self.done]


def test_work_is_done_in_order_in_another_thread_on_copies(recorder, encoding):
    gate, array = Gate(), np.zeros(4)
    for number in range(20):
        array[:] = number
        encoding.hand_over("images", gate, array)
    array[:] = -1
    assert gate.begun.wait(30)
    assert gate.done == []
    gate.open.set()
    recorder.flush()
    assert gate.order == list(range(20))
    assert gate.done[0][1] == "reportgen encoding"


def test_what_is_owned_is_not_copied_again(recorder, encoding):
    seen, array = [], np.zeros(4)
    encoding.hand_over("images", seen.append, array, owned=True)
    encoding.hand_over("images", seen.append, array)
    recorder.flush()
    assert seen[0] is array
    assert seen[1] is not array


def test_a_record_is_on_disk_soon_without_any_flush(tmp_path, recorder, encoding):
    stamp = recorder.stamp(3)
    encoding.hand_over("images", lambda: recorder.record("text", TextRecord("t", stamp, "made"), stamp))
    end = time.monotonic() + 20
    while time.monotonic() < end and not load(tmp_path / "run").texts:
        time.sleep(0.05)
    assert [text.text for text in load(tmp_path / "run").texts] == ["made"]


@pytest.mark.parametrize("limit", [{"MOST_HELD": 10_000}, {"MOST_JOBS": 9}])
def test_the_caller_works_itself_when_too_much_waits(monkeypatch, recorder, encoding, limit):
    for name, value in limit.items():
        monkeypatch.setattr(module, name, value)
    gate, most = Gate(), 0
    gate.open.set()
    for number in range(200):
        encoding.hand_over("images", gate, np.full(125, number, dtype=np.float64))
        most = max(most, len(encoding._jobs), encoding._held // 1000)
    recorder.flush()
    assert gate.order == list(range(200))
    assert most <= 11
    assert encoding._held == 0


def test_what_is_too_large_to_copy_is_done_at_once_after_all_before_it(monkeypatch, recorder, encoding):
    monkeypatch.setattr(module, "MOST_HELD", 1000)
    gate, seen, large = Gate(), [], np.zeros(1000)
    gate.open.set()
    encoding.hand_over("images", gate, np.zeros(4))
    encoding.hand_over("images", lambda array: seen.append((array is large, list(gate.order))), large)
    assert seen == [(True, [0])]


def test_a_failure_is_noted_where_it_belongs_and_the_rest_is_done(recorder, encoding):
    gate = Gate()
    gate.open.set()

    def broken(_: np.ndarray) -> None:
        raise OSError(28, "No space left on device")

    def both() -> None:
        encoding.hand_over("audio", broken, np.zeros(1))
        encoding.hand_over("audio", gate, np.ones(1))
        recorder.flush()

    with pytest.warns(ReportgenWarning, match=r"audio: OSError: .*No space left on device"):
        both()
    assert gate.order == [1]
    assert [(note.kind, note.where) for note in recorder.notes] == [("failure", "audio")]


def test_a_strict_recorder_raises_the_failure_at_the_next_flush(tmp_path):
    recorder = recorder_in(tmp_path, strict=True)
    encoding = Encoding(recorder)
    gate = Gate()

    def broken(_: np.ndarray) -> None:
        gate(np.zeros(1))
        raise ValueError("no encoder")

    encoding.hand_over("audio", broken, np.zeros(1))
    assert gate.begun.wait(30)  # in the thread
    gate.open.set()
    with pytest.raises(ValueError, match="no encoder"):
        recorder.flush()
    recorder.flush()
    recorder.close()


def test_the_thread_ends_when_nothing_comes_and_begins_again(monkeypatch, recorder, encoding):
    monkeypatch.setattr(module, "IDLE_SECONDS", 0.01)
    gate = Gate()
    gate.open.set()
    for number in range(3):
        encoding.hand_over("images", gate, np.full(1, number))
        thread = encoding._thread
        if thread is not None:
            thread.join(30)
        assert encoding._thread is None
    assert gate.order == [0, 1, 2]


def test_where_no_thread_can_begin_the_caller_does_the_work(monkeypatch, recorder, encoding):
    def refused(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread at interpreter shutdown")

    gate = Gate()
    gate.open.set()
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refused)
        encoding.hand_over("images", gate, np.zeros(1))
    assert gate.done == [(0, threading.current_thread().name)]


def test_in_a_process_that_does_not_record_nothing_is_kept(monkeypatch, recorder, encoding):
    monkeypatch.setattr(Recorder, "owner", False)
    encoding.hand_over("images", Gate(), np.zeros(1))
    assert not encoding._jobs


def test_a_handler_of_a_signal_may_hand_over_while_something_is_handed_over(monkeypatch, recorder, encoding):
    gate = Gate()
    gate.open.set()

    def interrupted() -> bool:
        monkeypatch.undo()
        encoding.hand_over("images", gate, np.ones(1))  # what a handler does at this very moment
        return True

    monkeypatch.setattr(encoding, "_start", interrupted)
    encoding.hand_over("images", gate, np.zeros(1))
    recorder.flush()
    assert gate.order == [0, 1]
