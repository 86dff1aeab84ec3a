"""Which pictures are drawn of a graph: an overview, then the inside of each module that is closed there."""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import dataclass, field, replace

from reportgen.blocks.slug import slug
from reportgen.figures.graphs.hierarchy import NOBODY, Hierarchy
from reportgen.figures.graphs.signature import Signatures
from reportgen.figures.graphs.sketch import Sketch, Sketcher, every
from reportgen.figures.graphs.wiring import Wiring, wiring

# About the bytes that a picture, a box or frame of a module, an operation, and an edge take in a page; all of a
# model's pictures together are to stay under MOST, and one structure in another size is drawn while there is less than
# ENOUGH.
PLATE, MODULE, OPERATION, JOINT = 600, 550, 230, 110
MOST, ENOUGH = 95_000, 80_000
MOST_PLATES = 30
# Where more edges would be drawn, what differs in size only is folded as well.
MANY_JOINTS = 60


@dataclass(frozen=True, slots=True)
class Plate:
    """One picture. id: on the page, "" for the overview. twins, alike: places of modules that it shows as well, the
    latter of other sizes."""

    sketch: Sketch
    wires: Wiring
    id: str = ""
    twins: list[int] = field(default_factory=list)
    alike: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Atlas:
    """plates: the overview, then the others in the order of the model. missing: closed modules without a picture."""

    plates: tuple[Plate, ...]
    missing: tuple[int, ...] = ()

    @property
    def drawings(self) -> dict[int, str]:
        """Places of modules of which the inside is drawn -> id of that picture."""
        found: dict[int, str] = {}
        for plate in self.plates[1:]:
            for p in (plate.sketch.scope, *plate.twins, *plate.alike):
                found[p] = plate.id
        return found

    def without(self, ids: Set[str]) -> Atlas:
        """The same without some of the pictures."""
        return replace(self, plates=tuple(plate for plate in self.plates if not plate.id or plate.id not in ids))


def plate_of(tree: Hierarchy, sketcher: Sketcher, scope: int) -> Plate:
    """The picture of a module's inside, or of the whole (NOBODY)."""
    sketch = sketcher.sketch(scope)
    wires = wiring(tree, sketch)
    if len(wires.joints) > MANY_JOINTS and not sketch.bold:
        bold = sketcher.sketch(scope, bold=True)
        fewer = wiring(tree, bold)
        if len(fewer.joints) < len(wires.joints):
            sketch, wires = bold, fewer
    return Plate(sketch, wires)


def cost(tree: Hierarchy, plate: Plate) -> int:
    """About how many bytes of a page a picture takes."""
    operations = sum(
        tree.nodes[item.first].kind == "operation" and not item.inside for item in every(plate.sketch.items)
    )
    modules = sum(1 for _ in every(plate.sketch.items)) - operations
    return PLATE + MODULE * modules + OPERATION * operations + JOINT * len(plate.wires.joints)


def atlas(tree: Hierarchy, same: Signatures, sketcher: Sketcher, prefix: str, claim: Callable[[str], str]) -> Atlas:
    """The pictures of a graph. prefix: of their ids; claim: makes an id one that the page does not have yet."""
    overview = plate_of(tree, sketcher, NOBODY)
    drawn: list[Plate] = []
    spent = cost(tree, overview)
    of_twins: dict[int, Plate] = {}
    of_alike: dict[int, Plate] = {}
    missing: list[int] = []

    def draw(p: int, most: int) -> bool:
        """Whether the inside of a module was drawn: the pictures may take so much in all."""
        nonlocal spent
        plate = plate_of(tree, sketcher, p)
        if len(drawn) >= MOST_PLATES or spent + cost(tree, plate) > most:
            return False
        plate = replace(plate, id=claim(slug(prefix, tree.nodes[p].path)))
        spent += cost(tree, plate)
        drawn.append(plate)
        of_twins[same.twins[p]] = plate
        of_alike.setdefault(same.alike[p], plate)
        return True

    # First each structure once, then those of other sizes while there is room.
    waiting, later = _closed(tree, overview.sketch), []
    for p in waiting:
        if same.twins[p] in of_twins or same.alike[p] in of_alike:
            later.append(p)
        elif draw(p, MOST):
            waiting.extend(_closed(tree, drawn[-1].sketch))
        else:
            missing.append(p)
    for p in later:
        if same.twins[p] in of_twins:
            of_twins[same.twins[p]].twins.append(p)
        elif draw(p, ENOUGH):
            later.extend(_closed(tree, drawn[-1].sketch))
        elif same.alike[p] in of_alike:
            of_alike[same.alike[p]].alike.append(p)
        else:
            missing.append(p)
    drawn.sort(key=lambda plate: plate.sketch.scope)
    return Atlas((overview, *drawn), tuple(missing))


def _closed(tree: Hierarchy, sketch: Sketch) -> list[int]:
    """The modules that are drawn closed though there is something inside."""
    return [item.first for item in sketch.boxes() if not item.left_out and tree.opens(item.first)]
