"""The tree of module calls of one forward, and what passed between them, as seen from the hooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from torch import Tensor, nn

from reportgen.collect.flops import flops_of
from reportgen.collect.origins import MOST_STEPS, Origins
from reportgen.collect.structure import arguments, nbytes_of, spec_of, tensors_in
from reportgen.run.graph import Graph, GraphEdge, GraphNode
from reportgen.run.redact import scrub

# A recurrent cell in a loop makes a call a time step; later calls say nothing new and cannot be drawn.
MOST_CALLS = 3000


class GraphCapture:
    """Takes the calls of one forward as they come and makes the Graph of them.

    paths: id of each watched module -> its full name. `enter` and `leave` are called for every module of the model,
    the root first. A call that `leave` never closed (its forward raised) is closed by the next one below it.
    """

    def __init__(self, name: str, paths: Mapping[int, str]) -> None:
        self._name = name
        self._paths = paths
        self._nodes: list[GraphNode] = []
        self._stack: list[tuple[int, int]] = []  # (id of the module, place of its node)
        self._calls: dict[int, int] = {}
        self._busy: set[int] = set()  # places of nodes that called others
        self._incoming: dict[int, list[GraphEdge]] = {}
        self._origins = Origins()
        self._batch: int | None = None
        self._modules = 0
        self._missed = 0
        self._dropped = 0

    def enter(self, module: nn.Module, args: Sequence[object]) -> None:
        """A call of `module` begins."""
        if len(self._nodes) >= MOST_CALLS:
            self._dropped += 1
            return
        place = len(self._nodes)
        key = id(module)
        self._calls[key] = call = self._calls.get(key, 0) + 1
        parent = None
        if self._stack:
            parent = self._nodes[self._stack[-1][1]].id
            self._busy.add(self._stack[-1][1])
        self._nodes.append(
            GraphNode(
                id=self._next_id(),
                kind="module",
                path=self._paths[key],
                type=type(module).__name__,
                parent=parent,
                call=call,
                training=module.training,
                status="failed",  # until it has returned
            )
        )
        self._stack.append((key, place))
        if place == 0:
            self._inputs(args, "")
        self._take(place, args)  # the root's own count only when it calls no other: see leave()

    def leave(self, module: nn.Module, args: Sequence[object], kwargs: Mapping[str, object], output: object) -> bool:
        """The call of `module` returned `output`. Returns whether it was a leaf: it called no other."""
        place = self._close(module)
        if place is None:
            return False
        leaf = place not in self._busy
        if kwargs:
            if place == 0:
                self._inputs((), "", kwargs)
            self._take(place, (), kwargs)
        made = tensors_in(output)
        node = self._nodes[place]
        self._nodes[place] = replace(
            node,
            type=type(module).__name__,  # a lazy layer has become another
            detail=settings_of(module),
            inputs=tuple(spec_of(t, name) for name, t in arguments(args, kwargs)),
            outputs=tuple(spec_of(tensor, name) for name, tensor in made),
            memory=sum(nbytes_of(tensor) for _, tensor in made),
            flops=flops_of(module, args, kwargs, output) if leaf else None,
            leaf=leaf,
            status="ok",
        )
        if not leaf:
            self._incoming.pop(place, None)  # what it took reached its children, who say so themselves
        for _, tensor in made:
            # A container's output is its children's, unless it leaves no other trace.
            if leaf or not (tensor.grad_fn is not None or self._origins.knows(tensor)):
                self._origins.made(tensor, node.id)
        return leaf

    def failed(self, module: nn.Module) -> None:
        """The call of `module` raised; what its caller does next is not inside it."""
        self._close(module)

    def finish(
        self,
        output: object,
        root: nn.Module,
        leaves: Mapping[str, nn.Module],
        parameters: Sequence[Tensor],
        autograd: tuple[str, int, str] = ("", 0, ""),
    ) -> Graph:
        """The Graph, once the root returned `output`.

        leaves: the model's modules without children by name, of which those never called are listed as such. autograd:
        DOT source, number of nodes and note of torchviz's graph.
        """
        for index, (name, tensor) in enumerate(tensors_in(output)):
            node = GraphNode(f"out{index}", "output", name, "output", outputs=(spec_of(tensor, name),))
            self._nodes.append(node)
            self._take(len(self._nodes) - 1, [tensor])
        self._origins.clear()
        own = {self._paths.get(key, ""): numbers for key, numbers in own_parameters(root).items()}
        for path, module in leaves.items():
            if id(module) not in self._calls:
                self._nodes.append(self._not_called(path, module))
        self._nodes = [
            replace(node, parameters=own.get(node.path, 0)) if node.kind == "module" and node.call <= 1 else node
            for node in self._nodes
        ]
        counted = [node.flops for node in self._nodes if node.flops is not None]
        missing = {
            n.type for n in self._nodes if n.leaf and n.kind == "module" and n.status == "ok" and n.flops is None
        }
        return Graph(
            model=self._name,
            captured="the first training forward",
            nodes=tuple(self._nodes),
            edges=tuple(edge for place in sorted(self._incoming) for edge in self._incoming[place]),
            parameters=sum(tensor.numel() for tensor in parameters),
            trainable=sum(tensor.numel() for tensor in parameters if tensor.requires_grad),
            flops=sum(counted) if counted else None,
            uncounted=tuple(sorted(missing)),
            batch=self._batch,
            autograd=autograd[0],
            autograd_nodes=autograd[1],
            autograd_note=autograd[2],
            notes=self._notes(),
        )

    def drop(self) -> None:
        """Let go of what the forward made, when it will never finish."""
        self._origins.clear()

    def activations_after(self) -> dict[str, str]:
        """Full name of a leaf module -> the first function its output goes through, if the same everywhere."""
        first: dict[str, set[str]] = {}
        paths = {node.id: node.path for node in self._nodes if node.kind == "module" and node.leaf}
        for edges in self._incoming.values():
            for edge in edges:
                if edge.source in paths:
                    first.setdefault(paths[edge.source], set()).add(edge.via[0] if edge.via else "")
        return {path: names.pop() for path, names in first.items() if len(names) == 1}

    def leaves(self) -> set[str]:
        """Full names of the modules that called no other."""
        return {node.path for node in self._nodes if node.kind == "module" and node.leaf and node.status == "ok"}

    def _close(self, module: nn.Module) -> int | None:
        """Take the call of `module` and the unfinished ones within it off the stack; its place in the nodes."""
        for depth in range(len(self._stack) - 1, -1, -1):
            key, place = self._stack[depth]
            if key == id(module):
                del self._stack[depth:]
                return place
        return None

    def _next_id(self) -> str:
        self._modules += 1
        return f"m{self._modules - 1}"

    def _inputs(self, args: Sequence[object], place: str, kwargs: Mapping[str, object] | None = None) -> None:
        for name, tensor in arguments(args, kwargs):
            number = sum(node.kind == "input" for node in self._nodes)
            node = GraphNode(f"in{number}", "input", name, "input", outputs=(spec_of(tensor, name),))
            self._nodes.append(node)
            self._origins.made(tensor, node.id)
            if self._batch is None and tensor.dim():
                self._batch = int(tensor.shape[0])

    def _take(self, place: int, args: Sequence[object], kwargs: Mapping[str, object] | None = None) -> None:
        target = self._nodes[place].id
        for name, tensor in arguments(args, kwargs):
            origins = self._origins.of(tensor)
            self._missed += not origins and not isinstance(tensor, nn.Parameter)
            self._incoming.setdefault(place, []).extend(
                GraphEdge(source, target, spec_of(tensor, name), via) for source, via in origins
            )

    def _not_called(self, path: str, module: nn.Module) -> GraphNode:
        parent = path
        first = {node.path: node.id for node in reversed(self._nodes) if node.kind == "module"}
        while parent and parent not in first:
            parent = parent.rpartition(".")[0]
        return GraphNode(
            id=self._next_id(),
            kind="module",
            path=path,
            type=type(module).__name__,
            parent=first.get(parent),
            call=0,
            training=module.training,
            status="not called",
            detail=settings_of(module),
        )

    def _notes(self) -> tuple[str, ...]:
        notes = ["Operations between modules are named on the edges; their FLOPs are not counted."]
        if self._missed:
            notes.append(
                f"{self._missed} tensors that modules took have no edge: they carry no gradient, or more than "
                f"{MOST_STEPS} operations lie before them, so where they came from is not known."
            )
        if self._dropped:
            notes.append(f"{self._dropped:,} further module calls are left out (the first {MOST_CALLS:,} are kept).")
        return tuple(notes)


def own_parameters(root: nn.Module) -> dict[int, int]:
    """id of each module -> numbers in the parameters it owns itself; a tied one counts at its first owner."""
    seen: set[int] = set()
    own: dict[int, int] = {}
    for module in root.modules():
        mine = {id(p): p for p in module.parameters(recurse=False)}
        own[id(module)] = sum(0 if nn.parameter.is_lazy(p) else p.numel() for k, p in mine.items() if k not in seen)
        seen |= mine.keys()
    return own


def settings_of(module: nn.Module) -> str:
    """What torch prints of a module ("3, 64, kernel_size=(7, 7)"), cut to 120 characters; "" if it raises."""
    try:
        return scrub(module.extra_repr()[:120])
    except Exception:  # noqa: BLE001 - user's code; only a detail is missing then
        return ""
