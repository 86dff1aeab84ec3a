"""One forward of a watched model that is looked at: its calls become the graph, its outputs the activations."""

from __future__ import annotations

import sys
import threading
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import FrameType

import torch
from torch import nn

from reportgen.collect.activations import Activations
from reportgen.collect.autograd_graph import autograd_graph
from reportgen.collect.distribution.sheet import Host
from reportgen.collect.graph.capture import GraphCapture
from reportgen.collect.graph.observer import Observer
from reportgen.collect.quiet import quiet
from reportgen.collect.structure import tensors_in
from reportgen.collect.watched import Watched
from reportgen.collect.work import Work
from reportgen.run.distribution import Distribution
from reportgen.run.graph import Graph
from reportgen.run.series import Stamp

_CALL = nn.Module._call_impl


class Forward:
    """What is seen between a watched model's own pre-hook and its post-hook, in the thread that called it."""

    def __init__(
        self, watched: Watched, root: nn.Module, stamp: Stamp, graph: GraphCapture | None, activations: bool
    ) -> None:
        self.watched = watched
        self.stamp = stamp
        self.root = id(root)
        self.trains = root.training and torch.is_grad_enabled()
        self.thread = threading.get_ident()
        self.graph = graph
        self.activations = Activations(watched.after, watched.rows_seen) if activations else None
        self.observer: Observer | None = None
        self.over = False  # the root's call has ended
        self.depth = 0  # calls of the root that are open: it may call itself

    def concerns(self, module: nn.Module) -> bool:
        """Whether a call of `module` is a part of it. A module that is not registered in the model may be one."""
        return self.graph is not None or id(module) in self.watched.paths

    def looks_at(self, module: nn.Module) -> bool:
        """Whether what a call of `module`, which is a part of it, returns is of interest."""
        return self.graph is not None or self.watched.paths.get(id(module)) in self.watched.leaves

    def observe(
        self, frame: FrameType | None, failed: Callable[[Exception], None], gave_up: Callable[[], None]
    ) -> None:
        """Show the graph the operations as well, until `frame`, which calls the forward, is left."""
        if self.graph is not None and not self.graph.hooks_only:
            self.observer = Observer(self.graph, failed, gave_up)
            self.observer.start(frame)

    def enter(self, module: nn.Module, args: Sequence[object], kwargs: Mapping[str, object]) -> None:
        """A module of the model is called."""
        if self.graph is not None:
            self.graph.enter(module, args, kwargs)

    def leave(self, module: nn.Module, args: Sequence[object], kwargs: Mapping[str, object], output: object) -> None:
        """It returned `output`."""
        path = self.watched.paths.get(id(module))
        leaf = path in self.watched.leaves
        if self.graph is not None:
            leaf = self.graph.leave(module, args, kwargs, output)
        if leaf and self.activations is not None and path is not None:
            self.activations.take(path or self.watched.name, module, output, args)

    def failed(
        self, module: nn.Module, args: Sequence[object], kwargs: Mapping[str, object], error: BaseException | None
    ) -> None:
        """It raised; the caller of it may go on."""
        if self.graph is not None:
            self.graph.failed(module, args, kwargs, error)

    def finished_graph(self, output: object) -> Graph | None:
        """The graph with torchviz's, when this was the forward to capture it from."""
        root = self.watched.root()
        if self.graph is None or root is None:
            return None
        made = [tensor for _, tensor in tensors_in(output)]
        source, nodes, note = autograd_graph(made, dict(self.watched.parameters()))
        graph = self.graph.finish(output, root, self.watched.leaf_modules())
        self.watched.after = self.graph.activations_after()
        self.watched.without_calls = self.graph.leaves()
        self.watched.leaves |= self.watched.without_calls
        return replace(graph, autograd=source, autograd_nodes=nodes, autograd_note=note)

    def failed_graph(self, error: BaseException | None) -> Graph | None:
        """The graph up to where `error` was raised, which then left the model."""
        root = self.watched.root()
        if self.graph is None or root is None:
            return None
        return self.graph.finish_failed(root, self.watched.leaf_modules(), error)

    def give_up_graph(self) -> None:
        """Go on without the graph."""
        if self.graph is not None:
            self.graph.drop()
            self.graph = None

    def drop(self) -> None:
        """Let go of everything: the forward is over, or will not finish."""
        if self.observer is not None:
            self.observer.stop()
        if self.graph is not None:
            self.graph.drop()


def write_outputs(work: Work, forward: Forward) -> None:
    """Record what was found of the outputs of a forward that is over."""
    watched, stamp, activations = forward.watched, forward.stamp, forward.activations
    if activations is None:
        return
    for name, reason in activations.unread.items():
        work.recorder.note("omission", f"activations of {work.name(watched, name)}", f"left out: {reason}")

    def write_shares(host: list[Host]) -> None:
        shares = {
            quantity: {work.name(watched, name): share for name, share in group.items()}
            for quantity, group in activations.shares.found(host).items()
        }
        if shares:
            work.recorder.measures(shares, stamp)

    with quiet():
        masks = activations.shares.masks()
        rows, counts = watched.rows_seen.counts()

    def write_rows(host: list[Host]) -> None:
        shares = watched.rows_seen.shares(rows, host[0].tolist())
        work.recorder.measures(
            {"seen_rows": {work.name(watched, name): share for name, share in shares.items()}}, stamp
        )

    work.later.arrays(masks, write_shares)
    if counts is not None:
        work.later.arrays([counts], write_rows)
    parts = [(work.name(watched, name), len(o.samples), o.elements) for name, o in activations.found.items()]
    samples = [sample for outputs in activations.found.values() for sample in outputs.samples]

    def write_distributions(made: list[Distribution]) -> None:
        values: dict[str, Distribution] = {}
        start = 0
        for name, several, elements in parts:
            if several:
                values[name] = merged(made[start : start + several], elements)
            start += several
        if values:
            work.recorder.distributions({"activation": values}, stamp)

    activations.found.clear()  # what waits for a device are counts, and not the samples
    work.later.distributions(samples, None, write_distributions)


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


def calls_itself(root: nn.Module) -> bool:
    """Whether the call of `root` that begins is inside another of its own."""
    calls = 0
    frame: FrameType | None = sys._getframe()
    while frame is not None and calls < 2:
        if frame.f_code is _CALL.__code__:
            calls += frame.f_locals.get("self") is root
        frame = frame.f_back
    return calls > 1


def keywords_of(frame: FrameType) -> Mapping[str, object]:
    """The keyword arguments of the module call in whose frame torch called a hook: it does not pass them on."""
    found = frame.f_locals.get("kwargs")
    return found if isinstance(found, dict) else {}
