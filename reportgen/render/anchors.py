"""The ids of a page: each stands once, and a link is a link only where it leads somewhere."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

from reportgen.blocks.charts import LineChart, Ridgelines, ScatterChart
from reportgen.blocks.finding import Finding
from reportgen.blocks.media import Steps
from reportgen.blocks.model import GraphDrawing
from reportgen.blocks.page import Block, Page
from reportgen.blocks.shapes import CurveChart, PointChart
from reportgen.blocks.slug import slug
from reportgen.blocks.table import Table
from reportgen.blocks.text import Fold
from reportgen.blocks.wording import balanced
from reportgen.run.tags import parse_tag


def walk(blocks: Iterable[Block]) -> Iterator[tuple[Block, Finding | None]]:
    """All blocks with those inside them, in the order of the page, each with the finding it is evidence of."""
    for block in blocks:
        yield block, None
        if isinstance(block, Fold):
            yield from walk(block.blocks)
        elif isinstance(block, Steps):
            for slide in block.slides:
                yield from walk(slide.blocks)
        elif isinstance(block, Ridgelines) and block.chart is not None:
            yield block.chart, None
        elif isinstance(block, Finding) and block.evidence is not None:
            for inner, _ in walk((block.evidence,)):
                yield inner, block


def anchors_of(block: Block) -> Iterator[str]:
    """The ids a block itself asks for."""
    if isinstance(block, (LineChart, ScatterChart, CurveChart, PointChart, GraphDrawing, Fold, Steps)):
        yield block.anchor
    tables = [block] if isinstance(block, Table) else []
    if isinstance(block, (LineChart, Ridgelines)) and block.numbers is not None:
        tables.append(block.numbers)
    if isinstance(block, CurveChart) and block.numbers is not None:
        tables.append(block.numbers)
    for table in tables:
        yield from table.anchors


class Anchors:
    """The ids that a page will have, and those already given out."""

    def __init__(self, page: Page) -> None:
        self.known = {"verdict", *(section.id for section in page.sections)}
        for section in page.sections:
            for block, _ in walk(section.blocks):
                self.known.update(anchor for anchor in anchors_of(block) if anchor)
        self._given: set[str] = set()
        self._places: dict[str, str] = {}

    def claim(self, name: str) -> str:
        """`name` for the first element that asks for it, `name-2` for the second; "" for ""."""
        if not name or name not in self._given:
            self._given.add(name)
            return name
        free = next(f"{name}-{k}" for k in itertools.count(2) if not {f"{name}-{k}"} & (self._given | self.known))
        self._given.add(free)
        return free

    def reserve(self, name: str) -> str:
        """An id like `name` for an element that is already written, which others may lead to."""
        given = self.claim(name if name not in self.known else f"{name}-")
        self.known.add(given)
        return given

    def stand_for(self, target: str, place: str) -> None:
        """Let what leads to `target` lead to `place`, the element that shows it."""
        if target != place and target not in self.known:
            self._places[target] = place

    def place(self, target: str) -> str:
        """The id of the element that shows what has the id `target`; `target` itself unless another stands for it."""
        return self._places.get(target, target)

    def leads(self, target: str) -> bool:
        """Whether an element of the page has this id, or stands for it."""
        return self.place(target) in self.known

    def places_of(self, finding: Finding) -> list[tuple[str, str]]:
        """Where on the page the place of a finding is shown: ids, each with the words of the link to it."""
        where, found = finding.where, list[tuple[str, str]]()
        module = where.module or where.parameter.rpartition(".")[0]
        # Measures and layers prefix the model's name when several are watched; the name of a finding may lack it.
        names = [name for name in (module, where.parameter) if name]
        names += [f"{where.model}/{name}" for name in names if where.model]
        placed = [(slug("layer", name), name, "layers") for name in names]
        boxes = [(slug("box", name), name, "the graph") for name in names]
        if where.model and not names:
            boxes.append((slug("graph", where.model), where.model, "the graph"))
        charts = []
        if where.tag:
            # Of tags that were logged together the chart has the name of the group.
            titles = (where.tag, parse_tag(where.tag).metric, where.tag.rpartition("/")[0])
            charts = [(slug("metric", name), where.tag, "metrics") for name in titles if name]
        for group in (placed, boxes, charts):
            for target, name, section in group:
                if self.leads(target):
                    found.append((self.place(target), f"{balanced(name)} in {section}"))
                    break
        return found
