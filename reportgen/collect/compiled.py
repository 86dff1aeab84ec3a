"""Whether torch.compile wraps a module: such a wrapper warns at its calls while global hooks are installed."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable

import torch
from torch import nn
from torch.nn.modules.module import register_module_module_registration_hook
from torch.utils.hooks import RemovableHandle


def wrapper_exists() -> bool:
    """Whether this process holds a module that `torch.compile(module)` returned.

    Takes about 0.05 s where Dynamo is loaded, and nothing before.
    """
    frames = sys.modules.get("torch._dynamo.eval_frame")
    wrapper = getattr(frames, "OptimizedModule", None)
    # An object refers to its class, and asking for referrers is quicker than looking at every object.
    return wrapper is not None and any(type(thing) is wrapper for thing in gc.get_referrers(wrapper))


def on_wrapping(call: Callable[[], None]) -> RemovableHandle:
    """Call `call` whenever `torch.compile(module)` wraps a module from now on, until the handle is removed."""

    def registered(module: nn.Module, name: str, submodule: nn.Module | None) -> None:
        if torch.compiler.is_compiling():
            return
        if name == "_orig_mod":
            call()

    return register_module_module_registration_hook(registered)
