"""What follows what in a captured graph: which operation gives an output, and what lies between two layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reportgen.run.evidence import TensorFacts
from reportgen.run.graph import Graph, GraphEdge, GraphNode
from reportgen.run.records import Run

# Classes of torch.nn -> the operation that they are.
OPERATIONS: Mapping[str, str] = {
    "ReLU": "relu",
    "ReLU6": "relu6",
    "Sigmoid": "sigmoid",
    "Hardsigmoid": "hardsigmoid",
    "Tanh": "tanh",
    "Hardtanh": "hardtanh",
    "Softplus": "softplus",
    "Softsign": "softsign",
    "Softmax": "softmax",
    "Softmax2d": "softmax",
    "LogSoftmax": "log_softmax",
    "LogSigmoid": "logsigmoid",
    "Identity": "identity",
    "Flatten": "flatten",
    "Unflatten": "unflatten",
    "Dropout": "dropout",
}
# Operations that leave the numbers as they are.
_VIEWS = (
    "identity flatten unflatten squeeze unsqueeze view view_as reshape reshape_as permute transpose t T mT swapaxes "
    "swapdims movedim moveaxis contiguous clone getitem __getitem__ select narrow slice chunk split unbind expand "
    "expand_as to type float double half bfloat16 cpu cuda type_as stack cat"
)
VIEWS = frozenset(_VIEWS.split())


def operation_of(node: GraphNode) -> str:
    """The operation that a node is, by torch's name of it ("relu"); a module's class where it is no single one."""
    return plain(node.path) if node.kind == "operation" else OPERATIONS.get(node.type, node.type)


def plain(name: str) -> str:
    """The name of an operation without the sign that it works in place: "relu_" is "relu"."""
    return name if name.startswith("__") else name.rstrip("_")


class Flow:
    """A graph to be walked against its direction."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.nodes = {node.id: node for node in graph.nodes}
        self.into: dict[str, list[GraphEdge]] = {}
        self.out: dict[str, list[GraphEdge]] = {}
        for edge in graph.edges:
            self.into.setdefault(edge.target, []).append(edge)
            self.out.setdefault(edge.source, []).append(edge)

    def given_by(self, edge: GraphEdge) -> tuple[str, GraphNode | None]:
        """The operation that made what `edge` carries, past views of it, and its node, if it is one. "" if unknown."""
        seen: set[str] = set()
        while True:
            for name in map(plain, reversed(edge.via)):
                if name not in VIEWS:
                    return name, None
            source = self.nodes.get(edge.source)
            if source is None or source.id in seen:
                return "", None
            name = operation_of(source)
            incoming = self.into.get(source.id, [])
            if name not in VIEWS or len(incoming) != 1:
                return ("", None) if source.kind == "input" else (name, source)
            seen.add(source.id)
            edge = incoming[0]

    def outputs(self) -> Iterator[tuple[GraphEdge, str, GraphNode | None]]:
        """Each tensor that the model gives, and the operation that made it, as `given_by` tells it."""
        for edge in self.graph.edges:
            target = self.nodes.get(edge.target)
            if target is not None and target.kind == "output":
                yield (edge, *self.given_by(edge))


def graph_of(run: Run, model: str) -> Graph | None:
    """The graph of a watched model, None without one, or where its forward failed."""
    return next((graph for graph in run.graphs if graph.model == model and graph.fault is None), None)


def made_by(run: Run, model: str, tensor: TensorFacts) -> tuple[str, str]:
    """The operation that made the output of `model` that is `tensor`, and the module it is ("" if it is none).

    ("", "") where no graph tells, or several outputs look like it.
    """
    graph = graph_of(run, model)
    if graph is None:
        return "", ""
    found = list(Flow(graph).outputs())
    if len(found) > 1:
        found = [each for each in found if _inner(each[0].tensor.shape) == _inner(tensor.shape)]
    if len({name for _, name, _ in found}) != 1:
        return "", ""
    _, name, node = found[0]
    return name, node.path if node is not None and node.kind == "module" else ""


def _inner(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape without the batch and without dimensions of one."""
    return tuple(size for size in shape[1:] if size != 1)
