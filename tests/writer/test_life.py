"""From opening to closing and opening again, in one process and in several."""

from __future__ import annotations

import copy
import errno
import os
import pickle
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from reportgen import Report, SummaryWriter, load
from reportgen.errors import ReportgenWarning
from reportgen.run.series import Series
from reportgen.testing import ReportDoc
from tests.writer.conftest import end


def steps(folder: Path, tag: str = "a") -> list[int]:
    return list(load(folder).scalars[tag].steps)


def without_page(writer: SummaryWriter, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Close without the seconds a page takes; what `final` each build was called with."""
    calls: list[bool] = []

    def build(path: object = None, embed: str = "thin", final: bool = True) -> None:
        calls.append(final)
        if final:
            writer._report._end("finished")

    monkeypatch.setattr(writer._report, "build", build)
    return calls


def test_leaving_the_block_closes_builds_and_sets_file_writer_to_none(tmp_path):
    with SummaryWriter(tmp_path / "run") as writer:
        assert writer.file_writer is not None
        assert writer.file_writer.get_logdir() == str(tmp_path / "run")
        assert writer.all_writers == {str(tmp_path / "run"): writer.file_writer}
        writer.add_scalar("a", 1.0, 0)
        assert load(tmp_path / "run").meta.status == "running"
    assert writer.file_writer is None
    assert writer.all_writers is None
    assert load(tmp_path / "run").meta.status == "finished"
    assert "run" in ReportDoc(tmp_path / "run" / "report.html").text
    assert not list((tmp_path / "run").glob("events.out.tfevents*"))
    before = (tmp_path / "run" / "report.html").stat().st_mtime_ns
    writer.close()
    writer.flush()
    assert (tmp_path / "run" / "report.html").stat().st_mtime_ns == before


def test_adding_after_close_opens_the_run_again_and_close_builds_again(tmp_path, monkeypatch):
    writer = SummaryWriter(tmp_path / "run")
    calls = without_page(writer, monkeypatch)
    writer.add_scalar("a", 1.0, 0)
    writer.close()
    assert (calls, writer.file_writer) == ([True], None)
    for number, add in enumerate(
        (
            lambda: writer.add_scalar("a", 2.0, 1),
            lambda: writer.add_images("i", torch.rand(1, 3, 4, 4), 1),
            lambda: writer.add_scalars("b", {"x": 1.0}, 1),
        )
    ):
        add()
        assert writer.file_writer is not None
        writer.flush()
        assert load(tmp_path / "run").meta.status == "running"
        writer.close()
        assert len(calls) == number + 2
        assert load(tmp_path / "run").meta.status == "finished"
    run = load(tmp_path / "run")
    assert (list(run.scalars["a"].steps), len(run.images), len(run.meta.attempts)) == ([0, 1], 1, 1)


@pytest.mark.parametrize("given", [str, Path, "logdir"])
def test_the_folder_is_given_as_text_or_path_and_said_as_given(tmp_path, given):
    place = tmp_path / "deep" / "run"
    value = str(place) if given is str else place
    writer = SummaryWriter(logdir=value) if given == "logdir" else SummaryWriter(value)
    assert writer.get_logdir() is value
    assert (place / "run.json").exists()
    assert load(place).meta.title == "run"
    end(writer)


def test_the_default_folder_holds_the_time_and_the_comment_and_no_host(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first, second = SummaryWriter(comment="_LR_0.1"), SummaryWriter(comment="_LR_0.1")
    for writer in (first, second):
        folder = Path(writer.get_logdir())
        assert folder.parent == Path("runs")
        assert "_LR_0.1" in folder.name
        assert os.uname().nodename not in folder.name
        end(writer)
    assert first.get_logdir() != second.get_logdir()


def test_an_exception_in_the_block_is_recorded_and_goes_on(tmp_path):
    def training() -> None:
        with SummaryWriter(tmp_path / "run") as writer:
            writer.add_scalar("a", 1.0, 0)
            _ = 1 / 0

    with pytest.raises(ZeroDivisionError):
        training()
    run = load(tmp_path / "run")
    assert (run.meta.status, run.failure.type) == ("failed", "ZeroDivisionError")
    assert (tmp_path / "run" / "report.html").exists()


# -- resuming -------------------------------------------------------------------------------------------------------


def write(folder: Path, wanted: range, **options: object) -> None:
    writer = SummaryWriter(folder, **options)  # type: ignore[arg-type]
    for step in wanted:
        writer.add_scalar("a", float(step), step)
        writer.add_text("t", str(step), step)
        writer.add_histogram("h", torch.tensor([1.0]), step)
    end(writer)


def test_a_folder_that_holds_a_run_goes_on_as_a_new_attempt(tmp_path):
    write(tmp_path, range(5))
    write(tmp_path, range(5, 8))
    assert steps(tmp_path) == list(range(8))
    assert len(load(tmp_path).meta.attempts) == 2


@pytest.mark.parametrize("purge", [0, 3, 5, 99])
def test_purge_step_hides_what_was_recorded_from_it_on(tmp_path, purge):
    write(tmp_path, range(5))
    write(tmp_path, range(100, 102), purge_step=purge)
    run = load(tmp_path)
    kept = [*range(min(purge, 5)), 100, 101]
    assert list(run.scalars["a"].steps) == kept
    assert [text.stamp.step for text in run.texts] == kept
    assert list(run.distributions["histogram"]["h"].steps) == kept
    assert run.meta.attempts[1].resumed_from == purge


@pytest.mark.parametrize(("first", "again"), [(range(-6, 2), -4), (range(5), 0)])
def test_purging_from_no_positive_step_hides_also_what_is_not_logged_again(tmp_path, first, again):
    write(tmp_path, first)
    writer = SummaryWriter(tmp_path, purge_step=again)
    writer.add_scalar("b", 1.0, 9)
    end(writer)
    run = load(tmp_path)
    assert list(run.scalars.get("a", Series()).steps) == list(range(first.start, again))
    assert run.meta.attempts[1].resumed_from == again


def test_going_on_with_step_0_hides_only_what_is_logged_again(tmp_path):
    write(tmp_path, range(5))
    writer = SummaryWriter(tmp_path)
    writer.add_scalar("b", 1.0, 0)
    writer.add_text("t", "again", 0)
    end(writer)
    run = load(tmp_path)
    assert list(run.scalars["a"].steps) == list(range(5))
    assert [text.text for text in run.texts] == ["again"]


def test_purge_step_hides_tags_that_the_new_attempt_does_not_log(tmp_path):
    write(tmp_path, range(5))
    writer = SummaryWriter(tmp_path, purge_step=2)
    writer.add_scalar("b", 1.0, 2)
    end(writer)
    assert steps(tmp_path) == [0, 1]


def test_writers_of_one_folder_in_one_process_share_its_run(tmp_path, monkeypatch):
    first, second = SummaryWriter(tmp_path), SummaryWriter(str(tmp_path))
    calls = without_page(first, monkeypatch)
    first.add_scalar("a", 1.0, 10)
    second.add_scalar("b", 2.0, 10)
    first.close()
    assert calls == [False]
    second.add_scalar("b", 3.0, 11)
    second.close()
    assert calls == [False, True]
    run = load(tmp_path)
    assert (list(run.scalars["a"].steps), list(run.scalars["b"].steps)) == ([10], [10, 11])
    assert len(run.meta.attempts) == 1


# -- when it is on disk ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{"max_queue": 1}, {"max_queue": 0}, {"flush_secs": 0}])
def test_small_queues_and_times_are_kept_to(tmp_path, options):
    writer = SummaryWriter(tmp_path, **options)
    writer.add_scalar("a", 1.0, 0)
    assert steps(tmp_path) == [0]
    writer.add_scalar("a", 1.0, 1)
    assert steps(tmp_path) == [0, 1]
    end(writer)


def test_flush_writes_all_to_disk(tmp_path):
    writer = SummaryWriter(tmp_path)
    writer.add_scalar("a", 1.0, 0)
    writer.file_writer.flush()
    assert steps(tmp_path) == [0]
    with pytest.raises(AttributeError, match="no event files"):
        writer.file_writer.add_summary(None)
    end(writer)


def test_a_suffix_of_file_names_is_said_not_to_be_used(tmp_path):
    writer = SummaryWriter(tmp_path, filename_suffix=".mine")
    writer.add_scalar("a", 1.0, 0)
    writer.flush()
    assert "filename_suffix='.mine'" in load(tmp_path).notes[0].what
    end(writer)


def test_without_write_to_disk_arguments_are_checked_and_nothing_is_recorded(tmp_path):
    writer = SummaryWriter(tmp_path / "run", write_to_disk=False)
    writer.add_scalar("a", 1.0, 0)
    writer.add_images("i", torch.rand(1, 3, 4, 4), 0)
    writer.add_graph(nn.Linear(2, 2), torch.rand(1, 2))
    with pytest.raises(AssertionError):
        writer.add_scalar("a", torch.zeros(2), 0)
    with pytest.raises(RuntimeError, match="records nothing"):
        writer.export_scalars_to_json(tmp_path / "x.json")
    writer.close()
    assert list(tmp_path.iterdir()) == []


def test_another_rank_records_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    with SummaryWriter(tmp_path / "run") as writer:
        writer.add_scalar("a", 1.0, 0)
        writer.add_video("v", torch.rand(1, 2, 3, 4, 4), 0)
    assert list(tmp_path.iterdir()) == []


def test_ten_thousand_scalars_take_less_than_90_bytes_each(tmp_path):
    writer = SummaryWriter(tmp_path)
    for step in range(10_000):
        writer.add_scalar("train/loss", 1 / (step + 1), step)
    writer.flush()
    journal = next(tmp_path.glob("events.*.jsonl"))
    assert len(steps(tmp_path, "train/loss")) == 10_000
    assert journal.stat().st_size < 90 * 10_000
    end(writer)


def test_a_text_and_a_curve_take_little_more_than_what_they_say(tmp_path):
    writer = SummaryWriter(tmp_path)
    generator = torch.Generator().manual_seed(1)
    truth, scores = torch.randint(0, 2, (10_000,), generator=generator), torch.rand(10_000, generator=generator)
    sizes = []
    for add in (
        lambda: writer.add_text("t", "text", 7),
        lambda: writer.add_pr_curve("p", truth, scores, 7),
    ):
        writer.flush()
        before = sum(file.stat().st_size for file in tmp_path.glob("events.*.jsonl"))
        add()
        writer.flush()
        sizes.append(sum(file.stat().st_size for file in tmp_path.glob("events.*.jsonl")) - before)
    assert sizes[0] < 250  # with the first line of the journal
    assert sizes[1] < 1600
    (text,), (curve,) = load(tmp_path).texts, load(tmp_path).pr_curves
    assert (text.text, text.stamp.step, curve.stamp.step, len(curve.recall)) == ("text", 7, 7, 127)
    end(writer)


def test_histograms_of_ten_thousand_numbers_take_less_than_1500_bytes_each(tmp_path):
    writer = SummaryWriter(tmp_path)
    generator = torch.Generator().manual_seed(1)
    for step in range(100):
        writer.add_histogram("h", torch.randn(10_000, generator=generator) * 0.02, step)
    writer.flush()
    assert next(tmp_path.glob("events.*.jsonl")).stat().st_size < 100 * 1500
    end(writer)


# -- threads, workers, copies ---------------------------------------------------------------------------------------


def test_threads_may_add_at_once(tmp_path):
    writer = SummaryWriter(tmp_path)

    def work(number: int) -> None:
        for step in range(200):
            writer.add_scalar(f"a{number}", float(step), step)
            writer.add_scalars("group", {str(number): 1.0}, step)
            if step % 50 == 0:
                writer.add_image(f"i{number}", torch.full((1, 4, 4), number / 10), step)
                writer.add_hparams({"number": number}, {"m": 1.0}, run_name=str(number))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.flush()
    run = load(tmp_path)
    for number in range(6):
        assert list(run.scalars[f"a{number}"].steps) == list(range(200))
    assert {tag for group in run.groups for tag in group.tags} == {f"group/{number}" for number in range(6)}
    assert (len(run.images), len(run.hparams), run.damage.lines) == (24, 6, 0)
    end(writer)


class Trainer:
    def __init__(self, writer: SummaryWriter) -> None:
        self.writer = writer
        self.model = nn.Linear(2, 2)


def test_what_holds_a_writer_can_be_copied_and_pickled(tmp_path):
    trainer = Trainer(SummaryWriter(tmp_path))
    twin = copy.deepcopy(trainer)
    assert twin.writer is trainer.writer
    assert copy.copy(trainer.writer) is trainer.writer
    other = pickle.loads(pickle.dumps(trainer))
    other.writer.add_scalar("a", 1.0, 0)
    other.writer.close()
    assert other.writer.get_logdir() == tmp_path
    trainer.writer.add_scalar("a", 1.0, 1)
    trainer.writer.flush()
    assert steps(tmp_path) == [1]
    end(trainer.writer)


class Logging(Dataset):
    def __init__(self, writer: SummaryWriter) -> None:
        self.writer = writer

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> int:
        self.writer.add_scalar("worker", 1.0, index)
        self.writer.add_image("worker", torch.rand(3, 4, 4), index)
        self.writer.flush()
        self.writer.close()
        return index


def test_a_forked_worker_records_nothing_and_disturbs_nothing(tmp_path):
    writer = SummaryWriter(tmp_path)
    writer.add_scalar("a", 1.0, 0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking with threads
        assert len(list(DataLoader(Logging(writer), num_workers=2, multiprocessing_context="fork"))) == 4
    writer.add_scalar("a", 1.0, 1)
    writer.flush()
    run = load(tmp_path)
    assert (list(run.scalars), list(run.scalars["a"].steps), run.damage.lines) == (["a"], [0, 1], 0)
    end(writer)


def test_the_end_of_the_process_without_close_keeps_the_data_and_builds_nothing(tmp_path):
    script = f"from reportgen import SummaryWriter\nSummaryWriter({str(tmp_path / 'run')!r}).add_scalar('a', 1.0, 3)\n"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert (steps(tmp_path / "run"), load(tmp_path / "run").meta.status) == ([3], "ended without build()")
    assert not (tmp_path / "run" / "report.html").exists()


# -- failures of our own --------------------------------------------------------------------------------------------


def add_image(writer: SummaryWriter) -> None:
    """Add one and wait until it is a file."""
    writer.add_image("i", torch.rand(3, 4, 4), 0)
    writer.flush()


def test_a_folder_that_cannot_be_made_is_a_warning_and_nothing_else(tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.warns(ReportgenWarning, match="cannot be written"):
        writer = SummaryWriter(tmp_path / "file" / "run")
    writer.add_scalar("a", 1.0, 0)
    writer.add_image("i", torch.rand(3, 4, 4), 0)
    writer.close()
    assert [(entry.name, entry.read_text()) for entry in tmp_path.iterdir()] == [("file", "no folder")]


def test_a_full_disk_is_a_warning_and_training_goes_on(tmp_path, monkeypatch):
    writer = SummaryWriter(tmp_path)
    writer.add_scalar("a", 1.0, 0)
    writer.flush()

    def full(*_: object, **__: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(Path, "write_bytes", full)
        with pytest.warns(ReportgenWarning, match="No space left"):
            add_image(writer)
        broken.setattr(os, "write", full)
        writer.add_scalar("a", 2.0, 1)
        with pytest.warns(ReportgenWarning, match="No space left"):
            writer.flush()
    writer.flush()
    assert steps(tmp_path) == [0, 1]
    assert not load(tmp_path).images
    end(writer)


def test_a_failure_of_an_encoder_is_a_warning_with_where_it_was(lenient, monkeypatch):
    from reportgen.collect.logged import logged

    def broken(_: object) -> bytes:
        raise RuntimeError("no encoder")

    monkeypatch.setattr(logged, "png", broken)
    with pytest.warns(ReportgenWarning, match="images: RuntimeError: no encoder"):
        add_image(lenient.writer)
    lenient.writer.add_scalar("a", 1.0, 0)
    run = lenient.run()
    assert list(run.scalars) == ["a"]
    assert run.notes[0].kind == "failure"


# -- nothing changes ------------------------------------------------------------------------------------------------


def trained(writer: SummaryWriter | None) -> list[torch.Tensor]:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.3), nn.Flatten(), nn.Linear(144, 3)
    )
    model[1].eval()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for step in range(12):
        inputs, labels = torch.rand(5, 1, 8, 8), torch.randint(0, 3, (5,))
        outputs = model(inputs)
        loss = nn.functional.cross_entropy(outputs, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if writer is not None:
            writer.add_scalar("loss", loss, step)
            writer.add_scalars("both", {"loss": loss, "twice": loss * 2}, step)
            writer.add_images("inputs", inputs, step)
            writer.add_graph(model, inputs)
            writer.add_tensor("outputs", outputs, step)
            writer.add_embedding(outputs.detach(), labels, inputs, step)
            writer.add_pr_curve("pr", labels == 1, outputs.softmax(1)[:, 1].detach(), step)
            writer.add_mesh("mesh", torch.ones(1, 4, 3), global_step=step)
            writer.add_hparams({"lr": 0.1}, {"hp/loss": loss})
            for name, parameter in model.named_parameters():
                writer.add_histogram(name, parameter, step)
                writer.add_histogram(f"{name}.grad", parameter.grad, step)
    assert model.training
    assert not model[1].training
    return [*model.state_dict().values(), *(one.grad for one in model.parameters()), torch.rand(3)]


def test_a_training_with_a_writer_is_bit_for_bit_the_one_without(tmp_path):
    writer = SummaryWriter(tmp_path, strict=True)
    with_it, without = trained(writer), trained(None)
    assert all(torch.equal(one, other) for one, other in zip(with_it, without, strict=True))
    writer.flush()
    run = load(tmp_path)
    assert len(run.scalars["loss"]) == 12
    assert len(run.graphs) == 1
    end(writer)


def test_a_report_and_a_writer_may_record_side_by_side(tmp_path):
    report, writer = Report("r", folder=tmp_path / "r"), SummaryWriter(tmp_path / "w")
    report.log({"a": 1.0}, 0)
    writer.add_scalar("b", 2.0, 0)
    report.close()
    end(writer)
    assert (list(load(tmp_path / "r").scalars), list(load(tmp_path / "w").scalars)) == (["a"], ["b"])
