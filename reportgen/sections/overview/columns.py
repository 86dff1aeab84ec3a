"""Which columns a table of runs has room for: what tells no run from another is said once, what is too wide goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reportgen.blocks.table import Cell, Column, Link

# Pixels of a page's text at a window of 1280, and what a table takes of them: a character of a cell and of a heading
# (smaller, but bold), the space beside a column, and the swatch before a run's name.
WIDTH = 944
CELL, HEADING, GAP, SWATCH = 8, 7, 14, 26
# Names of runs up to here are never broken.
UNBROKEN = 28


@dataclass(frozen=True, slots=True)
class Candidate:
    """A column with its cells. rank: 0 stands in any case, of the others the lower come first where room is short.

    same: what to call it where all runs have the same cell and it is said in words instead; "" for one that stays.
    """

    column: Column
    cells: tuple[Cell, ...]
    rank: int = 0
    same: str = ""

    @property
    def width(self) -> int:
        """About how many pixels it takes. Headings break at spaces, and so do cells of words, numbers nowhere."""
        heading = max(map(len, self.column.name.split()), default=0) * HEADING
        return max(heading, *(_width(cell, self.column.numeric) for cell in self.cells)) + GAP

    @property
    def equal(self) -> bool:
        """Whether several runs all have one and the same cell."""
        return len(self.cells) > 1 and all(cell == self.cells[0] for cell in self.cells)


def _width(cell: Cell, numeric: bool) -> int:
    if isinstance(cell, Link):
        whole = len(cell.text) <= UNBROKEN
        return (len(cell.text) if whole else max(UNBROKEN, *map(len, cell.text.split()))) * CELL + SWATCH
    text = "" if cell is None else f"{cell:.3g}" if isinstance(cell, float) else str(cell)
    return (len(text) if numeric else max(map(len, text.split(" ")))) * CELL


def fitting(candidates: Sequence[Candidate]) -> tuple[list[Candidate], list[str]]:
    """Those to show, in their order, and those that are the same in all runs, in words ("status finished")."""
    same = [one for one in candidates if one.same and one.equal]
    rest = [one for one in candidates if one not in same]
    room = WIDTH - sum(one.width for one in rest if one.rank == 0)
    shown = {id(one) for one in rest if one.rank == 0}
    for one in sorted((one for one in rest if one.rank), key=lambda one: one.rank):
        if one.width <= room:
            shown.add(id(one))
            room -= one.width
    words = [f"{one.same} {one.cells[0]}" for one in same if one.cells[0] is not None]
    return [one for one in rest if id(one) in shown], words
