import errno
import io
import json
import math
import os
import signal
import sys
import threading
import time
import warnings
from array import array
from pathlib import Path

import pytest
import torch

from reportgen.collect import fetching
from reportgen.collect import recorder as recording
from reportgen.collect.device import DeviceNumbers
from reportgen.collect.fetching import Fetching
from reportgen.collect.recorder import Recorder
from reportgen.errors import InvalidArgumentError, ReportgenWarning
from reportgen.readers.load import load
from reportgen.run.distribution import Distribution
from reportgen.run.folder import RunFolder, create_folder, read_manifest
from reportgen.run.records import SCHEMA, Environment, Meta, Model, TextRecord
from reportgen.run.series import Stamp
from reportgen.testing import HOSTILE


@pytest.fixture
def make(tmp_path, monkeypatch):
    """Makes recorders in one folder; they are closed at the end."""
    for name in ("RANK", "SLURM_PROCID"):
        monkeypatch.delenv(name, raising=False)
    made = []

    def make(resume=False, strict=True, folder=None):
        place = folder or create_folder("t", tmp_path / "run", resume=resume)
        made.append(Recorder(place, Meta(title="t", status="running", started=time.time()), strict))
        return made[-1]

    yield make
    for recorder in made:
        recorder.close()


def lines(recorder, kind=None):
    recorder.flush()
    found = [json.loads(line) for line in recorder._folder.journal.read_bytes().splitlines()]
    return [entry for entry in found if kind in (None, entry["k"])]


# -- what is written -------------------------------------------------------------------------------------------------


def test_the_journal_begins_with_a_start_line_and_run_json_is_there_before_it(make):
    recorder = make()
    assert read_manifest(recorder.path).status == "running"
    recorder.log({"loss": 0.5}, 7)
    start, scalars = lines(recorder)
    assert start["k"] == "start"
    assert start["v"] == {
        "schema": SCHEMA,
        "attempt": 0,
        "rank": 0,
        "resumed_from": None,
        "reportgen": start["v"]["reportgen"],
    }
    assert (scalars["k"], scalars["step"], scalars["v"]) == ("scalars", 7, {"loss": 0.5})
    assert abs(scalars["t"] - time.time()) < 60


def test_scalars_of_one_step_share_a_line_while_no_tag_repeats(make):
    recorder = make()
    recorder.log({"a": 1.0}, 0, at=1e9)
    recorder.log({"b": 2.0}, 0, at=1e9)
    recorder.log({"b": 3.0}, 0, at=1e9)
    recorder.log({"a": 4.0}, 1, at=1e9)
    assert [entry["v"] for entry in lines(recorder, "scalars")] == [{"a": 1.0, "b": 2.0}, {"b": 3.0}, {"a": 4.0}]


def test_numbers_that_json_lacks_and_hostile_tags_come_back(make):
    recorder = make()
    values = dict.fromkeys(HOSTILE, math.inf) | {"nan": math.nan, "tiny": 5e-324, "whole": 3, "minus": -0.0}
    recorder.log(values, 0)
    recorder.flush()
    run = load(recorder.path)
    assert run.damage.lines == 0
    assert {tag: repr(series.last) for tag, series in run.scalars.items()} == {
        tag: repr(float(value)) for tag, value in values.items()
    }


def test_the_line_by_hand_is_what_json_would_write(make):
    recorder = make()
    recorder.log({**dict.fromkeys(HOSTILE, 0.1), "epoch": 2.5, "big": 1e300}, 10**15)
    recorder.flush()
    text = recorder._folder.journal.read_bytes().splitlines()[-1].decode("ascii")
    assert json.dumps(json.loads(text), separators=(",", ":")) == text.replace(
        f'"t":{json.loads(text)["t"]:.3f}', f'"t":{json.loads(text)["t"]!r}'
    )


