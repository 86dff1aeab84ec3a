"""All that is shown of one model's graph: its pictures with the words around them, or a text without Graphviz."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from reportgen.blocks.model import GraphDrawing
from reportgen.blocks.wording import counted, listed, named
from reportgen.figures.engine import LayoutError, graphviz
from reportgen.figures.graphs.atlas import Atlas, Plate, atlas
from reportgen.figures.graphs.dot import layout_source, written_source
from reportgen.figures.graphs.hierarchy import NOBODY, Hierarchy
from reportgen.figures.graphs.kinds import KIND_COLOURS, UNEXPLAINED
from reportgen.figures.graphs.layout import Layout, layouts
from reportgen.figures.graphs.notes import Notes
from reportgen.figures.graphs.painting import painted
from reportgen.figures.graphs.plan import Plan, flat
from reportgen.figures.graphs.planning import plan_of
from reportgen.figures.graphs.signature import signatures
from reportgen.figures.graphs.sketch import Sketcher, every
from reportgen.figures.graphs.text_tree import tree_text
from reportgen.figures.graphs.wiring import wiring
from reportgen.figures.graphs.wording import name_of
from reportgen.figures.palette import paint
from reportgen.figures.svg import drawing, element
from reportgen.figures.text import cut

# All pictures of a model together, then once more what was given up, coarser.
SECONDS = 10.0
SECONDS_AGAIN = 5.0
# Lines of text beside pictures, and of the text that stands for them.
LINES = 120
LINES_ALONE = 1000
# A source of this length would be most of the page.
LONGEST_SOURCE = 60_000
# Pictures up to so many px high are shown whole.
WHOLE, WHOLE_FAILED = 1400.0, 3000.0
_HEIGHT = re.compile(r'<svg[^>]* height="([0-9.]+)"')


@dataclass(frozen=True, slots=True)
class Picture:
    """One drawing. title: what it shows; detail: more of that. id: of its place on the page.

    crumbs: the modules around it, outermost first: (name, id of the picture that shows it, "" for none).
    failed: whether a box of it is where the forward failed.
    """

    title: str
    markup: str
    detail: str = ""
    id: str = ""
    crumbs: tuple[tuple[str, str], ...] = ()
    failed: bool = False

    @property
    def tall(self) -> bool:
        """Whether it is so high that it scrolls in a frame; where it shows a failure it may be higher, to be seen."""
        height = _HEIGHT.match(self.markup)
        return height is not None and float(height[1]) > (WHOLE_FAILED if self.failed else WHOLE)


@dataclass(frozen=True, slots=True)
class GraphView:
    """What is shown of a graph.

    pictures: the overview first. notes: sentences. legend: (kind, swatch). scales: what else the boxes can be coloured
    by: some of "health", "time", "memory". texts: (title, text). targets: module path -> id where it is drawn.
    """

    pictures: tuple[Picture, ...] = ()
    notes: tuple[str, ...] = ()
    legend: tuple[tuple[str, str], ...] = ()
    scales: tuple[str, ...] = ()
    texts: tuple[tuple[str, str], ...] = ()
    targets: dict[str, str] = field(default_factory=dict)


def map_view(block: GraphDrawing, leads: Callable[[str], bool], claim: Callable[[str], str]) -> GraphView:
    """The map of a model. leads: whether an id is on the page; claim: makes an id one the page does not have yet."""
    return _Map(block, leads, claim).view()


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A picture that is to be laid out."""

    plate: Plate
    plan: Plan


