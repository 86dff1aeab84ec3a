"""The record of a watched model: parameters and modules by name, and what trains it as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import nn
from torch.optim import Optimizer

from reportgen.errors import shown
from reportgen.run.logged import Plain
from reportgen.run.records import Model, Parameter
from reportgen.run.redact import scrub


def unwrapped(model: nn.Module) -> nn.Module:
    """The model inside torch.compile's and the data-parallel wrappers, whose names carry no prefix."""
    while True:
        inner = getattr(model, "_orig_mod", None)
        if inner is None and isinstance(model, (nn.DataParallel, nn.parallel.DistributedDataParallel)):
            inner = model.module
        if not isinstance(inner, nn.Module):
            return model
        model = inner


def is_compiled(model: nn.Module) -> bool:
    """Whether torch.compile wraps `model`, or was called on it or a part of it in place."""
    return any(hasattr(m, "_orig_mod") or getattr(m, "_compiled_call_impl", None) is not None for m in model.modules())


def record_of(
    name: str,
    model: nn.Module,
    optimizers: Sequence[Optimizer],
    criterion: object = None,
    scheduler: object = None,
) -> Model:
    """The record as things are now. Lazy parameters have the shape () until their first forward."""
    inner = unwrapped(model)
    groups = [group for optimizer in optimizers for group in optimizer.param_groups]
    places = {id(p): index for index, group in enumerate(groups) for p in group["params"]}
    first: dict[int, str] = {}
    parameters = []
    for full, parameter in inner.named_parameters(remove_duplicate=False):
        owner = first.setdefault(id(parameter), full)
        parameters.append(
            Parameter(
                name=full,
                shape=() if nn.parameter.is_lazy(parameter) else tuple(parameter.shape),
                dtype=str(parameter.dtype).removeprefix("torch."),
                device=str(parameter.device),
                trainable=parameter.requires_grad,
                group=places.get(id(parameter)),
                tied_to="" if owner == full else owner,
            )
        )
    return Model(
        name=name,
        type=type(inner).__name__,
        parameters=tuple(parameters),
        modules={full: type(module).__name__ for full, module in inner.named_modules() if full},
        optimizers=tuple(type(optimizer).__name__ for optimizer in optimizers),
        groups=tuple(_group(group) for group in groups),
        criterion=text_of(criterion),
        scheduler=text_of(scheduler),
        compiled=is_compiled(model),
    )


def text_of(thing: object) -> str:
    """A loss or scheduler with its own settings: "CrossEntropyLoss(label_smoothing=0.1, reduction='mean')"."""
    if thing is None:
        return ""
    if not isinstance(thing, nn.Module) and not _has_state(thing):
        return name_of(thing)
    settings = {
        key: value
        for key, value in sorted(vars(thing).items())
        if not key.startswith("_") and key not in ("training", "last_epoch") and _is_plain(value)
    }
    return scrub(f"{type(thing).__name__}({', '.join(f'{key}={value!r}' for key, value in settings.items())})")


def name_of(thing: object) -> str:
    """The name of a function, or the class of anything else."""
    try:
        named = getattr(thing, "__qualname__", None)
    except Exception:  # noqa: BLE001 - an object of the user's that raises for what it does not have
        named = None
    return named if isinstance(named, str) and named else type(thing).__name__


def _has_state(thing: object) -> bool:
    try:
        return hasattr(thing, "state_dict")
    except Exception:  # noqa: BLE001 - as above
        return False


def _group(group: Mapping[str, object]) -> dict[str, Plain]:
    settings: dict[str, Plain] = {}
    for key, value in group.items():
        if key == "params":
            settings["parameters"] = len(value) if isinstance(value, (list, tuple)) else 0
        elif isinstance(value, torch.Tensor):  # a capturable learning rate; reading one on a GPU would wait for it
            settings[key] = float(value) if value.device.type == "cpu" and value.numel() == 1 else "(tensor)"
        elif value is None or isinstance(value, (bool, int, float)):
            settings[key] = value
        else:
            settings[key] = scrub(value if isinstance(value, str) else shown(value))
    return settings


def _is_plain(value: object) -> bool:
    if isinstance(value, (list, tuple)):
        return len(value) <= 8 and all(_is_plain(item) for item in value)
    return value is None or isinstance(value, (bool, int, float, str))
