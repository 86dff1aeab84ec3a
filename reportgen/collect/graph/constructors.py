"""The line of code that makes a module as it is, with one argument changed."""

from __future__ import annotations

import inspect
from collections.abc import Mapping

from torch import nn

_LEFT_OUT = ("device", "dtype")


def constructor(module: nn.Module, changed: Mapping[str, object]) -> str:
    """`nn.Linear(576, 128)`: required arguments by place, others by name where they differ from their default.

    "" for a class that is not torch.nn's own: what its constructor takes is not known.
    """
    cls = type(module)
    if getattr(nn, cls.__name__, None) is not cls:
        return ""
    given: list[str] = []
    for name, parameter in _parameters(cls).items():
        value = changed.get(name, _kept(module, name))
        if value is _UNKNOWN or name in _LEFT_OUT:
            continue
        if parameter.default is inspect.Parameter.empty:
            given.append(_text(value))
        elif name in changed or _text(value) != _text(parameter.default):
            given.append(f"{name}={_text(value)}")
    return f"nn.{cls.__name__}({', '.join(given)})"


_UNKNOWN = object()


def _parameters(cls: type[nn.Module]) -> Mapping[str, inspect.Parameter]:
    """Those of the first constructor in the class's line that names them: that of nn.LSTM is (*args, **kwargs)."""
    found: dict[str, inspect.Parameter] = {}
    for base in cls.__mro__:
        if base is nn.Module:
            break
        if "__init__" not in vars(base):
            continue
        own = inspect.signature(vars(base)["__init__"]).parameters
        plain = {k: p for k, p in own.items() if p.kind is p.POSITIONAL_OR_KEYWORD and k not in ("self", "mode")}
        found = {**plain, **{k: p for k, p in found.items() if k not in plain}}
        if not any(p.kind is p.VAR_POSITIONAL for p in own.values()):
            break
    return found


def _kept(module: nn.Module, name: str) -> object:
    if name == "bias":
        held = getattr(module, "in_proj_bias" if isinstance(module, nn.MultiheadAttention) else "bias", None)
        return held if isinstance(held, bool) else held is not None
    if name in ("kdim", "vdim") and getattr(module, name) == getattr(module, "embed_dim", None):
        return None
    value = getattr(module, name, _UNKNOWN)
    plain = value is None or isinstance(value, (bool, int, float, str, tuple, list))
    return value if plain else _UNKNOWN


def _text(value: object) -> str:
    if isinstance(value, (tuple, list)):
        sizes = set(value)
        # kernel_size=(3, 3) was most likely given as 3.
        return repr(value[0]) if len(sizes) == 1 else repr(tuple(value))
    return repr(value)
