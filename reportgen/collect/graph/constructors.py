"""The line of code that makes a module as it is, with one argument changed."""

from __future__ import annotations

import inspect
from collections.abc import Mapping

from torch import nn

_LEFT_OUT = ("device", "dtype")
# Sizes that are not one for each axis: (4, 4) is not the same as 4.
_WHOLE = ("normalized_shape",)
# What a constructor reads from its **kwargs, with the default.
_FROM_KWARGS: Mapping[type[nn.Module], Mapping[str, object]] = {nn.RNN: {"nonlinearity": "tanh"}}


def constructor(module: nn.Module, changed: Mapping[str, object]) -> str:
    """`nn.Linear(576, 128)`: required arguments by place, others by name where they differ from their default.

    device and dtype are left out: they are the model's (`model.to`), and not told apart from what the layer was given.
    "" for a class that is not torch.nn's own, of which it is not known what its constructor takes, and where an
    argument is no plain value (a process group).
    """
    cls = type(module)
    if getattr(nn, cls.__name__, None) is not cls:
        return ""
    given: list[str] = []
    for name, default in _parameters(cls).items():
        if name in _LEFT_OUT:
            continue
        value = changed.get(name, _kept(module, name, default))
        if not _plain(value):
            return ""
        whole = name in _WHOLE
        if default is inspect.Parameter.empty:
            given.append(_text(value, whole))
        elif name in changed or _text(value, whole) != _text(default, whole):
            given.append(f"{name}={_text(value, whole)}")
    return f"nn.{cls.__name__}({', '.join(given)})"


def _parameters(cls: type[nn.Module]) -> Mapping[str, object]:
    """Name -> default of those of the first constructor in the class's line that names them: that of nn.LSTM is
    (*args, **kwargs)."""
    found: dict[str, object] = {}
    for base in cls.__mro__:
        if base is nn.Module:
            break
        if "__init__" not in vars(base):
            continue
        own = inspect.signature(vars(base)["__init__"]).parameters
        plain = {
            k: p.default for k, p in own.items() if p.kind is p.POSITIONAL_OR_KEYWORD and k not in ("self", "mode")
        }
        found = {**plain, **{k: default for k, default in found.items() if k not in plain}}
        if not any(p.kind is p.VAR_POSITIONAL for p in own.values()):
            break
    return {**found, **_FROM_KWARGS.get(cls, {})}


def _kept(module: nn.Module, name: str, default: object) -> object:
    """The value of an argument that the module was made with; its default where the module keeps nothing of it."""
    if name == "bias":
        attention = isinstance(module, nn.MultiheadAttention)
        held = getattr(module, "in_proj_bias" if attention else "bias", None)
        if isinstance(held, bool):
            return held
        # Without a weight there is no bias either, whatever it was given.
        return held is not None or (not attention and getattr(module, "weight", None) is None)
    if name == "add_bias_kv":
        return getattr(module, "bias_k", None) is not None
    if name in ("kdim", "vdim") and getattr(module, name) == getattr(module, "embed_dim", None):
        return None
    return getattr(module, name, default)


def _plain(value: object) -> bool:
    return value is None or isinstance(value, (bool, int, float, str, tuple, list))


def _text(value: object, whole: bool) -> str:
    if isinstance(value, (tuple, list)):
        # kernel_size=(3, 3) was most likely given as 3.
        one = len(value) == 1 or (not whole and len(set(value)) == 1)
        return repr(value[0]) if one else repr(tuple(value))
    return repr(value)
