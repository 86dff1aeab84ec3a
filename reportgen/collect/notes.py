"""What reportgen itself left out or failed at: said once as a warning, counted from then on."""

from __future__ import annotations

import contextlib
import sys
import warnings
from dataclasses import replace

from reportgen.errors import ReportgenWarning
from reportgen.run.records import Note
from reportgen.run.redact import scrub

# A message that holds a changing value would fill the page.
MOST_OF_A_PLACE = 20
LONGEST = 2000
PACKAGE = "reportgen"


class Notes:
    """The notes of one run, each distinct one once."""

    def __init__(self) -> None:
        self._notes: dict[tuple[str, str], Note] = {}
        self._places: dict[str, int] = {}
        self._changed: set[tuple[str, str]] = set()

    def add(self, kind: str, where: str, what: str, step: int) -> None:
        """Note `what`, and warn when it is new."""
        what = scrub(what[:LONGEST])
        key = (where, what)
        if key not in self._notes:
            self._places[where] = self._places.get(where, 0) + 1
            if self._places[where] > MOST_OF_A_PLACE:
                what = f"further messages of {where} are counted, not shown"
                key = (where, what)
        known = self._notes.get(key)
        self._notes[key] = replace(known, times=known.times + 1) if known else Note(kind, where, what, step)
        self._changed.add(key)
        if known is None and kind != "omission":
            _warn(f"reportgen: {where}: {what}")

    def all(self) -> tuple[Note, ...]:
        """Every note, in the order first made."""
        return tuple(self._notes.values())

    def take_changed(self) -> list[Note]:
        """The notes that are new or were counted up since the last call."""
        changed = []
        # One by one, which is atomic: the loop may add one meanwhile. No lock, since a fork could leave it held.
        with contextlib.suppress(KeyError):
            while True:
                changed.append(self._changed.pop())
        return [self._notes[key] for key in sorted(changed)]


def _warn(message: str) -> None:
    frame, level = sys._getframe(1), 2  # a stacklevel of 1 is this very function
    while frame.f_back is not None and frame.f_globals.get("__name__", "").split(".")[0] == PACKAGE:
        frame, level = frame.f_back, level + 1
    try:
        warnings.warn(message, ReportgenWarning, stacklevel=level)
    except Exception:  # noqa: BLE001 - a script that turns warnings into errors, or shows them its own way, and fails
        # The page says it too; where stderr is closed there is no other channel left.
        with contextlib.suppress(OSError, ValueError, AttributeError):
            print(message, file=sys.stderr)  # noqa: T201
