"""What a module says of itself: its settings, its own parameters, and whether its inside is shown."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.utils.parametrize import is_parametrized

from reportgen.collect.guard import of_a_signal
from reportgen.run.redact import scrub

# Modules of torch.nn that are put together of others, with operations between them.
_COMPOSED = (
    nn.Sequential,
    nn.ModuleList,
    nn.ModuleDict,
    nn.Transformer,
    nn.TransformerEncoder,
    nn.TransformerEncoderLayer,
    nn.TransformerDecoder,
    nn.TransformerDecoderLayer,
    nn.DataParallel,
    nn.parallel.DistributedDataParallel,
)
_CONTAINERS = (nn.ParameterList, nn.ParameterDict, nn.ModuleList, nn.ModuleDict, nn.Sequential)


def class_of(module: nn.Module) -> type:
    """The class of `module` as the user knows it: torch makes another for one with parametrizations."""
    kind = type(module)
    return kind.__bases__[0] if kind.__module__ == "torch.nn.utils.parametrize" and is_parametrized(module) else kind


def type_name(module: nn.Module) -> str:
    """The name of that class; of a module that torch.jit has traced or scripted, that of the class it was made of."""
    made = getattr(module, "original_name", None) if isinstance(module, torch.jit.ScriptModule) else None
    return made if isinstance(made, str) and made else class_of(module).__name__


def is_opaque(module: nn.Module) -> bool:
    """Whether what happens inside is plumbing of torch.nn's own module: neither operations nor modules are shown."""
    return class_of(module).__module__.startswith(("torch.nn.", "torch.ao.nn.")) and not isinstance(module, _COMPOSED)


def paths_of(root: nn.Module) -> dict[int, str]:
    """id of each module of the model -> its full name, "" for the root."""
    return {id(module): path for path, module in root.named_modules()}


def is_callable(module: nn.Module) -> bool:
    """Whether anybody calls modules of this class: containers only hold others."""
    return not isinstance(module, _CONTAINERS)


def own_parameters(root: nn.Module) -> dict[int, int]:
    """id of each module -> numbers in the parameters it owns itself; a tied one counts at its first owner."""
    seen: set[int] = set()
    own: dict[int, int] = {}
    for module in root.modules():
        mine = {id(p): p for p in module.parameters(recurse=False)}
        own[id(module)] = sum(0 if nn.parameter.is_lazy(p) else p.numel() for k, p in mine.items() if k not in seen)
        seen |= mine.keys()
    return own


def settings_of(module: nn.Module) -> str:
    """What torch prints of a module ("3, 64, kernel_size=(7, 7)"), cut to 120 characters; "" if it raises.

    "" also of a module of torch.jit, which tells its class only.
    """
    if isinstance(module, torch.jit.ScriptModule):
        return ""
    try:
        text = module.extra_repr()[:120]
        # torch's own modules say numbers and words of torch's own, and there are hundreds of them.
        return text if class_of(module).__module__.startswith("torch.nn.modules.") else scrub(text)
    except Exception as error:  # user's code; only a detail is missing then
        if of_a_signal(error):
            raise
        return ""
