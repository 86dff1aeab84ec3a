import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import reportgen
from reportgen import pipeline
from reportgen.cli import main as command
from reportgen.testing import fake_run
from tests.readers.writing import journal_path, write_folder

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path):
    run = fake_run(layers=1, steps=3, snapshots=1, scalars={"val/acc": [0.1]}, predictions=(), graphs=(), media={})
    return write_folder(tmp_path / "run", run)


def run(capsys, *arguments):
    """Exit status, stdout, stderr."""
    try:
        status = command.main([str(argument) for argument in arguments])
    except SystemExit as leaving:  # argparse's own way out
        status = leaving.code
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def process(*arguments, **options):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-m", "reportgen", *map(str, arguments)], env=environment, stderr=subprocess.PIPE, **options
    )


def test_build_prints_the_path_and_nothing_else_on_stdout(capsys, folder, tmp_path):
    status, out, err = run(capsys, "build", folder, "-o", tmp_path / "page.html")
    assert (status, out) == (0, f"{tmp_path / 'page.html'}\n")
    assert "kB in" in err
    assert err.count("\n") == 1


def test_quiet_is_quiet(capsys, folder):
    assert run(capsys, "build", folder, "--quiet") == (0, f"{folder / 'report.html'}\n", "")


def test_embed_full_carries_every_point(capsys, tmp_path):
    folder = write_folder(tmp_path / "run", fake_run(scalars={"train/loss": range(1500)}, layers=1, graphs=()))
    for embed, points in (("thin", range(900, 1001)), ("full", [1500])):
        assert run(capsys, "build", folder, "--embed", embed)[0] == 0
        assert len(reportgen.load(folder / "report.html").scalars["train/loss"]) in points


def test_a_damaged_run_is_built_with_status_0(capsys, folder):
    with journal_path(folder).open("ab") as journal:
        journal.write(b'{"k":"scalars","st')
    assert run(capsys, "build", folder)[0] == 0


@pytest.mark.parametrize(
    ("name", "text"),
    [("missing", None), ("unreadable", "{"), ("newer", '{"schema":99}'), ("odd", '{"schema":1,"title":[]}')],
)
def test_what_cannot_be_read_is_status_3_and_one_line(capsys, tmp_path, name, text):
    folder = tmp_path / name
    folder.mkdir()
    if text is not None:
        (folder / "run.json").write_text(text)
    status, out, err = run(capsys, "build", folder)
    assert (status, out) == (3, "")
    assert err.startswith("reportgen: ")
    assert err.count("\n") == 1
    assert name in err
    assert "Traceback" not in err


def test_what_cannot_be_written_is_status_4_and_one_line(capsys, folder, tmp_path):
    (tmp_path / "file").write_text("")
    status, out, err = run(capsys, "build", folder, "-o", tmp_path / "file" / "page.html")
    assert (status, out) == (4, "")
    assert "choose another place" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments", [(), ("build",), ("unknown",), ("build", "a", "--embed", "all"), ("build", "a", "b")]
)
def test_wrong_usage_is_status_2(capsys, arguments):
    status, out, err = run(capsys, *arguments)
    assert (status, out) == (2, "")
    assert "usage: reportgen" in err


def test_a_fault_of_our_own_is_status_4_and_one_line(capsys, folder, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError("a\nfault")

    monkeypatch.setattr(pipeline, "build_overview", broken)
    status, out, err = run(capsys, "build", folder)
    assert (status, out) == (4, "")
    assert "please report it: ZeroDivisionError: a fault" in err
    assert "test_main.py, line" in err
    assert err.count("\n") == 1


def test_an_interrupt_is_status_130(capsys, folder, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(pipeline, "build_overview", interrupted)
    assert run(capsys, "build", folder) == (130, "", "reportgen: interrupted\n")


def test_version_and_help(capsys):
    assert run(capsys, "--version") == (0, f"reportgen {reportgen.__version__}\n", "")
    status, out, _ = run(capsys, "--help")
    assert status == 0
    assert "build" in out
    assert "demo" in out


def test_a_path_that_no_terminal_can_show_does_not_stop_the_message(capsys, tmp_path):
    status, _, err = run(capsys, "build", tmp_path / "\udcff\n\x1b[31m")
    assert status == 3
    assert err.count("\n") == 1
    assert "\x1b" not in err


def test_a_reader_that_went_away_gives_no_traceback(folder):
    reading, writing = os.pipe()
    os.close(reading)
    done = process("build", folder, "--quiet", stdout=writing)
    os.close(writing)
    _, err = done.communicate(timeout=60)
    assert (done.returncode, err) == (141, b"")


@pytest.mark.parametrize("command", ["build", "show"])
def test_streams_that_the_shell_closed_are_no_fault(folder, command):
    line = '"$0" -m reportgen "$1" "$2" >&- 2>&-'
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(["sh", "-c", line, sys.executable, command, str(folder)], env=environment, timeout=60)
    assert done.returncode == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_full_disk_under_stdout_is_one_line(folder, form):
    with open("/dev/full", "wb") as full:
        done = process("show", folder, *form, stdout=full)
        _, err = done.communicate(timeout=60)
    assert (done.returncode, err.decode()) == (4, "reportgen: stdout cannot be written: No space left on device\n")


def test_importing_reportgen_or_the_command_imports_neither_torch_nor_matplotlib():
    code = (
        "import sys, reportgen, reportgen.cli.main; reportgen.cli.main._parser();"
        "print([m for m in ('torch', 'matplotlib', 'numpy', 'jinja2', 'PIL', 'graphviz') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout == "[]\n", done.stderr


@pytest.mark.parametrize(("arguments", "taken"), [((), (None, False)), (("--out", "d", "--quiet"), (Path("d"), True))])
def test_demo_trains_where_it_is_told(capsys, monkeypatch, arguments, taken):
    train = ModuleType("reportgen.demo.train")
    train.main = lambda out, quiet: Path(f"{out}-{quiet}.html")
    monkeypatch.setitem(sys.modules, "reportgen.demo.train", train)
    assert run(capsys, "demo", *arguments) == (0, f"{taken[0]}-{taken[1]}.html\n", "")
