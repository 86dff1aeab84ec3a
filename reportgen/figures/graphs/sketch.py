"""What one picture shows: boxes, and frames around boxes, each of which may stand for several of the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, replace

from reportgen.figures.graphs.hierarchy import NOBODY, Hierarchy
from reportgen.figures.graphs.repeats import runs
from reportgen.figures.graphs.signature import Signatures

# A text may go deeper than a picture.
DEEPEST = 50
# With fewer boxes than this a picture says little: folding more boldly may show another level.
FEW = 10


@dataclass(frozen=True, slots=True)
class Detail:
    """How much one picture may show.

    boxes: what a reader takes in at one glance. levels: frames inside frames that can still be told apart. row: boxes
    of a row of calls that the picture of an inside tells whole. ends: of a level that is too wide, so many boxes are
    kept at its ends, as many of which something is to be said, and as many that open.
    """

    boxes: int = 40
    levels: int = 6
    row: int = 60
    ends: int = 14


FULL = Detail()


@dataclass(frozen=True, slots=True)
class Item:
    """A box, or a frame where something is drawn `inside`.

    places: what it stands for: `times` repetitions of `period` neighbours, one repetition after the other.
    left_out: it is a box that stands for siblings which are too many to draw.
    """

    places: tuple[int, ...]
    period: int = 1
    inside: tuple[Item, ...] = ()
    left_out: bool = False

    @property
    def times(self) -> int:
        """How many repetitions it stands for."""
        return 1 if self.left_out else len(self.places) // self.period

    @property
    def first(self) -> int:
        """The place of the first it stands for."""
        return self.places[0]

    def repetition(self, at: int) -> tuple[int, ...]:
        """The places of one repetition."""
        return self.places[at * self.period : (at + 1) * self.period]


@dataclass(frozen=True, slots=True)
class Sketch:
    """The items of a picture of `scope`, a place, or of the whole (NOBODY). bold: what differs in size was folded."""

    scope: int
    items: tuple[Item, ...]
    bold: bool = False

    def boxes(self) -> Iterator[Item]:
        """The items that are drawn as boxes, in order."""
        return _boxes(self.items)


class Sketcher:
    """Makes sketches of one graph. opened: places that are drawn open at every depth, such as where it failed."""

    def __init__(self, tree: Hierarchy, same: Signatures, opened: Set[int], marked: Set[int]) -> None:
        self.tree, self.same, self._opened, self._marked = tree, same, opened, marked
        self._runs: dict[tuple[int, bool], list[Item]] = {}

    def sketch(self, scope: int, bold: bool = False, detail: Detail = FULL) -> Sketch:
        """The deepest sketch that has no more boxes and levels than it may. Where even the outermost level has more
        boxes, what differs only in sizes and settings is folded; and where that has more, its middle is left out."""
        most = detail.boxes
        best = None if bold else self._deepest(scope, False, detail)
        if best is None or _count(best, FEW) < FEW:
            bolder = self._deepest(scope, True, detail)
            if bolder is not None and (best is None or _count(bolder, most) > _count(best, most)):
                return Sketch(scope, bolder, True)
        if best is None:
            row = self._level(scope, 1, 1, True)
            # A long row of calls is told whole where a picture can hold it.
            wide = scope != NOBODY and not self._opened and len(row) <= detail.row
            return Sketch(scope, row if wide else self._within(row, detail.ends), True)
        return Sketch(scope, best)

    def coarse(self) -> Sketch:
        """A sketch of the whole with as few boxes as can be."""
        return Sketch(NOBODY, self._within(self._level(NOBODY, 1, 1, True), FULL.ends), True)

    def whole(self, most: int) -> Sketch:
        """A sketch with everything open, for a text: twins folded, and what differs in size where there would be more
        than `most` boxes."""
        items = self._level(NOBODY, 1, DEEPEST, False, most)
        bold = _count(items, most) > most
        return Sketch(NOBODY, self._level(NOBODY, 1, DEEPEST, bold), bold)

    def _deepest(self, scope: int, bold: bool, detail: Detail) -> tuple[Item, ...] | None:
        best: tuple[Item, ...] | None = None
        for depth in range(1, detail.levels + 1):
            found = self._level(scope, 1, depth, bold, detail.boxes)
            if _count(found, detail.boxes) > detail.boxes:
                break
            if found == best:
                break
            best = found
        return best

    def _level(self, scope: int, level: int, depth: int, bold: bool, most: int = 0) -> tuple[Item, ...]:
        """The items inside a place; more than `most` (if any) are enough to know that there are too many."""
        out: list[Item] = []
        count = 0
        for item in self._folded(scope, bold):
            out.append(self._open(item, level, depth, bold, most))
            count += _count((out[-1],), most) if most else 0
            if most and count > most:
                break
        return tuple(out)

    def _open(self, item: Item, level: int, depth: int, bold: bool, most: int) -> Item:
        """An item with what is drawn inside of it."""
        if item.period > 1:
            inner = [self._open(one, level, depth, bold, most) for one in self._row(item.repetition(0), bold)]
            return replace(item, inside=tuple(inner))
        if not self.tree.opens(item.first) or not (level < depth or item.first in self._opened):
            return item
        inside = self._level(item.first, level + 1, depth, bold, most)
        return replace(item, inside=inside if level < depth else self._within(inside, FULL.ends))

    def _folded(self, scope: int, bold: bool) -> list[Item]:
        if (scope, bold) not in self._runs:
            row = self.tree.top if scope == NOBODY else self.tree.children[scope]
            self._runs[scope, bold] = self._row(row, bold)
        return self._runs[scope, bold]

    def _row(self, row: Sequence[int], bold: bool) -> list[Item]:
        same = self.same.alike if bold else self.same.twins
        size = self.tree.size
        out = []
        for run in runs([same[p] for p in row], [size[p] for p in row]):
            end = run.start + run.period * run.times
            out.append(Item(tuple(row[run.start : end]), run.period))
        return out

    def _within(self, items: tuple[Item, ...], ends: int) -> tuple[Item, ...]:
        """A level of which the middle is left out when it is too wide. What is marked is kept, and what has an inside,
        which only its box leads to; both up to a number."""
        if len(items) <= 2 * ends + 2:
            return items
        keep = {*range(ends), *range(len(items) - ends, len(items))}
        marked = [at for at, item in enumerate(items) if any(p in self._marked for p in item.places)]
        keep.update(marked[:ends])
        opening = [at for at, item in enumerate(items) if any(self.tree.opens(p) for p in item.repetition(0))]
        keep.update(opening[:ends])
        nodes = self.tree.nodes
        keep.update(at for at, item in enumerate(items) if any(nodes[p].status == "failed" for p in item.places))
        out: list[Item] = []
        hidden: list[int] = []
        for at, item in enumerate(items):
            if at not in keep:
                hidden += item.places
                continue
            if hidden:
                out.append(Item(tuple(hidden), left_out=True))
                hidden = []
            out.append(item)
        return tuple(out)


def _boxes(items: Sequence[Item]) -> Iterator[Item]:
    for item in items:
        if item.inside:
            yield from _boxes(item.inside)
        else:
            yield item


def every(items: Sequence[Item]) -> Iterator[Item]:
    """All items, each before what is inside of it."""
    for item in items:
        yield item
        yield from every(item.inside)


def _count(items: Sequence[Item], most: int) -> int:
    """The number of boxes; any number above `most` stands for more."""
    count = 0
    for _ in _boxes(items):
        count += 1
        if count > most:
            break
    return count
