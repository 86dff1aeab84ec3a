"""tools/system-packages.sh: what it installs, and what it says where it may not."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[1] / "tools" / "system-packages.sh"
# A machine with nothing on it but what the script itself needs, `id` telling that it is root.
NEEDED = ("bash", "cat", "env", "grep", "ln", "mktemp", "readlink", "rm", "tail")


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    folder = tmp_path / "programs"
    folder.mkdir()
    for name in NEEDED:
        found = shutil.which(name)
        assert found, name
        (folder / name).symlink_to(found)
    program(folder / "id", "echo 0")
    return folder


def program(path: Path, body: str) -> None:
    path.write_text(f"#!{shutil.which('bash')}\n{body}\n")
    path.chmod(0o755)


def run(programs: Path, *names: str, **environment: str) -> tuple[int, str]:
    done = subprocess.run(
        [SCRIPT, *names], env={"PATH": str(programs), **environment}, capture_output=True, text=True, timeout=30
    )
    return done.returncode, done.stdout + done.stderr


def apt_that_brings(programs: Path, *brought: str) -> Path:
    log = programs / "apt.log"
    links = "; ".join(f"ln -sf {programs}/cat {programs}/{name}" for name in brought)
    program(programs / "apt-get", f'echo "$*" >>{log}; [ "$1" = update ] || {{ {links or ":"}; }}')
    return log


def test_what_is_there_is_not_installed(programs: Path) -> None:
    program(programs / "dot", "")
    log = apt_that_brings(programs)
    assert run(programs, "dot") == (0, "")
    assert not log.exists()


def test_root_gets_what_is_missing_in_one_go(programs: Path) -> None:
    log = apt_that_brings(programs, "dot", "chromium")
    assert run(programs, "dot", "chromium") == (0, "Installing graphviz chromium fonts-dejavu-core by apt-get\n")
    assert log.read_text() == "update -q\ninstall -qy --no-install-recommends graphviz chromium fonts-dejavu-core\n"


def test_without_leave_to_install_one_line_each_says_what_to_install(programs: Path) -> None:
    log = apt_that_brings(programs, "dot")
    program(programs / "id", "echo 1000")
    program(programs / "sudo", "exit 1")  # as `sudo -n` where a password is asked for
    status, said = run(programs, "dot", "chromium")
    assert status == 1
    assert [line.split(" is missing")[0] for line in said.splitlines()] == ["Graphviz's dot", "Chromium"]
    assert "apt-get install graphviz" in said
    assert not log.exists()


def test_sudo_without_a_password_is_used(programs: Path) -> None:
    apt_that_brings(programs, "dot")
    program(programs / "id", "echo 1000")
    program(programs / "sudo", '[ "$1" = -n ] || exit 1; shift; "$@"')
    program(programs / "true", "")
    assert run(programs, "dot")[0] == 0


def test_an_installation_that_fails_says_so(programs: Path) -> None:
    program(programs / "apt-get", "echo 'E: no such package' >&2; exit 100")
    status, said = run(programs, "dot")
    assert status == 1
    assert "E: no such package" in said
    assert "Graphviz's dot is missing" in said


def test_a_snap_is_no_chromium_that_tests_can_drive(programs: Path) -> None:
    program(programs / "chromium-browser", "exec /snap/bin/chromium")
    assert run(programs, "chromium")[0] == 1
    program(programs / "chrome", "")
    assert run(programs, "chromium", CHROMIUM=str(programs / "chrome")) == (0, "")
    assert run(programs, "chromium", CHROMIUM="/nowhere/chrome")[0] == 1


def test_a_python_without_venv_is_told(programs: Path) -> None:
    program(programs / "python3", "exit 1")
    status, said = run(programs, "venv")
    assert status == 1
    assert "python3-venv is missing" in said


def test_an_unknown_name_is_wrong_usage(programs: Path) -> None:
    assert run(programs, "gimp")[0] == 2
