"""Gradients whose norm is cut to the same number at every step.

Source: Google's Deep Learning Tuning Playbook: where more than half of all updates are clipped, lower the learning
rate.
"""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import median

from reportgen.blocks.charts import LineChart
from reportgen.blocks.finding import Finding, Where
from reportgen.blocks.wording import code_number, count, counted, number, percent
from reportgen.diagnose.reading.curves import curve
from reportgen.diagnose.reading.outcome import outcome
from reportgen.diagnose.reading.places import full_name, measured
from reportgen.diagnose.rule import Judgement, NotApplicable, Rule, Unchecked
from reportgen.run.records import Model, Run

# Looks before a norm may be called constant, the share of them, and how near to each other they are.
FEWEST = 20
SHARE = 0.9
NEAR = 1e-3
# Norms that are all the largest one, from which on that is no chance.
CUT = 3
NO_CLIPPING = NotApplicable("No gradient was seen to be clipped: its norm differs from step to step.")
SOURCE = "Google, Deep Learning Tuning Playbook: gradient clipping; torch.nn.utils.clip_grad_norm_"


def total_norms(run: Run, model: Model) -> dict[int, float]:
    """Step -> norm of all gradients of a model together, of the steps at which most of its parameters were looked
    at."""
    squares: dict[int, float] = {}
    amounts: dict[int, int] = {}
    for parameter in model.parameters:
        series = measured(run, "gradient_norm", full_name(run, model, parameter.name))
        for step, value in zip(series.steps, series.values, strict=True):
            if not parameter.tied_to and math.isfinite(value):
                squares[step] = squares.get(step, 0.0) + value * value
                amounts[step] = amounts.get(step, 0) + 1
    most = max(amounts.values(), default=0)
    return {step: math.sqrt(squares[step]) for step in sorted(squares) if amounts[step] == most}


def _cut(norms: dict[int, float]) -> bool:
    """Whether several of the norms are the largest one, or half of them the middle one, as only clipping makes them."""
    most, middle = max(norms.values()), median(norms.values())
    alike = [sum(math.isclose(value, one, rel_tol=NEAR) for value in norms.values()) for one in (most, middle)]
    return middle > 0 and (alike[0] >= CUT or 2 * alike[1] >= len(norms))


def grad_clip_always_active(run: Run) -> Judgement:
    """The total norm of the gradient is the same constant at almost every step."""
    known = {model.name: norms for model in run.models if len(norms := total_norms(run, model)) > 2}
    constant = {}
    for name, norms in known.items():
        middle = median(norms.values())
        near = sum(math.isclose(value, middle, rel_tol=NEAR) for value in norms.values())
        if middle > 0 and near >= SHARE * len(norms):
            constant[name] = (middle, near)
    # A few that differ tell enough; a few that are alike do not.
    few = min((len(known[name]) for name in constant), default=0)
    if not known or 0 < few < FEWEST:
        return Unchecked(
            f"Gradients were looked at in {counted(few, 'step')}; {FEWEST} are needed: call "
            "report.watch(model, optimizer) before training."
        )
    if not constant:
        return [] if any(map(_cut, known.values())) else NO_CLIPPING
    result = outcome(run)
    if result.fine:
        middle, near = next(iter(constant.values()))
        return NotApplicable(f"The gradient's norm was {number(middle)} in {counted(near, 'step')}, {result.ended}.")
    return [_clipped(run, name, known[name], *found) for name, found in constant.items()]


def _clipped(run: Run, model: str, norms: dict[int, float], middle: float, near: int) -> Finding:
    came = outcome(run)
    return Finding(
        id="grad_clip_always_active",
        tier="statistics",
        severity="warning" if came.bad else "info",
        title=f"The gradient's norm is {number(middle)} in {percent(near / len(norms))} of the steps looked at: "
        "clipping is always active",
        why=f"In {count(near)} of {counted(len(norms), 'step')} the norm of all gradients together was cut to the same "
        "number. Then steps are as long for a small gradient as for a large one, and the learning rate means another "
        f"thing.{' ' + came.why if came.bad else ''}",
        fix="Raise max_norm to what the norm is without clipping in 9 of 10 steps (clip_grad_norm_ returns it), so "
        "that it holds back outliers only.",
        code=f"- clip_grad_norm_(model.parameters(), {code_number(middle)})\n"
        f"+ clip_grad_norm_(model.parameters(), {code_number(max(1.0, 10 * middle))})",
        where=Where(model=model, step=next(iter(norms))),
        value=f"{percent(near / len(norms))} of {counted(len(norms), 'look')} within {percent(NEAR)}",
        limit=percent(SHARE),
        evidence=_chart(norms, middle),
        source=SOURCE,
    )


def _chart(norms: dict[int, float], middle: float) -> LineChart:
    caption = f"The median is {number(middle)}; what an optimizer's step is given, after clipping."
    # The norms are by the steps of the run, as series have them.
    return replace(curve("norm of all gradients", caption, {"gradient norm": norms}), x_label="step")


RULES = (Rule("grad_clip_always_active", "Clipping holds back outliers only", "statistics", grad_clip_always_active),)
