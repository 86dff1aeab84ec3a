"""The computation graph of each model."""

from __future__ import annotations

from collections.abc import Sequence

from reportgen.blocks.model import GraphDrawing
from reportgen.blocks.page import Block, SectionView
from reportgen.blocks.slug import slug
from reportgen.blocks.text import Fold, Text
from reportgen.blocks.wording import count, counted, cut, scaled, sentence
from reportgen.diagnose import Diagnosis
from reportgen.run.graph import Fault, Graph
from reportgen.run.records import Run
from reportgen.sections.calls import graph_as_called
from reportgen.sections.graph_health import health_of
from reportgen.sections.graph_map import is_unseen, map_caption, module_map
from reportgen.sections.layer_list import Layer, layers_of
from reportgen.sections.layer_table import ROWS, layer_table
from reportgen.sections.layers import is_watched
from reportgen.sections.section import Section

_CALLS = "What passes from call to call in one forward; shapes stand where they change."
_MAPS = "The modules, each inside the one that holds it."


def build(run: Run, diagnosis: Diagnosis) -> SectionView | None:
    """The section, None when no graph was captured."""
    if not run.graphs:
        return None
    layers = layers_of(run)
    blocks: list[Block] = []
    for graph in run.graphs:
        blocks.extend(_of(run, diagnosis, graph_as_called(graph, run.meta.recorder), layers))
    if not is_watched(run) and layers:
        blocks.append(layer_table(run, layers))
    told = _MAPS if all(map(is_unseen, run.graphs)) else _CALLS
    return SectionView(
        "graph", "Graph", f"{told} A layer leads to its row in the table, a module to its inside.", tuple(blocks)
    )


def _of(run: Run, diagnosis: Diagnosis, graph: Graph, layers: Sequence[Layer]) -> list[Block]:
    own = [layer for layer in layers if layer.model == graph.model]
    title = cut(graph.model, 60) or "model"
    unseen = is_unseen(graph)
    shown = module_map(graph, next((m for m in run.models if m.name == graph.model), None)) if unseen else graph
    drawing = GraphDrawing(
        title,
        shown,
        map_caption(shown, run.meta.recorder) if unseen else graph_caption(graph),
        slug("graph", graph.model),
        links={layer.path: layer.anchor for layer in layers[:ROWS] if layer.model == graph.model},
        places={layer.path: layer.box for layer in own},
        health=health_of(run, diagnosis, own),
    )
    blocks: list[Block] = [drawing, *(Text(sentence(note), muted=True) for note in graph.notes)]
    if graph.autograd:
        told = f"{counted(graph.autograd_nodes, 'node')} of the backward pass, from what it began at to the parameters."
        if graph.autograd_note:
            told += f" {sentence(graph.autograd_note)}"
        recorded = GraphDrawing(f"Autograd graph of {title}", graph, told, slug("autograd", graph.model), autograd=True)
        blocks.append(Fold(f"Autograd graph of {title}", (recorded,), detail=counted(graph.autograd_nodes, "node")))
    elif graph.autograd_note:
        blocks.append(Text(sentence(f"No autograd graph of {title}: {graph.autograd_note}"), muted=True))
    return blocks


def graph_caption(graph: Graph) -> str:
    """What the picture shows: "4 module calls, captured in the first training forward; 1,199,882 parameters; ..."."""
    calls = [node for node in graph.nodes if node.kind == "module" and node.status != "not called"]
    idle = [node for node in graph.nodes if node.kind == "module" and node.status == "not called"]
    failed = [node for node in graph.nodes if node.status == "failed"]
    told = [f"{counted(len(calls), 'module call')}, captured in {graph.captured}" if calls else "no module call"]
    if graph.counted:
        told.append(counted(graph.parameters, "parameter"))
    if graph.trainable != graph.parameters:
        told[-1] += f", {count(graph.trainable)} of them trainable"
    if graph.flops is not None:
        per = scaled(graph.flops / graph.batch, "FLOP") + " a sample" if graph.batch else scaled(graph.flops, "FLOP")
        told.append(f"{per} (a multiply-add is 2)")
    if graph.uncounted:
        told.append(f"not counted: {', '.join(graph.uncounted[:5])}")
    if idle:
        told.append(
            f"{'not reached' if failed else 'never called'}: {', '.join(cut(node.path, 40) for node in idle[:5])}"
        )
    if failed and graph.fault is None:
        told.append(f"failed in {cut(failed[-1].path, 40) or 'the model itself'}")
    words = sentence("; ".join(told))
    return f"{words} {fault_words(graph.fault)}" if graph.fault is not None else words


def fault_words(fault: Fault) -> str:
    """What the failing module got, what it takes, and what to change, in sentences."""
    name = f"{cut(fault.module, 60) or 'the model itself'} ({cut(fault.type, 40)})"
    got = ", ".join(f"{tensor.dtype} {'×'.join(map(str, tensor.shape)) or 'scalar'}" for tensor in fault.got[:3])
    told = [f"it failed in {name}"]
    if got:
        told.append(f", which got {got}")
    if fault.expected:
        told.append(f" and takes {fault.expected}" if got else f", which takes {fault.expected}")
    words = sentence("".join(told))
    return " ".join([words, *(sentence(cut(text, 300)) for text in (fault.change,) if text)])


SECTION = Section("graph", "the computation graph", "report.watch(model)", build)
