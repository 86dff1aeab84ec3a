"""What was measured of a model's layers: how far steps moved them, which gradients and outputs they had."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from reportgen.diagnose.reading.learning_rates import rates
from reportgen.diagnose.reading.places import full_name, measured
from reportgen.run.distribution import Distribution
from reportgen.run.records import Model, Parameter, Run
from reportgen.run.series import Series

# Looks left out at the start, where momentum and second moments have seen next to nothing.
WARMING = 5
# A step whose learning rate is below this share of its peak belongs to a warm-up or to a schedule's end.
LOW_RATE = 0.1


@dataclass(frozen=True, slots=True)
class Weight:
    """A trainable weight of two or more dimensions, by the name it has in measures."""

    name: str
    model: Model
    parameter: Parameter

    @property
    def module(self) -> str:
        """The name of the module that owns it, as measures know it."""
        return self.name.rpartition(".")[0]

    @property
    def called(self) -> str:
        """That module as a sentence has it."""
        return called(self.module, self.type) if self.module else self.model.type

    @property
    def type(self) -> str:
        """The class of the module that owns it, "" if unknown."""
        return self.model.modules.get(self.parameter.name.rpartition(".")[0], "")


def called(name: str, kind: str) -> str:
    """A module's name as a sentence has it: "fc1", but "ReLU 3" for the third of a Sequential."""
    return name if any(letter.isalpha() for letter in name) else f"{kind or 'module'} {name}".rstrip()


def attribute(name: str) -> str:
    """The code that reads a parameter or module: `model.net[0].weight`; `model` where that is not how it is read."""
    parts = name.split(".")
    if not all(part.isidentifier() or part.isdigit() for part in parts):
        return "model"
    return "model" + "".join(f"[{part}]" if part.isdigit() else f".{part}" for part in parts)


def weights(run: Run) -> Iterator[Weight]:
    """All of them, in registration order: of 1-D parameters ratios say little (biases begin at 0)."""
    for model in run.models:
        for parameter in model.parameters:
            if parameter.trainable and not parameter.tied_to and len(parameter.shape) > 1 and parameter.numel:
                yield Weight(full_name(run, model, parameter.name), model, parameter)


def ratios(run: Run) -> dict[int, float]:
    """Optimizer step -> median over layers of update / weight norm, in the order of the steps looked at."""
    return _medians(run, "update_ratio")


def _medians(run: Run, quantity: str) -> dict[int, float]:
    found: dict[int, list[float]] = {}
    for weight in weights(run):
        series = measured(run, quantity, weight.name)
        for step, value in zip(series.optimizer_steps, series.values, strict=True):
            if math.isfinite(value):
                found.setdefault(step, []).append(value)
    return {step: median(found[step]) for step in sorted(found)}


def gradient_norms(run: Run) -> dict[int, float]:
    """Optimizer step -> norm of all gradients together; inf where one is not finite."""
    found: dict[int, float] = {}
    for series in run.measures.get("gradient_norm", {}).values():
        for step, value in zip(series.optimizer_steps, series.values, strict=True):
            found[step] = found.get(step, 0.0) + (value * value if math.isfinite(value) else math.inf)
    return {step: math.sqrt(found[step]) for step in sorted(found)}


def at_full_rate(run: Run) -> dict[int, float]:
    """`ratios` without the first looks and without steps whose rate is low by schedule."""
    found = ratios(run)
    steps = list(found)[WARMING:]
    series = rates(run)
    known = [
        (step, rate)
        for step, rate in zip(series.optimizer_steps, series.values, strict=True)
        if math.isfinite(rate) and rate >= 0
    ]
    peak = max((rate for _, rate in known), default=0.0)
    if peak <= 0:
        return {step: found[step] for step in steps}
    kept = {}
    for step in steps:
        rate = next((rate for at, rate in reversed(known) if at <= step), known[0][1])
        if rate >= LOW_RATE * peak:
            kept[step] = found[step]
    return kept


def first_look(run: Run, kind: str, name: str) -> Distribution | None:
    """The first distribution of a thing if it was taken before the second optimizer step."""
    series = run.distributions.get(kind, {}).get(name)
    if series is None or not series.snapshots or (series.optimizer_steps and series.optimizer_steps[0] > 1):
        return None
    first = series.snapshots[0]
    return first if first.finite > 0 else None


def later(series: Series) -> list[float]:
    """The finite values of the later half of a series' looks."""
    values = [value for value in series.values if math.isfinite(value)]
    return values[len(values) // 2 :]
