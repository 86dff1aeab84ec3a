"""Weight decay that takes the weights away faster than the loss can hold them.

Source: without gradients a weight shrinks by exp(-sum of rate x decay), so that 3 leaves 5 % of it.
"""

from __future__ import annotations

import math
from statistics import median

from reportgen.blocks.finding import Finding, Where
from reportgen.blocks.table import Column, Table
from reportgen.blocks.wording import code_number, named, number, percent
from reportgen.diagnose.reading.decay import decay_of, decays
from reportgen.diagnose.reading.lacking import NO_DECAY, NO_OPTIMIZER
from reportgen.diagnose.reading.layers import Weight, weights
from reportgen.diagnose.reading.learning_rates import learning_rate, rates
from reportgen.diagnose.reading.outcome import outcome
from reportgen.diagnose.reading.places import measured
from reportgen.diagnose.rule import Judgement, NotApplicable, Rule
from reportgen.run.records import Model, Run

FALL, PRODUCT = 0.8, 3.0
# The product alone says what would be without gradients: the weights must show it.
FALL_BY_PRODUCT = 0.5
ROWS = 8


def weight_decay_too_high(run: Run) -> Judgement:
    """Weight norms fell by more than 80 %, or rate x decay x steps is above 3 and they halved; nothing was learned."""
    if not any(model.optimizers for model in run.models):
        return NO_OPTIMIZER
    if not decays(run):
        return NO_DECAY
    result = outcome(run)
    for model in run.models:
        decay = decay_of(model)
        falls = _falls(run, model)
        if decay <= 0 or not falls:
            continue
        fall, product = median(share for _, share in falls), _product(run, model, decay)
        if fall > FALL or (product > PRODUCT and fall > FALL_BY_PRODUCT):
            if not result.untrained:
                return NotApplicable(f"Weights lost {percent(fall)} of their norm, {result.ended} in training.")
            return [_finding(model, decay, fall, product, falls)]
    return []


def _falls(run: Run, model: Model) -> list[tuple[Weight, float]]:
    """By which share the norm of each weight fell from its first look to its last."""
    found = []
    for weight in weights(run):
        values = [v for v in measured(run, "weight_norm", weight.name).values if math.isfinite(v)]
        if weight.model is model and len(values) > 1 and values[0] > 0:
            found.append((weight, 1 - values[-1] / values[0]))
    return found


def _product(run: Run, model: Model, decay: float) -> float:
    steps = max(
        (series.optimizer_steps[-1] for series in run.measures.get("weight_norm", {}).values() if len(series)),
        default=0,
    )
    known = [rate for rate in rates(run).values if rate >= 0]
    rate = median(known) if known else learning_rate(model) or 0.0
    return rate * decay * steps


def _finding(model: Model, decay: float, fall: float, product: float, falls: list[tuple[Weight, float]]) -> Finding:
    return Finding(
        id="weight_decay_too_high",
        tier="statistics",
        severity="warning",
        title=f"Weight decay of {number(decay)} takes the weights away: their norms fell by {percent(fall)}",
        why=f"Learning rate × weight decay × steps is {number(product)}: without gradients "
        f"{percent(math.exp(-product))} of a weight would be left. "
        "The loss cannot hold against it, so what is learned is lost again.",
        fix="Lower the weight decay, and leave biases and norms out of it.",
        code=f"- weight_decay={code_number(decay)}\n+ weight_decay={code_number(decay / 100)}",
        where=Where(model=model.name),
        value=f"norms down {percent(fall)}",
        limit=percent(FALL if fall > FALL else FALL_BY_PRODUCT),
        evidence=Table(
            columns=(Column("weight", "code"), Column("norm fell by", "percent")),
            rows=tuple((named(weight.name, 60), max(share, 0.0)) for weight, share in falls[:ROWS]),
            total=len(falls),
            caption="From the first step looked at to the last.",
        ),
        source="new: exp(-rate × decay × steps) is what decay alone leaves",
    )


RULES = (
    Rule("weight_decay_too_high", "Weight decay leaves the weights their size", "statistics", weight_decay_too_high),
)
