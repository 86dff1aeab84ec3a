"""What users load runs with: a run folder, a folder of run folders, or a report."""

from __future__ import annotations

import os
from pathlib import Path

from reportgen.errors import UnreadableRunError
from reportgen.readers.folder import read_folder
from reportgen.readers.page import read_page
from reportgen.run.folder import MANIFEST
from reportgen.run.records import Run

GIVE = "give a run folder (it holds run.json) or a report.html"
LISTED = 5


def load(path: str | os.PathLike[str]) -> Run:
    """The run in `path`: a run folder or a report.html.

    Raises UnreadableRunError when there is none or several (then it names them), NewerSchemaError when a newer
    reportgen wrote it.
    """
    return load_for_page(path, page=False)


def load_for_page(path: str | os.PathLike[str], page: bool = True) -> Run:
    """As `load`; of a run folder only what its page needs is decoded when `page`.

    Raises UnreadableRunError when there is none or several (then it names them), NewerSchemaError when a newer
    reportgen wrote it.
    """
    place = Path(path)
    if not _exists(place):
        raise UnreadableRunError(f"{place} does not exist: {GIVE}")
    if not place.is_dir():
        if not place.is_file():  # reading a pipe or a device may never end
            raise UnreadableRunError(f"{place} is neither a folder nor a file: {GIVE}")
        return read_page(place)
    if _holds_run(place):
        return read_folder(place, page)
    inside = _runs_in(place)
    if not inside:
        raise UnreadableRunError(f"{place} has no run.json, so it is no run folder: {GIVE}")
    listed = ", ".join(str(run) for run in inside[:LISTED])
    more = f" and {len(inside) - LISTED} more" if len(inside) > LISTED else ""
    raise UnreadableRunError(f"{place} holds several runs or one further down; give one of them: {listed}{more}")


def load_all(path: str | os.PathLike[str]) -> list[Run]:
    """All runs in the folder `path`, by name of their folders; of a run folder or a report the one run in it.

    Raises what `load` raises.
    """
    place = Path(path)
    if place.is_dir() and not _holds_run(place) and (inside := _runs_in(place)):
        return [read_folder(run) for run in inside]
    return [load(place)]


def _exists(place: Path) -> bool:
    try:
        return place.exists()
    except OSError as error:
        raise UnreadableRunError(f"{place} cannot be read: {error.strerror or type(error).__name__}") from None


def _holds_run(place: Path) -> bool:
    return (place / MANIFEST).exists()


def _runs_in(place: Path) -> list[Path]:
    try:
        return sorted(entry for entry in place.iterdir() if entry.is_dir() and _holds_run(entry))
    except OSError as error:
        raise UnreadableRunError(f"{place} cannot be read: {error.strerror or type(error).__name__}") from None