def test_every_kind_of_record_is_read_back(make):
    recorder = make()
    stamp = recorder.stamp(3)
    one = Distribution(2, 2, -1.0, 1.0, 0.0, 2.0, bins=array("h", [-1016, 1016]), counts=array("q", [1, 1]))
    recorder.distributions({"weight": {"fc.weight": one}}, stamp)
    recorder.measures({"update_ratio": {"fc.weight": 1e-3}}, stamp)
    recorder.record("model", Model("net", "Net"))
    recorder.record("text", TextRecord("note", stamp, "hello"), stamp)
    recorder.note("omission", "graph", "operations between modules are left out")
    recorder.end("finished")
    run = load(recorder.path)
    assert run.distributions["weight"]["fc.weight"].snapshots == (one,)
    assert list(run.measures["update_ratio"]["fc.weight"].steps) == [3]
    assert run.models == (Model("net", "Net"),)
    assert run.texts[0].text == "hello"
    assert run.notes[0].what == "operations between modules are left out"
    assert run.meta.status == "finished"


def test_a_record_without_a_plain_form_costs_only_itself(make):
    recorder = make(strict=False)
    recorder.log({"a": 1.0}, 0)
    recorder.record("text", TextRecord("t", Stamp(0), 1j))
    recorder.log({"a": 2.0}, 1)
    with pytest.warns(ReportgenWarning, match="complex"):
        recorder.flush()
    assert [entry["v"] for entry in lines(recorder, "scalars")] == [{"a": 1.0}, {"a": 2.0}]


def test_files_are_stored_once_under_their_content_and_before_their_line(make):
    recorder = make()
    name = recorder.store(b"picture", "png")
    assert (recorder.path / "media" / name).read_bytes() == b"picture"
    assert recorder.store(b"picture", "png") == name
    assert recorder.store(b"other", "png") != name
    assert sorted(path.suffix for path in (recorder.path / "media").iterdir()) == [".png", ".png"]


def test_everything_is_on_disk_within_two_seconds_though_the_loop_sleeps(make):
    recorder = make()
    pending = [1.0]
    recorder.before_flush.append(lambda: recorder.log({"held back": pending.pop()}, 1) if pending else None)
    recorder.log({"a": 1.0}, 0)
    time.sleep(1.9)
    assert set(load(recorder.path).scalars) == {"a", "held back"}


# -- stamps ----------------------------------------------------------------------------------------------------------


def test_a_step_is_what_the_user_says_else_optimizer_steps_else_a_counter(make):
    recorder = make()
    for _ in range(2):
        recorder.log({"a": 1.0, "b": 1.0}, at=1e9)  # one moment: else a slow machine gives lines apart
        recorder.log({"c": 1.0}, at=1e9)
    recorder.optimizer_step = 5
    recorder.log({"a": 1.0})
    recorder.log({"a": 1.0}, 70)
    found = [(entry["step"], entry.get("opt", 0), sorted(entry["v"])) for entry in lines(recorder, "scalars")]
    assert found == [(0, 0, ["a", "b", "c"]), (1, 0, ["a", "b", "c"]), (5, 5, ["a"]), (70, 5, ["a"])]


@pytest.mark.parametrize("step", [2**63, -(2**63) - 1, 2**64])
def test_a_step_that_the_reader_would_not_take_is_rejected_and_the_journal_stays_whole(make, step):
    recorder = make()
    recorder.log({"loss": 1.0}, step=2**63 - 1)
    with pytest.raises(InvalidArgumentError, match="step"):
        recorder.log({"loss": 2.0}, step=step)
    recorder.close()
    run = load(recorder.path)
    assert list(run.scalars["loss"].steps) == [2**63 - 1]
    assert [entry["step"] for entry in lines(recorder, "scalars")] == [2**63 - 1]


def test_the_epoch_is_what_was_logged_else_the_completed_passes(make):
    recorder = make()
    recorder.log({"a": 1.0}, 0)
    recorder.passes = 2.0
    recorder.log({"a": 1.0}, 1)
    recorder.log({"epoch": 7}, 2)
    recorder.log({"a": 1.0}, 3)
    assert [entry.get("epoch") for entry in lines(recorder, "scalars")] == [None, 2.0, 7.0, 7.0]
    assert recorder.stamp().epoch == 7.0


