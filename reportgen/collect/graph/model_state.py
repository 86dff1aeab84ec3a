"""Everything a forward may change of a model and of the random numbers, put back as it was, bit for bit."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.grad_mode import _unsafe_preserve_version_counter

# The tables of a module, whose contents are put back in place: torch and users hold references to them.
_TABLES = ("_parameters", "_buffers", "_modules")


@contextmanager
def as_it_was(root: nn.Module) -> Iterator[None]:
    """Put `root` back when the block is left, however that is: flags, attributes, buffers, random number streams.

    In the block every buffer is a copy, so that the originals are not written to at all: neither their numbers nor
    their versions (which a backward to come checks) change. Weights that an embedding renormalises in its forward are
    copies, too. Attributes that the forward sets or adds are reset; what it changes inside of them (a list it appends
    to) is not.
    """
    with ExitStack() as stack:
        stack.callback(_numbers())
        modules = list(root.modules())
        saved = [_Saved(module) for module in modules]
        for one in reversed(saved):
            stack.callback(one.restore)
        copies: dict[int, Tensor] = {}  # a buffer that two modules hold stays one
        for module in modules:
            if isinstance(module, torch.jit.ScriptModule):
                stack.callback(_rewriting(module))
                continue
            for name, buffer in module._buffers.items():
                if buffer is not None:
                    if id(buffer) not in copies:
                        copies[id(buffer)] = buffer.detach().clone()
                    module._buffers[name] = copies[id(buffer)]
            if isinstance(module, (nn.Embedding, nn.EmbeddingBag)) and module.max_norm is not None:
                module._parameters["weight"] = nn.Parameter(module.weight.detach().clone(), module.weight.requires_grad)
        yield


class _Saved:
    """One module's attributes."""

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        self._attributes = dict(vars(module))
        self._tables = {name: dict(vars(module)[name]) for name in _TABLES if isinstance(vars(module).get(name), dict)}
        self._transient = set(module._non_persistent_buffers_set)
        self._generators = [
            (value, value.get_state()) for value in vars(module).values() if isinstance(value, torch.Generator)
        ]

    def restore(self) -> None:
        attributes: dict[str, Any] = vars(self._module)
        for name in [name for name in attributes if name not in self._attributes]:
            del attributes[name]
        attributes.update(self._attributes)
        for name, table in self._tables.items():
            attributes[name].clear()
            attributes[name].update(table)
        transient = self._module._non_persistent_buffers_set
        transient.clear()
        transient.update(self._transient)
        for generator, state in self._generators:
            generator.set_state(state)


def _rewriting(module: nn.Module) -> Any:
    """What writes the buffers of a scripted module back: it keeps them outside of Python, where none can be put in."""
    held = [(buffer, buffer.detach().clone()) for buffer in module.buffers(recurse=False)]

    def write() -> None:
        with torch.no_grad(), _unsafe_preserve_version_counter(tuple(b for b, _ in held)):
            for buffer, copy in held:
                buffer.copy_(copy)

    return write if held else lambda: None


def _numbers() -> Any:
    """What sets the streams of random numbers back: torch's on each device in use, Python's, numpy's."""
    host, python = torch.get_rng_state(), random.getstate()
    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()  # type: ignore[no-untyped-call]
    cuda = [(index, torch.cuda.get_rng_state(index)) for index in devices]
    numpy = sys.modules.get("numpy")
    numbers = numpy.random.get_state() if numpy is not None else None
    mps = torch.mps.get_rng_state() if torch.backends.mps.is_available() else None

    def restore() -> None:
        torch.set_rng_state(host)
        random.setstate(python)
        for index, state in cuda:
            torch.cuda.set_rng_state(state, index)
        if numpy is not None:
            numpy.random.set_state(numbers)
        if mps is not None:
            torch.mps.set_rng_state(mps)

    return restore
