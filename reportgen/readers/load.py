"""What users load runs with: a run folder, TensorBoard's event files, a report, or a folder that holds several runs."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from reportgen.errors import UnreadableRunError
from reportgen.readers.folder import read_folder
from reportgen.readers.page import read_overview, read_page
from reportgen.run.folder import MANIFEST
from reportgen.run.records import Run

GIVE = "give a run folder (it holds run.json), a folder of TensorBoard's event files, or a report.html"
LISTED = 5
# Called with bytes read and bytes in all, while large logs are read.
Progress = Callable[[int, int], None]
# Gives a run: all of it, or with True as much as its page needs.
Reader = Callable[[bool], Run]


def load(path: str | os.PathLike[str]) -> Run:
    """The run in `path`: a run folder, TensorBoard's event files (a folder of them, or one), or a report.html.

    Raises UnreadableRunError when there is none or several (then it names them), NewerSchemaError when a newer
    reportgen wrote it.
    """
    return load_for_page(path, page=False)


def load_for_page(path: str | os.PathLike[str], page: bool = True, progress: Progress | None = None) -> Run:
    """As `load`; only what its page needs is decoded when `page`.

    Raises UnreadableRunError when there is none or several (then it names them), NewerSchemaError when a newer
    reportgen wrote it.
    """
    found = runs_in(path, progress)
    if len(found) > 1:
        listed = ", ".join(str(place) for place, _ in found[:LISTED])
        more = f" and {len(found) - LISTED} more" if len(found) > LISTED else ""
        do = "give one of them" if Path(path).is_dir() else "reportgen.load_all gives them"
        raise UnreadableRunError(f"{Path(path)} holds several runs; {do}: {listed}{more}")
    return found[0][1](page)


def load_all(path: str | os.PathLike[str]) -> list[Run]:
    """All runs in the folder `path`, however deep, by name of their folders; of a single run or a report that one.

    Raises what `load` raises, except that several runs are what it is for.
    """
    return [read(False) for _, read in runs_in(path)]


def runs_in(path: str | os.PathLike[str], progress: Progress | None = None) -> list[tuple[Path, Reader]]:
    """All runs in `path`, by their folders: each with the folder (or file) it lies in, and a function that reads it.

    That function takes whether only what a page needs is wanted, and raises UnreadableRunError; so one run that cannot
    be read does not hide the others, and only one need be in memory. Event files are read at once, with `progress`.
    Raises UnreadableRunError when there is no run at all.
    """
    place = _readable(path)
    if not place.is_dir():
        return _in_file(place, progress)
    if _holds_run(place):
        return [(place, partial(read_folder, place))]
    from reportgen.readers.events.find import find  # NumPy is imported only where there may be event files
    from reportgen.readers.events.runs import find_runs

    found = find(place)
    if not found.runs and not found.logs:
        said = f" ({found.problems[0]})" if found.problems else ""
        raise UnreadableRunError(f"{place} has no run.json and no event files, so it is no run folder{said}: {GIVE}")
    each: list[tuple[Path, Reader]] = [(folder, partial(read_folder, folder)) for folder in found.runs]
    if found.logs:
        try:
            each += find_runs(found.logs, place, progress, tuple(found.problems))
        except UnreadableRunError as error:
            if not each:
                raise
            each.append((place, partial(_refuse, str(error))))
    return sorted(each, key=lambda one: one[0])


def _carried(run: Run, page: bool) -> Run:
    return run


def _refuse(why: str, page: bool) -> Run:
    raise UnreadableRunError(why)


def _readable(path: str | os.PathLike[str]) -> Path:
    """`path` as one that exists and is a folder or a regular file. Raises UnreadableRunError."""
    place = Path(path)
    try:
        if not place.exists():
            raise UnreadableRunError(f"{place} does not exist: {GIVE}")
        if not place.is_dir() and not place.is_file():  # reading a pipe or a device may never end
            raise UnreadableRunError(f"{place} is neither a folder nor a file: {GIVE}")
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise UnreadableRunError(f"{place} cannot be read: {reason}") from None
    return place


def _in_file(place: Path, progress: Progress | None) -> list[tuple[Path, Reader]]:
    if not is_event_file(place):
        overview = read_overview(place)
        if overview is not None:
            return [(Path(member.name), partial(_carried, member.run)) for member in overview.members]
        return [(place, lambda page: read_page(place))]
    from reportgen.readers.events.find import event_file
    from reportgen.readers.events.runs import find_runs

    found = find_runs({place.parent: [event_file(place)]}, place.parent, progress, alone=True)
    return [(place, read) for _, read in found]


def is_event_file(place: Path) -> bool:
    """Whether `place` is a file that is named like an event file, or begins like one."""
    from reportgen.readers.events.find import looks_like_events

    return looks_like_events(place)


def _holds_run(place: Path) -> bool:
    try:
        return (place / MANIFEST).exists()
    except OSError as error:
        raise UnreadableRunError(f"{place} cannot be read: {error.strerror or type(error).__name__}") from None
