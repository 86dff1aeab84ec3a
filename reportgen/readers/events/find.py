"""Which files in a folder tree are event files, folder by folder."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from reportgen.errors import UnreadableRunError
from reportgen.readers.events.framing import HEAD, Frames
from reportgen.readers.events.log_parts import EventFile
from reportgen.run.folder import MANIFEST, MEDIA

# TensorBoard's own rule: the name contains this.
MARK = "tfevents"
# A marker of TensorFlow's profiler, which holds nothing.
EMPTY_MARK = ".profile-empty"
MOST_FOLDERS = 100_000


@dataclass(slots=True)
class Found:
    """What a folder tree holds. logs: folder -> its event files by name. runs: folders of our own, in order.

    Event files beside a run.json are not among them: that folder is our own run, whose reader says that they are there.

    problems: what could not be looked into, as sentences.
    """

    logs: dict[Path, list[EventFile]] = field(default_factory=dict)
    runs: list[Path] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def find(root: Path) -> Found:
    """Look through `root`, links to folders not followed. Raises UnreadableRunError when it cannot be looked into."""
    found = Found()

    def failed(error: OSError) -> None:
        if Path(error.filename or root) == root:
            raise UnreadableRunError(f"{root} cannot be read: {error.strerror or type(error).__name__}")
        found.problems.append(f"{_relative(Path(error.filename), root)} cannot be read: {error.strerror}")

    for count, (folder, below, names) in enumerate(os.walk(root, onerror=failed)):
        if count >= MOST_FOLDERS:
            raise UnreadableRunError(f"{root} holds more than {MOST_FOLDERS:,} folders: give a folder further down")
        below.sort()
        if MANIFEST in names:
            found.runs.append(Path(folder))
            if MEDIA in below:  # thousands of files of that run; other folders below it may be runs of their own
                below.remove(MEDIA)
            continue
        files = event_files(Path(folder), names)
        if files:
            found.logs[Path(folder)] = files
    return found


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name


def event_files(folder: Path, names: Iterable[str]) -> list[EventFile]:
    """Those of `names` in `folder` that are event files, in the order of their names, which begin with the time."""
    found = []
    for name in sorted(names):
        if MARK not in name or name.endswith(EMPTY_MARK):
            continue
        try:
            status = (folder / name).stat()
        except OSError:  # it has gone since, or is a link to nothing
            continue
        if stat.S_ISREG(status.st_mode):
            found.append(EventFile(folder / name, status.st_size))
    return found


def event_file(path: Path) -> EventFile:
    """The event file at `path`. Raises UnreadableRunError."""
    try:
        return EventFile(path, path.stat().st_size)
    except OSError as error:
        raise UnreadableRunError(f"{path} cannot be read: {error.strerror or type(error).__name__}") from None


def looks_like_events(path: Path) -> bool:
    """Whether a file is named like an event file, or begins like one. False for one that cannot be read."""
    if MARK in path.name:
        return True
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(HEAD)
            return len(head) == HEAD and Frames(file, size).framed(head)
    except OSError:
        return False
