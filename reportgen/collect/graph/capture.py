"""The calls of one forward as they come, and the Graph made of them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from torch import Tensor, nn

from reportgen.collect.flops import flops_of
from reportgen.collect.graph.called import CalledModules
from reportgen.collect.graph.charges import flops_of_call
from reportgen.collect.graph.draft import Draft
from reportgen.collect.graph.faults import fault_of
from reportgen.collect.graph.products import Products
from reportgen.collect.graph.remarks import remarks
from reportgen.collect.graph.settings import is_opaque, own_parameters, paths_of, settings_of, type_name
from reportgen.collect.origins import Origins
from reportgen.collect.structure import arguments, nbytes_of, spec_of, tensors_in
from reportgen.run.graph import Fault, Graph

P = ParamSpec("P")
R = TypeVar("R")
# Nodes of a graph: a cell in a loop makes some in each step of time, and the later ones say nothing new.
MOST_NODES = 20_000


class Provenance(Protocol):
    """Where tensors came from: by identity where operations are seen, else by the autograd graph."""

    def made(self, tensor: Tensor, node: str) -> None:
        """`node` made `tensor`, or passed it on."""

    def of(self, tensor: Tensor) -> list[tuple[str, tuple[str, ...]]]:
        """(node, operations since) of each node that `tensor` came from."""

    def traces(self, tensor: Tensor) -> bool:
        """Whether `of` finds something without being told."""

    def clear(self) -> None:
        """Forget everything."""


def _unseen(method: Callable[Concatenate[GraphCapture, P], R]) -> Callable[Concatenate[GraphCapture, P], R]:
    """Have what `method` asks tensors for (their shape, their base) not taken for the user's operations."""

    @functools.wraps(method)
    def unseen(self: GraphCapture, *args: P.args, **kwargs: P.kwargs) -> R:
        # No context manager: to leave one is a call, which a signal may keep from being made.
        self.attentive = False
        try:
            return method(self, *args, **kwargs)
        finally:
            stack = self._stack
            self.attentive = bool(stack) and stack[-1].kind == "module" and not stack[-1].opaque

    return unseen  # type: ignore[return-value]  # for which `self` has a name


