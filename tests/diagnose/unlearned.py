"""Runs that learned nothing, or too little, and how to change what was measured of them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from reportgen.blocks import Finding
from reportgen.diagnose import RULES, NotApplicable, Unchecked
from reportgen.diagnose.rule import found
from reportgen.run.records import Run
from reportgen.run.series import Series
from reportgen.testing import fake_run
from reportgen.testing.run import series_of

STEPS = 450


def flat_loss(level: float = 2.3, noise: float = 0.05, steps: int = STEPS, seed: int = 0) -> list[float]:
    return (level + noise * np.random.default_rng(seed).normal(size=steps)).tolist()


def falling_loss(start: float = 2.3, end: float = 0.1, noise: float = 0.05, steps: int = STEPS) -> list[float]:
    drawn = np.random.default_rng(1).normal(size=steps)
    return ((end + (start - end) * np.exp(-np.arange(steps) / (0.1 * steps))) * np.exp(noise * drawn)).tolist()


def unlearned(scalars: Mapping[str, Sequence[float] | Series] | None = None, **fields: Any) -> Run:
    """A classifier of ten classes whose loss stays at log 10; no predictions."""
    return fake_run(scalars={"train/loss": flat_loss()} if scalars is None else scalars, predictions=(), **fields)


def measuring(run: Run, quantity: str, change: Callable[[str, Series], Sequence[float] | Series | None]) -> Run:
    """`run` with other values of a measure: `change(name, series)`; None leaves a series as it is."""
    group = {}
    for name, series in run.measures.get(quantity, {}).items():
        values = change(name, series)
        given = series if values is None else values
        group[name] = given if isinstance(given, Series) else series_of(list(given), list(series.optimizer_steps))
    return dataclasses.replace(run, measures={**run.measures, quantity: group})


def with_measure(run: Run, quantity: str, series: Mapping[str, Series]) -> Run:
    return dataclasses.replace(run, measures={**run.measures, quantity: dict(series)})


def constant(value: float) -> Callable[[str, Series], Sequence[float]]:
    return lambda name, series: [value] * len(series)


def judged(run: Run, rule: str) -> list[Finding]:
    """What one rule finds, without folding; nothing where it does not apply."""
    judgement = next(one for one in RULES if one.id == rule).judge(run)
    assert not isinstance(judgement, Unchecked), judgement.why
    return list(found(judgement))


def why_not(run: Run, rule: str) -> str:
    """Why a rule does not apply; "" where it passes."""
    judgement = next(one for one in RULES if one.id == rule).judge(run)
    assert isinstance(judgement, NotApplicable) or (not isinstance(judgement, Unchecked) and not list(judgement)), (
        judgement
    )
    return judgement.why if isinstance(judgement, NotApplicable) else ""


def unchecked(run: Run, rule: str) -> str:
    judgement = next(one for one in RULES if one.id == rule).judge(run)
    assert isinstance(judgement, Unchecked), judgement
    return judgement.why


LOG_10 = math.log(10)
