"""Graphviz, run as a program of its own: found, limited in time, and killed as a whole."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from functools import cache
from pathlib import Path

# A layout that takes longer is given up for a coarser one.
SECONDS = 10.0


class LayoutError(Exception):
    """There is no layout: no program, it failed, or it took too long. The message says which.

    written: what the program had written until then; slow: whether it was the time.
    """

    def __init__(self, message: str, written: str = "", slow: bool = False) -> None:
        super().__init__(message)
        self.written, self.slow = written, slow


@cache
def programs() -> tuple[str, ...]:
    """The Graphviz programs on this machine, best first: dot on PATH, then graphviz-pure on PATH or beside Python."""
    beside = str(Path(sys.executable).parent)
    found = [shutil.which("dot"), shutil.which("graphviz-pure"), shutil.which("graphviz-pure", path=beside)]
    return tuple(dict.fromkeys(program for program in found if program))


def laid_out(source: str, seconds: float = SECONDS) -> str:
    """The SVG that Graphviz makes of DOT source. Raises LayoutError."""
    svg = graphviz(source, "svg", seconds, "</svg>")
    return svg[svg.index("<svg") :]


def graphviz(source: str, form: str, seconds: float = SECONDS, ending: str = "}") -> str:
    """What Graphviz makes of DOT source, one graph or several after each other, in the format `form`.

    ending: what its output must hold to be one. Raises LayoutError; `written` is then of the first program.
    """
    if not programs():
        raise LayoutError("Graphviz is not installed (a program dot, or pip install graphviz-pure)")
    faults: list[LayoutError] = []
    for program in programs():
        try:
            return _run(program, source, form, seconds, ending)
        except LayoutError as error:
            faults.append(error)
            if error.slow:  # another program would not be quicker
                break
    raise LayoutError("; ".join(map(str, faults)), faults[0].written, faults[-1].slow)


def _run(program: str, source: str, form: str, seconds: float, ending: str) -> str:
    name = Path(program).name
    try:
        process = subprocess.Popen(
            [program, f"-T{form}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # a group of its own, so that nothing it started outlives it
            env={**os.environ, "LC_ALL": "C"},
        )
    except OSError as error:
        raise LayoutError(f"{name} cannot be run: {error.strerror or type(error).__name__}") from None
    try:
        out, said = process.communicate(source.encode("utf-8"), timeout=seconds)
    except subprocess.TimeoutExpired:
        written = _kill(process)
        raise LayoutError(f"{name} took longer than {seconds:g} s", written, slow=True) from None
    finally:
        if process.poll() is None:
            _kill(process)
    text = out.decode("utf-8", "replace")
    if process.returncode != 0 or ending not in text:
        words = said.decode("utf-8", "replace").strip().splitlines()
        raise LayoutError(
            f"{name} failed with status {process.returncode}: {words[0][:200] if words else 'no message'}", text
        )
    return text


def _kill(process: subprocess.Popen[bytes]) -> str:
    """End the program with all it started; what it had written."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:  # Windows has no process groups of this kind
            process.kill()
    try:
        out, _ = process.communicate(timeout=1)
    except subprocess.TimeoutExpired as error:  # something it started in a session of its own holds the pipe
        out = error.output
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
    return (out or b"").decode("utf-8", "replace")
