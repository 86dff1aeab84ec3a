"""The edges of one picture: which box stands for each node, and what passes between boxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from reportgen.figures.graphs.hierarchy import NOBODY, Hierarchy, Wire
from reportgen.figures.graphs.sketch import Item, Sketch
from reportgen.run.graph import GraphEdge, TensorSpec

# What can be followed by eye; more lines than this are a grey area.
MOST_JOINTS = 120
# Names of where a picture's tensors come from or go to; the rest share one.
MOST_STUBS = 6


@dataclass(frozen=True, slots=True)
class Joint:
    """All tensors between two ends as one edge. via: operations they pass that are no nodes, each once."""

    source: str
    target: str
    tensors: tuple[TensorSpec, ...]
    via: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Stub:
    """Where tensors come from, or go to, that pass the border of a picture. places: of those outside, side by side."""

    name: str
    places: tuple[int, ...]
    incoming: bool


@dataclass(frozen=True, slots=True)
class Wiring:
    """names: the name of each box's item, in order. dropped: number of edges that are too many to draw.

    like: place -> the one that is drawn for it: its own, or that of its like in the repetition that is drawn.
    """

    names: dict[int, str]
    joints: tuple[Joint, ...]
    stubs: tuple[Stub, ...] = ()
    dropped: int = 0
    like: dict[int, int] = field(default_factory=dict)


class _Stands:
    """For each place inside a picture the box that stands for it, and in which repetitions of frames it is."""

    def __init__(self, tree: Hierarchy, items: Sequence[Item]) -> None:
        self.box: dict[int, int] = {}
        self.like: dict[int, int] = {}
        self.turns: dict[int, tuple[tuple[int, int], ...]] = {}
        self.names: dict[int, str] = {}
        self._size = tree.size
        for item in items:
            self._place(item)

    def _place(self, item: Item) -> None:
        if not item.inside:
            self.names[id(item)] = f"n{len(self.names)}"
            for turn, root in enumerate(item.places):
                for p in range(root, root + self._size[root]):
                    self.box[p] = id(item)
                    self.like[p] = item.first + p - root if item.times > 1 else p
                    if item.times > 1:
                        self.turns[p] = ((id(item), turn),)
            return
        for inner in item.inside:
            self._place(inner)
        if item.times == 1:
            return
        drawn = item.repetition(0)
        inner_turns = {
            p: self.turns.get(p, ()) for root in drawn for p in range(root, root + self._size[root]) if p in self.box
        }
        # Twins have the same tree, so that each of their nodes has its like at the same distance from the root.
        for turn in range(item.times):
            for root, like in zip(item.repetition(turn), drawn, strict=True):
                for offset in range(self._size[root]):
                    if like + offset in inner_turns:
                        self.box[root + offset] = self.box[like + offset]
                        self.like[root + offset] = self.like[like + offset]
                        self.turns[root + offset] = ((id(item), turn), *inner_turns[like + offset])

    def crossed(self, source: int, target: int) -> bool:
        """Whether two places are in different repetitions of one item."""
        for (frame, turn), (other, other_turn) in zip(
            self.turns.get(source, ()), self.turns.get(target, ()), strict=False
        ):
            if frame != other or turn != other_turn:
                return frame == other
        return False


def wiring(tree: Hierarchy, sketch: Sketch) -> Wiring:
    """What passes between the boxes of a sketch, and over its border."""
    stands = _Stands(tree, sketch.items)
    found: dict[tuple[str, str], list[GraphEdge]] = {}
    border: list[tuple[Wire, bool]] = []
    for wire in tree.wires:
        source, target = stands.box.get(wire.source, 0), stands.box.get(wire.target, 0)
        if source and target:
            if stands.crossed(wire.source, wire.target):
                continue  # on to the next of the same, which the drawn one stands for
            if source != target or wire.source == wire.target:
                found.setdefault((stands.names[source], stands.names[target]), []).append(wire.edge)
        elif sketch.scope != NOBODY and (source or target):
            outside = wire.target if source else wire.source
            if not tree.within(outside, sketch.scope):
                border.append((wire, not source))
    stubs = _stubs(tree, stands, border, found)
    joints = [
        Joint(
            source,
            target,
            tuple(dict.fromkeys(edge.tensor for edge in edges)),
            tuple(dict.fromkeys(name for edge in edges for name in edge.via)),
        )
        for (source, target), edges in found.items()
    ]
    kept = joints
    if len(joints) > MOST_JOINTS:  # those that skip the fewest boxes tell the most of the order of things
        order = {name: at for at, name in enumerate(stands.names.values())}
        far = {at: abs(order.get(j.source, 0) - order.get(j.target, 0)) for at, j in enumerate(joints)}
        kept = [joints[at] for at in sorted(sorted(far, key=lambda at: far[at])[:MOST_JOINTS])]
    return Wiring(stands.names, tuple(kept), tuple(stubs), len(joints) - len(kept), stands.like)


def _stubs(
    tree: Hierarchy,
    stands: _Stands,
    border: Sequence[tuple[Wire, bool]],
    found: dict[tuple[str, str], list[GraphEdge]],
) -> list[Stub]:
    """The stubs, each source before each target; their edges are added to those found."""
    places: dict[tuple[bool, int], list[tuple[str, GraphEdge]]] = {}
    for wire, incoming in border:
        inner, outer = (wire.target, wire.source) if incoming else (wire.source, wire.target)
        while tree.parent[outer] not in (NOBODY, wire.meeting):
            outer = tree.parent[outer]
        places.setdefault((incoming, outer), []).append((stands.names[stands.box[inner]], wire.edge))
    out: list[Stub] = []
    for incoming in (True, False):
        outers = [outer for given, outer in places if given is incoming]
        groups = [[outer] for outer in outers[:MOST_STUBS]]
        if len(outers) > MOST_STUBS:
            groups[-1].extend(outers[MOST_STUBS:])
        for group in groups:
            name = f"s{len(out)}"
            out.append(Stub(name, tuple(group), incoming))
            for outer in group:
                for box, edge in places[incoming, outer]:
                    ends = (name, box) if incoming else (box, name)
                    found.setdefault(ends, []).append(edge)
    return out
