"""The graph of every model of torchvision and a few of our own: is it true, what does it cost, how is it drawn?

    python tests/benchmarks/bench_graphs.py [resnet50 gpt ...]

Random weights, small inputs, one training step. "step" is the captured step over the quicker of two plain ones.
"true" means: the numbers of parameters agree with the model's, the shape at each edge with what hooks of our own saw
there, and gradients, buffers, flags and random numbers of the captured step are bit for bit those of a plain one.
"""

from __future__ import annotations

import gc
import statistics
import sys
import tempfile
import time
from itertools import count
from pathlib import Path

import torch
from torch import nn
from torchvision.models import resnet50

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import reportgen
from reportgen.blocks.model import GraphDrawing
from reportgen.figures.graphs.view import map_view
from reportgen.run.graph import Graph
from tests.observing import Seen, observe, wrong_edges
from tests.zoo import Case, everything

# Batch and size of image of the step whose capture has a goal: a small one, in which the fixed cost is most, and one of
# the size that the model is trained with.
USUAL = ((8, 128), (16, 224))
STEP_GOAL, LAYOUT_GOAL, BYTES_LIMIT = 1.2, 1.0, 150_000


def faults(seen: Seen) -> list[str]:
    """What is not true of a model's graphs, or not as it was in its captured step."""
    if len(seen.graphs) != len(seen.parameters):
        return [f"{len(seen.graphs)} graphs of {len(seen.parameters)} models"]
    found = [] if seen.same else ["the captured step differs" if seen.repeatable else "the step does not repeat itself"]
    for graph, total, took, made in zip(seen.graphs, seen.parameters, seen.took, seen.made, strict=True):
        inside = sum(node.parameters for node in graph.nodes)
        if not graph.parameters == total == inside:
            found.append(f"{graph.parameters} parameters, {inside} in its nodes, {total} in the model")
        if not graph.edges:
            found.append("no edges")
        if not graph.operations:
            found.append("without operations")
        found += wrong_edges(graph, took, made, seen.passed)[:3]
    return found + [note for note in seen.notes if "Error" in note]


def drawn(graph: Graph) -> tuple[int, int, float, tuple[str, ...]]:
    """Boxes, bytes of SVG, seconds, and what the drawing says of itself."""
    names = count()
    started = time.perf_counter()
    view = map_view(
        GraphDrawing(graph.model, graph, "", "graph"), lambda _: True, lambda wanted: f"{wanted}-{next(names)}"
    )
    seconds = time.perf_counter() - started
    markup = [picture.markup for picture in view.pictures]
    return sum(one.count("<rect") for one in markup), sum(len(one.encode()) for one in markup), seconds, view.notes


def usual_step(batch: int, side: int) -> tuple[float, list[float]]:
    """Seconds of a plain step of a ResNet-50, and captured steps as ratios to the plain one before."""
    model, images = resnet50(), torch.rand(batch, 3, side, side)

    def step() -> float:
        model.zero_grad()
        started = time.perf_counter()
        model(images).square().mean().backward()
        return time.perf_counter() - started

    step()
    plain, ratios = [], []
    for _ in range(3):
        plain.append(step())
        with tempfile.TemporaryDirectory() as folder:
            report = reportgen.Report("step", folder=Path(folder, "run"), strict=True)
            report.watch(model)
            ratios.append(step() / plain[-1])
            report.close()
    return statistics.median(plain), ratios


class Steps(nn.Module):
    """As many operations as asked for, one after the other, every tenth a module."""

    def __init__(self, operations: int) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 4)
        self.operations = operations

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for number in range(self.operations):
            x = self.linear(x) if number % 10 == 9 else x + 1.0
        return x


def growth() -> list[tuple[int, float, float]]:
    """(operations, microseconds of capture for each, seconds of drawing) of graphs of growing size."""
    found = []
    for operations in (2_500, 10_000):
        model, given = Steps(operations), torch.rand(2, 4)
        with tempfile.TemporaryDirectory() as folder:
            report = reportgen.Report("steps", folder=Path(folder, "run"), strict=True)
            model(given).sum().backward()
            started = time.perf_counter()
            model(given).sum().backward()
            plain = time.perf_counter() - started
            report.watch(model)
            started = time.perf_counter()
            model(given).sum().backward()
            capture = time.perf_counter() - started - plain
            report.close()
            (graph,) = reportgen.load(report.folder).graphs
        found.append((operations, capture / operations * 1e6, drawn(graph)[2]))
    return found


def main(wanted: list[str]) -> None:
    worst = {"step": (0.0, ""), "layout": (0.0, ""), "SVG bytes": (0.0, "")}
    untrue: list[str] = []
    closed: list[str] = []
    cases: list[Case] = [case for case in everything() if not wanted or case.name in wanted]
    print("| model | modules | operations | edges | parameters | true | step | boxes drawn | layout s | SVG bytes |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for case in cases:
        with tempfile.TemporaryDirectory() as folder:
            seen = observe(case, Path(folder, "run"))
        wrong = faults(seen)
        untrue += [f"{case.name}: {one}" for one in wrong]
        kinds = [node.kind for graph in seen.graphs for node in graph.nodes]
        pictures = [drawn(graph) for graph in seen.graphs]
        closed += [f"{case.name}: {note}" for one in pictures for note in one[3] if "inside is not drawn" in note]
        figures = {
            "step": seen.watched / seen.plain,
            "layout": max((one[2] for one in pictures), default=0.0),
            "SVG bytes": float(sum(one[1] for one in pictures)),
        }
        for name, figure in figures.items():
            worst[name] = max(worst[name], (figure, case.name))
        row = (
            case.name,
            f"{kinds.count('module'):,}",
            f"{kinds.count('operation'):,}",
            f"{sum(len(graph.edges) for graph in seen.graphs):,}",
            f"{sum(seen.parameters):,}",
            "no" if wrong else "yes",
            f"{figures['step']:.2f}",
            f"{sum(one[0] for one in pictures):,}",
            f"{figures['layout']:.2f}",
            f"{figures['SVG bytes']:,.0f}",
        )
        print(f"| {' | '.join(row)} |", flush=True)
        del seen
        gc.collect()
    print()
    print(f"{len(cases) - len({one.partition(':')[0] for one in untrue})} of {len(cases)} models are true")
    print(f"{len(cases) - len({one.partition(':')[0] for one in closed})} of {len(cases)} models open every level")
    for one in (*untrue, *closed):
        print(one)
    (step, slow), (layout, late), (size, large) = (worst[name] for name in ("step", "layout", "SVG bytes"))
    print(f"dearest captured step: {step:.2f} plain ones ({slow}, whose plain step is short)")
    print(f"longest layout: {layout:.2f} s ({late}; goal {LAYOUT_GOAL:.0f} s each)")
    for batch, side in USUAL:
        plain, ratios = usual_step(batch, side)
        print(
            f"a ResNet-50 at batch {batch}, {side}x{side}, {plain:.2f} s a plain step: the captured one takes "
            f"{statistics.median(ratios):.2f} of it (median of {len(ratios)}, from {min(ratios):.2f}; goal {STEP_GOAL})"
        )
    for operations, each, seconds in growth():
        print(f"{operations:,} operations: {each:.0f} us of capture for each, {seconds:.2f} s of drawing")
    print(f"most SVG: {size:,.0f} bytes ({large}; limit {BYTES_LIMIT:,})")


if __name__ == "__main__":
    main(sys.argv[1:])
