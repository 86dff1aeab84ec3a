"""What a function of torch is to the graph: an operation with a name, a read of numbers, or neither."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

# Reading one of these hands a number to Python, which may then decide what is called next.
_READS = frozenset(
    (
        "__bool__",
        "__int__",
        "__float__",
        "__index__",
        "__complex__",
        "__contains__",
        "item",
        "tolist",
        "numpy",
        "is_nonzero",
        "equal",
        "allclose",
    )
)
# They return tensors, and yet are no step of the computation.
_BOOKKEEPING = frozenset(
    (
        "requires_grad_",
        "retain_grad",
        "register_hook",
        "__set__",
        "__delete__",
        "__reduce_ex__",
        "__deepcopy__",
        "as_subclass",
    )
)
# Attributes that give another view of a tensor, or the tensor without its history.
_VIEWS = frozenset(("T", "mT", "H", "mH", "real", "imag", "data"))
_REFLECTED = frozenset(
    ("add", "sub", "mul", "div", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor", "lshift", "rshift")
)
_SPOKEN = {"truediv": "div", "floordiv": "floor_divide", "mod": "remainder", "iter": "unbind"}
# Which dimension these are taken over decides what they mean.
_OVER = frozenset(("softmax", "log_softmax"))


def operation_of(function: object) -> str:
    """The operation's name as people call it ("add", "cat", "relu"), "" for what is no operation.

    `function` is what torch hands to a function mode: torch.cat, Tensor.__radd__, the getter of an attribute.
    """
    name = str(getattr(function, "__name__", ""))
    if name == "__get__":
        attribute = str(getattr(getattr(function, "__self__", None), "__name__", ""))
        return attribute if attribute in _VIEWS else ""
    if name in ("default", "out") or "." in name:  # an overload of torch.ops: aten.add.Tensor
        packet = getattr(function, "_overloadpacket", None)
        name = str(getattr(packet, "__name__", name)).partition(".")[0]
    return _spoken(name)


@lru_cache(maxsize=4096)  # of names: a function of the user's, and what it encloses, would be held for good
def _spoken(name: str) -> str:
    if name in _READS or name in _BOOKKEEPING:
        return ""
    bare = name.strip("_")
    if name.startswith("__") and bare[:1] in ("r", "i") and bare[1:] in _REFLECTED:
        bare = bare[1:]
    return _SPOKEN.get(bare, bare)


def writes(function: object) -> bool:
    """Whether a function that gives back its argument has written into it: add_, __iadd__, __setitem__."""
    return _writes(str(getattr(function, "__name__", "")))


@lru_cache(maxsize=4096)
def _writes(name: str) -> bool:
    dunder = name.startswith("__")
    return name == "__setitem__" or (name.strip("_").startswith("i") if dunder else name.endswith("_"))


def read_of(function: object) -> str:
    """The name of a function that hands numbers of a tensor to Python ("item"), "" for any other."""
    name = str(getattr(function, "__name__", ""))
    return name.strip("_") if name in _READS else ""


def setting_of(name: str, args: Sequence[object], kwargs: Mapping[str, object]) -> str:
    """What the operation `name` was called with that decides what it means: "dim=0" of a softmax; "" of all others."""
    if name not in _OVER:
        return ""
    dim = kwargs.get("dim", args[1] if len(args) > 1 else None)
    return f"dim={dim}" if type(dim) is int else ""
