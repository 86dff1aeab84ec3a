"""A picture before it is laid out: boxes, frames and edges with their words and sizes, but without places."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from reportgen.figures.text import width_of

# Font sizes in px: of names, and of facts under them.
NAME = 12.0
FACT = 10.5
NAME_LINE = 15.0
FACT_LINE = 13.0
MARGIN = 8.0
# How far the second card of a stack looks out under the first.
STACK = 3.0
# Bold letters are wider by so much.
BOLD = 1.08


@dataclass(frozen=True, slots=True)
class Words:
    """A piece of a line. style: "name" (bold), "type", "fact" (small, pale), "link", "bad" or "warn" (small)."""

    text: str
    style: str = "fact"

    @property
    def size(self) -> float:
        """Its font size in px."""
        return NAME if self.style in ("name", "type") else FACT

    @property
    def width(self) -> float:
        """An upper estimate of its width in px."""
        return width_of(self.text, self.size) * (BOLD if self.style == "name" else 1.0)


Line = tuple[Words, ...]


def height_of(lines: Sequence[Line]) -> float:
    """The height of lines of words in px."""
    return sum(NAME_LINE if line[0].size == NAME else FACT_LINE for line in lines)


def line_width(line: Line) -> float:
    """An upper estimate of a line's width in px, with the spaces between its pieces."""
    return sum(words.width for words in line) + width_of(" ", NAME) * (len(line) - 1)


@dataclass(frozen=True, slots=True)
class Box:
    """A box. name: its name in DOT. shape: "box", "round" (an operation), "end" (input, output), "stub".

    kind: a name in KIND_COLOURS. classes: of its shape, for the style sheet. stacked: it stands for several. makes:
    what stands under it, where its edges begin: the shape of what it makes. link, id, told: where it leads, its id on
    the page, what a reader who points at it is told.
    """

    name: str
    lines: tuple[Line, ...]
    shape: str = "box"
    kind: str = "other"
    classes: str = ""
    stacked: bool = False
    makes: str = ""
    link: str = ""
    id: str = ""
    told: str = ""

    @property
    def width(self) -> float:
        """Its width in px."""
        return max(map(line_width, self.lines), default=20.0) + 2 * MARGIN

    @property
    def height(self) -> float:
        """Its height in px."""
        return height_of(self.lines) + (5 if self.shape == "round" else 9)

    @property
    def span(self) -> float:
        """The width in px that it needs with what stands under it, to the right of its middle."""
        return max(self.width, 2 * (1.03 * width_of(self.makes, FACT) + 8) if self.makes else 0.0)

    @property
    def foot(self) -> float:
        """The height in px of what stands under it."""
        return FACT_LINE if self.makes else 0.0


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame around boxes and frames, with a title of one or two lines."""

    name: str
    lines: tuple[Line, ...]
    inside: tuple[Box | Frame, ...]
    failed: bool = False
    stacked: bool = False
    link: str = ""
    id: str = ""
    told: str = ""


@dataclass(frozen=True, slots=True)
class Edge:
    """An edge between boxes. weight: how strongly it is kept short and straight. drawn: False for one that only keeps
    boxes under each other."""

    source: str
    target: str
    label: str = ""
    weight: int = 1
    drawn: bool = True


@dataclass(frozen=True, slots=True)
class Plan:
    """One picture. title: its text alternative."""

    title: str
    items: tuple[Box | Frame, ...]
    edges: tuple[Edge, ...]

    def boxes(self) -> Iterator[Box]:
        """All boxes, in order."""
        for item in flat(self.items):
            if isinstance(item, Box):
                yield item


def flat(items: Iterable[Box | Frame]) -> Iterator[Box | Frame]:
    """All boxes and frames, each frame before what is inside of it."""
    for item in items:
        yield item
        if isinstance(item, Frame):
            yield from flat(item.inside)
