"""One watched model: names of its modules and parameters, by weak references only, and where its steps stand."""

from __future__ import annotations

import weakref
from collections.abc import Mapping, Sequence

from torch import nn
from torch.optim import Optimizer

from reportgen.collect.evidence.rows_seen import RowsSeen
from reportgen.collect.graph.settings import is_callable
from reportgen.collect.model_record import is_compiled, record_of, unwrapped
from reportgen.collect.parameters import Named
from reportgen.run.graph import Graph
from reportgen.run.records import Model


class Watched:
    """A model under its name. Nothing of it is kept alive, and nothing in it points here."""

    def __init__(self, name: str, model: nn.Module, criterion: object = None, scheduler: object = None) -> None:
        self.name = name
        self.given = weakref.ref(model)
        self.root = weakref.ref(unwrapped(model))
        self.paths: dict[int, str] = {}
        self.leaves: set[str] = set()
        self.without_calls: set[str] = set()  # modules with children that were seen to call none (attention)
        self.after: Mapping[str, str] = {}
        self.rows_seen = RowsSeen()
        self.graph_taken = is_compiled(model) and self._wholly_compiled(model)
        self.compiled = self.graph_taken
        self.graph_known = False  # a Graph was recorded after which no other comes from its forwards
        self.whole_graph = False  # it is that of a training forward that returned
        self.failed_graphs = 0  # Graphs of forwards that raised
        self.unfinished_graphs = 0  # Graphs of forwards that nothing was heard of again
        self.evaluated: Graph | None = None  # that of an evaluation forward, for a model that never trains
        self.evaluation_taken = False
        self.forwards = 0
        self.ever_trained = False  # a forward of it had the root in train mode, and gradients
        self.looked_at = -1  # the index of the last forward whose outputs were collected
        self.scaler: object = None
        self.leader: weakref.ref[Optimizer] | None = None  # the optimizer whose steps its forwards are counted by
        self.others_taken = False  # weights that no optimizer changes are recorded once
        self._criterion = criterion
        self._scheduler = weakref.ref(scheduler) if scheduler is not None else None
        self._signature: tuple[object, ...] = ()

    def refresh(self, optimizers: Sequence[Optimizer]) -> Model | None:
        """Read names anew; the record if anything changed (a lazy layer got its shape, a layer was replaced)."""
        model, root = self.given(), self.root()
        if model is None or root is None:
            return None
        signature = (
            *((full, id(p), nn.parameter.is_lazy(p)) for full, p in root.named_parameters(remove_duplicate=False)),
            *((id(o), sum(len(g["params"]) for g in o.param_groups)) for o in optimizers),
        )
        if self._signature == signature and self.paths:
            return None
        self._signature = signature
        known = [(path, module) for path, module in root.named_modules() if "parametrizations" not in path.split(".")]
        self.paths = {id(module): path for path, module in known}
        self.leaves = {path for path, module in known if not any(id(m) in self.paths for m in module.children())}
        self.leaves |= self.without_calls & set(self.paths.values())
        scheduler = self._scheduler() if self._scheduler is not None else None
        return record_of(self.name, model, optimizers, self._criterion, scheduler)

    @property
    def criterion(self) -> object:
        """The loss that was given, None if none was."""
        return self._criterion

    def parameters(self) -> list[Named]:
        """Every parameter once, by the first of its names."""
        root = self.root()
        return [] if root is None else list(root.named_parameters())

    def leaf_modules(self) -> dict[str, nn.Module]:
        """The modules without children by name, but for containers that are never called."""
        root = self.root()
        if root is None:
            return {}
        modules = dict(root.named_modules())
        return {path: module for path, module in modules.items() if path in self.leaves and is_callable(module)}

    def let_go(self) -> None:
        """Keep the loss (and a teacher in it) alive no longer."""
        self._criterion = self.scaler = None

    @staticmethod
    def _wholly_compiled(model: nn.Module) -> bool:
        return hasattr(model, "_orig_mod") or bool(getattr(unwrapped(model), "_compiled_call_impl", None))
