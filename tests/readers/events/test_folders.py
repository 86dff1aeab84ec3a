"""Which folders are one run, what it is called, and what is refused."""

import os

import pytest
from torch.utils.tensorboard import SummaryWriter

from reportgen import load, load_all
from reportgen.cli.main import main
from reportgen.errors import UnreadableRunError
from reportgen.readers.events import find as finding
from reportgen.readers.events.runs import find_runs
from reportgen.readers.load import load_for_page, runs_in
from reportgen.run.logged import TagGroup
from reportgen.run.records import IMPORTED
from reportgen.testing import fake_run
from tests.readers.events.writing import NAME, points, scalar, version, write
from tests.readers.writing import write_folder


def logged(folder, tag="loss", count=3):
    return write(folder, version(), *(scalar(tag, at, at) for at in range(count)))


def titles(path):
    return [run.meta.title for run in load_all(path)]


def test_the_lines_of_add_scalars_join_their_run(tmp_path):
    with SummaryWriter(tmp_path / "run") as writer:
        writer.add_scalar("other", 1.0, 1)
        for step in range(3):
            writer.add_scalars("loss/both", {"train": step, "val/set": 10 + step}, step)
    (run,) = load_all(tmp_path)
    assert run.meta.title == "run"
    assert set(run.scalars) == {"other", "loss/both/train", "loss/both/val/set"}
    assert points(run, "loss/both/val/set") == [(0, 10.0), (1, 11.0), (2, 12.0)]
    assert run.groups == (TagGroup("loss/both", ("loss/both/train", "loss/both/val/set")),)
    assert len(run.meta.attempts) == 1


def test_the_lines_of_add_scalars_keep_the_order_of_their_keys(tmp_path):
    with SummaryWriter(tmp_path) as writer:
        writer.add_scalars("loss", {"second": 1.0, "first": 2.0, "a/b": 3.0}, 0, walltime=5.0)
    assert load(tmp_path).groups == (TagGroup("loss", ("loss/second", "loss/first", "loss/a/b")),)


def test_sessions_of_add_hparams_join_their_run_and_a_metric_that_is_a_curve_stays_one(tmp_path):
    with SummaryWriter(tmp_path) as writer:
        for step in range(4):
            writer.add_scalar("loss", 1 / (1 + step), step)
        for name, rate in (("first", 0.1), ("second", 0.2)):
            domain = {"kind": ["a", "b"]}
            params = {"lr": rate, "flag": True, "kind": "a", "gone": None}
            writer.add_hparams(params, {"loss": rate, "score": 2 * rate}, domain, run_name=name)
    run = load(tmp_path)
    first, second = run.hparams
    assert (first.name, first.params) == ("first", {"flag": 1.0, "kind": "a", "lr": 0.1})
    assert first.domains == {"kind": ("a", "b")}
    assert second.metrics == {"loss": pytest.approx(0.2), "score": pytest.approx(0.4)}
    assert len(run.scalars["loss"]) == 4
    assert [value for _, value in points(run, "score")] == pytest.approx([0.2, 0.4])


def test_hyperparameters_of_the_run_itself_have_its_curves_as_metrics(tmp_path):
    with SummaryWriter(tmp_path) as writer:
        writer.add_scalar("acc", 0.5, 1)
        writer.add_scalar("acc", 0.75, 2)
        writer.add_hparams({"lr": 0.1}, {"hp/metric": 1.0}, run_name=".")
    run = load(tmp_path)
    (one,) = run.hparams
    assert (one.name, one.params, one.metrics) == ("", {"lr": 0.1}, {"hp/metric": 1.0})
    assert points(run, "acc") == [(1, 0.5), (2, 0.75)]


def test_splits_beside_each_other_are_one_run(tmp_path):
    logged(tmp_path / "keras" / "train", "epoch_loss")
    logged(tmp_path / "keras" / "validation", "epoch_loss", 2)
    (run,) = load_all(tmp_path)
    assert run.meta.title == "keras"
    assert {tag: len(series) for tag, series in run.scalars.items()} == {
        "train/epoch_loss": 3,
        "validation/epoch_loss": 2,
    }