class GraphCapture:
    """Takes the calls of one forward and makes the Graph of them.

    paths: id of each module of the model -> its full name. hooks_only: why operations cannot be seen, "" when they are:
    then `open` and `close` (an operation), `charge` and `read` are called, too. `enter` and `leave` come for every
    module, the root first. A call that `leave` never closed (its forward raised) is closed by the next one below it. No
    tensor is held.
    """

    def __init__(self, name: str, paths: Mapping[int, str], root: nn.Module, captured: str, hooks_only: str) -> None:
        self._name = name
        self._modules = CalledModules(root, paths)
        self._captured = captured
        self.hooks_only = hooks_only
        # Whether an operation that begins now is one of the user's: no plumbing inside a node, none of ours. A plain
        # attribute, since it is asked for at every call of torch.
        self.attentive = False
        self._drafts: list[Draft] = []
        self._stack: list[Draft] = []
        self._provenance: Provenance = Origins() if hooks_only else Products()
        self._own: set[int] = set()  # ids of the parameters and buffers that the root has when it is called
        self._numbers = {"module": 0, "operation": 0, "input": 0, "output": 0}
        self._batch: int | None = None
        self._missed = 0
        self._dropped = 0
        self._fault: tuple[int, Fault] | None = None  # of the innermost module that an error went through
        self._reads: dict[str, str] = {}  # module that read numbers out of tensors -> how

    # -- modules --------------------------------------------------------------------------------------------------

    @_unseen
    def enter(self, module: nn.Module, args: Sequence[object], kwargs: Mapping[str, object]) -> None:
        """A call of `module` begins."""
        around = self._module()
        if around is not None and around.opaque:
            return  # torch's own way of doing it (a parametrisation, the head of an adaptive softmax)
        for draft in reversed(self._stack):
            if draft is around:
                break
            draft.dissolved = True
        if not self._stack:  # not before: a buffer may have been replaced since
            self._own = {id(t) for t in (*module.parameters(), *module.buffers())}
        met = self._modules.meet(module)
        met.calls += 1
        draft = Draft("module", met.path, type_name(module), id(module), call=met.calls)
        draft.training, draft.opaque = module.training, is_opaque(module)
        draft.status = "failed"  # until it has returned
        if around is not None:
            around.calls = True
        self._push(draft)
        taken = arguments(args, kwargs)
        if len(self._stack) == 1:
            self._inputs(taken)
        self._connect(draft, taken)

    @_unseen
    def leave(self, module: nn.Module, args: Sequence[object], kwargs: Mapping[str, object], output: object) -> bool:
        """The call of `module` returned `output`. Returns whether it was a leaf: it called no other."""
        draft = self._closed(id(module))
        if draft is None:
            return False
        draft.status = "ok"
        draft.type = type_name(module)  # a lazy layer has become another
        draft.detail = settings_of(module)
        made = tensors_in(output)
        self._gives(draft, made)
        if self.hooks_only:
            draft.flops = flops_of(module, args, kwargs, output) if draft.leaf else None
            draft.uncounted = draft.leaf and draft.flops is None
        elif draft.flops is None and not draft.nodes:
            draft.flops = 0
        if draft.nodes:
            draft.sources.clear()  # what it took reached the nodes inside, which say so themselves
        for _, tensor in made:
            # What a container gives is what those inside made, unless that left no trace.
            if not draft.nodes or not self._provenance.traces(tensor):
                self._provenance.made(tensor, draft.id)
        return draft.leaf

    @_unseen
    def failed(
        self, module: nn.Module, args: Sequence[object], kwargs: Mapping[str, object], error: BaseException | None
    ) -> None:
        """The call of `module` raised `error`; what its caller does next is not inside it."""
        draft = self._closed(id(module))
        if draft is not None:
            draft.detail = settings_of(module)
            if draft.nodes:
                draft.sources.clear()
        met = self._modules.find(module)
        if error is not None and met is not None and met.held and (self._fault is None or self._fault[0] != id(error)):
            self._fault = id(error), fault_of(met.path, module, args, kwargs, error)

    # -- operations -----------------------------------------------------------------------------------------------

    def open(self, name: str, args: Sequence[object], kwargs: Mapping[str, object], writes: bool = False) -> Draft:
        """An operation begins. writes: if it gives back its argument, then changed in place."""
        self.attentive = False  # until it is closed
        draft = Draft("operation", name, name, writes=writes, parent=self._stack[-1])
        self._stack.append(draft)
        self._connect(draft, arguments(args, kwargs))
        return draft

    def take(self, draft: Draft, args: Sequence[object], kwargs: Mapping[str, object]) -> None:
        """The arguments of an open operation, as they are before it runs: it may change them."""
        self._connect(draft, arguments(args, kwargs))

    @_unseen
    def close(self, draft: Draft, result: object, failed: bool = False) -> None:
        """It made `result`, or raised. A node comes of it unless it gave no tensor, or one as it was."""
        while self._stack and self._stack.pop() is not draft:
            pass
        made = tensors_in(result)
        for _, tensor in made:
            if id(tensor) not in draft.given or not self._untouched(draft, tensor):
                break
        else:
            if not failed:
                draft.dissolved = True
        if draft.dissolved:
            self._pass_on(draft)
            return
        self._number(draft)
        if failed:
            draft.status = "failed"
        draft.flops = draft.flops or 0
        self._gives(draft, made)
        for _, tensor in made:
            self._provenance.made(tensor, draft.id)

    def charge(self, function: object, args: Sequence[object], kwargs: Mapping[str, object], made: object) -> None:
        """The dispatcher ran `function`: its FLOPs are those of the innermost open node."""
        if self._stack:
            count, uncounted = flops_of_call(function, args, kwargs, made)
            draft = self._stack[-1]
            draft.uncounted |= uncounted
            if count:
                draft.flops = (draft.flops or 0) + count

    def read(self, name: str) -> None:
        """A number was read out of a tensor by the function of this name."""
        self._reads.setdefault(self._stack[-1].path or self._name, name)

    # -- the end --------------------------------------------------------------------------------------------------

    def finish(self, output: object, root: nn.Module, leaves: Mapping[str, nn.Module]) -> Graph:
        """The Graph, once the root returned `output`. leaves: the modules of which those never called are listed."""
        for name, tensor in tensors_in(output):
            draft = Draft("output", name, "output", outputs=(spec_of(tensor, name),))
            self._number(draft, crowded=True)
            self._connect(draft, [("", tensor)])
            draft.inputs = ()
        return self._graph(root, leaves, self._captured)

    def finish_failed(self, root: nn.Module, leaves: Mapping[str, nn.Module], error: BaseException | None) -> Graph:
        """The Graph up to where `error` was raised, which left the root."""
        fault = self._fault[1] if self._fault is not None and self._fault[0] == id(error) else None
        return self._graph(root, leaves, f"{self._captured}, up to where it raised", fault)

    def drop(self) -> None:
        """Let go of what the forward made, when it will never finish."""
        self._provenance.clear()

    def activations_after(self) -> dict[str, str]:
        """Full name of a leaf module -> the first function its output goes through, if the same everywhere."""
        names = {d.id: d.path for d in self._drafts if d.kind == "operation"}
        paths = {d.id: d.path for d in self._drafts if d.kind == "module" and d.leaf}
        first: dict[str, set[str]] = {}
        for draft in self._drafts:
            for source, _, via in draft.sources:
                if source in paths:
                    first.setdefault(paths[source], set()).add(via[0] if via else names.get(draft.id, ""))
        return {path: found.pop() for path, found in first.items() if len(found) == 1}

    def leaves(self) -> set[str]:
        """Full names of the modules that called no other."""
        return {d.path for d in self._drafts if d.kind == "module" and d.leaf and d.status == "ok"}

    def _graph(
        self, root: nn.Module, leaves: Mapping[str, nn.Module], captured: str, fault: Fault | None = None
    ) -> Graph:
        self._provenance.clear()
        paths = paths_of(root)  # anew: the forward may have made modules
        self._rename(self._modules.adopted(paths))
        own = {paths[key]: numbers for key, numbers in own_parameters(root).items()}
        opaque = {d.path for d in self._drafts if d.kind == "module" and d.opaque and not d.calls}
        called = {d.path for d in self._drafts if d.kind == "module"}
        for path in list(own):
            owner = self._owner(path, opaque) if path not in called else None
            if owner is not None:  # the output projection inside an attention, whose weight that takes as it is
                own[owner] += own.pop(path)
                called.add(path)
        first = {d.path: d for d in reversed(self._drafts) if d.kind == "module"}
        for path, module in leaves.items():
            if path not in called:
                self._not_called(path, module, first)
        for draft in self._drafts:
            if draft.kind == "module" and draft.call <= 1:
                draft.parameters = own.get(draft.path, 0)
        counted = [d.flops for d in self._drafts if d.flops is not None and not d.uncounted]
        parameters = list(root.parameters())
        sizes = [0 if nn.parameter.is_lazy(p) else p.numel() for p in parameters]
        return Graph(
            model=self._name,
            captured=captured,
            nodes=tuple(draft.node() for draft in self._drafts),
            edges=tuple(edge for draft in self._drafts for edge in draft.edges()),
            operations=not self.hooks_only,
            parameters=sum(sizes),
            trainable=sum(size for size, p in zip(sizes, parameters, strict=True) if p.requires_grad),
            flops=sum(counted) if counted else None,
            uncounted=tuple(sorted({d.type for d in self._drafts if d.uncounted})),
            batch=self._batch,
            notes=remarks(
                self.hooks_only, self._reads, self._modules.untrained, self._missed, self._dropped, MOST_NODES
            ),
            fault=fault,
        )

    # -- inside ---------------------------------------------------------------------------------------------------

    def _rename(self, names: Mapping[str, str]) -> None:
        """Call modules by another name than they had when they were called."""
        if names:
            for draft in self._drafts:
                if draft.kind == "module":
                    draft.path = names.get(draft.path, draft.path)
            self._reads = {names.get(path, path): name for path, name in self._reads.items()}

    def _module(self) -> Draft | None:
        """The innermost module that is called now."""
        return next((draft for draft in reversed(self._stack) if draft.kind == "module"), None)

    def _push(self, draft: Draft) -> None:
        if self._stack:
            draft.parent = self._stack[-1]
        self._number(draft)
        self._stack.append(draft)

    def _number(self, draft: Draft, crowded: bool = False) -> None:
        """Give the draft its place among the nodes, unless there are too many."""
        around = draft.parent
        while around is not None and around.dissolved:
            around = around.parent
        if around is not None:
            around.nodes += 1
        if len(self._drafts) >= MOST_NODES and not crowded:
            draft.kept = False
            self._dropped += 1
            return
        letter = {"module": "m", "operation": "o", "input": "in", "output": "out"}[draft.kind]
        draft.id = f"{letter}{self._numbers[draft.kind]}"
        self._numbers[draft.kind] += 1
        self._drafts.append(draft)

    def _closed(self, key: int) -> Draft | None:
        """Take the call of a module and the unfinished ones within it off the stack."""
        for depth in range(len(self._stack) - 1, -1, -1):
            draft = self._stack[depth]
            if draft.key == key and draft.kind == "module":
                del self._stack[depth:]
                return draft
        return None

    def _inputs(self, taken: Sequence[tuple[str, Tensor]]) -> None:
        for name, tensor in taken:
            draft = Draft("input", name, "input", outputs=(spec_of(tensor, name),))
            self._number(draft)
            self._provenance.made(tensor, draft.id)
            if self._batch is None and (shape := draft.outputs[0].shape):
                self._batch = shape[0]

    def _connect(self, draft: Draft, taken: Sequence[tuple[str, Tensor]]) -> None:
        """Note what a call took, and where that came from."""
        given, inputs = [], []
        for name, tensor in taken:
            spec = spec_of(tensor, name)
            inputs.append(spec)
            given.append(id(tensor))
            origins = self._provenance.of(tensor)
            if not origins and draft.kind != "operation" and id(tensor) not in self._own:
                self._missed += 1
            for source, via in origins:
                if source:  # what was left out has no name
                    draft.sources.append((source, spec, via))
        draft.inputs, draft.given = tuple(inputs), given

    @staticmethod
    def _gives(draft: Draft, made: Sequence[tuple[str, Tensor]]) -> None:
        memory, outputs = 0, []
        for name, tensor in made:
            outputs.append(spec_of(tensor, name))
            memory += nbytes_of(tensor)
        draft.outputs, draft.memory = tuple(outputs), memory

    def _untouched(self, draft: Draft, tensor: Tensor) -> bool:
        """Whether an operation gave back one of its arguments as it was (a contiguous() that had nothing to do)."""
        if isinstance(self._provenance, Products) and self._provenance.knows(tensor):
            return self._provenance.unchanged(tensor)
        return not draft.writes

    def _pass_on(self, draft: Draft) -> None:
        """What an operation that is no node cost is its caller's."""
        around = draft.parent
        if around is not None:
            around.uncounted |= draft.uncounted
            if draft.flops:
                around.flops = (around.flops or 0) + draft.flops

    @staticmethod
    def _owner(path: str, opaque: set[str]) -> str | None:
        """The opaque module around `path` that was called."""
        while "." in path:
            path = path.rpartition(".")[0]
            if path in opaque:
                return path
        return "" if "" in opaque and path else None

    def _not_called(self, path: str, module: nn.Module, first: Mapping[str, Draft]) -> None:
        """first: full name -> the module's first call."""
        parent = path
        while parent and parent not in first:
            parent = parent.rpartition(".")[0]
        draft = Draft("module", path, type_name(module), call=0, status="not called")
        draft.parent = first.get(parent)
        draft.training, draft.detail = module.training, settings_of(module)
        self._number(draft, crowded=True)
