"""Makes the plan of a picture: a sketch with its words, colours, links and edges."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from reportgen.figures.graphs.hierarchy import NOBODY
from reportgen.figures.graphs.kinds import kind_of
from reportgen.figures.graphs.notes import Notes
from reportgen.figures.graphs.plan import Box, Edge, Frame, Line, Plan, Words, flat
from reportgen.figures.graphs.sketch import Item, Sketch
from reportgen.figures.graphs.wiring import Joint, Stub, Wiring
from reportgen.figures.graphs.wording import (
    ends_of,
    facts_of,
    folded,
    name_of,
    shapes_text,
    state_of,
    title_of,
    told_of,
)
from reportgen.figures.text import cut
from reportgen.run.graph import TensorSpec

# What follows another in the order of the calls stands right below it; what skips goes around.
STRAIGHT = 12


def plan_of(notes: Notes, sketch: Sketch, wires: Wiring, title: str, drawings: Mapping[int, str]) -> Plan:
    """The plan of one picture. drawings: places of modules that have a drawing of their own -> its id."""
    return _Planning(notes, sketch, drawings, wires).plan(title)


class _Planning:
    def __init__(self, notes: Notes, sketch: Sketch, drawings: Mapping[int, str], wires: Wiring) -> None:
        self._notes, self._tree, self._sketch, self._drawings = notes, notes.tree, sketch, drawings
        self._wires = wires
        self._frames = 0
        self._made = _made(wires.joints)
        # What a box inside of a folded frame stands for: its like in each of the repetitions.
        self._stands_for: dict[int, list[int]] = {}
        for p, like in wires.like.items():
            self._stands_for.setdefault(like, []).append(p)

    def plan(self, title: str) -> Plan:
        scope = self._sketch.scope
        around = self._tree.nodes[scope].path if scope != NOBODY else ""
        items = [self._item(item, around) for item in self._sketch.items]
        before = [self._stub(stub) for stub in self._wires.stubs if stub.incoming]
        after = [self._stub(stub) for stub in self._wires.stubs if not stub.incoming]
        all_items = (*before, *items, *after)
        return Plan(title, all_items, self._edges([one.name for one in flat(all_items) if isinstance(one, Box)]))

    def _item(self, item: Item, around: str) -> Box | Frame:
        return self._frame(item, around) if item.inside else self._box(item, around)

    def _frame(self, item: Item, around: str) -> Frame:
        node = self._tree.nodes[item.first]
        name = f"cluster{self._frames}"
        self._frames += 1
        lines = [title_of(self._tree, item, around), *facts_of(self._notes, item, False)]
        failed = any(self._tree.nodes[p].status == "failed" for p in item.places)
        itself = self._itself(item)
        inner = node.path if item.period == 1 else around
        return Frame(
            name,
            tuple(lines),
            tuple(self._item(one, inner) for one in item.inside),
            failed,
            item.times > 1,
            link=self._notes.links.get(node.path, "") if itself else "",
            id=self._notes.ids.get(node.path, "") if itself else "",
            told=told_of(self._notes, item) if item.period == 1 else "",
        )

    def _box(self, item: Item, around: str) -> Box:
        node = self._tree.nodes[item.first]
        name = self._wires.names[id(item)]
        if node.kind in ("input", "output") and item.times == 1 and not item.left_out:
            return Box(name, ends_of(node), "end", "input, output", told=told_of(self._notes, item))
        title = title_of(self._tree, item, around)
        operation = node.kind == "operation" and not item.left_out
        drawing = self._drawings.get(item.first, "") if not item.left_out else ""
        lines: tuple[Line, ...] = (title,) if operation else folded(title)
        lines += (*facts_of(self._notes, item, bool(drawing)), *state_of(self._notes, item))
        itself = self._itself(item)
        return Box(
            name,
            lines,
            "round" if operation else "box",
            self._kind(item),
            self._classes(item),
            item.times > 1 or item.left_out,
            self._made.get(name, ""),
            link=drawing or (self._notes.links.get(node.path, "") if itself else ""),
            id=self._notes.ids.get(node.path, "") if itself else "",
            told=told_of(self._notes, item),
        )

    def _itself(self, item: Item) -> bool:
        """Whether an item is a module and nothing beside it: such a one has the module's id and links."""
        return self._tree.nodes[item.first].kind == "module" and item.period == 1 and not item.left_out

    def _kind(self, item: Item) -> str:
        nodes = [self._tree.nodes[p] for p in item.places]
        if any(node.status == "failed" for node in nodes):
            return "failed"
        if all(node.status == "not called" for node in nodes):
            return "idle"
        return kind_of(nodes[0]) if not item.left_out else "module"

    def _classes(self, item: Item) -> str:
        """What the style sheet colours a box by: its steps on the scales of time and memory, and its health."""
        time, memory = self._notes.steps(item.places if item.left_out else self._stands_for[item.first])
        level, _ = self._notes.health_of(item)
        found = [f"t{time}" if time else "", f"y{memory}" if memory else "", f"h{level[0]}" if level else ""]
        return " ".join(name for name in found if name)

    def _stub(self, stub: Stub) -> Box:
        nodes = [self._tree.nodes[p] for p in stub.places]
        scope = self._tree.nodes[self._sketch.scope].path
        around = scope.rpartition(".")[0]
        name = cut(name_of(nodes[0], around), 30)
        if len(nodes) > 1:
            name = f"{len(nodes)} more"
        words = ((Words(f"{'from' if stub.incoming else 'to'} {name}"),),)
        return Box(stub.name, words, "stub", "input, output", makes=self._made.get(stub.name, ""))

    def _edges(self, boxes: list[str]) -> tuple[Edge, ...]:
        order = {name: at for at, name in enumerate(boxes)}
        joints = self._wires.joints
        latest: dict[str, str] = {}
        for joint in joints:
            known = latest.get(joint.target, joint.source)
            latest[joint.target] = max(known, joint.source, key=lambda name: order[name])
        edges = []
        for joint in joints:
            passed = ", ".join(cut(name, 20) for name in joint.via[:3]) + (" …" if len(joint.via) > 3 else "")
            straight = joint.source == latest[joint.target]
            edges.append(Edge(joint.source, joint.target, passed, STRAIGHT if straight else 1))
        # Boxes that nothing joins would all stand side by side.
        joined = {name for joint in joints for name in (joint.source, joint.target)}
        for above, below in itertools.pairwise(boxes):
            if below not in joined:
                edges.append(Edge(above, below, weight=STRAIGHT, drawn=False))
        return tuple(edges)


def _made(joints: Sequence[Joint]) -> dict[str, str]:
    """For each box the shapes of what it makes that are others than those of what it takes."""
    taken: dict[str, set[tuple[int, ...]]] = {}
    made: dict[str, list[TensorSpec]] = {}
    for joint in joints:
        taken.setdefault(joint.target, set()).update(tensor.shape for tensor in joint.tensors)
        made.setdefault(joint.source, []).extend(joint.tensors)
    changed = {name: [t for t in made[name] if t.shape not in taken.get(name, ())] for name in made}
    return {name: shapes_text(tensors) for name, tensors in changed.items() if tensors}
