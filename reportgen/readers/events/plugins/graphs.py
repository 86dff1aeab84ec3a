"""A graph of operations -> modules by the scopes in their names, with the operations between them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable

from reportgen.readers.events.builder import Builder
from reportgen.readers.events.graphdef import Node, read_graph
from reportgen.readers.events.log_parts import Entry
from reportgen.readers.events.wire import Malformed
from reportgen.run.graph import Graph, GraphEdge, GraphNode, TensorSpec

CAPTURED = "a trace that the event file holds"
# torch's scopes: the class, and in brackets the attribute's name.
SCOPE = re.compile(r"(?P<type>[^\[\]]+)\[(?P<name>[^\[\]]+)\]")
INPUTS, IO = ("Placeholder", "PlaceholderWithDefault"), "IO Node"
# What is no step of a computation: constants, parameters and what packs several values in one, of torch and TensorFlow.
SILENT = frozenset(
    {"Const", "Identity", "NoOp", "ReadVariableOp", "VarHandleOp", "VariableV2", "Variable", "Assign", "Parameter"}
)
SILENT_PREFIX = "prim::"
LOUD = frozenset({"prim::Loop", "prim::If", "prim::PythonOp", "prim::CallFunction", "prim::CallMethod"})
# Inputs looked at on the way through what is not drawn, and edges, of a whole graph.
MOST_PATHS, MOST_EDGES = 2_000_000, 50_000
# Scopes within scopes; what is deeper is drawn in the last of these.
MOST_DEPTH = 64


def make(entries: list[Entry], builder: Builder) -> None:
    """The graph written last, as TensorBoard takes it."""
    entry = entries[-1]
    try:
        nodes, functions = read_graph(entry.file.read(*entry.draft))
    except (Malformed, OSError) as error:
        builder.note("graphs", f"a graph could not be read: {error}")
        return
    if nodes:
        builder.add("graph", graph_of(nodes, functions, builder.prefix.rstrip("/")))
    if len(entries) > 1:
        builder.note("graphs", f"of {len(entries):,} graphs the one written last is shown")


def graph_of(nodes: list[Node], functions: int = 0, name: str = "") -> Graph:
    """The graph as modules and operations. name: of the model; by default its outermost scope."""
    return _Drawing(nodes).graph(functions, name)


class _Drawing:
    def __init__(self, nodes: list[Node]) -> None:
        self._known = {node.name: node for node in nodes}
        self._shown = [node for node in nodes if not _is_silent(node.op)]
        inner = [node for node in self._shown if _kind(node) == "operation"]
        tops = {node.name.split("/", 1)[0] if "/" in node.name else "" for node in inner}
        # One scope around all is the model itself.
        self._root = tops.pop() if len(tops) == 1 else ""
        self._scopes = self._counted(inner)
        self._modules: dict[str, GraphNode] = {}
        self._made: list[GraphNode] = []
        self._ids: dict[str, str] = {}
        self._paths = 0

    @staticmethod
    def _counted(inner: list[Node]) -> dict[str, int]:
        """How many operations each scope holds, at any depth."""
        found: dict[str, int] = {}
        for node in inner:
            scope = _scope(node.name)
            while scope:
                found[scope] = found.get(scope, 0) + 1
                scope = scope.rpartition("/")[0]
        return found

    def graph(self, functions: int, name: str) -> Graph:
        kinds: dict[str, int] = {}
        root = GraphNode("m0", "module", "", self._root or "graph", leaf=False)
        self._made.append(root)
        for node in self._shown:
            kind = _kind(node)
            if kind != "operation":
                number = kinds[kind] = kinds.get(kind, -1) + 1
                identity = f"{'in' if kind == 'input' else 'out'}{number}"
                self._ids[node.name] = identity
                self._made.append(GraphNode(identity, kind, "", kind, outputs=_specs(node)))
                continue
            self._operation(node)
        edges = tuple(itertools.islice(self._edges(), MOST_EDGES))
        notes = ["The event file tells operations and shapes only: parameters and FLOPs are not known."]
        if functions:
            notes.append(f"The insides of {functions:,} functions that it calls are not drawn.")
        if len(edges) == MOST_EDGES or self._paths >= MOST_PATHS:
            notes.append(f"It has too many edges: only the first {len(edges):,} are drawn.")
        shape = next((n.outputs[0].shape for n in self._made if n.kind == "input" and n.outputs), ())
        return Graph(
            model=name or self._root,
            captured=CAPTURED,
            nodes=tuple(self._made),
            edges=edges,
            operations=True,
            batch=shape[0] if shape and shape[0] > 0 else None,
            notes=tuple(notes),
            counted=False,
        )

    def _operation(self, node: Node) -> None:
        """A node for the operation; a scope that holds nothing else is drawn in its place."""
        scope = _scope(node.name)
        if scope and scope != self._root and self._scopes[scope] == 1:
            # The outermost of scopes around this operation only: Linear[0]/input is the layer.
            parent = self._module(scope.rpartition("/")[0])
            made = self._layer(scope, node, parent)
        else:
            op = node.op.rpartition("::")[2] or node.op
            made = GraphNode(
                f"o{len(self._made)}", "operation", op, op, parent=self._module(scope), outputs=_specs(node)
            )
        self._ids[node.name] = made.id
        self._made.append(made)

    def _layer(self, scope: str, node: Node, parent: str) -> GraphNode:
        path, kind = self._path(scope)
        return GraphNode(f"m{len(self._made)}", "module", path, kind, parent=parent, outputs=_specs(node))

    def _module(self, scope: str) -> str:
        """The id of the module that a scope is, made when it is met first."""
        if not scope or scope == self._root:
            return "m0"
        known = self._modules.get(scope)
        if known is None:
            parent = self._module(scope.rpartition("/")[0])
            path, kind = self._path(scope)
            known = GraphNode(f"m{len(self._made)}", "module", path, kind, parent=parent, leaf=False)
            self._modules[scope] = known
            self._made.append(known)
        return known.id

    def _path(self, scope: str) -> tuple[str, str]:
        """A module's full name, as torch has it, and its class."""
        parts = scope.split("/")
        if self._root and parts[0] == self._root:
            parts = parts[1:]
        told = [SCOPE.fullmatch(part) for part in parts]
        names = [match["name"] if match else part for match, part in zip(told, parts, strict=True)]
        last = told[-1]
        return ".".join(names), last["type"] if last else parts[-1]

    def _edges(self) -> Iterable[GraphEdge]:
        seen: set[tuple[str, str]] = set()
        for node in self._shown:
            target = self._ids[node.name]
            for source in self._sources(node):
                edge = (self._ids[source.name], target)
                if edge[0] != target and edge not in seen:
                    seen.add(edge)
                    yield GraphEdge(*edge, (_specs(source) or (TensorSpec((), ""),))[0])

    def _sources(self, node: Node) -> list[Node]:
        """The nodes drawn whose results it takes, through those that are not."""
        found: dict[str, Node] = {}
        waiting = list(reversed(node.inputs))
        seen: set[str] = set()
        while waiting and self._paths < MOST_PATHS:
            name = waiting.pop()
            self._paths += 1
            source = self._known.get(name)
            if source is None or name in seen:
                continue
            seen.add(name)
            if name in self._ids:
                found[name] = source
            else:
                waiting += reversed(source.inputs)
        return list(found.values())


def _scope(name: str) -> str:
    """The scope that a node of this name is in, "" without one."""
    return "/".join(name.split("/")[:-1][:MOST_DEPTH])


def _is_silent(op: str) -> bool:
    return op in SILENT or (op.startswith(SILENT_PREFIX) and op not in LOUD)


def _kind(node: Node) -> str:
    if node.op == IO:
        return "output" if node.inputs else "input"
    return "input" if node.op in INPUTS else "operation"


def _specs(node: Node) -> tuple[TensorSpec, ...]:
    return () if node.shape is None else (TensorSpec(node.shape, node.dtype),)
