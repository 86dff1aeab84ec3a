"""The computation graph as data: modules, operations, and the tensors that pass between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """What is known of a tensor without its numbers. `name` is where it sat in a structure: "", "hidden", "0.mask"."""

    shape: tuple[int, ...]
    dtype: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class GraphNode:
    """One call of a module, one operation between modules, or one input or output of the whole.

    id: unique in its graph ("m12", "o3"), stable for the same model. kind: "module", "operation", "input", "output".
    path: the module's full name ("" is the root), or the operation's name ("add"). type: class or function name.
    parent: id of the module call that encloses it, None for the root. call: 1 for the module's first call, 2 for ...
    parameters: numbers in parameters the module owns itself (not its children's; tied ones at their first owner).
    flops: floating point operations of one forward, a multiply-add counted as 2; None when not counted.
    seconds: time of one call, None when not measured. memory: bytes of its outputs.
    status: "ok", "failed", "not called". detail: the module's settings, as its repr gives them.
    Where calls inside were left out (thin_graphs), parameters and flops include theirs; memory, seconds all inside.
    """

    id: str
    kind: str
    path: str
    type: str
    parent: str | None = None
    call: int = 1
    inputs: tuple[TensorSpec, ...] = ()
    outputs: tuple[TensorSpec, ...] = ()
    parameters: int = 0
    flops: int | None = None
    seconds: float | None = None
    memory: int | None = None
    status: str = "ok"
    leaf: bool = True
    training: bool = True
    detail: str = ""


@dataclass(frozen=True, slots=True)
class GraphEdge:
    """A tensor that `target` took and `source` made, possibly through operations that are not nodes (`via`)."""

    source: str
    target: str
    tensor: TensorSpec
    via: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a module's forward raised, as far as its arguments tell.

    module: its full name ("" for the root), type: its class. got: the tensors it was called with. expected: what it
    takes instead, as the end of a sentence ("3,136 features in the last dimension"); change: what to change to which
    number, as a sentence; code: the constructor as it should read ("nn.Linear(576, 128)"). These three are "" where
    no rule knows the mistake.
    """

    module: str
    type: str
    got: tuple[TensorSpec, ...] = ()
    expected: str = ""
    change: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class Graph:
    """One model's graph.

    captured: how ("the first training forward"). operations: whether operations between modules are nodes of it.
    parameters: numbers in all parameters, tied ones once; trainable: those that require a gradient.
    flops: sum of the counted ones, None when none was counted; uncounted: types of the leaf modules without a formula.
    batch: leading dimension of the first input, by which per-sample figures are divided; None when unknown.
    autograd: DOT source of torchviz's graph, "" when it was left out; autograd_note says why.
    fault: why the forward raised of which this is the graph up to there; None when it returned.
    counted: False where nothing tells how many parameters there are, as in a trace that another program wrote.
    """

    model: str
    captured: str
    nodes: tuple[GraphNode, ...] = ()
    edges: tuple[GraphEdge, ...] = ()
    operations: bool = False
    parameters: int = 0
    trainable: int = 0
    flops: int | None = None
    uncounted: tuple[str, ...] = ()
    batch: int | None = None
    autograd: str = ""
    autograd_nodes: int = 0
    autograd_note: str = ""
    notes: tuple[str, ...] = ()
    fault: Fault | None = None
    counted: bool = True


@dataclass(frozen=True, slots=True)
class GraphTimes:
    """How long a model's modules took: full name -> seconds of one call, the median of so many forwards."""

    model: str
    forwards: int
    seconds: Mapping[str, float] = field(default_factory=dict)
