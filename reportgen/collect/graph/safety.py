"""Why a forward is captured by hooks alone: a mode would change a result, a compilation or somebody's stack."""

from __future__ import annotations

import sys

import torch
from torch import nn
from torch.overrides import _get_current_function_mode_stack
from torch.utils._device import DeviceContext

from reportgen.collect.model_record import is_compiled

# Modules that take another way through their forward (a fused one, with other rounding) when no mode is entered.
_WITH_FAST_PATH = (nn.TransformerEncoder, nn.TransformerEncoderLayer, nn.MultiheadAttention)


def compiling_is_used() -> bool:
    """Whether torch.compile was called in this process, or something it gave.

    Dynamo keeps each backend it was given. It being imported says nothing: making an optimizer imports it, and
    leaves None there.
    """
    frames = sys.modules.get("torch._dynamo.eval_frame")
    return any(backend is not None for backend in tuple(getattr(frames, "cached_backends", {}).values()))


def why_hooks_only(root: nn.Module, asked: bool = False) -> str:
    """Why no mode may be entered for a forward of `root` in this thread, as the end of a sentence; "" when one may.

    asked: the forward is ours, and nobody uses its result.
    """
    if not asked:
        if is_compiled(root) or compiling_is_used():
            return "torch.compile is in use, and its result depends on the modes entered"
        if any(isinstance(m, _WITH_FAST_PATH) and not m.training for m in root.modules()):
            return "a Transformer layer or attention in eval mode takes its fast path only while no mode is entered"
    if any(isinstance(m, (torch.jit.ScriptModule, torch.jit.ScriptFunction)) for m in root.modules()):
        return "a part of the model is scripted (torch.jit)"
    if torch._C._get_tracing_state() is not None or torch._C._functorch.peek_interpreter_stack() is not None:
        return "the forward is being traced or transformed"
    if any(type(p).__torch_dispatch__ is not torch.Tensor.__torch_dispatch__ for p in root.parameters()):
        return "parameters have a dispatch of their own (they are sharded or quantised)"
    if _foreign_modes():
        return "a mode of torch (a logger, a counter, fake tensors) was already entered"
    if not asked and sys.getprofile() is not None:
        return "a profiler follows Python's calls, by which the end of the forward would be known"
    return ""


def _foreign_modes() -> bool:
    functions = _get_current_function_mode_stack()  # type: ignore[no-untyped-call]
    return any(not isinstance(m, DeviceContext) for m in functions) or torch._C._len_torch_dispatch_stack() > 0
