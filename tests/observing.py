"""One training step of a model with and without reportgen, and the same step seen by hooks of our own.

What the tests of a few models and the benchmark of all of torchvision's ask is the same: is a graph there, does it
count the parameters, has each edge the shape that was really passed, and is everything else as it was?
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

import reportgen
from reportgen.run.graph import Graph
from tests.zoo import Case

Shape = tuple[int, ...]
# (full name of a module, its how manyeth call) -> shapes of all tensors it took or returned.
Shapes = dict[tuple[str, int], set[Shape]]


@dataclass
class Seen:
    """parameters: numbers in each model's. plain, watched: seconds of a step, the latter the captured one.

    same: whether gradients, buffers, flags and random numbers of the captured step are those of the plain one, bit for
    bit; repeatable: whether two plain steps agree. took, made: each model's shapes as our own hooks saw them.
    """

    graphs: list[Graph] = field(default_factory=list)
    parameters: list[int] = field(default_factory=list)
    trainable: list[int] = field(default_factory=list)
    took: list[Shapes] = field(default_factory=list)
    made: list[Shapes] = field(default_factory=list)
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
    step()
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
    """Hooks on each module that put the shapes of what it takes and returns into `seen`."""
    took: Shapes = {}
    made: Shapes = {}
    calls: dict[str, int] = {}
    seen.took.append(took)
    seen.made.append(made)
    for path, module in model.named_modules():

        def before(module: nn.Module, args: object, kwargs: object, path: str = path) -> None:
            calls[path] = calls.get(path, 0) + 1
            took[path, calls[path]] = set(shapes((args, kwargs)))

        def after(module: nn.Module, args: object, output: object, path: str = path) -> None:
            made[path, calls[path]] = set(shapes(output))

        yield module.register_forward_pre_hook(before, with_kwargs=True)
        yield module.register_forward_hook(after)


def shapes(value: object) -> Iterator[Shape]:
    """The shape of each tensor in a structure, however nested."""
    if isinstance(value, Tensor):
        yield tuple(value.shape)
    elif isinstance(value, dict):
        yield from shapes(tuple(value.values()))
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from shapes(one)
    elif hasattr(value, "__dict__"):
        yield from shapes(tuple(vars(value).values()))


def wrong_edges(graph: Graph, took: Shapes, made: Shapes) -> list[str]:
    """The edges from or to a module whose shape is none of those that our own hooks saw there."""
    nodes = {node.id: node for node in graph.nodes}
    wrong = []
    for edge in graph.edges:
        source, target, shape = nodes[edge.source], nodes[edge.target], edge.tensor.shape
        if target.kind == "module" and shape not in took.get((target.path, target.call), {shape}):
            wrong.append(f"{target.path} took {shape}, hooks saw {took[target.path, target.call]}")
        if source.kind == "module" and not edge.via and shape not in made.get((source.path, source.call), {shape}):
            wrong.append(f"{source.path} made {shape}, hooks saw {made[source.path, source.call]}")
    return wrong