def test_a_split_below_a_folder_with_events_joins_it_and_a_lone_one_is_a_run(tmp_path):
    logged(tmp_path / "estimator")
    logged(tmp_path / "estimator" / "eval")
    logged(tmp_path / "lone" / "train")
    runs = load_all(tmp_path)
    assert [run.meta.title for run in runs] == ["estimator", "lone/train"]
    assert set(runs[0].scalars) == {"loss", "eval/loss"}


def test_lines_of_add_scalars_below_a_split_are_the_splits(tmp_path):
    for split in ("train", "val"):
        with SummaryWriter(tmp_path / split) as writer:
            writer.add_scalar("loss", 1.0, 1)
            writer.add_scalars("lr", {"a": 1.0, "b": 2.0}, 1)
    run = load(tmp_path)
    assert set(run.scalars) == {f"{split}/{tag}" for split in ("train", "val") for tag in ("loss", "lr/a", "lr/b")}
    assert [group.tag for group in run.groups] == ["train/lr", "val/lr"]


def test_every_other_folder_is_a_run_of_its_own_however_deep(tmp_path):
    for name in ("b", "a/deep/er", "a", "loss_x"):
        logged(tmp_path / name)
    assert titles(tmp_path) == ["a", "a/deep/er", "b", "loss_x"]
    assert titles(tmp_path / "a") == ["a", "deep/er"]


def test_a_folder_in_which_a_writer_was_opened_only_to_hold_runs_is_no_run(tmp_path):
    write(tmp_path, version())
    logged(tmp_path / "x")
    logged(tmp_path / "y")
    assert titles(tmp_path) == ["x", "y"]


def test_a_run_in_which_nothing_was_logged_yet_is_one(tmp_path):
    write(tmp_path, version(time=77.0))
    run = load(tmp_path)
    assert (run.scalars, run.meta.started, run.meta.status, run.meta.ended) == ({}, 77.0, IMPORTED, None)


def test_several_runs_are_refused_as_one_and_named(tmp_path):
    for number in range(8):
        logged(tmp_path / f"run-{number}")
    with pytest.raises(UnreadableRunError) as caught:
        load(tmp_path)
    assert f"{tmp_path / 'run-0'}, {tmp_path / 'run-1'}" in str(caught.value)
    assert str(caught.value).endswith("and 3 more")


def test_one_run_further_down_is_loaded(tmp_path):
    logged(tmp_path / "lightning_logs" / "version_0")
    assert load(tmp_path).meta.title == "lightning_logs/version_0"


def test_run_folders_and_event_files_may_lie_in_one_tree(tmp_path):
    write_folder(tmp_path / "b-own", fake_run(layers=1, steps=4, snapshots=2, examples=4, title="own"))
    logged(tmp_path / "b-own" / "inside")
    logged(tmp_path / "b-own" / "media")  # that run's pictures
    logged(tmp_path / "b-own")  # of which a note of that run tells
    logged(tmp_path / "a")
    logged(tmp_path / "c")
    assert titles(tmp_path) == ["a", "own", "b-own/inside", "c"]
    assert [place.name for place, _ in runs_in(tmp_path)] == ["a", "b-own", "inside", "c"]


def test_a_single_event_file_is_a_run(tmp_path):
    path = logged(tmp_path / "run")
    logged(tmp_path / "run" / "train")
    run = load(path)
    assert (run.meta.title, len(run.scalars["loss"])) == ("run", 3)
    renamed = path.rename(tmp_path / "renamed.log")
    assert len(load(renamed).scalars["loss"]) == 3


def test_links_are_not_followed(tmp_path):
    logged(tmp_path / "logs" / "a")
    (tmp_path / "logs" / "loop").symlink_to(tmp_path / "logs", target_is_directory=True)
    assert titles(tmp_path / "logs") == ["a"]


def test_a_profile_marker_and_files_of_other_names_are_passed_over(tmp_path):
    path = logged(tmp_path)
    (tmp_path / "events.out.tfevents.1.host.profile-empty").write_bytes(path.read_bytes())
    (tmp_path / "notes.txt").write_text("hello")
    assert len(load(tmp_path).scalars["loss"]) == 3


def test_progress_is_told_in_bytes(tmp_path):
    sizes = [logged(tmp_path / name).stat().st_size for name in ("a", "b")]
    told = []
    runs_in(tmp_path, lambda done, whole: told.append((done, whole)))
    assert told[-1] == (sum(sizes), sum(sizes))
    assert told == sorted(told)


