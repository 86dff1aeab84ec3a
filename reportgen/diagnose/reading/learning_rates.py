"""The learning rate of a run: as it was set, over time, and as a change of code."""

from __future__ import annotations

from reportgen.blocks.wording import code_number
from reportgen.run.records import Model, Run
from reportgen.run.series import Series


def rates(run: Run) -> Series:
    """The learning rate of the first parameter group over time; empty when it is not known."""
    return next(iter(run.measures.get("learning_rate", {}).values()), Series())


def warming(run: Run) -> bool:
    """Whether the learning rate was rising up to the end from a start near zero, so that learning had not begun."""
    values = [value for value in rates(run).values if value >= 0]
    return len(values) > 3 and values[-1] == max(values) > 4 * values[0] and values[-1] > values[len(values) // 2]


def learning_rate(model: Model) -> float | None:
    """The largest learning rate of the optimizers' groups, None when unknown."""
    known = [rate for group in model.groups if isinstance(rate := group.get("lr"), (int, float)) and rate > 0]
    return float(max(known)) if known else None


def rate_of(run: Run) -> float | None:
    """The learning rate of the first model of which one is known, None without one."""
    return next((rate for model in run.models if (rate := learning_rate(model))), None)


def rate_change(rate: float | None, factor: float) -> str:
    """The change of code that multiplies a learning rate by `factor`; "" where it is not known."""
    return f"- lr={code_number(rate)}\n+ lr={code_number(rate * factor)}" if rate else ""


def slower(run: Run) -> str:
    """The change of code that divides the learning rate of the run by 10; "" where it is not known."""
    return rate_change(rate_of(run), 1 / 10)
