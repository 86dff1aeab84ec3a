"""The exception that ended a run, as a record: type, message, and the lines it went through. Never any local value."""

from __future__ import annotations

import linecache
import os
import site
import sysconfig
from pathlib import Path
from types import TracebackType

from reportgen.run.graph import Fault
from reportgen.run.records import Failure, Frame
from reportgen.run.redact import scrub
from reportgen.run.series import Stamp

# A recursion error has a thousand frames; its first and last few tell the story.
MOST_FRAMES = 40
LONGEST_MESSAGE = 4000
PACKAGE = str(Path(__file__).resolve().parents[1])


def failure_of(error: BaseException, stamp: Stamp, module: str = "", fault: Fault | None = None) -> Failure:
    """The record of `error`, raised while the watched module `module` was running ("" outside of any).

    fault: what that module was called with.
    """
    try:
        message = str(error)
    except Exception as broken:  # noqa: BLE001 - an exception whose str raises is still worth recording
        message = f"(its message cannot be shown: {type(broken).__name__})"
    frames = _frames(error.__traceback__)
    if len(frames) > MOST_FRAMES:
        frames = frames[: MOST_FRAMES // 2] + frames[-MOST_FRAMES // 2 :]
    return Failure(
        type=_type_name(type(error)),
        message=scrub(message[:LONGEST_MESSAGE]),
        stamp=stamp,
        frames=tuple(frames),
        module=module,
        fault=fault,
    )


def _type_name(cls: type[BaseException]) -> str:
    return cls.__qualname__ if cls.__module__ in ("builtins", "__main__") else f"{cls.__module__}.{cls.__qualname__}"


def _frames(traceback: TracebackType | None) -> list[Frame]:
    frames: list[Frame] = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        # Our own frames (track's generator, a wrapped call) are no part of the user's story.
        if not code.co_filename.startswith(PACKAGE + os.sep):
            path, own = place(code.co_filename)
            line = linecache.getline(code.co_filename, traceback.tb_lineno).strip()
            frames.append(Frame(path, traceback.tb_lineno, code.co_name, scrub(line), own))
        traceback = traceback.tb_next
    return frames


def place(filename: str) -> tuple[str, bool]:
    """A source file's path as it may be shown, and whether it is the user's own code.

    Relative to the working folder; from site-packages or the standard library's folder on for what is installed; the
    bare name for anything else, since its folders may name a user.
    """
    if filename.startswith("<"):
        return filename, False
    for folder in _installed():
        if filename.startswith(folder + os.sep):
            return filename[len(folder) + 1 :], False
    try:
        return os.path.relpath(filename) if Path(filename).is_relative_to(Path.cwd()) else Path(filename).name, True
    except (OSError, ValueError):  # the working folder is gone, or is on another drive
        return Path(filename).name, True


def _installed() -> list[str]:
    paths = sysconfig.get_paths()
    folders = {
        *site.getsitepackages(),
        site.getusersitepackages(),
        *(paths[k] for k in ("purelib", "platlib", "stdlib")),
    }
    return sorted(folders, key=len, reverse=True)  # site-packages lies inside the standard library's folder