class _Map:
    def __init__(self, block: GraphDrawing, leads: Callable[[str], bool], claim: Callable[[str], str]) -> None:
        self._block, self._claim = block, claim
        self._tree = Hierarchy(block.graph)
        links = {path: target for path, target in block.links.items() if leads(target)}
        self._notes = Notes(self._tree, block.health, links, block.places)
        self._same = signatures(self._tree, self._notes.marked)
        self._sketcher = Sketcher(self._tree, self._same, self._notes.opened, self._notes.marked)
        self._told: list[str] = []
        self._ids: dict[str, str] = {}  # asked for -> given

    def view(self) -> GraphView:
        made = atlas(self._tree, self._same, self._sketcher, "in", self._claim)
        plans = [self._plan(made, plate) for plate in made.plates]
        found = self._arranged(made, plans)
        if len(found) < len(plans):
            # No box may lead to a picture that was given up.
            made = made.without({one.plate.id for one in plans} - {one.plate.id for one, _ in found})
            found = [(self._plan(made, one.plate), layout) for one, layout in found]
        most = LINES if found else LINES_ALONE
        text = tree_text(self._notes, self._sketcher.whole(most), most)
        if not found:
            source = written_source(plans[0].plan)
            given = (("DOT source, for any Graphviz", source),) if len(source) <= LONGEST_SOURCE else ()
            return GraphView(notes=tuple(self._told), texts=(("The same as text", text), *given))
        self._tell(made, [one for one, _ in found])
        return GraphView(
            pictures=tuple(self._picture(made, one, layout) for one, layout in found),
            notes=tuple(self._told),
            legend=_legend([one.plan for one, _ in found]),
            scales=self._scales([one.plan for one, _ in found]),
            texts=(("The same as text", text),),
            targets=self._targets(made, [one for one, _ in found]),
        )

    def _plan(self, made: Atlas, plate: Plate) -> _Drawn:
        return _Drawn(plate, plan_of(self._notes, plate.sketch, plate.wires, self._title(plate), made.drawings))

    def _arranged(self, made: Atlas, drawn: list[_Drawn]) -> list[tuple[_Drawn, Layout]]:
        """The pictures with their layouts. One that Graphviz gives up is left out, the overview drawn coarser; without
        an overview there are none."""
        found, fault = _layouts(drawn, SECONDS)
        if not fault:
            return list(zip(drawn, found, strict=True))
        rest = drawn[len(found) + 1 :]
        if not found:
            sketch = self._sketcher.coarse()
            coarse = Plate(sketch, wiring(self._tree, sketch))
            rest = [self._plan(made, coarse), *rest]
            if len(list(coarse.sketch.boxes())) >= len(list(drawn[0].plate.sketch.boxes())):
                self._told.append(f"Without a picture: {fault}.")
                return []
        more, again = _layouts(rest, SECONDS_AGAIN) if rest else ([], "")
        kept = [*zip(drawn, found, strict=False), *zip(rest, more, strict=False)]
        if not kept:
            self._told.append(f"Without a picture: {fault}.")
            return []
        without = len(drawn) - len(kept)
        told = "Drawn coarser" if not found else f"{counted(without, 'picture')} of the insides of modules left out"
        self._told.append(f"{told}: {fault}.")
        if again and not found:
            self._told.append(f"{counted(without, 'picture')} of the insides of modules left out: {again}.")
        return kept

    def _picture(self, made: Atlas, one: _Drawn, layout: Layout) -> Picture:
        plate = one.plate
        markup = painted(one.plan, layout, self._identify)
        failed = any(box.kind == "failed" for box in one.plan.boxes())
        if plate.sketch.scope == NOBODY:
            return Picture(one.plan.title, markup, failed=failed)
        boxes = counted(sum(1 for _ in plate.sketch.boxes()), "box", "boxes")
        told = [boxes]
        for places, words in (
            (plate.twins, "the same as"),
            (plate.alike, "but for its sizes the same as"),
            (plate.built, "but for its sizes and what is marked the same as"),
        ):
            names = list(dict.fromkeys(self._tree.nodes[p].path for p in places))
            if names:
                told.append(f"{words} {listed(names)}")
        crumbs = self._crumbs(made, plate.sketch.scope)
        return Picture(one.plan.title, markup, "; ".join(told), plate.id, crumbs, failed)

    def _identify(self, name: str) -> str:
        """The id for what is drawn first of those that ask for it."""
        if not name or name in self._ids:
            return ""
        self._ids[name] = self._claim(name)
        return self._ids[name]

    def _title(self, plate: Plate) -> str:
        if plate.sketch.scope == NOBODY:
            return self._block.title or "graph"
        node = self._tree.nodes[plate.sketch.scope]
        again = f", call {node.call}" if node.call > 1 else ""
        return f"{named(node.path, 80)}: {cut(node.type, 40)}{again}"

    def _crumbs(self, made: Atlas, scope: int) -> tuple[tuple[str, str], ...]:
        drawings = made.drawings
        crumbs = [(named(cut(self._block.title, 40)), self._block.anchor)]
        around = ""
        for p in reversed(list(self._tree.around(scope))):
            node = self._tree.nodes[p]
            if node.path:
                crumbs.append((cut(name_of(node, around), 40), drawings.get(p, "")))
                around = node.path
        crumbs.append((cut(name_of(self._tree.nodes[scope], around), 40), ""))
        return tuple(crumbs)

    def _tell(self, made: Atlas, drawn: Sequence[_Drawn]) -> None:
        """The sentences on what a reader must know of these pictures."""
        items = [item for one in drawn for item in every(one.plate.sketch.items)]
        most = max((item.times for item in items), default=1)
        if most > 1:
            self._told.append(
                f"×{most:,} stands for {most:,} alike in a row: figures beside it are sums, those inside its frame are "
                "of the first."
            )
        if any(
            self._notes.sum_of(item, self._tree.memory)
            for item in items
            if self._tree.nodes[item.first].kind == "module"
        ):
            self._told.append("Bytes are those of the outputs that are made in a box, not of its parameters.")
        hidden = sum(len(item.places) for one in drawn for item in one.plate.sketch.boxes() if item.left_out)
        if hidden:
            told = f"{counted(hidden, self._tree.unit)} in the middle of a long row"
            self._told.append(f"{told} {'is' if hidden == 1 else 'are'} drawn as one box.")
        dropped = sum(one.plate.wires.dropped for one in drawn)
        if dropped:
            told = f"{counted(dropped, 'edge')} that would skip the most boxes"
            self._told.append(f"{told} {'is' if dropped == 1 else 'are'} left out.")
        if made.missing:
            names = list(dict.fromkeys(self._tree.nodes[p].path for p in made.missing))
            self._told.append(f"The inside is not drawn of {listed(names)}: the page would be too large.")

    def _scales(self, plans: Sequence[Plan]) -> tuple[str, ...]:
        """What else than its kind a box can be coloured by."""
        names = {name[:1] for plan in plans for box in plan.boxes() for name in box.classes.split()}
        return tuple(scale for scale, letter in (("health", "h"), ("time", "t"), ("memory", "y")) if letter in names)

    def _targets(self, made: Atlas, drawn: Sequence[_Drawn]) -> dict[str, str]:
        """For each module that others want to lead to: the id of its box or its like's, else of the picture it is
        somewhere inside of."""
        scopes = {p: one.plate for one in drawn for p in one.plate.shows[1:]}
        found: dict[str, str] = {}
        for p, node in enumerate(self._tree.nodes):
            if node.kind != "module" or node.path in found or node.path not in self._block.places:
                continue
            names = [self._ids.get(self._block.places[node.path], "")]
            for module in (p, *self._tree.around(p)):
                if module in scopes:
                    p = scopes[module].sketch.scope + p - module
            for one in drawn:
                like = self._tree.nodes[one.plate.wires.like[p]].path if p in one.plate.wires.like else ""
                names.append(self._ids.get(self._block.places.get(like, ""), ""))
            names += [made.drawings[module] for module in self._tree.around(p) if module in made.drawings]
            found[node.path] = next((name for name in names if name), self._block.anchor)
        return found


