"""Which tracked split the loop is in, where loaders are iterated inside each other, side by side, or left half-way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reportgen.collect.recorder import Recorder


@dataclass(eq=False, slots=True)
class Open:
    """One loader that is being iterated over. sure: its batches are what the loop works on now."""

    split: str
    sure: bool = False


class OpenSplits:
    """Keeps `recorder.split`: the split of the innermost tracked loader.

    Loaders that give batches by turns (zip) cannot be told from one inside the other when the second one begins. So a
    loader counts once it has given two batches in a row, or an optimizer step was made since another gave one; until
    then the split is None. A loader that was left half-way, and is still held, gives way alike.
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._open: list[Open] = []  # the one that gave a batch last is the last
        self._step = -1

    def open(self, split: str) -> Open:
        """A loader begins; to be closed whatever happens."""
        opened = Open(split)
        self._open.insert(0, opened)
        return opened

    def advance(self, opened: Open) -> None:
        """It is about to give a batch."""
        held, step = self._open, self._recorder.optimizer_step
        if len(held) == 1 or opened in held[-1:]:  # a slice, since another thread may close one at any time
            opened.sure = True
        else:
            if opened in held:
                held.remove(opened)
                held.append(opened)
            opened.sure = step != self._step
        self._step = step
        self._recorder.split = opened.split if opened.sure else None

    def close(self, opened: Open) -> None:
        """It ended, or was left."""
        if opened in self._open:
            self._open.remove(opened)
        last = self._open[-1:]
        self._recorder.split = last[0].split if last else None
