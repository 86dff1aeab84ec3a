"""A node of the graph while its call is still open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from reportgen.run.graph import GraphEdge, GraphNode, TensorSpec


@dataclass(slots=True, eq=False)
class Draft:
    """What becomes a GraphNode. key: id of the module that is called.

    sources: (node, tensor, operations since) for what it took. given: ids of the tensors among its arguments.

    opaque: what happens inside is its own business (a convolution of torch.nn). writes: it changes its argument.
    nodes: how many nodes lie inside.
    calls: whether it called a module. kept: False once the graph is full. dissolved: an operation that turned out to
    call modules, which stand for themselves. uncounted: did work that torch has no formula for.
    """

    kind: str
    path: str
    type: str
    key: int = 0
    id: str = ""
    parent: Draft | None = None
    call: int = 1
    inputs: tuple[TensorSpec, ...] = ()
    outputs: tuple[TensorSpec, ...] = ()
    sources: list[tuple[str, TensorSpec, tuple[str, ...]]] = field(default_factory=list)
    given: Sequence[int] = ()
    parameters: int = 0
    flops: int | None = None
    uncounted: bool = False
    memory: int | None = None
    status: str = "ok"
    training: bool = True
    detail: str = ""
    opaque: bool = False
    writes: bool = False
    nodes: int = 0
    calls: bool = False
    kept: bool = True
    dissolved: bool = False

    @property
    def leaf(self) -> bool:
        """Whether it called no other module."""
        return not self.calls

    def edges(self) -> Iterator[GraphEdge]:
        """The edges that end here."""
        for source, tensor, via in self.sources:
            yield GraphEdge(source, self.id, tensor, via)

    def node(self) -> GraphNode:
        """The finished node. Its parent is the nearest call around it that is a node itself."""
        parent = self.parent
        while parent is not None and (parent.dissolved or not parent.kept):
            parent = parent.parent
        return GraphNode(
            id=self.id,
            kind=self.kind,
            path=self.path,
            type=self.type,
            parent=None if parent is None else parent.id,
            call=self.call,
            inputs=self.inputs,
            outputs=self.outputs,
            parameters=self.parameters,
            flops=None if self.uncounted else self.flops,
            memory=self.memory,
            status=self.status,
            leaf=self.leaf,
            training=self.training,
            detail=self.detail,
        )