def _layouts(drawn: Sequence[_Drawn], limit: float) -> tuple[list[Layout], str]:
    """The layouts of the first ones, and why not of all of them ("" when they are).

    Each is asked for by itself: of several graphs in one call Graphviz lays out the later ones not always the same.
    """
    found: list[Layout] = []
    ends = time.monotonic() + limit
    for one in drawn:
        try:
            text = graphviz(layout_source(one.plan), "json0", max(0.01, ends - time.monotonic()))
            layout = next(layouts(text), None)
        except LayoutError as error:
            return found, f"Graphviz took longer than {limit:g} s" if error.slow else str(error)
        if layout is None:
            return found, "Graphviz wrote no layout that can be read"
        if any(item.name not in layout.areas for item in flat(one.plan.items)):
            return found, "Graphviz left out a part of the picture"
        found.append(layout)
    return found, ""


def _legend(plans: Sequence[Plan]) -> tuple[tuple[str, str], ...]:
    """The kinds of boxes with their colours."""
    kinds = {box.kind for plan in plans for box in plan.boxes()}
    return tuple(
        (kind, _swatch(*colours)) for kind, colours in KIND_COLOURS.items() if kind in kinds and kind not in UNEXPLAINED
    )


def _swatch(fill: str, stroke: str) -> str:
    look = {"fill": paint(fill), "stroke": paint(stroke)}
    return drawing(12, 12, element("rect", x="1", y="1", width="10", height="10", rx="2", **look))
