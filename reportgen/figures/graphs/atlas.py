"""Which pictures are drawn of a graph: an overview, then the inside of each module that is closed there."""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import dataclass, field, replace

from reportgen.blocks.slug import slug
from reportgen.figures.graphs.hierarchy import NOBODY, Hierarchy
from reportgen.figures.graphs.signature import Signatures
from reportgen.figures.graphs.sketch import FULL, Detail, Sketch, Sketcher, every
from reportgen.figures.graphs.wiring import Wiring, wiring

# About the bytes that a picture, a box or frame of a module, an operation, and an edge take in a page, and what stands
# around a picture. All of a model's pictures together are to stay under MOST; one structure in another size is drawn
# while there is less than ENOUGH.
PLATE, MODULE, OPERATION, JOINT = 700, 440, 150, 80
AROUND = 500
MOST, ENOUGH = 130_000, 70_000
MOST_PLATES = 60
# What one picture of an inside may show instead of FULL, tried in turn where all would be too large together: with
# fewer levels in one picture, what several modules have in common is drawn once and led to from each.
LESS = (Detail(levels=2), Detail(levels=1), Detail(24, 2, 24, 8), Detail(24, 1, 24, 8), Detail(16, 1, 16, 5))
# Where more edges would be drawn, what differs in size only is folded as well.
MANY_JOINTS = 60


@dataclass(frozen=True, slots=True)
class Plate:
    """One picture. id: on the page, "" for the overview. twins, alike, built: places of modules that it shows as well,
    the latter two of other sizes, the last with other marks."""

    sketch: Sketch
    wires: Wiring
    id: str = ""
    twins: list[int] = field(default_factory=list)
    alike: list[int] = field(default_factory=list)
    built: list[int] = field(default_factory=list)

    @property
    def shows(self) -> tuple[int, ...]:
        """Places of all modules of which it shows the inside."""
        return (self.sketch.scope, *self.twins, *self.alike, *self.built)


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
            for p in plate.shows:
                found[p] = plate.id
        return found

    @property
    def lacking(self) -> tuple[int, int]:
        """Number of closed modules without a picture of the inside, and of those whose marks the picture lacks."""
        return len(self.missing), sum(len(plate.built) for plate in self.plates)

    def without(self, ids: Set[str]) -> Atlas:
        """The same without some of the pictures."""
        return replace(self, plates=tuple(plate for plate in self.plates if not plate.id or plate.id not in ids))


def plate_of(tree: Hierarchy, sketcher: Sketcher, scope: int, detail: Detail = FULL) -> Plate:
    """The picture of a module's inside, or of the whole (NOBODY)."""
    sketch = sketcher.sketch(scope, detail=detail)
    wires = wiring(tree, sketch)
    if len(wires.joints) > MANY_JOINTS and not sketch.bold:
        bold = sketcher.sketch(scope, bold=True, detail=detail)
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
    """The pictures of a graph: in the most detail in which every closed module has one of its inside, without marks of
    others; where there is none, that in which the fewest lack it. prefix: of ids; claim: makes an id one that the page
    does not have yet."""
    overview = plate_of(tree, sketcher, NOBODY)
    best = _drawn(tree, same, sketcher, overview, FULL)
    for detail in LESS:
        if best.lacking == (0, 0):
            break
        best = min(best, _drawn(tree, same, sketcher, overview, detail), key=lambda made: made.lacking)
    insides = [replace(one, id=claim(slug(prefix, tree.nodes[one.sketch.scope].path))) for one in best.plates[1:]]
    return replace(best, plates=(overview, *insides))


def _drawn(tree: Hierarchy, same: Signatures, sketcher: Sketcher, overview: Plate, detail: Detail) -> Atlas:
    """The overview and the insides, without ids."""
    drawn: list[Plate] = []
    spent = cost(tree, overview)
    of_twins: dict[int, Plate] = {}
    of_alike: dict[int, Plate] = {}
    of_built: dict[int, Plate] = {}

    def draw(p: int, most: int) -> bool:
        """Whether the inside of a module was drawn: the pictures may take so much in all."""
        nonlocal spent
        plate = plate_of(tree, sketcher, p, detail)
        price = cost(tree, plate) + AROUND
        if len(drawn) >= MOST_PLATES or spent + price > most:
            return False
        spent += price
        drawn.append(plate)
        of_twins[same.twins[p]] = plate
        of_alike.setdefault(same.alike[p], plate)
        of_built.setdefault(same.built[p], plate)
        return True

    # First each structure once, then those with other marks, and those of other sizes while there is room.
    waiting, later = _closed(tree, overview.sketch), []
    missing: list[int] = []
    for p in waiting:
        if same.built[p] in of_built:
            later.append(p)
        elif draw(p, MOST):
            waiting.extend(_closed(tree, drawn[-1].sketch))
        else:
            missing.append(p)
    for p in later:
        if same.twins[p] in of_twins:
            of_twins[same.twins[p]].twins.append(p)
        elif draw(p, ENOUGH if same.alike[p] in of_alike else MOST):
            later.extend(_closed(tree, drawn[-1].sketch))
        elif same.alike[p] in of_alike:
            of_alike[same.alike[p]].alike.append(p)
        elif same.built[p] in of_built:
            of_built[same.built[p]].built.append(p)
        else:
            missing.append(p)
    drawn.sort(key=lambda plate: plate.sketch.scope)
    return Atlas((overview, *drawn), tuple(missing))


def _closed(tree: Hierarchy, sketch: Sketch) -> list[int]:
    """The modules that are drawn closed though there is something inside."""
    return [item.first for item in sketch.boxes() if not item.left_out and tree.opens(item.first)]
