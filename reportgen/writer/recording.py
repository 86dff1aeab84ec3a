"""Opening the run that a writer records: where it is, and who else in this process writes to it."""

from __future__ import annotations

import os
import time
from pathlib import Path
from weakref import WeakSet, WeakValueDictionary

from reportgen.errors import shown
from reportgen.report import Report, silent
from reportgen.run.folder import MANIFEST, PARENT

MOST_SIBLINGS = 10_000


class Recording:
    """One run and the writers that have it open: writers of one folder in one process share it."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.open: WeakSet[object] = WeakSet()


_recordings: WeakValueDictionary[str, Recording] = WeakValueDictionary()


def recording_in(folder: Path, purge_step: int | None, write: bool, strict: bool) -> Recording:
    """The run in `folder`. One that is there goes on as a new attempt, or, while a writer has it open, as it is.

    purge_step: hide what earlier attempts recorded from this step on. write: record at all. Raises FileExistsError
    when `folder` is a file.
    """
    if not write:
        return Recording(silent())
    if folder.exists() and not folder.is_dir():
        raise FileExistsError(f"log_dir {shown(str(folder))} is a file; accepted: a folder, or a place to make one")
    place = os.path.realpath(folder)
    known = _recordings.get(place)
    if known is not None and known.open and purge_step is None:
        return known
    report = Report(folder.name or "run", folder=folder, resume=True, strict=strict)
    with report._recorder.guard("report"):
        report._recorder.update_meta(recorder="SummaryWriter")
    if purge_step is not None:
        report._recorder.resumed_from = purge_step
    made = Recording(report)
    _recordings[place] = made
    return made


def default_folder(comment: str) -> Path:
    """`runs/<Nov26_15-01-12><comment>`, with -2, -3 ... when that holds a run; without the host's name, which a run
    folder never holds."""
    name = time.strftime("%b%d_%H-%M-%S", time.localtime()) + comment
    for number in range(1, MOST_SIBLINGS):
        place = Path(PARENT) / (name if number == 1 else f"{name}-{number}")
        if not (place / MANIFEST).exists():
            break
    return place
