"""`reportgen build` of several runs, and of what takes long to read."""

import io

import pytest

import reportgen
from reportgen.cli import progress
from reportgen.cli.progress import Reading
from reportgen.testing import fake_run
from tests.cli.test_main import run
from tests.readers.writing import write_folder


@pytest.fixture
def runs(tmp_path):
    for name, accuracy in (("a", 0.1), ("b", 0.2)):
        made = fake_run(title=name, layers=1, steps=3, snapshots=1, scalars={"val/acc": [accuracy]}, predictions=())
        write_folder(tmp_path / "runs" / name, made)
    return tmp_path / "runs"


def test_a_folder_of_runs_gives_its_page_in_it(capsys, runs):
    status, out, err = run(capsys, "build", runs)
    assert (status, out) == (0, f"{runs / 'report.html'}\n")
    assert err.startswith("2 runs")
    assert err.count("\n") == 1
    assert len(reportgen.load_all(runs / "report.html")) == 2


def test_several_runs_need_a_place_for_their_page(capsys, runs):
    status, out, err = run(capsys, "build", runs / "a", runs / "b")
    assert (status, out) == (2, "")
    assert "need -o FILE" in err
    assert run(capsys, "build", runs / "a", runs / "b", "-o", runs / "x.html")[:2] == (0, f"{runs / 'x.html'}\n")


def test_a_run_that_cannot_be_read_among_others_is_one_line_and_status_0(capsys, runs):
    (runs / "bad").mkdir()
    (runs / "bad" / "run.json").write_text("{")
    status, out, err = run(capsys, "build", runs, "--quiet")
    assert (status, out) == (0, f"{runs / 'report.html'}\n")
    assert err.startswith("reportgen: 1 run could not be read and is only listed; bad: ")
    assert err.count("\n") == 1


def test_where_none_can_be_read_the_status_is_3(capsys, tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text("{")
    status, out, err = run(capsys, "build", tmp_path)
    assert (status, out) == (3, "")
    assert "none of the 2 runs can be read" in err
    status, out, err = run(capsys, "build", tmp_path / "a", tmp_path / "missing", "-o", tmp_path / "x.html")
    assert (status, out) == (3, "")
    assert err.count("\n") == 1


def test_every_point_of_several_runs_is_refused(capsys, runs):
    status, _, err = run(capsys, "build", runs, "--embed", "full")
    assert status == 2
    assert "thin" in err


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_bar_is_drawn_once_reading_takes_long(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(progress.sys, "stderr", terminal)
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    reading = Reading(quiet=False)
    reading.bytes(30_000_000, 90_000_000)
    reading.runs(1, 1)
    reading.close()
    shown = terminal.getvalue()
    assert "MB read" in shown
    assert "30/90" in shown
    assert "runs read" in shown
    assert shown.endswith("\n")


def test_no_bar_is_drawn_when_reading_is_quick_or_asked_to_be_quiet(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(progress.sys, "stderr", terminal)
    Reading(quiet=False).bytes(1, 2)
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    Reading(quiet=True).runs(1, 2)
    assert terminal.getvalue() == ""


@pytest.mark.parametrize("arguments", [("",), ("", "-o", "x.html"), ("a", "-o", "")])
def test_an_empty_path_is_wrong_usage_and_not_the_folder_at_hand(capsys, runs, monkeypatch, arguments):
    monkeypatch.chdir(runs)
    status, out, err = run(capsys, "build", *arguments)
    assert (status, out) == (2, "")
    assert "must not be empty" in err
    assert not (runs / "report.html").exists()


def test_a_path_with_a_null_byte_is_one_clear_line(capsys, runs):
    status, out, err = run(capsys, "build", "a\0b")
    assert (status, out) == (3, "")
    assert "does not exist" in err
    assert run(capsys, "build", "a\0b", runs / "a", "-o", runs / "x.html")[0] == 0


@pytest.mark.parametrize("name", ["a\0b", "x" * 300, "x" * 5000])
def test_a_name_that_no_file_can_have_is_status_4_and_no_fault_of_ours(capsys, runs, name):
    status, out, err = run(capsys, "build", runs / "a", "-o", runs / name)
    assert (status, out) == (4, "")
    assert "cannot be written" in err
    assert "choose another place" in err
