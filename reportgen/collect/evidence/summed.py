"""Records that grow while a run goes on, written again when they have grown enough."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reportgen.collect.recorder import Recorder


class Summed:
    """The newest record of each key of one kind of journal line.

    Each `put` counts; a key is written when its count has doubled since it was written last, and when a flush is asked
    for (build, close, the end), so a run of a million steps writes a few lines of each. What a kill loses is at most
    the later half of the looks.
    """

    def __init__(self, recorder: Recorder, kind: str) -> None:
        self._recorder = recorder
        self._kind = kind
        self._records: dict[Hashable, object] = {}
        self._counts: dict[Hashable, int] = {}
        self._written: dict[Hashable, int] = {}
        recorder.before_flush.append(self.write)

    def put(self, key: Hashable, record: object) -> None:
        """Replace the record of `key`. The same again is no change."""
        if self._records.get(key) == record:
            return
        self._records[key] = record
        self._counts[key] = self._counts.get(key, 0) + 1

    def write(self) -> None:
        """Write what has grown enough, all that has changed if a flush was asked for."""
        for key in tuple(self._records):
            count, written = self._counts[key], self._written.get(key, 0)
            if count > written and (self._recorder.asked or count >= 2 * written):
                self._written[key] = count
                self._recorder.record(self._kind, self._records[key])
