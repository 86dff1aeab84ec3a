"""The weight decay of a run, as it was set."""

from __future__ import annotations

from reportgen.run.records import Model, Run


def decay_of(model: Model) -> float:
    """The largest weight decay of the optimizers' groups, 0 where none is known."""
    known = [d for group in model.groups if isinstance(d := group.get("weight_decay"), (int, float))]
    return float(max(known, default=0.0))


def decays(run: Run) -> bool:
    """Whether any parameter group of a watched optimizer has weight decay."""
    return any(decay_of(model) > 0 for model in run.models)
