"""One training step of a model with and without reportgen, and the same step seen by hooks of our own.

What the tests of a few models and the benchmark of all of torchvision's ask is the same: is a graph there, does it
count the parameters, has each edge the shape that was really passed, and is everything else as it was?
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

import reportgen
from reportgen.run.graph import Graph, GraphEdge, GraphNode
from tests.zoo import Case

Shape = tuple[int, ...]
# (full name of a module, its how manyeth call) -> shapes of all tensors it took or returned.
Shapes = dict[tuple[str, int], set[Shape]]


@dataclass
class Seen:
    """parameters: numbers in each model's. plain, watched: seconds of a step, the latter the captured one.

    same: whether gradients, buffers, flags and random numbers of the captured step are those of the plain one, bit for
    bit; repeatable: whether two plain steps agree. took, made: each model's shapes as our own hooks saw them; passed:
    all that our own mode saw.
    """

    graphs: list[Graph] = field(default_factory=list)
    parameters: list[int] = field(default_factory=list)
    trainable: list[int] = field(default_factory=list)
    took: list[Shapes] = field(default_factory=list)
    made: list[Shapes] = field(default_factory=list)
    passed: set[Shape] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    plain: float = 0.0
    watched: float = 0.0
    same: bool = False
    repeatable: bool = False


def observe(case: Case, folder: Path) -> Seen:
    """Train a new model of `case` for one step: three times plainly, once watched, once with hooks of our own."""
    seen = Seen()
    torch.manual_seed(0)
    models = case.models()
    for model in models:
        model.train()
        seen.parameters.append(sum(p.numel() for p in model.parameters()))
        seen.trainable.append(sum(p.numel() for p in model.parameters() if p.requires_grad))
    buffers = [buffer.clone() for model in models for buffer in model.buffers()]

    def step() -> tuple[float, int]:
        for buffer, before in zip((b for m in models for b in m.buffers()), buffers, strict=True):
            buffer.copy_(before)
        for model in models:
            model.zero_grad()
        torch.manual_seed(1)
        started = time.perf_counter()
        case.loss(*models).backward()
        return time.perf_counter() - started, digest(models)

    _, first = step()
    (plain, second), (again, _) = step(), step()
    seen.plain, seen.repeatable = min(plain, again), first == second
    report = reportgen.Report(case.name, folder=folder, strict=True)
    for model in models:
        report.watch(model)
    seen.watched, third = step()
    seen.same = third == second
    report.close()
    run = reportgen.load(report.folder)
    seen.graphs = list(run.graphs)
    seen.notes = [f"{note.where}: {note.what}" for note in run.notes]
    handles = [handle for model in models for handle in record_shapes(model, seen)]
    with Watching() as watching:
        step()
    seen.passed = watching.shapes
    for handle in handles:
        handle.remove()
    return seen


def digest(models: tuple[nn.Module, ...]) -> int:
    """A checksum of gradients, buffers, flags of modules, and the state of the random numbers."""
    found = zlib.crc32(torch.get_rng_state().numpy())
    for model in models:
        found = zlib.crc32(bytes(module.training for module in model.modules()), found)
        for tensor in (*(p.grad for p in model.parameters()), *model.buffers()):
            if tensor is not None and tensor.numel():
                found = zlib.crc32(tensor.detach().contiguous().view(-1).view(torch.uint8).numpy(), found)
    return found


def record_shapes(model: nn.Module, seen: Seen) -> Iterator[torch.utils.hooks.RemovableHandle]:
    """Hooks on each module that put the shapes of what it takes and returns into `seen`.

    What is the model's own (a buffer given to a layer) comes from nowhere, so it is no edge.
    """
    own = {id(tensor) for tensor in (*model.parameters(), *model.buffers())}
    took: Shapes = {}
    made: Shapes = {}
    calls: dict[str, int] = {}
    open_calls: list[tuple[str, int]] = []
    seen.took.append(took)
    seen.made.append(made)
    for path, module in model.named_modules():

        def before(module: nn.Module, args: object, kwargs: object, path: str = path) -> None:
            calls[path] = calls.get(path, 0) + 1
            open_calls.append((path, calls[path]))
            took[path, calls[path]] = set(shapes((args, kwargs), own))

        def after(module: nn.Module, args: object, output: object, path: str = path) -> None:
            made[open_calls.pop()] = set(shapes(output))

        yield module.register_forward_pre_hook(before, with_kwargs=True)
        yield module.register_forward_hook(after)


class Watching(TorchFunctionMode):
    """Keeps the shapes of all that any function of torch returns: what an edge from an operation may have."""

    def __init__(self) -> None:
        super().__init__()
        self.shapes: set[Shape] = set()

    def __torch_function__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        result = func(*args, **(kwargs or {}))
        with torch._C.DisableTorchFunctionSubclass():
            self.shapes |= set(shapes((args, kwargs, result)))
        return result


def shapes(value: object, without: Container[int] = ()) -> Iterator[Shape]:
    """The shape of each tensor in a structure, however nested. without: ids of tensors that do not count."""
    if isinstance(value, Tensor):
        if id(value) not in without:
            yield tuple(value.shape)
    elif isinstance(value, dict):
        yield from shapes(tuple(value.values()), without)
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from shapes(one, without)
    elif type(value).__module__.startswith(("tests.", "torchvision.")):
        yield from shapes(tuple(vars(value).values()) if hasattr(value, "__dict__") else (), without)


def wrong_edges(graph: Graph, took: Shapes, made: Shapes, passed: set[Shape]) -> list[str]:
    """What of the edges contradicts our own hooks and mode, or is missing.

    took, made: by module call. passed: the shapes of all tensors that functions of torch took or returned.
    """
    nodes = {node.id: node for node in graph.nodes}
    into: dict[str, list[GraphEdge]] = {}
    for edge in graph.edges:
        into.setdefault(edge.target, []).append(edge)
    wrong = []
    for edge in graph.edges:
        source, target, shape = nodes[edge.source], nodes[edge.target], edge.tensor.shape
        if target.kind == "module" and shape not in took.get((target.path, target.call), ()):
            wrong.append(f"{target.path} took {shape}, hooks saw {took.get((target.path, target.call))}")
        if source.kind == "module" and not edge.via and shape not in made.get((source.path, source.call), ()):
            wrong.append(f"{source.path} made {shape}, hooks saw {made.get((source.path, source.call))}")
        if "operation" in (source.kind, target.kind) and shape not in passed:
            wrong.append(f"{shape} passed from {source.path} to {target.path}, no function saw it")
        if not edge.via and shape not in _made_or_written(source.id, nodes, into):
            wrong.append(f"{source.path} made {[spec.shape for spec in source.outputs]} and passed on {shape}")
    for node in graph.nodes:
        if node.kind == "module" and node.leaf and node.status == "ok" and node.id not in _around(graph):
            missing = took.get((node.path, node.call), {()}) - {edge.tensor.shape for edge in into.get(node.id, ())}
            if missing:
                wrong.append(f"{node.path} took {missing}, without an edge")
    return wrong


def _made_or_written(node: str, nodes: dict[str, GraphNode], into: dict[str, list[GraphEdge]]) -> set[Shape]:
    """The shapes of what a node returned, and of what it may have written into through a view made just before."""
    before = [edge.source for edge in into.get(node, ())]
    whole = {edge.tensor.shape for one in before for edge in into.get(one, ())}
    return whole | {spec.shape for one in (node, *before) for spec in nodes[one].outputs}


def _around(graph: Graph) -> set[str | None]:
    """The ids of the nodes that others are inside of."""
    return {node.parent for node in graph.nodes}
