"""Everything a forward may change of a model, its arguments and the random numbers, put back as it was, bit for bit."""

from __future__ import annotations

import copy
import dataclasses
import random
import sys
from collections import UserDict
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.grad_mode import _unsafe_preserve_version_counter

from reportgen.collect.generators import setting_back
from reportgen.collect.graph.containers import keep
from reportgen.collect.graph.copies import put_back
from reportgen.collect.graph.undo import Undo
from reportgen.collect.structure import arguments, tensors_in

# The tables of a module, whose contents are put back in place: torch and users hold references to them.
_TABLES = ("_parameters", "_buffers", "_modules")


def as_it_was(
    undo: Undo, root: nn.Module, args: Sequence[object], kwargs: Mapping[str, object]
) -> tuple[Sequence[Any], Mapping[str, Any]]:
    """Have `undo` put `root` back. Gives the arguments to call it with.

    Put back are, of each module: its flags, parameters, buffers and submodules, the attributes that the forward sets or
    adds, the numbers, memory and versions (which a backward to come checks) of parameters, of gradients and of tensors
    in attributes, also in lists, dicts and dataclasses there, and the state of random number generators (torch's,
    numpy's, Python's) in attributes, and Python's containers there (a list it appends to). Of the process: the streams
    of random numbers. Other objects that the forward changes inside are not.

    Buffers are copies until then, so that even an extension that hides that it writes leaves the originals alone; so
    are the tensors among the arguments, and the lists, tuples, dicts and dataclasses they are in. What is one tensor
    stays one: a tensor given twice, a buffer of two modules, a buffer or parameter of the model that is an argument.
    """
    undo.add(_numbers())
    modules = list(root.modules())
    saved = [_Saved(module) for module in modules]
    for one in reversed(saved):
        undo.add(one.restore)
    held: list[Tensor] = list(root.parameters())
    copies: dict[int, Any] = {id(parameter): parameter for parameter in held}
    for module in modules:
        if isinstance(module, torch.jit.ScriptModule):
            undo.add(_rewriting(module))
            continue
        for name, buffer in module._buffers.items():
            if buffer is not None:
                held.append(buffer)
                module._buffers[name] = _copied(buffer, copies)
        attributes = {k: v for k, v in vars(module).items() if k not in _TABLES}
        undo.add(keep(attributes.values()))
        held += [tensor for value in attributes.values() for _, tensor in tensors_in(value)]
    held += [p.grad for p in root.parameters() if p.is_leaf and p.grad is not None]
    held += [tensor for _, tensor in arguments(args, kwargs)]  # those in objects that are given as they are
    put_back(undo, held)
    return [_copied(value, copies) for value in args], {k: _copied(v, copies) for k, v in kwargs.items()}


def _copied(value: Any, copies: dict[int, Any]) -> Any:
    """`value` with the tensors and containers in it copied. copies: id of what was copied -> its copy."""
    key = id(value)
    if key in copies:
        return copies[key]
    if isinstance(value, Tensor):
        made: Any = value.detach().clone()
        if value.requires_grad:
            made.requires_grad_()
        copies[key] = made
    elif isinstance(value, (dict, UserDict)):
        copies[key] = made = copy.copy(value)
        for name, item in value.items():
            made[name] = _copied(item, copies)
    elif isinstance(value, list):
        copies[key] = made = copy.copy(value)
        made[:] = [_copied(item, copies) for item in value]
    elif isinstance(value, tuple):
        items = [_copied(item, copies) for item in value]
        if all(new is old for new, old in zip(items, value, strict=True)):
            return value
        try:
            copies[key] = made = tuple.__new__(type(value), items)
        except TypeError:  # what torch.max and its like return
            copies[key] = made = type(value)(items)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        copies[key] = made = copy.copy(value)
        for field in dataclasses.fields(value):
            if hasattr(value, field.name):
                object.__setattr__(made, field.name, _copied(getattr(value, field.name), copies))
    else:
        return value
    return made


class _Saved:
    """One module's attributes."""

    def __init__(self, module: nn.Module) -> None:
        self._module = module
        self._attributes = dict(vars(module))
        self._tables = {name: dict(vars(module)[name]) for name in _TABLES if isinstance(vars(module).get(name), dict)}
        self._transient = set(module._non_persistent_buffers_set)
        self._gradients = [(p, p.grad) for p in module.parameters(recurse=False) if p.is_leaf]
        self._generators = [set_back for value in vars(module).values() for set_back in setting_back(value)]

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
        for parameter, gradient in self._gradients:
            if parameter.grad is not gradient:
                parameter.grad = gradient
        for set_back in self._generators:
            set_back()


def _rewriting(module: nn.Module) -> Any:
    """What writes the buffers of a scripted module back: it keeps them outside of Python, where none can be put in."""
    held = [(buffer, buffer.detach().clone()) for buffer in module.buffers(recurse=False)]
    versions = _unsafe_preserve_version_counter(tuple(buffer for buffer, _ in held))

    def write() -> None:
        with torch.no_grad(), versions:
            for buffer, copied in held:
                buffer.copy_(copied)

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
