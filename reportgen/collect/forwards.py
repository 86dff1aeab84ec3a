"""One forward of a watched model that is looked at: its calls become the graph, its outputs the activations."""

from __future__ import annotations

import threading
from array import array
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from reportgen.collect.activations import Activations, Outputs
from reportgen.collect.autograd_graph import autograd_graph
from reportgen.collect.module_graph import GraphCapture
from reportgen.collect.structure import tensors_in
from reportgen.collect.watched import Watched
from reportgen.run.distribution import Distribution
from reportgen.run.graph import Graph
from reportgen.run.series import Stamp


class Forward:
    """What is seen between a watched model's own pre-hook and its post-hook, in the thread that called it."""

    def __init__(self, watched: Watched, root: nn.Module, stamp: Stamp, graph: bool, activations: bool) -> None:
        self.watched = watched
        self.stamp = stamp
        self.root = id(root)
        self.thread = threading.get_ident()
        self.graph = GraphCapture(watched.name, watched.paths) if graph else None
        self.activations = Activations(watched.after) if activations else None

    def enter(self, module: nn.Module, args: Sequence[object]) -> None:
        """A module of the model is called."""
        if self.graph is not None:
            self.graph.enter(module, args)

    def leave(self, module: nn.Module, args: Sequence[object], kwargs: Mapping[str, object], output: object) -> None:
        """It returned `output`."""
        path = self.watched.paths[id(module)]
        leaf = path in self.watched.leaves
        if self.graph is not None:
            leaf = self.graph.leave(module, args, kwargs, output)
        if leaf and self.activations is not None:
            self.activations.take(path or self.watched.name, module, output)

    def failed(self, module: nn.Module) -> None:
        """It raised; the caller of it may go on."""
        if self.graph is not None:
            self.graph.failed(module)

    def finished_graph(self, output: object) -> Graph | None:
        """The graph with torchviz's, when this was the forward to capture it from."""
        root = self.watched.root()
        if self.graph is None or root is None:
            return None
        parameters = self.watched.parameters()
        made = [tensor for _, tensor in tensors_in(output)]
        source, nodes, note = autograd_graph(made, dict(parameters))
        graph = self.graph.finish(
            output, root, self.watched.leaf_modules(), [p for _, p in parameters], (source, nodes, note)
        )
        self.watched.after = self.graph.activations_after()
        self.watched.without_calls = self.graph.leaves()
        self.watched.leaves |= self.watched.without_calls
        return graph

    def drop(self) -> None:
        """Let go of everything: the forward will not finish."""
        if self.graph is not None:
            self.graph.drop()


def merged(parts: Sequence[Distribution], elements: int) -> Distribution:
    """One distribution of the same module's several calls: counts add, since all bins are the same."""
    if len(parts) == 1 and parts[0].elements == elements:
        return parts[0]
    counts: dict[int, int] = {}
    for part in parts:
        for place, count in zip(part.bins, part.counts, strict=True):
            counts[place] = counts.get(place, 0) + count
    bins = sorted(counts)
    lows = [p.minimum for p in parts if p.finite]
    highs = [p.maximum for p in parts if p.finite]
    return Distribution(
        count=sum(p.count for p in parts),
        elements=elements,
        minimum=min(lows, default=float("nan")),
        maximum=max(highs, default=float("nan")),
        total=sum(p.total for p in parts),
        squares=sum(p.squares for p in parts),
        zeros=sum(p.zeros for p in parts),
        nans=sum(p.nans for p in parts),
        positive_infinities=sum(p.positive_infinities for p in parts),
        negative_infinities=sum(p.negative_infinities for p in parts),
        bins=array("h", bins),
        counts=array("q", [counts[place] for place in bins]),
    )


def shares(found: Mapping[str, Outputs]) -> tuple[list[tuple[str, str, int]], list[Tensor]]:
    """((quantity, module, of how many), ...) and the counts to divide, as tensors on their devices."""
    labels: list[tuple[str, str, int]] = []
    counts: list[Tensor] = []
    for name, outputs in found.items():
        if outputs.dead and outputs.units:
            labels.append(("dead_share", name, outputs.units))
            counts.append(torch.stack(outputs.dead).sum())
        if outputs.saturated and outputs.ranged:
            labels.append(("saturated_share", name, outputs.ranged))
            counts.append(torch.stack(outputs.saturated).sum())
    return labels, counts
