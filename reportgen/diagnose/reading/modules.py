"""Modules and parameters of watched models by the names that records use for them."""

from __future__ import annotations

from collections.abc import Iterator

from reportgen.diagnose.reading.places import full_name, module_of
from reportgen.run.records import Model, Parameter, Run

# Classes of layers each of whose weight's rows is a unit with a gradient of its own.
_WEIGHTED = (
    "Linear Bilinear Conv1d Conv2d Conv3d ConvTranspose1d ConvTranspose2d ConvTranspose3d RNN LSTM GRU RNNCell "
    "LSTMCell GRUCell MultiheadAttention NonDynamicallyQuantizableLinear LazyLinear LazyConv1d LazyConv2d LazyConv3d"
)
WEIGHTED = frozenset(_WEIGHTED.split())


def model_of(run: Run, name: str) -> Model | None:
    """The watched model of that name."""
    return next((model for model in run.models if model.name == name), None)


def type_of(run: Run, model: str, name: str) -> str:
    """The class of a module by the name under which records know it; "" if it is not known."""
    known = model_of(run, model)
    if known is None:
        return ""
    if name == known.name:
        return known.type
    return known.modules.get(name) or known.modules.get(name.removeprefix(f"{known.name}/"), "")


def weights(run: Run) -> Iterator[tuple[Model, Parameter, str, str]]:
    """Each trainable weight of two or more dimensions: its model, itself, its name in records, its module's class."""
    for model in run.models:
        for parameter in model.parameters:
            if parameter.trainable and not parameter.tied_to and len(parameter.shape) > 1 and parameter.numel:
                kind = model.modules.get(module_of(parameter.name), model.type)
                yield model, parameter, full_name(run, model, parameter.name), kind


def batch_norms(model: Model) -> list[str]:
    """The names of its modules that normalise over a batch."""
    return [name for name, kind in model.modules.items() if "BatchNorm" in kind and "Frozen" not in kind]