# -- resuming --------------------------------------------------------------------------------------------------------


def test_a_resumed_run_hides_what_it_does_again(make):
    first = make()
    for step in range(6):
        first.log({"a": float(step)}, step)
    first.close()
    second = make(resume=True)
    second.record("model", Model("net", "Net"))
    for step in range(3, 5):
        second.log({"a": 100.0 + step}, step)
    second.end("finished")
    series = load(second.path).scalars["a"]
    assert list(series.values) == [0.0, 1.0, 2.0, 103.0, 104.0]
    assert series.restarts == (3,)


def test_a_resumed_run_that_names_no_step_goes_on_counting(make):
    first = make()
    first.optimizer_step = 3
    first.log({"a": 1.0})
    first.passes = 2.0
    first.log({"b": 1.0})
    first.close()
    second = make(resume=True)
    second.log({"before the optimizer is watched": 1.0})
    second.optimizer_step = 1
    second.log({"a": 2.0})
    second.end("finished")
    run = load(second.path)
    assert list(run.scalars["a"].steps) == list(run.scalars["a"].optimizer_steps) == [3, 4]
    assert run.scalars["a"].epochs[-1] == 2.0
    assert len(run.meta.attempts) == 2


def test_a_resumed_run_keeps_its_start_and_adds_up_its_cost(make):
    first = make()
    with first.guard("log"):
        time.sleep(0.02)
    first.end("finished")
    first.close()
    second = make(resume=True)
    second.end("finished")
    found = read_manifest(second.path)
    assert found.started == read_manifest(first.path).started <= first._meta.started
    assert found.cost.by_collector["log"] >= 0.02


# -- ending ----------------------------------------------------------------------------------------------------------


def test_an_end_said_twice_stands_once(make):
    recorder = make()
    recorder.log({"a": 1.0}, 0)
    recorder.end("finished")
    before = {path: path.read_bytes() for path in recorder.path.iterdir()}
    time.sleep(0.01)
    recorder.end("finished")
    recorder.close()
    assert {path: path.read_bytes() for path in recorder.path.iterdir()} == before


def test_a_run_may_go_on_after_its_end(make):
    recorder = make()
    recorder.log({"a": 1.0}, 0)
    recorder.end("finished")
    recorder.log({"a": 2.0}, 1)
    recorder.flush()
    assert load(recorder.path).meta.status == "running"
    recorder.end("finished")
    run = load(recorder.path)
    assert run.meta.status == "finished"
    assert list(run.scalars["a"].values) == [1.0, 2.0]


def test_what_is_held_back_is_written_before_the_end(make):
    recorder = make()
    pending = [1.0]
    recorder.before_flush.append(lambda: recorder.log({"held back": pending.pop()}, 1) if pending else None)
    recorder.log({"a": 1.0}, 0)
    recorder.end("finished")
    assert [entry["k"] for entry in lines(recorder)][-1] == "end"


def test_the_commit_arrives_without_being_waited_for(make, monkeypatch):
    monkeypatch.setattr(
        recording.GitQuestion, "_ask", lambda self: (time.sleep(0.3), setattr(self, "_answer", (None, "asked")))[0]
    )
    recorder = make()
    started = time.monotonic()
    recorder.update_meta(environment=Environment(python="3"))
    assert time.monotonic() - started < 0.2
    recorder.end("finished")
    environment = read_manifest(recorder.path).environment
    assert (environment.python, environment.git_note) == ("3", "asked")


# -- failures --------------------------------------------------------------------------------------------------------


def test_a_guard_turns_an_exception_into_one_warning_and_a_counted_note(make):
    recorder = make(strict=False)

    def fail():
        for _ in range(5):
            with recorder.guard("watch.hook"):
                raise RuntimeError("shape is odd")

    with pytest.warns(ReportgenWarning, match="shape") as caught:
        fail()
    assert len(caught) == 1
    assert caught[0].filename == __file__
    recorder.flush()
    (note,) = load(recorder.path).notes
    assert (note.kind, note.where, note.times) == ("failure", "watch.hook", 5)


