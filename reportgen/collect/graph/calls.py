"""What a function of torch.nn.functional, or a module that nobody watches, was called with when it raised."""

from __future__ import annotations

import math
from collections.abc import Iterator
from types import FrameType

import torch
from torch import Tensor, nn

from reportgen.collect.graph.faults import called_modules, fault_in
from reportgen.collect.graph.settings import paths_of
from reportgen.collect.quiet import quiet
from reportgen.collect.structure import spec_of
from reportgen.run.graph import Fault

_FILE = nn.functional.__file__
# Losses that take class indices as targets.
_CLASSES = ("cross_entropy", "nll_loss")
_PROBABILITIES = ("binary_cross_entropy",)


def unwatched_fault(error: BaseException) -> Fault | None:
    """The fault of the innermost module that `error` went through, named from the outermost one on.

    For models (and losses) that are not watched. None if it went through no module.
    """
    root = next((module for module, _, _ in called_modules(error)), None)
    return None if root is None else fault_in(error, paths_of(root))


def call_of(error: BaseException) -> Fault | None:
    """What the innermost function of torch.nn.functional that `error` went through was called with; None without one.

    `type` is the function's name. Of a loss on the host `expected` says what it takes and what of its numbers (the
    least and the largest, read now that training is over) is outside of that.
    """
    found: tuple[str, list[tuple[str, Tensor]]] | None = None
    traceback = error.__traceback__
    while traceback is not None:
        frame = traceback.tb_frame
        if frame.f_code.co_filename == _FILE:
            tensors = list(_given(frame))
            if tensors:
                found = frame.f_code.co_name, tensors
        traceback = traceback.tb_next
    if found is None:
        return None
    name, tensors = found
    with quiet():
        return Fault("", name, tuple(spec_of(tensor, place) for place, tensor in tensors), _expected(name, tensors))


def _given(frame: FrameType) -> Iterator[tuple[str, Tensor]]:
    code = frame.f_code
    held = frame.f_locals
    for name in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]:
        if isinstance(held.get(name), Tensor):
            yield name, held[name]


def _expected(name: str, tensors: list[tuple[str, Tensor]]) -> str:
    given = dict(tensors)
    inputs, target = given.get("input"), given.get("target")
    if inputs is None or target is None:
        return ""
    if name in _CLASSES and not target.is_floating_point() and inputs.dim():
        classes = int(inputs.shape[min(1, inputs.dim() - 1)])
        bounds = _bounds(target)
        if bounds is not None and (bounds[0] < 0 or bounds[1] >= classes):
            return f"targets from 0 to {classes - 1:,}; they are {bounds[0]:,.0f} to {bounds[1]:,.0f}"
    elif name in _PROBABILITIES:
        for what, tensor in (("inputs", inputs), ("targets", target)):
            bounds = _bounds(tensor)
            if bounds is not None and not (bounds[0] >= 0 and bounds[1] <= 1):
                if any(map(math.isnan, bounds)):
                    return f"{what} from 0 to 1; some are NaN"
                return f"{what} from 0 to 1; they are {bounds[0]:.3g} to {bounds[1]:.3g}"
    return ""


def _bounds(tensor: Tensor) -> tuple[float, float] | None:
    """The least and the largest number; None on an accelerator: one that has just failed cannot be read."""
    if tensor.device.type != "cpu" or not tensor.numel() or tensor.is_nested or tensor.layout != torch.strided:
        return None
    try:
        return float(tensor.min()), float(tensor.max())
    except (RuntimeError, ValueError, TypeError):  # complex, quantised
        return None
