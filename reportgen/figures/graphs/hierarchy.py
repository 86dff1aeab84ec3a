"""A graph as a tree of calls: every node has a place, and the places inside a module follow its own."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from reportgen.run.graph import Graph, GraphEdge, GraphNode

NOBODY = -1


@dataclass(frozen=True, slots=True)
class Wire:
    """An edge between two places. meeting: the innermost module around both, NOBODY where there is none."""

    source: int
    target: int
    meeting: int
    edge: GraphEdge


class Hierarchy:
    """The nodes of a graph in the order of the tree: `place` p is followed by all that is inside of it.

    nodes: by place. parent: place of the module around each, NOBODY for the outermost. children: places inside each,
    in order. size: number of places of each with all inside it, so that those are p, p + 1 ... p + size[p] - 1.
    A node whose parent is not known, is itself, or is inside of it stands at the outermost level.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        given = graph.nodes
        by_id: dict[str, int] = {}
        for at, node in enumerate(given):
            by_id.setdefault(node.id, at)
        inside: dict[int, list[int]] = {}
        outermost = []
        for at, node in enumerate(given):
            around = by_id.get(node.parent, at) if node.parent is not None else at
            if around == at:
                outermost.append(at)
            else:
                inside.setdefault(around, []).append(at)
        order, parents = _in_order(len(given), outermost, inside)
        place = {at: p for p, at in enumerate(order)}
        self.nodes = [given[at] for at in order]
        self.places = {name: place[at] for name, at in by_id.items()}
        self.parent = [place.get(parents[at], NOBODY) for at in order]
        self.children: list[list[int]] = [[] for _ in order]
        self.size = [1] * len(order)
        for p in range(len(order) - 1, -1, -1):
            if self.parent[p] != NOBODY:
                self.size[self.parent[p]] += self.size[p]
        for p, around in enumerate(self.parent):
            if around != NOBODY:
                self.children[around].append(p)

    @cached_property
    def top(self) -> list[int]:
        """The places at the outermost level; the root module gives way to what is inside it: the picture is it."""
        out: list[int] = []
        for p, around in enumerate(self.parent):
            if around == NOBODY:
                root = self.nodes[p].kind == "module" and self.nodes[p].path == "" and self.opens(p)
                out.extend(self.children[p] if root else [p])
        # What is given stands before the calls that take it, whatever the order in which they were recorded.
        kinds = {"input": 0, "output": 2}
        return sorted(out, key=lambda p: kinds.get(self.nodes[p].kind, 1))

    @cached_property
    def unit(self) -> str:
        """What its nodes are, in a word: "call", or "module" where no call was seen of any."""
        calls = [node.call for node in self.nodes if node.kind == "module"]
        return "module" if calls and not any(calls) else "call"

    def opens(self, p: int) -> bool:
        """Whether there is something to see inside: calls, more than the one operation that a layer is made of."""
        called = [child for child in self.children[p] if self.nodes[child].status != "not called"]
        if self.nodes[p].kind != "module" or not called:
            return False
        return len(called) > 1 or self.nodes[called[0]].kind == "module" or self.nodes[called[0]].status == "failed"

    def within(self, p: int, scope: int) -> bool:
        """Whether a place is inside another, or is it."""
        return scope <= p < scope + self.size[scope]

    def around(self, p: int) -> Iterator[int]:
        """The modules around a place, the innermost first."""
        while (p := self.parent[p]) != NOBODY:
            yield p

    def inside(self, p: int) -> int:
        """How many calls of modules and operations are inside a place."""
        return self.size[p] - 1

    @cached_property
    def wires(self) -> list[Wire]:
        """The edges between known nodes. One that ends at a module of which nothing inside has such an edge ends at
        the last (or first) call in it, so that it is seen when the module is open."""
        found: list[Wire] = []
        leaving: set[int] = set()
        entering: set[int] = set()
        for edge in self.graph.edges:
            if edge.source in self.places and edge.target in self.places:
                source, target = self.places[edge.source], self.places[edge.target]
                wire = Wire(source, target, self._meeting(source, target), edge)
                found.append(wire)
                leaving.update(self._until(source, wire.meeting))
                entering.update(self._until(target, wire.meeting))
        out = []
        for wire in found:
            source, target = wire.source, wire.target
            if source not in leaving and self.opens(source) and not self.within(target, source):
                source = self._called(source, -1)
            if target not in entering and self.opens(target) and not self.within(wire.source, target):
                target = self._called(target, 0)
            out.append(Wire(source, target, wire.meeting, wire.edge))
        return out

    def _meeting(self, a: int, b: int) -> int:
        while a != NOBODY and not self.within(b, a):
            a = self.parent[a]
        return a

    def _until(self, p: int, meeting: int) -> Iterator[int]:
        for module in self.around(p):
            if module == meeting:
                return
            yield module

    def _called(self, p: int, which: int) -> int:
        """The first (0) or last (-1) call inside a module, innermost."""
        while called := [child for child in self.children[p] if self.nodes[child].status != "not called"]:
            p = called[which]
        return p

    @cached_property
    def parameters(self) -> list[int]:
        """By place: numbers in the parameters of a module with all inside it, those of a module called twice once."""
        return self._summed(lambda node: node.parameters if node.call <= 1 else 0)

    def _summed(self, own: Callable[[GraphNode], int]) -> list[int]:
        sums = [own(node) for node in self.nodes]
        for p in range(len(sums) - 1, -1, -1):
            if self.parent[p] != NOBODY:
                sums[self.parent[p]] += sums[p]
        return sums

    @cached_property
    def seconds(self) -> list[float | None]:
        """By place: measured time of one call, else the sum of those inside; None where nothing was measured."""
        return self._known([node.seconds for node in self.nodes], lambda own, inside: own)

    @cached_property
    def memory(self) -> list[float | None]:
        """By place: bytes of all outputs made inside, of its own where those are more; None where nothing is known."""
        return self._known([node.memory for node in self.nodes], max)

    @cached_property
    def flops(self) -> list[float | None]:
        """By place: operations counted for itself and for all inside; None where nothing was counted."""
        return self._known([node.flops for node in self.nodes], operator.add)

    def _known(self, own: Sequence[float | None], together: Callable[[float, float], float]) -> list[float | None]:
        values: list[float | None] = list(own)
        for p in range(len(values) - 1, -1, -1):
            inner = [value for child in self.children[p] if (value := values[child]) is not None]
            if inner:
                known = values[p]
                values[p] = sum(inner) if known is None else together(known, sum(inner))
        return values

    def whole(self, values: Sequence[float | None]) -> float:
        """The sum of such values over all that nothing is around: with what only the root says."""
        return sum(values[p] or 0.0 for p, around in enumerate(self.parent) if around == NOBODY)

    def total(self, values: Sequence[float | None]) -> float:
        """The sum of such values over the outermost level."""
        return sum(values[p] or 0.0 for p in self.top)


def _in_order(count: int, outermost: Sequence[int], inside: dict[int, list[int]]) -> tuple[list[int], dict[int, int]]:
    """Indices in the order of the tree, and the index of the one around each. Rings of parents are cut open."""
    order: list[int] = []
    parents: dict[int, int] = {}
    seen: set[int] = set()
    for start in (*outermost, *range(count)):
        stack = [(start, NOBODY)] if start not in seen else []
        while stack:
            at, around = stack.pop()
            if at in seen:
                continue
            seen.add(at)
            order.append(at)
            parents[at] = around
            stack.extend((child, at) for child in reversed(inside.get(at, ())))
    return order, parents
