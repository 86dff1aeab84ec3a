"""Names of parameters and modules as measures and distributions know them."""

from __future__ import annotations

from reportgen.run.records import Model, Parameter, Run
from reportgen.run.series import Series


def full_name(run: Run, model: Model, name: str) -> str:
    """The name under which a parameter or module stands in measures and distributions.

    It is prefixed by the model's name when several models are watched.
    """
    return f"{model.name}/{name}" if len(run.models) > 1 else name


def module_of(parameter: str) -> str:
    """The module that owns a parameter: its full name without the last part ("" is the root)."""
    return parameter.rpartition(".")[0]


def owned(model: Model) -> dict[str, list[Parameter]]:
    """The parameters by the module that owns them, in registration order."""
    found: dict[str, list[Parameter]] = {}
    for parameter in model.parameters:
        found.setdefault(module_of(parameter.name), []).append(parameter)
    return found


def measured(run: Run, quantity: str, name: str) -> Series:
    """The series of a measure; an empty one when it was not recorded."""
    return run.measures.get(quantity, {}).get(name, Series())
