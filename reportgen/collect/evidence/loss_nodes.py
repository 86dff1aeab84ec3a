"""Which loss a tensor is, of what input and target: read from the nodes of its autograd graph.

So that a loss is known that was called as a function, written as a lambda, or computed inside a model. The nodes are
those of torch 2.6 and later; what another one does not tell is not known.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

from reportgen.collect.evidence.saved import (
    VIEWS,
    Node,
    first_input,
    inputs_of,
    kind_of,
    made_by,
    saved,
    saved_tensor,
    sequence_of,
    through_views,
)

# Nodes looked at between a tensor and the losses in it, and losses read of one tensor.
MOST_NODES = 48
MOST_LOSSES = 4
# Losses whose targets are numbers of classes, along dimension 1 of the input.
CLASSIFYING = ("cross_entropy", "nll_loss", "multi_margin_loss")
# How a node tells the reduction.
REDUCTIONS = ("none", "mean", "sum")

# What lies between the loss that is logged and the function that computed it: sums of several, weights, averages.
_BETWEEN = VIEWS | {"Mean", "Sum", "Mul", "Div", "Neg", "Add", "Sub", "Stack", "Cat", "Index", "MaskedFill", "Where"}
# Operation -> function, and where its input and target are saved.
_DIRECT: Mapping[str, tuple[str, str, str]] = {
    "NllLoss": ("nll_loss", "self", "target"),
    "NllLoss2D": ("nll_loss", "self", "target"),
    "BinaryCrossEntropy": ("binary_cross_entropy", "self", "target"),
    "BinaryCrossEntropyWithLogits": ("binary_cross_entropy_with_logits", "self", "target"),
    "MseLoss": ("mse_loss", "self", "target"),
    "SmoothL1Loss": ("smooth_l1_loss", "self", "target"),
    "HuberLoss": ("huber_loss", "self", "target"),
    "SoftMarginLoss": ("soft_margin_loss", "self", "target"),
    "MultiMarginLoss": ("multi_margin_loss", "self", "target"),
    "MultilabelMarginLoss": ("multilabel_margin_loss", "self", "target"),
    "CtcLoss": ("ctc_loss", "log_probs", "targets"),
    "CudnnCtcLoss": ("ctc_loss", "log_probs", "targets"),
}
_LEAF = "AccumulateGrad"
_SHARES = ("Softmax", "LogSoftmax", "Log", "LogSigmoid")


@dataclass(slots=True)
class Computed:
    """One loss that was found. The tensors are the user's: to be read, and let go of.

    kind: as LossUse.kind. input: what the function was given, None where nothing keeps it; shape, dtype: of it, () and
    "" if unknown. target_shape likewise. node: that of the input, None for a leaf. broadcast: input and target had
    different shapes. reduction: "" where torch does not tell. softmax: the input is straight from a softmax ("softmax")
    or log-softmax ("log_softmax"), over dimension `dim` of it. logs: the log-softmax that cross entropy begins with;
    if the model computed it, the loss is "nll_loss": `as_nll`. sequence: the sequence numbers of the operation that
    gave the input, after those of views of it. whole: nothing was added to it or multiplied with it since.
    """

    kind: str
    node: Node | None = None
    input: Tensor | None = None
    shape: tuple[int, ...] = ()
    dtype: str = ""
    target: Tensor | None = None
    broadcast: bool = False
    ignore_index: int | None = None
    weighted: bool = False
    label_smoothing: float = 0.0
    reduction: str = ""
    softmax: str = ""
    dim: int = 0
    logs: Node | None = None
    sequence: tuple[int, ...] = ()
    whole: bool = True

    @property
    def classes(self) -> int | None:
        """The size of the class dimension, None for losses that have none."""
        if self.kind not in CLASSIFYING or not self.shape:
            return None
        return self.shape[1] if len(self.shape) > 1 else self.shape[0]


def losses_in(loss: Tensor) -> list[Computed]:
    """The losses that `loss`, of any shape, is made of, each kind once, at most 4; [] if it has none that is known.

    To be called inside `quiet()`. Works before backward and, with less of the numbers, after it.
    """
    found: list[Computed] = []
    todo: deque[tuple[Node, str, bool]] = deque([(loss.grad_fn, "", True)] if loss.grad_fn is not None else [])
    seen: set[int] = set()
    nodes: list[Node] = []  # kept until the end: an id is one node's only as long as it lives
    while todo and len(nodes) < MOST_NODES and len(found) < MOST_LOSSES:
        node, reduction, whole = todo.popleft()
        if id(node) in seen:
            continue
        seen.add(id(node))
        nodes.append(node)
        one = _read(node, reduction)
        if one is not None:
            one.whole = whole
            if all(one.kind != other.kind for other in found):
                found.append(one)
            continue
        kind = kind_of(node)
        if kind in _BETWEEN:
            smoothed = _smoothed(node)
            if smoothed is not None:
                smoothed.whole = whole
                found.append(smoothed)
                continue
            outer = {"Mean": "mean", "Sum": "sum"}.get(kind, "") or reduction
            inner = [one for one, _ in inputs_of(node) if one is not None]
            if kind != "Div" or len(inner) == 1:  # by an output: the squares of a likelihood are no mean squared error
                whole = whole and (kind in VIEWS or kind in ("Mean", "Sum"))
                todo.extend((one, outer, whole) for one in inner)
    return found


def as_nll(one: Computed) -> None:
    """Take the log-softmax of what was read as cross entropy for the input: the model gave it."""
    if one.logs is not None:
        one.kind, one.input, one.node = "nll_loss", saved_tensor(one.logs, "result"), one.logs
        one.shape, one.dtype = made_by(one.logs)
        _origin(one)


def _read(node: Node, reduction: str) -> Computed | None:
    """The loss that `node` computed; reduction: that of what was made of it since."""
    kind = kind_of(node)
    if kind in _DIRECT:
        return _direct(node, *_DIRECT[kind])
    pattern = _PATTERNS.get(kind)
    one = pattern(node) if pattern is not None else None
    if one is not None:
        one.reduction = reduction
    return one


def _direct(node: Node, kind: str, given: str, target: str) -> Computed:
    source, place = first_input(node)
    one = Computed(kind, source, saved_tensor(node, given), target=saved_tensor(node, target))
    reduction = saved(node, "reduction")
    one.reduction = REDUCTIONS[reduction] if reduction in (0, 1, 2) else ""
    ignored = saved(node, "ignore_index")
    if isinstance(ignored, int):
        one.ignore_index = ignored - 2**64 if ignored >= 2**63 else ignored  # torch gives it without its sign
    one.weighted = any(saved_tensor(node, name) is not None for name in ("weight", "pos_weight"))
    one.shape, one.dtype = made_by(source, place)
    if kind == "nll_loss":
        for inner in through_views(source):
            if kind_of(inner) == "LogSoftmax":
                one.kind, one.logs = "cross_entropy", inner
                _logits(one, inner)
                return one
    elif source is not None and kind_of(source) == "Expand":  # torch expands both to a common shape first
        source, place = first_input(source)
        one.broadcast, one.node = True, source
        one.shape = made_by(source, place)[0] or one.shape
    _origin(one)
    return one


def _logits(one: Computed, logs: Node) -> None:
    """The input of cross entropy is what went into its log-softmax, which is not kept; what made it may be."""
    one.node, place = first_input(logs)
    one.input = None
    one.shape, one.dtype = made_by(one.node, place)
    if not one.shape:
        one.shape, one.dtype = made_by(logs)
    result = saved_tensor(logs, "result") if not one.shape else None
    if result is not None:
        one.shape = tuple(result.shape)
    _origin(one)


def _origin(one: Computed) -> None:
    """What is known of the input by the operation that gave it."""
    sequence = []
    for inner in through_views(one.node):
        number = sequence_of(inner)
        if number is not None:
            sequence.append(number)
        if one.input is None and kind_of(inner) not in VIEWS:
            result = saved_tensor(inner, "result")  # of softmax, sigmoid, tanh, relu, exp: what they gave
            one.input = result if result is not None and made_by(inner)[0] == tuple(result.shape) else None
        if kind_of(inner) in ("Softmax", "LogSoftmax"):
            one.softmax = "softmax" if kind_of(inner) == "Softmax" else "log_softmax"
            dim = saved(inner, "dim")
            dims = len(made_by(inner)[0])
            dim = dim if isinstance(dim, int) else 1
            if dim >= 2**63:
                dim -= 2**64
            one.dim = dim + dims if dim < 0 else dim
    one.sequence = tuple(sequence)


def _smoothed(node: Node) -> Computed | None:
    """Cross entropy with label smoothing e of C classes: (1 - e) times the plain one plus e / C times all of them."""
    parts = [one for one, _ in inputs_of(node) if one is not None]
    if kind_of(node) != "Add" or len(parts) != 2 or any(kind_of(part) != "Mul" for part in parts):
        return None
    large, small = (saved(part, "other") for part in parts)
    plain = first_input(parts[0])[0]
    if not isinstance(large, float) or not isinstance(small, float) or plain is None:
        return None
    while kind_of(plain) in VIEWS and first_input(plain)[0] is not None:  # of rows that were not reduced
        plain = first_input(plain)[0]
    if kind_of(plain) not in ("NllLoss", "NllLoss2D"):
        return None
    one = _direct(plain, *_DIRECT["NllLoss"])
    classes = one.shape[1] if len(one.shape) > 1 else one.shape[0] if one.shape else 0
    if one.kind == "cross_entropy" and classes and math.isclose(large + small * classes, 1.0, abs_tol=1e-6):
        one.label_smoothing = 1 - large
        return one
    return None


def _soft_targets(node: Node) -> Computed | None:
    """Cross entropy with probabilities as targets: log-softmax times target (times weights), summed, negated."""
    target = saved_tensor(node, "other")
    inner, _ = first_input(node)
    weighted = inner is not None and kind_of(inner) == "Mul"
    if inner is not None and weighted:
        target, inner = saved_tensor(inner, "other"), first_input(inner)[0]
    if inner is None or kind_of(inner) != "LogSoftmax" or saved_tensor(node, "self") is not None:
        return None
    one = Computed("cross_entropy", target=target, weighted=weighted, logs=inner)
    _logits(one, inner)
    if target is None or tuple(target.shape) != one.shape:
        return None
    return one


def _divergence(node: Node) -> Computed | None:
    """kl_div is target log target - target input; with log targets, exp(target) (target - input)."""
    if kind_of(node) == "Sub":
        inputs = inputs_of(node)
        product = inputs[1][0] if len(inputs) == 2 and inputs[0][0] is None else None
        if product is None or kind_of(product) != "Mul":
            return None
    else:
        product = node
    weights = saved_tensor(product, "self")
    source, place = first_input(product)
    if product is node:
        inputs = inputs_of(source) if source is not None and kind_of(source) == "Sub" else []
        if len(inputs) != 2 or inputs[0][0] is not None:
            return None
        source, place = inputs[1]
    if source is None or not any(kind_of(inner) in _SHARES for inner in through_views(source)):
        return None  # any constant minus a weighted sum looks like it
    one = Computed("kl_div", source, target=weights)
    one.shape, one.dtype = made_by(source, place)
    _origin(one)
    return one


def _product(node: Node) -> Computed | None:
    return _soft_targets(node) or _divergence(node)


def _distance(node: Node) -> Computed | None:
    """|x - y| is what l1_loss computes, and (x - y)^2 what mse_loss does: written out, it is the same."""
    power = kind_of(node) == "Pow"
    if power and saved(node, "exponent") != 2:
        return None
    difference, _ = first_input(node)
    inputs = inputs_of(difference) if difference is not None and kind_of(difference) == "Sub" else []
    known = [(one, place) for one, place in inputs if one is not None]
    if len(known) != 1:  # with a gradient on both sides it is a penalty, or a distance of two outputs
        return None
    source, place = known[0]
    whole = made_by(difference)[0]
    one = Computed("mse_loss" if power else "l1_loss")
    if source is not None and kind_of(source) == "Expand":
        source, place = first_input(source)
    if source is None or kind_of(source).endswith(_LEAF):  # of a parameter it is a penalty
        return None
    one.node = source
    one.shape, one.dtype = made_by(source, place)
    one.broadcast = bool(whole) and bool(one.shape) and one.shape != whole
    _origin(one)
    return one


_PATTERNS: Mapping[str, Callable[[Node], Computed | None]] = {
    "Mul": _product,
    "Sub": _divergence,
    "Abs": _distance,
    "Pow": _distance,
}
