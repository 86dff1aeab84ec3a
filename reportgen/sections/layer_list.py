"""The layers of a run: one list for every section that shows them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from reportgen.blocks.slug import slug
from reportgen.diagnose.reading.places import full_name, module_of, owned
from reportgen.run.graph import Graph, GraphNode
from reportgen.run.records import Model, Parameter, Run

OWN_OUTPUT = ("activation",)
SHARES = ("dead_share", "saturated_share")


@dataclass(frozen=True, slots=True)
class Layer:
    """A module that owns parameters, or whose output was watched, or that is a leaf of the graph.

    name: as measures and distributions know it (prefixed by the model's name when there are several). calls: of one
    forward. parameters: (full name, parameter); numel: numbers in them, tied ones at their first owner. flops: of one
    sample where the batch is known, of all calls together; None when not counted.
    """

    name: str
    title: str
    kind: str
    anchor: str
    model: str = ""
    path: str = ""
    parameters: tuple[tuple[str, Parameter], ...] = ()
    numel: int = 0
    output: str = ""
    flops: float | None = None
    calls: int = 0
    status: str = "ok"

    @property
    def box(self) -> str:
        """The id of its box in the graph."""
        return slug("box", self.name or self.model)

    @property
    def fold(self) -> str:
        """The id of the fold that shows its distributions over time."""
        return slug("over-time", self.name or self.model)

    @property
    def main(self) -> str:
        """The parameter that stands for the layer: the one with the most dimensions, the largest of these; or ""."""
        if not self.parameters:
            return ""
        return max(self.parameters, key=lambda each: (len(each[1].shape), each[1].numel))[0]

    @property
    def trainable(self) -> bool:
        """Whether the optimizer trains its main parameter."""
        return any(p.trainable and p.group is not None for name, p in self.parameters if name == self.main)


def layers_of(run: Run) -> list[Layer]:
    """The layers of all models, in registration order; of graphs without a model in the order of their calls."""
    graphs = {graph.model: graph for graph in run.graphs}
    found: list[Layer] = []
    for model in run.models:
        found.extend(_of_model(run, model, graphs.pop(model.name, None)))
    for graph in graphs.values():
        found.extend(_of_graph(run, graph))
    return found or _of_distributions(run)


def _of_distributions(run: Run) -> list[Layer]:
    """Layers told from the names of distributions alone, for a run whose model was not recorded."""
    owners: dict[str, list[tuple[str, Parameter]]] = {}
    for kind in ("weight", "gradient"):
        for name, series in run.distributions.get(kind, {}).items():
            held = owners.setdefault(module_of(name), [])
            if series.snapshots and all(name != other for other, _ in held):
                last = series.snapshots[-1]
                held.append((name, Parameter(name, (max(last.elements, last.count),), "", "", trainable=True)))
    for name in run.distributions.get("activation", {}):
        owners.setdefault(name, [])
    return [_layer(name, name, "", "model", [], None, tuple(held)) for name, held in owners.items()]


def _of_model(run: Run, model: Model, graph: Graph | None) -> list[Layer]:
    calls = _calls(graph)
    holders = owned(model)
    paths = dict.fromkeys((*model.modules, *holders))
    leaves = {path for path, nodes in calls.items() if path and all(node.leaf for node in nodes)}
    layers = []
    for path in paths:
        name = full_name(run, model, path)
        if path in holders or path in leaves or (_watched(run, name) and path not in _parents(paths)):
            parameters = tuple((full_name(run, model, p.name), p) for p in holders.get(path, []))
            kind = model.modules.get(path, "")
            layers.append(_layer(name, path, kind, model.name, calls.get(path, []), graph, parameters))
    return layers


def _of_graph(run: Run, graph: Graph) -> list[Layer]:
    several = len(run.graphs) > 1
    layers = []
    for path, nodes in _calls(graph).items():
        if nodes[0].parameters or (path and all(node.leaf for node in nodes)):
            name = f"{graph.model}/{path}" if several else path
            layers.append(_layer(name, path, nodes[0].type, graph.model, nodes, graph, ()))
    return layers


def _layer(
    name: str,
    path: str,
    kind: str,
    model: str,
    nodes: list[GraphNode],
    graph: Graph | None,
    parameters: tuple[tuple[str, Parameter], ...],
) -> Layer:
    made = [node for node in nodes if node.status != "not called"]
    flops = [node.flops for node in made if node.flops is not None]
    batch = (graph.batch if graph else None) or 1
    numel = sum(p.numel for _, p in parameters if not p.tied_to)
    return Layer(
        name=name,
        title=name if path else f"{model} itself",
        kind=kind or (nodes[0].type if nodes else ""),
        anchor=slug("layer", name or model),
        model=model,
        path=path,
        parameters=parameters,
        numel=numel if parameters else max((node.parameters for node in nodes), default=0),
        output=_shape(made[0], graph) if made else "",
        flops=sum(flops) / batch if flops else None,
        calls=len(made),
        status=nodes[0].status if nodes else "ok",
    )


def _calls(graph: Graph | None) -> dict[str, list[GraphNode]]:
    """The module calls of a graph by path."""
    found: dict[str, list[GraphNode]] = {}
    for node in graph.nodes if graph else ():
        if node.kind == "module":
            found.setdefault(node.path, []).append(node)
    return found


def _parents(paths: Iterable[str]) -> set[str]:
    parents = {""}
    for path in paths:
        while path := module_of(path):
            parents.add(path)
    return parents


def _watched(run: Run, name: str) -> bool:
    return any(name in run.distributions.get(kind, {}) for kind in OWN_OUTPUT) or any(
        name in run.measures.get(quantity, {}) for quantity in SHARES
    )


def _shape(node: GraphNode, graph: Graph | None) -> str:
    """The shape of the first output without the batch, as 16×26×26."""
    if not node.outputs:
        return ""
    shape = node.outputs[0].shape
    if graph is not None and graph.batch is not None and len(shape) > 1 and shape[0] == graph.batch:
        shape = shape[1:]
    return "×".join(map(str, shape)) or "scalar"


def total_parameters(run: Run, layers: list[Layer]) -> int:
    """The numbers in all parameters: the graphs' own totals where there are any, else the layers' sum."""
    captured = {graph.model: graph.parameters for graph in run.graphs}
    rest = sum(layer.numel for layer in layers if layer.model not in captured)
    return sum(captured.values()) + rest


def finite_or_none(value: float) -> float | None:
    """The value, None for NaN."""
    return None if math.isnan(value) else value
