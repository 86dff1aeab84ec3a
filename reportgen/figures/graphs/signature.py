"""Numbers that are equal for calls of the same structure, so that what repeats is found by comparing numbers."""

from __future__ import annotations

from collections.abc import Hashable, Set
from dataclasses import dataclass

from reportgen.figures.graphs.hierarchy import NOBODY, Hierarchy


@dataclass(frozen=True)
class Signatures:
    """By place: `built` is equal for the same classes, operations and wiring inside; `alike` where also nothing inside
    is marked; `twins` where also shapes of outputs and numbers of parameters are the same. Settings may differ."""

    built: list[int]
    alike: list[int]
    twins: list[int]


def signatures(tree: Hierarchy, marked: Set[int]) -> Signatures:
    """The signatures of all places. marked: places that are like no other, since something is to be said of each."""
    wiring: dict[int, list[tuple[int, int]]] = {}
    for wire in tree.wires:
        if wire.meeting != NOBODY:
            wiring.setdefault(wire.meeting, []).append((wire.source - wire.meeting, wire.target - wire.meeting))
    built, alike, twins = ([0] * len(tree.nodes) for _ in range(3))
    known: dict[Hashable, int] = {}
    # Only the first call of a module says how many parameters it has.
    owned: dict[str, int] = {}
    for node in tree.nodes:
        if node.kind == "module":
            owned[node.path] = max(owned.get(node.path, 0), node.parameters)
    for p in range(len(tree.nodes) - 1, -1, -1):
        node = tree.nodes[p]
        made = (node.kind, node.type, node.status, tuple(sorted(set(wiring.get(p, ())))))
        own = (*made, p if p in marked else NOBODY)
        sizes = (
            tuple(tensor.shape for tensor in node.outputs),
            owned.get(node.path, 0) if node.kind == "module" else 0,
        )
        for found, facts in ((built, made), (alike, own), (twins, (*own, sizes))):
            key = (facts, tuple(found[child] for child in tree.children[p]))
            found[p] = known.setdefault(key, len(known))
    return Signatures(built, alike, twins)