def test_an_exception_whose_text_raises_is_noted_too(make):
    class OddError(Exception):
        def __str__(self):
            raise ZeroDivisionError

    recorder = make(strict=False)
    with pytest.warns(ReportgenWarning, match="OddError .*cannot be shown: ZeroDivisionError"), recorder.guard("log"):
        raise OddError


def test_a_warning_that_cannot_be_shown_ends_no_training(make, monkeypatch):
    recorder = make(strict=False)
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(warnings, "showwarning", lambda *_, **__: closed.write(""))
    monkeypatch.setattr(sys, "stderr", closed)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        recorder.note("failure", "x", "odd")
    assert [entry["v"]["what"] for entry in lines(recorder, "note")] == ["odd"]


def test_the_end_waits_for_what_the_thread_is_handing_over(make):
    recorder = make()
    begun, go_on = threading.Event(), threading.Event()

    def deliver():
        if not begun.is_set():
            begun.set()
            go_on.wait(10)
            recorder.measures({"weight_norm": {"w": 1.0}}, Stamp(3))

    recorder.before_flush.append(deliver)
    thread = threading.Thread(target=recorder._in_background)
    thread.start()
    begun.wait(10)
    threading.Timer(0.2, go_on.set).start()
    recorder.end("finished")
    thread.join()
    assert [entry["k"] for entry in lines(recorder)][-2:] == ["measures", "end"]


def test_a_time_limit_that_strikes_while_ours_is_running_reaches_the_user(make):
    class OutOfTimeError(Exception):
        pass

    def strike(number, frame):
        raise OutOfTimeError

    recorder = make(strict=False)
    before = signal.signal(signal.SIGALRM, strike)
    try:
        with pytest.raises(OutOfTimeError), recorder.guard("watch.graph"):
            signal.raise_signal(signal.SIGALRM)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert not recorder.notes


def test_what_is_no_exception_of_ours_passes_a_guard(make):
    recorder = make(strict=False)
    for error in (KeyboardInterrupt, SystemExit, GeneratorExit):
        with pytest.raises(error), recorder.guard("x"):
            raise error


def test_a_strict_recorder_raises(make):
    recorder = make(strict=True)
    with pytest.raises(RuntimeError, match="odd"), recorder.guard("x"):
        raise RuntimeError("odd")
    with pytest.raises(InvalidArgumentError):
        recorder.reject(InvalidArgumentError("values", None, "a number"))


