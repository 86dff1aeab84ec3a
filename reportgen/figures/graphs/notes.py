"""What is known of a graph's modules besides their structure, for whoever words or colours a box."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from reportgen.blocks.model import Health
from reportgen.figures.graphs.hierarchy import Hierarchy
from reportgen.figures.graphs.sketch import Item

# Steps of the scales of time and memory.
STEPS = 6
LEVELS = ("error", "warning", "high", "ok")


@dataclass(frozen=True)
class Notes:
    """health: by module path. links, ids: module path -> id its box leads to, id its box gets."""

    tree: Hierarchy
    health: Mapping[str, Health]
    links: Mapping[str, str]
    ids: Mapping[str, str]

    @cached_property
    def failed(self) -> list[int]:
        """Places of the calls that raised, and of those around them."""
        return [p for p, node in enumerate(self.tree.nodes) if node.status == "failed"]

    @cached_property
    def origin(self) -> frozenset[int]:
        """Places of the calls that raised by themselves, not because of one inside."""
        around = {self.tree.parent[p] for p in self.failed}
        return frozenset(p for p in self.failed if p not in around)

    @cached_property
    def marked(self) -> frozenset[int]:
        """Places that no fold may hide."""
        ill = {path for path, health in self.health.items() if health.level != "ok"}
        nodes = self.tree.nodes
        return frozenset((*self.failed, *(p for p, n in enumerate(nodes) if n.kind == "module" and n.path in ill)))

    @cached_property
    def opened(self) -> frozenset[int]:
        """Places that are to be open, so that it is seen where the forward failed."""
        return frozenset(module for p in self.origin for module in self.tree.around(p))

    def health_of(self, item: Item) -> tuple[str, str]:
        """The worst level of all an item stands for ("" where nothing is known), and what is said of it."""
        own = set() if item.left_out else {self.tree.nodes[p].path for p in item.places}
        found: dict[str, Health] = {}
        for root in item.places if self.health else ():
            for node in self.tree.nodes[root : root + self.tree.size[root]]:
                if node.kind == "module" and node.path in self.health:
                    found[node.path] = self.health[node.path]
        if not found:
            return "", ""
        worst = min((health.level for health in found.values()), key=LEVELS.index)
        told = {path: health.text for path, health in found.items() if health.level != "ok" or path in own}
        mine = [told[path] for path in told if path in own and found[path].level == worst and told[path]]
        if mine:
            return worst, mine[0]
        ill = [text for path, text in told.items() if found[path].level != "ok"]
        if len(ill) > 1:
            return worst, f"{len(ill)} marked inside"
        return worst, f"inside: {ill[0]}" if ill and ill[0] else ""

    def sum_of(self, item: Item, values: Sequence[float | None]) -> float | None:
        """The sum over all an item stands for; None where nothing is known of any."""
        return _sum(item.places, values)

    @cached_property
    def _most(self) -> tuple[float, float]:
        return self.tree.total(self.tree.seconds), self.tree.whole(self.tree.memory)

    def steps(self, places: Sequence[int]) -> tuple[int, int]:
        """The steps, 1 to STEPS, of the time and memory of calls on scales that end at the whole; 0 for unknown."""
        most = self._most
        return (
            _step(_sum(places, self.tree.seconds), most[0]),
            _step(_sum(places, self.tree.memory), most[1]),
        )


def _sum(places: Sequence[int], values: Sequence[float | None]) -> float | None:
    known = [value for p in places if (value := values[p]) is not None]
    return sum(known) if known else None


def _step(value: float | None, most: float) -> int:
    """By the root of the share, so that small parts are told apart as well."""
    if value is None or not most > 0 or not math.isfinite(value):
        return 0
    return min(STEPS, max(1, math.ceil(STEPS * math.sqrt(max(0.0, value) / most))))
