"""What nodes of the autograd graph tell of the operation that made them, read so that nothing is unpacked or kept."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from torch import Tensor

# What torch gives as the sequence number of nodes that have none: leaves.
_NO_SEQUENCE = 2**64 - 1
# Those that pass numbers on as they are, in another shape, order or dtype.
VIEWS = frozenset(
    (
        "View",
        "UnsafeView",
        "ReshapeAlias",
        "Squeeze",
        "Unsqueeze",
        "Transpose",
        "Permute",
        "T",
        "Clone",
        "ToCopy",
        "Alias",
        "Slice",
        "Select",
        "Expand",
    )
)

Node = Any  # torch.autograd.graph.Node, whose attributes depend on its kind


def kind_of(node: Node) -> str:
    """The operation: "NllLoss" of NllLossBackward0."""
    return str(node.name()).partition("Backward")[0]


def saved(node: Node, name: str) -> Any:
    """What `node` keeps as `name`; None where there is no such thing, or no longer: backward has been through it.

    A tensor under saved-tensor hooks is None, too: to unpack it might load it from a disk, or compute a checkpointed
    part again.
    """
    try:
        raw = getattr(node, f"_raw_saved_{name}", None)
        if raw is not None and getattr(raw, "unpack_hook", None) is not None:
            return None
        return getattr(node, f"_saved_{name}", None)
    except RuntimeError:
        return None


def saved_tensor(node: Node, name: str) -> Tensor | None:
    """The same where it is a tensor."""
    found = saved(node, name)
    return found if isinstance(found, Tensor) else None


def inputs_of(node: Node) -> list[tuple[Node | None, int]]:
    """The nodes of its inputs, None for one without a gradient, and which of that node's outputs it is."""
    return list(getattr(node, "next_functions", ()))


def first_input(node: Node) -> tuple[Node | None, int]:
    """That of its first input that has a gradient."""
    return next(((one, place) for one, place in inputs_of(node) if one is not None), (None, 0))


def made_by(node: Node | None, place: int = 0) -> tuple[tuple[int, ...], str]:
    """Shape and dtype of what the operation of `node` gave; (), "" where torch does not tell."""
    try:
        meta = node._input_metadata[place]  # type: ignore[union-attr]
        return tuple(int(size) for size in meta.shape), str(meta.dtype).removeprefix("torch.")
    except (AttributeError, IndexError, RuntimeError, TypeError, ValueError):
        return (), ""


def sequence_of(node: Node) -> int | None:
    """When its operation ran, among those of its thread: a number that grows. None for leaves."""
    try:
        number = int(node._sequence_nr())
    except (AttributeError, RuntimeError, TypeError, ValueError):
        return None
    return None if number == _NO_SEQUENCE else number


def through_views(node: Node | None, most: int = 4) -> Iterator[Node]:
    """`node`, and while they are views of the first kind, those it is a view of."""
    while node is not None and most >= 0:
        yield node
        if kind_of(node) not in VIEWS:
            return
        node, most = first_input(node)[0], most - 1


def compiled_backward() -> bool:
    """Whether backward itself is compiled: a hook would become a part of that."""
    module = sys.modules.get("torch._dynamo.compiled_autograd")
    enabled = getattr(module, "compiled_autograd_enabled", False)
    return bool(enabled or getattr(module, "in_compiled_autograd_region", False))