REFUSED = {
    "an empty folder": (lambda path: path.mkdir(), "no run.json and no event files"),
    "an empty file": (lambda path: write(path), "is empty: nothing was recorded yet"),
    "no event file": (lambda path: write(path, tail=b"hello" * 100), "is no event file"),
    "one record cut off": (lambda path: write(path, tail=b"\x10\0\0\0"), "is no event file"),
    "several empty files": (
        lambda path: (write(path), write(path, name="tfevents.2")),
        "each of its 2 event files is empty",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_holds_no_record_is_refused_in_one_line(tmp_path, capsys, case):
    make, message = REFUSED[case]
    make(tmp_path / "logs")
    for read in (load, load_all, load_for_page):
        with pytest.raises(UnreadableRunError) as caught:
            read(tmp_path / "logs")
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)
        assert str(tmp_path / "logs") in str(caught.value)
    assert main(["build", str(tmp_path / "logs")]) == 3
    assert capsys.readouterr().out == ""


def test_a_file_that_is_no_event_file_is_refused_by_its_name(tmp_path):
    path = write(tmp_path, tail=b"x" * 50)
    with pytest.raises(UnreadableRunError, match=f"{NAME} is no event file"):
        load(path)


def test_one_file_that_cannot_be_read_hides_no_other(tmp_path, monkeypatch):
    logged(tmp_path)
    other = write(tmp_path, version(), scalar("loss", 5, 5), name="events.out.tfevents.2")
    opened = type(other).open

    def refused(path, *arguments, **more):
        if path == other:
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *arguments, **more)

    monkeypatch.setattr(type(other), "open", refused)
    run = load(tmp_path)
    assert len(run.scalars["loss"]) == 3
    assert run.damage.ranges == ("events.out.tfevents.2 cannot be read: Permission denied",)
    (tmp_path / NAME).unlink()
    with pytest.raises(UnreadableRunError, match=r"events.out.tfevents.2 cannot be read: Permission denied"):
        load(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may look everywhere")
def test_a_folder_that_cannot_be_looked_into(tmp_path):
    logged(tmp_path / "good")
    (tmp_path / "closed").mkdir(mode=0)
    try:
        run = load(tmp_path)
        assert any("closed cannot be read" in note.what for note in run.notes)
        with pytest.raises(UnreadableRunError, match="cannot be read"):
            load(tmp_path / "closed")
    finally:
        (tmp_path / "closed").chmod(0o700)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_among_event_files_is_not_waited_for(tmp_path):
    logged(tmp_path)
    os.mkfifo(tmp_path / "events.out.tfevents.pipe")
    assert len(load(tmp_path).scalars["loss"]) == 3


def test_a_tree_of_too_many_folders_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(finding, "MOST_FOLDERS", 3)
    for number in range(4):
        (tmp_path / str(number)).mkdir()
    with pytest.raises(UnreadableRunError, match="more than 3 folders"):
        load(tmp_path)


def test_a_file_that_grows_while_it_is_read_is_read_as_far_as_it_was(tmp_path):
    path = logged(tmp_path)
    whole = path.read_bytes()
    files = finding.event_files(tmp_path, [path.name])
    path.write_bytes(whole + b"\x18\0\0\0half a record")
    ((_, read),) = find_runs({tmp_path: files}, tmp_path)
    run = read(False)
    assert len(run.scalars["loss"]) == 3
    assert run.damage.losses == 0


def test_the_page_is_written_into_the_log_folder_and_nothing_else_is_touched(tmp_path, capsys):
    path = logged(tmp_path / "run")
    before = path.read_bytes()
    for source in (tmp_path / "run", path):
        assert main(["build", "--quiet", str(source)]) == 0
        assert capsys.readouterr().out.strip() == str(tmp_path / "run" / "report.html")
        assert sorted(entry.name for entry in (tmp_path / "run").iterdir()) == [path.name, "report.html"]
        again = load(tmp_path / "run" / "report.html")
        assert (again.meta.status, points(again, "loss")) == (IMPORTED, points(load(path), "loss"))
        (tmp_path / "run" / "report.html").unlink()
    assert path.read_bytes() == before
