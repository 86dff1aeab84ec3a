"""The computation graph of each model."""

from __future__ import annotations

from collections.abc import Sequence

from reportgen.blocks.model import GraphDrawing
from reportgen.blocks.page import Block, SectionView
from reportgen.blocks.slug import slug
from reportgen.blocks.text import Fold, Text
from reportgen.blocks.wording import count, counted, cut, scaled, sentence
from reportgen.diagnose import Diagnosis
from reportgen.run.graph import Graph
from reportgen.run.records import Run
from reportgen.sections.layer_list import Layer, layers_of
from reportgen.sections.layer_table import ROWS, layer_table
from reportgen.sections.layers import is_watched
from reportgen.sections.section import Section


def build(run: Run, diagnosis: Diagnosis) -> SectionView | None:
    """The section, None when no graph was captured."""
    if not run.graphs:
        return None
    layers = layers_of(run)
    blocks: list[Block] = []
    for graph in run.graphs:
        blocks.extend(_of(graph, layers))
    if not is_watched(run) and layers:
        blocks.append(layer_table(run, layers))
    return SectionView(
        "graph",
        "Graph",
        "What passes from module to module in one forward, with the shape of each tensor; a layer leads to its row in "
        "the table.",
        tuple(blocks),
    )


def _of(graph: Graph, layers: Sequence[Layer]) -> list[Block]:
    links = {layer.path: layer.anchor for layer in layers[:ROWS] if layer.model == graph.model}
    title = cut(graph.model, 60) or "model"
    blocks: list[Block] = [
        GraphDrawing(title, graph, graph_caption(graph), slug("graph", graph.model), links),
        *(Text(sentence(note), muted=True) for note in graph.notes),
    ]
    if graph.autograd:
        told = f"{counted(graph.autograd_nodes, 'node')} of the backward pass, from what it began at to the parameters."
        if graph.autograd_note:
            told += f" {sentence(graph.autograd_note)}"
        drawing = GraphDrawing(f"Autograd graph of {title}", graph, told, slug("autograd", graph.model), autograd=True)
        blocks.append(Fold(f"Autograd graph of {title}", (drawing,), detail=counted(graph.autograd_nodes, "node")))
    elif graph.autograd_note:
        blocks.append(Text(f"No autograd graph of {title}. {sentence(graph.autograd_note)}", muted=True))
    return blocks


def graph_caption(graph: Graph) -> str:
    """What the picture shows: "4 module calls, captured in the first training forward; 1,199,882 parameters; ..."."""
    calls = [node for node in graph.nodes if node.kind == "module" and node.status != "not called"]
    idle = [node for node in graph.nodes if node.kind == "module" and node.status == "not called"]
    failed = [node for node in graph.nodes if node.status == "failed"]
    told = [f"{counted(len(calls), 'module call')}, captured in {graph.captured}" if calls else "no module call"]
    told.append(counted(graph.parameters, "parameter"))
    if graph.trainable != graph.parameters:
        told[-1] += f", {count(graph.trainable)} of them trainable"
    if graph.flops is not None:
        per = scaled(graph.flops / graph.batch, "FLOP") + " a sample" if graph.batch else scaled(graph.flops, "FLOP")
        told.append(f"{per} (a multiply-add is 2)")
    if graph.uncounted:
        told.append(f"not counted: {', '.join(graph.uncounted[:5])}")
    if idle:
        told.append(f"never called: {', '.join(cut(node.path, 40) for node in idle[:5])}")
    if failed:
        told.append(f"failed in {cut(failed[-1].path, 40) or 'the model itself'}")
    return sentence("; ".join(told))


SECTION = Section("graph", "the computation graph", "report.watch(model)", build)
