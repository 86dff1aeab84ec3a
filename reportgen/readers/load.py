"""What users load runs with: a run folder, TensorBoard's event files, a report, or a folder that holds several runs."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from reportgen.errors import UnreadableRunError
from reportgen.readers.folder import read_folder
from reportgen.readers.page import read_overview, read_page
from reportgen.run.folder import MANIFEST, MEDIA
from reportgen.run.records import Note, Run

GIVE = "give a run folder (it holds run.json), a folder of TensorBoard's event files, or a report.html"
LISTED = 5
# Called with bytes read and bytes in all, while large logs are read.
Progress = Callable[[int, int], None]
# Gives a run: all of it, or with True as much as its page needs.
Reader = Callable[[bool], Run]


def load(path: str | os.PathLike[str]) -> Run:
    """The run in `path`: a run folder, TensorBoard's event files (a folder of them, or one), or a report.html.

    A run folder is that run, whatever lies below it; a note of the run names further ones there. Raises
    UnreadableRunError when there is none or several (then it names them), NewerSchemaError when a newer reportgen
    wrote it.
    """
    return load_for_page(path, page=False)


def load_for_page(path: str | os.PathLike[str], page: bool = True, progress: Progress | None = None) -> Run:
    """As `load`; only what its page needs is decoded when `page`.

    Raises UnreadableRunError when there is none or several (then it names them), NewerSchemaError when a newer
    reportgen wrote it.
    """
    place = _readable(path)
    if holds_run(place):
        return _own(place, page)
    found = runs_in(path, progress)
    if len(found) > 1:
        listed = ", ".join(str(place) for place, _ in found[:LISTED])
        more = f" and {len(found) - LISTED} more" if len(found) > LISTED else ""
        do = "give one of them" if Path(path).is_dir() else "reportgen.load_all gives them"
        raise UnreadableRunError(f"{Path(path)} holds several runs; {do}: {listed}{more}")
    return found[0][1](page)


def load_all(path: str | os.PathLike[str]) -> list[Run]:
    """All runs in the folder `path`, however deep, by name of their folders; of a single run or a report that one.

    Run folders may lie in each other. Those named train and val beside each other are two runs. Raises what `load`
    raises, except that several runs are what it is for.
    """
    return [read(False) for _, read in runs_in(path)]


def runs_in(path: str | os.PathLike[str], progress: Progress | None = None) -> list[tuple[Path, Reader]]:
    """All runs in `path`, by their folders: each with the folder (or file) it lies in, and a function that reads it.

    Event files in folders named train and val beside each other are one run, since what wrote them knows no splits.
    Run folders with these names stay two: each has its own status, attempts, settings and findings, of which a joined
    run could show one only, and a run of ours can log both splits itself.
    That function takes whether only what a page needs is wanted, and raises UnreadableRunError; so one run that cannot
    be read does not hide the others, and only one need be in memory. Event files are read at once, with `progress`.
    Raises UnreadableRunError when there is no run at all.
    """
    place = _readable(path)
    if not place.is_dir():
        return _in_file(place, progress)
    from reportgen.readers.events.find import find  # NumPy is imported only where there may be event files
    from reportgen.readers.events.runs import find_runs

    try:
        found = find(place)
    except UnreadableRunError:
        if not holds_run(place):
            raise
        return [(place, partial(_own, place))]  # with more below it than can be looked through
    if not found.runs and not found.logs:
        said = f" ({found.problems[0]})" if found.problems else ""
        raise UnreadableRunError(f"{place} has no run.json and no event files, so it is no run folder{said}: {GIVE}")
    each: list[tuple[Path, Reader]] = [(folder, partial(_own, folder)) for folder in found.runs]
    if found.logs:
        try:
            each += find_runs(found.logs, place, progress, tuple(found.problems))
        except UnreadableRunError as error:
            if not each:
                raise
            each.append((place, partial(_refuse, str(error))))
    return sorted(each, key=lambda one: one[0])


def _own(folder: Path, page: bool) -> Run:
    """The run that `folder` records, with a note on what else lies there and is not part of it."""
    run = read_folder(folder, page)
    told = _beside(folder)
    return replace(run, notes=(*run.notes, *told)) if told else run


def _beside(folder: Path) -> list[Note]:
    from reportgen.readers.events.find import event_files

    try:
        names = [entry.name for entry in folder.iterdir()]
        inner = [name for name in sorted(names) if name != MEDIA and _is_run(folder / name)]
    except OSError:  # the run was read, and that is what counts
        return []
    notes = []
    files = event_files(folder, names)
    if files:
        many = len(files) > 1
        what = f"{len(files):,} event files lie" if many else "1 event file lies"
        do = f"move {'them' if many else 'it'} into a folder of {'their' if many else 'its'} own"
        shown = f"{'are' if many else 'is'} not shown"
        # Not by name: event files are named after the machine, which a page never holds.
        give = "give reportgen one of them" if many else "give reportgen the file itself"
        notes.append(Note("reading", "event files", f"{what} beside run.json and {shown}: {do}, or {give}"))
    if inner:
        listed = ", ".join(inner[:LISTED]) + (f" and {len(inner) - LISTED} more" if len(inner) > LISTED else "")
        what = f"Runs in folders below this one are not shown here: {listed}. reportgen.load_all gives them all, and"
        notes.append(Note("reading", "folders", f"{what} reportgen build with all of their folders an overview"))
    return notes


def _is_run(folder: Path) -> bool:
    """Whether a folder itself, not one further down, holds a run. Raises OSError."""
    from reportgen.readers.events.find import MARK

    if folder.is_symlink() or not folder.is_dir():
        return False
    return any(entry.name == MANIFEST or MARK in entry.name for entry in folder.iterdir())


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


def holds_run(place: Path) -> bool:
    """Whether `place` is a run folder of our own. Raises UnreadableRunError."""
    try:
        return place.is_dir() and (place / MANIFEST).exists()
    except OSError as error:
        raise UnreadableRunError(f"{place} cannot be read: {error.strerror or type(error).__name__}") from None