def test_a_warning_that_the_script_made_an_error_does_not_end_its_training(make, capsys):
    recorder = make(strict=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with recorder.guard("watch"):
            raise RuntimeError("odd")
    assert "odd" in capsys.readouterr().err


def test_a_collector_that_fails_in_the_background_is_a_note_and_the_rest_is_written(make):
    recorder = make(strict=True)
    seen = []

    def fail():
        if threading.current_thread() is not threading.main_thread() and not seen:
            seen.append(1)
            raise RuntimeError("broken in the background")

    recorder.before_flush.append(fail)
    recorder.log({"a": 1.0}, 0)
    with pytest.warns(ReportgenWarning, match="in the background"):
        time.sleep(1.3)
    recorder.log({"a": 2.0}, 1)
    time.sleep(1.3)
    assert list(load(recorder.path).scalars["a"].values) == [1.0, 2.0]


def test_a_full_disk_is_one_warning_and_a_note_in_memory(make, monkeypatch):
    recorder = make(strict=False)
    real = os.write

    def write(descriptor, data):
        raise OSError(28, "No space left on device")

    def train():
        for step in range(5):
            recorder.log({"a": float(step)}, step)
            recorder.flush()

    monkeypatch.setattr(os, "write", write)
    with pytest.warns(ReportgenWarning, match="No space left") as caught:
        train()
    assert len(caught) == 1
    assert [(note.where, note.times) for note in recorder.notes] == [("folder", 5)]
    monkeypatch.setattr(os, "write", real)
    recorder.flush()
    run = load(recorder.path)
    assert len(run.scalars["a"]) == 5
    assert "No space left" in run.notes[0].what


def test_an_end_that_run_json_has_no_room_for_is_a_note_and_the_journal_has_it(make, monkeypatch):
    recorder = make(strict=False)
    recorder.log({"loss": 1.0})

    def write(path, meta):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(recording, "write_manifest", write)
    with pytest.warns(ReportgenWarning, match="No space left"):
        recorder.end("finished")
    monkeypatch.undo()
    assert [entry["v"]["status"] for entry in lines(recorder, "end")] == ["finished"]
    assert load(recorder.path).meta.status == "finished"


def test_one_number_that_cannot_be_read_costs_only_itself(make):
    recorder = make(strict=False)
    with pytest.warns(ReportgenWarning, match=r"values\['odd'\]"):
        recorder.log({"a": 1.0, "odd": torch.zeros((), dtype=torch.bits8), "b": 2.0}, 0)
    assert lines(recorder, "scalars")[0]["v"] == {"a": 1.0, "b": 2.0}


# -- devices ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def accelerator(monkeypatch):
    """Tensors of the CPU take the way of an accelerator's."""
    monkeypatch.setattr(Fetching, "concerns", lambda self, value: True)


def test_numbers_on_a_device_are_written_with_their_own_step_and_neighbours(make, accelerator):
    recorder = make()
    loss = torch.zeros(())
    for step in range(300):
        loss += 1
        recorder.log({"loss": loss, "lr": 0.1}, step)
    recorder.flush()
    run = load(recorder.path)
    assert list(run.scalars["loss"].values) == [float(step + 1) for step in range(300)]
    assert list(run.scalars["loss"].steps) == list(run.scalars["lr"].steps) == list(range(300))


def test_a_device_that_fails_costs_its_numbers_and_no_others(make, accelerator, monkeypatch):
    recorder = make(strict=False)

    def fail(self, buffer):
        raise RuntimeError("CUDA error: device-side assert triggered")

    monkeypatch.setattr(DeviceNumbers, "fetch", fail)
    recorder.log({"loss": torch.tensor(1.0), "lr": 0.1}, 0)
    recorder.log({"loss": torch.tensor(1.0)}, 1)
    with pytest.warns(ReportgenWarning, match="device-side assert"):
        recorder.flush()
    assert [entry["v"] for entry in lines(recorder, "scalars")] == [{"lr": 0.1}]


def test_a_number_of_a_graph_that_is_captured_is_refused_with_what_to_do(make, accelerator, monkeypatch):
    class Unreadable(torch.Tensor):
        def __repr__(self):
            raise AssertionError("read it")

    recorder = make(strict=False)
    monkeypatch.setattr(fetching, "capturing", lambda: True)
    with pytest.warns(ReportgenWarning, match=r"values\['loss'\] is 'a number of a CUDA graph .* after replay\(\)"):
        recorder.log({"loss": torch.zeros(()).as_subclass(Unreadable), "lr": 0.1}, 0)
    monkeypatch.undo()
    assert [entry["v"] for entry in lines(recorder, "scalars")] == [{"lr": 0.1}]


def test_numbers_that_the_writing_thread_must_not_fetch_wait_in_order_for_a_flush(make, accelerator, monkeypatch):
    monkeypatch.setattr(fetching, "may_work", lambda asked: asked)
    recorder = make()
    recorder.log({"lr": 0.1}, 0)
    for step in range(200):  # more than the thread waits for
        recorder.log({"loss": torch.tensor(float(step))}, step)
        recorder.log({"loss": -1.0}, step)
    thread = recorder._journal._thread
    deadline = time.monotonic() + 10
    while recorder._journal._buffer and time.monotonic() < deadline:
        recorder._journal._wake.set()
        time.sleep(0.01)
    assert thread.is_alive()
    written = recorder.path.glob("events*.jsonl").__next__().read_text()
    assert '"lr":0.1' in written
    assert "loss" not in written
    recorder.flush()
    series = load(recorder.path).scalars["loss"]
    assert list(series.values) == [number for step in range(200) for number in (float(step), -1.0)]


# -- cost, silence, forks --------------------------------------------------------------------------------------------


def test_cost_counts_each_moment_once_under_its_collector(make):
    recorder = make()
    with recorder.guard("watch.hook"), recorder.guard("distribution"):
        time.sleep(0.02)
    with recorder.guard("watch.step"):
        time.sleep(0.01)
    cost = recorder.cost
    assert set(cost.by_collector) == {"folder", "watch"}
    assert 0.03 <= cost.by_collector["watch"] < 1.0
    assert cost.seconds == pytest.approx(sum(cost.by_collector.values()))


def test_cost_of_the_background_is_not_the_loops(make):
    recorder = make()
    recorder.before_flush.append(lambda: time.sleep(0.3))
    recorder.log({"a": 1.0}, 0)
    time.sleep(1.6)
    assert recorder.cost.seconds < 0.1


@pytest.mark.parametrize("folder", [None, "another rank"])
def test_without_a_folder_everything_is_silent(make, tmp_path, folder):
    place = RunFolder(tmp_path / "other", rank=1) if folder else None
    recorder = Recorder(place, Meta(title="t", status="running", started=0.0), strict=True)
    before = threading.active_count()
    with recorder.guard("log"):
        recorder.log({"a": 1.0, "b": torch.tensor(1.0)}, 0)
        recorder.measures({"q": {"n": 1.0}}, recorder.stamp())
        recorder.record("model", Model("net", "Net"))
        recorder.store(b"x", "png")
        recorder.update_meta(status="x", environment=Environment())
    recorder.flush()
    recorder.end("finished")
    recorder.close()
    assert recorder.path is None
    assert not recorder.owner
    assert threading.active_count() == before
    assert not (tmp_path / "other").exists()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_worker_records_nothing(make):
    recorder = make()
    recorder.log({"a": 1.0}, 0)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            for step in range(100):
                with recorder.guard("log"):
                    recorder.log({"a": 2.0}, step)
            recorder.store(b"child", "png")
            recorder.update_meta(status="child")
            recorder.end("failed")
            recorder.close()
            status = int(recorder.owner)
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    recorder.end("finished")
    run = load(recorder.path)
    assert list(run.scalars["a"].values) == [1.0]
    assert run.meta.status == "finished"
    assert not (recorder.path / "media").exists()


def test_threads_may_store_the_same_file_at_once(make):
    recorder, data = make(), bytes(300_000)
    gate, failures = threading.Barrier(6), []

    def work() -> None:
        for number in range(30):
            gate.wait(30)
            try:
                recorder.store(data + bytes([number]), "npy")
            except OSError as error:
                failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert {file.suffix for file in (recorder.path / "media").iterdir()} == {".npy"}
    assert len(list((recorder.path / "media").iterdir())) == 30


def test_a_file_that_does_not_fit_on_the_disk_leaves_nothing_there(make, monkeypatch):
    recorder, write = make(), Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        write(path, data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        recorder.store(bytes(1000), "npy")
    assert list((recorder.path / "media").iterdir()) == []


def test_a_record_has_the_stamp_of_its_line_unless_it_says_otherwise(make):
    recorder = make()
    own, other = Stamp(7, 3, 1.5, 1234567890.125), Stamp(8, 0, None, 1234567899.5)
    recorder.record("text", TextRecord("same", own, "x"), own)
    recorder.record("text", TextRecord("another", other, "x"), own)
    recorder.flush()
    assert ["stamp" in entry["v"] for entry in lines(recorder, "text")] == [False, True]
    assert [text.stamp for text in load(recorder.path).texts] == [own, other]


def test_a_guard_that_a_signal_kept_from_ending_does_not_count_as_one_under_way(make):
    recorder = make()
    unfinished = recorder.guard("first")
    unfinished.__enter__()
    del unfinished

    def struck():
        with recorder.guard("second"):
            torch._C._set_grad_enabled(False)  # a context of ours that the signal keeps from putting this back
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        struck()
    assert torch.is_grad_enabled()
    assert recorder.cost.by_collector["second"] > 0
