"""The modules of a model of which no call was seen, as a graph without edges."""

from __future__ import annotations

from collections.abc import Iterable

from reportgen.blocks.wording import count, counted, sentence
from reportgen.diagnose.reading.places import module_of
from reportgen.run.graph import Graph, GraphNode
from reportgen.run.records import Model
from reportgen.sections.calls import as_called


def is_unseen(graph: Graph) -> bool:
    """Whether a graph has modules, and not one call of any."""
    modules = [node for node in graph.nodes if node.kind == "module"]
    return bool(modules) and all(node.status == "not called" for node in modules)


def module_map(graph: Graph, model: Model | None) -> Graph:
    """All modules of a graph without calls, each inside the one that holds it, in the order of registration.

    Without the model's record only the names of those that hold others are known. Each node is the call 0 of its
    module, with the status "ok": nothing is said of its calls. Nothing is joined.
    """
    listed = {node.path: node for node in graph.nodes if node.kind == "module"}
    types = {"": model.type if model else graph.model, **(model.modules if model else {})}
    own: dict[str, int] = {}
    for parameter in model.parameters if model else ():
        if not parameter.tied_to:
            path = module_of(parameter.name)
            own[path] = own.get(path, 0) + parameter.numel
    ids = {path: f"m{at}" for at, path in enumerate(_with_holders((*types, *listed)))}
    holders = {module_of(path) for path in ids if path}
    nodes = []
    for path, name in ids.items():
        node = listed.get(path)
        nodes.append(
            GraphNode(
                name,
                "module",
                path,
                node.type if node else types.get(path, ""),
                ids[module_of(path)] if path else None,
                call=0,
                parameters=node.parameters if node else own.get(path, 0),
                leaf=path not in holders,
                training=node.training if node else True,
                detail=node.detail if node else "",
            )
        )
    return Graph(graph.model, graph.captured, tuple(nodes), parameters=graph.parameters, trainable=graph.trainable)


def map_caption(graph: Graph, recorder: str = "") -> str:
    """What a map shows, and how to get a graph with edges.

    graph: one that `module_map` made. recorder: as in `Meta`.
    """
    call = as_called("report.graph(model, *inputs)", recorder)
    modules = sum(1 for node in graph.nodes if node.path) or 1
    told = f"{counted(modules, 'module')} in the order of registration; {counted(graph.parameters, 'parameter')}"
    if graph.trainable != graph.parameters:
        told += f", {count(graph.trainable)} of them trainable"
    if "lazy modules" in graph.captured:
        change = f"Call the model once, so that they get their shape; then {call} shows its calls."
    elif "torch.jit" in graph.captured:
        change = f"Give the model that it was made of to {call}, which shows its calls."
    else:
        change = f"{call} runs it once, uncompiled, and shows its calls with the edges between them."
    return f"{sentence(told)} Without edges, since no call was seen. {change}"


def _with_holders(paths: Iterable[str]) -> list[str]:
    """The paths in order, each after those of all modules around it, each once; "" first."""
    found: dict[str, None] = {"": None}
    for path in paths:
        parts = path.split(".")
        for depth in range(1, len(parts) + 1):
            found.setdefault(".".join(parts[:depth]))
    return list(found)
