"""Whether the steps that were made were of the models that were watched."""

from __future__ import annotations

import re

from reportgen.diagnose.rule import Unchecked
from reportgen.run.records import Model, Run

NOT_HELD = Unchecked("No step was made with the model's parameters: the watched optimizer holds none of them.")
# What is measured at steps, or in forwards that a step follows.
_AT_STEPS = re.compile(
    r"report\.watch\(model, optimizer\)|\boptimizer step|^(Gradients|Updates) were|^The signal in gradients|"
    r"^Outputs of the layers|^Memory was not|^No distributions of|^No learning rate"
)


def holds_none(model: Model) -> bool:
    """Whether the optimizers watched with a model hold none of the parameters that it would train."""
    trainable = any(p.trainable and p.numel for p in model.parameters)
    return bool(model.optimizers) and trainable and not any(p.group is not None for p in model.parameters)


def untrained(run: Run) -> bool:
    """Whether that is so of all models that have an optimizer, and no other optimizer was seen to move them."""
    held = [model for model in run.models if model.optimizers]
    moved = any(value > 0 for series in run.measures.get("update_ratio", {}).values() for value in series.values)
    return bool(held) and all(map(holds_none, held)) and not moved


def at_steps(run: Run, why: str) -> bool:
    """Whether a check lacks what is measured at steps, of a run that made none with its models."""
    return _AT_STEPS.search(why) is not None and untrained(run)
