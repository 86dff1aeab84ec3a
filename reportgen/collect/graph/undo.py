"""What is put back after a forward of ours, also where a signal interrupts that."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress


class Undo:
    """Calls that put back what was changed, the latest first. Each is added before its change is made, and may be made
    twice.

        undo = Undo()
        try:
            ...
        finally:
            try:
                undo.run()
            finally:  # a signal may have ended that one; else this does nothing
                undo.run()

    This is no context, since a signal that is raised in the first line of `__exit__` keeps it from doing anything.
    """

    def __init__(self) -> None:
        self._calls: list[Callable[[], object]] = []

    def add(self, call: Callable[[], object]) -> None:
        """Have `call` made before those added so far."""
        self._calls.append(call)

    def run(self) -> None:
        """Make all calls. One that raises is made once more; the first exception is raised when all are done."""
        first: BaseException | None = None
        while self._calls:
            try:
                self._calls[-1]()
            except BaseException as error:  # noqa: BLE001 - of a signal, in its midst; raised below
                first = first or error
                with suppress(Exception):  # then it cannot be; the others still can
                    self._calls[-1]()
            self._calls.pop()
        if first is not None:
            raise first
