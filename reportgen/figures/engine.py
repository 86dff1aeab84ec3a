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
    """There is no layout: no program, it failed, or it took too long. The message says which."""


@cache
def programs() -> tuple[str, ...]:
    """The Graphviz programs on this machine, best first: dot on PATH, then graphviz-pure on PATH or beside Python."""
    beside = str(Path(sys.executable).parent)
    found = [shutil.which("dot"), shutil.which("graphviz-pure"), shutil.which("graphviz-pure", path=beside)]
    return tuple(dict.fromkeys(program for program in found if program))


def laid_out(source: str, seconds: float = SECONDS) -> str:
    """The SVG that Graphviz makes of DOT source. Raises LayoutError."""
    if not programs():
        raise LayoutError("Graphviz is not installed (a program dot, or pip install graphviz-pure)")
    faults = []
    for program in programs():
        try:
            return _run(program, source, seconds)
        except LayoutError as error:
            faults.append(str(error))
            if "took longer" in faults[0]:  # another program would not be quicker
                break
    raise LayoutError("; ".join(faults))


def _run(program: str, source: str, seconds: float) -> str:
    name = Path(program).name
    try:
        process = subprocess.Popen(
            [program, "-Tsvg"],
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
        raise LayoutError(f"{name} took longer than {seconds:g} s") from None
    finally:
        if process.poll() is None:
            _kill(process)
    svg = out.decode("utf-8", "replace")
    if process.returncode != 0 or "</svg>" not in svg:
        words = said.decode("utf-8", "replace").strip().splitlines()
        raise LayoutError(
            f"{name} failed with status {process.returncode}: {words[0][:200] if words else 'no message'}"
        )
    return svg[svg.index("<svg") :]


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:  # Windows has no process groups of this kind
            process.kill()
    process.communicate()
