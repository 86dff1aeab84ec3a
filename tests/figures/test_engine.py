import os
import signal
import stat
import sys
import time

import pytest

from reportgen.figures import engine
from reportgen.figures.engine import LayoutError, laid_out, programs

PLAIN = 'digraph { a [label="x"] a -> b }'


def program(folder, name, body):
    """A program that can stand for dot."""
    path = folder / name
    path.write_text(f"#!{sys.executable}\n{body}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


@pytest.fixture
def only(monkeypatch):
    """Sets the programs that are found."""

    def set_programs(*found):
        monkeypatch.setattr(engine, "programs", lambda: found)

    return set_programs


def test_each_program_of_this_machine_draws(only):
    assert programs(), "the tests need dot or graphviz-pure"
    for found in programs():
        only(found)
        assert "<title>a</title>" in laid_out(PLAIN)


def test_without_a_program_the_message_says_what_to_install(only):
    only()
    with pytest.raises(LayoutError, match="pip install graphviz-pure"):
        laid_out(PLAIN)


def test_a_program_that_fails_is_followed_by_the_next(only, tmp_path):
    broken = program(tmp_path, "broken", "import sys; sys.exit('no plugins')")
    only(broken, programs()[0])
    assert "</svg>" in laid_out(PLAIN)
    only(broken, str(tmp_path / "missing"))
    with pytest.raises(LayoutError, match=r"broken failed with status 1: no plugins; missing cannot be run"):
        laid_out(PLAIN)


@pytest.mark.skipif(os.name == "nt", reason="process groups of POSIX")
def test_a_slow_layout_is_killed_with_all_it_started(only, tmp_path):
    pids = tmp_path / "pids"
    body = (
        "import os, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"open({str(pids)!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}')\n"
        "time.sleep(60)"
    )
    only(program(tmp_path, "slow", body))
    started = time.monotonic()
    with pytest.raises(LayoutError, match=r"slow took longer than 1\.5 s"):
        laid_out(PLAIN, seconds=1.5)
    assert time.monotonic() - started < 10
    for pid in map(int, pids.read_text().split()):
        assert gone(pid), pid


@pytest.mark.skipif(os.name == "nt", reason="sessions of POSIX")
def test_what_a_slow_layout_started_in_a_session_of_its_own_is_not_waited_for(only, tmp_path):
    pid = tmp_path / "pid"
    body = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], start_new_session=True)\n"
        f"open({str(pid)!r}, 'w').write(str(child.pid))\n"
        "print('half a layout', flush=True)\n"
        "time.sleep(60)"
    )
    only(program(tmp_path, "leaving", body))
    started = time.monotonic()
    with pytest.raises(LayoutError, match="leaving took longer") as caught:
        laid_out(PLAIN, seconds=1.5)
    assert time.monotonic() - started < 20
    assert caught.value.written == "half a layout\n"
    os.kill(int(pid.read_text()), signal.SIGKILL)


def gone(pid):
    """Whether a process ends within two seconds (a killed grandchild waits for init to collect it)."""
    for _ in range(40):
        try:
            os.kill(pid, 0)
            with open(f"/proc/{pid}/stat") as file:
                if file.read().rpartition(")")[2].split()[0] == "Z":
                    return True
        except (ProcessLookupError, FileNotFoundError):
            return True
        time.sleep(0.05)
    return False


def test_input_that_is_no_dot_is_a_layout_error():
    with pytest.raises(LayoutError, match="failed with status"):
        laid_out("digraph {")
