"""Units that say the same whatever goes in, or the same as others.

Sources: Cockpit (NeurIPS 2021) and fastai's activation statistics.
"""

from __future__ import annotations

from reportgen.blocks.finding import Finding, Where
from reportgen.blocks.wording import counted, percent
from reportgen.diagnose.reading.layers import weights
from reportgen.diagnose.reading.learning_rates import slower
from reportgen.diagnose.reading.outcome import Outcome, outcome
from reportgen.diagnose.reading.places import full_name, measured
from reportgen.diagnose.reading.units import FROM_START, Module, looked, over, shares_chart, unlooked
from reportgen.diagnose.rule import Judgement, NotApplicable, Rule
from reportgen.run.records import Run

CONSTANT, ALIKE = 0.9, 0.5


def constant(run: Run) -> Judgement:
    """Nine in ten units of a hidden layer give the same for all samples of a batch, from the start."""
    if not looked(run):
        return unlooked(run)
    found = [each for each in _hidden(run, over(run, "constant_units", CONSTANT)) if each.start > FROM_START]
    result = outcome(run)
    if found and not result.untrained:
        return _spared(found, result)
    return [_constant(run, found, "dead_channels")] if found else []


def _spared(found: list[Module], result: Outcome) -> NotApplicable:
    """Of units that are all alike in a run that needs no advice."""
    worst = max(found, key=lambda each: each.share)
    said = f"{percent(worst.share)} of the units of {worst.called} give the same for all samples"
    return NotApplicable(f"{said}, {result.ended} in training.")


def collapsed(run: Run) -> Judgement:
    """The units of a hidden layer became constant, or all alike, in the course of training."""
    if not looked(run) and not run.measures.get("identical_units"):
        return unlooked(run)
    found = [each for each in _hidden(run, over(run, "constant_units", CONSTANT)) if each.start <= FROM_START]
    result = outcome(run)
    if found:
        return [_constant(run, found, "rank_collapse")] if result.untrained else _spared(found, result)
    for weight in weights(run):
        series = measured(run, "identical_units", weight.name)
        if len(series) > 1 and series.values[0] < 0.1 and series.last > ALIKE:
            if not result.untrained:
                said = f"{percent(series.last)} of the units of {weight.called} have become copies of others"
                return NotApplicable(f"{said}, {result.ended} in training.")
            return [
                Finding(
                    id="rank_collapse",
                    tier="statistics",
                    severity="warning",
                    title=f"{percent(series.last)} of the units of {weight.called} have become copies of others",
                    why=f"At the first look {percent(series.values[0])} of the rows of {weight.name} equalled an "
                    "earlier one exactly; at the last far more do, and such units get the same gradients for ever.",
                    fix="Lower the learning rate or the weight decay, and begin anew.",
                    code=slower(run),
                    where=Where(model=weight.model.name, module=weight.module, parameter=weight.name),
                    value=percent(series.last),
                    limit=percent(ALIKE),
                    source="exact equality of rows; Cockpit and fastai look at the same",
                    since=series.optimizer_steps[-1],
                )
            ]
    return []


def _hidden(run: Run, found: list[Module]) -> list[Module]:
    """Without what gives the output (its being constant is an outcome) and without tables of places."""
    last = {weight.module for weight in list(weights(run))[-1:]} | {
        full_name(run, model, list(model.modules)[-1]) for model in run.models if model.modules
    }
    return [
        each
        for each in found
        if each.name not in last
        and (each.model is None or "mbedding" not in each.model.modules.get(each.name.rpartition("/")[2], ""))
    ]


def _constant(run: Run, found: list[Module], name: str) -> Finding:
    first = found[0]
    start = name == "dead_channels"
    return Finding(
        id=name,
        tier="statistics",
        severity="warning",
        title=f"{percent(first.share)} of the units of {first.called} give the same whatever goes in",
        why="Over the samples of a batch they vary by less than 1e-6 of their size, "
        + (
            "from the first step on"
            if start
            else f"which they did not at the first step ({percent(first.start)}, now {percent(first.share)})"
        )
        + (f"; {counted(len(found) - 1, 'later layer')} likewise. " if len(found) > 1 else ". ")
        + "What comes after cannot tell the samples apart.",
        fix="Look at what this layer is given and how it begins: a norm over a single number, inputs that are all "
        "equal, or weights that shrink what goes through."
        if start
        else "Lower the learning rate, or begin with another scale of weights; a norm or skip connections keep layers "
        "apart.",
        code="" if start else slower(run),
        where=Where(model=first.model.name if first.model else "", module=first.name, step=first.since(CONSTANT)),
        value=percent(first.share),
        share=first.share,
        limit=percent(CONSTANT),
        evidence=shares_chart(found, "constant", CONSTANT),
        source="Cockpit, fastai: units whose output does not vary over a batch",
        since=first.since(CONSTANT),
    )


RULES = (
    Rule("dead_channels", "Hidden units vary with what goes in", "statistics", constant),
    Rule("rank_collapse", "Hidden units stay different", "statistics", collapsed),
)
