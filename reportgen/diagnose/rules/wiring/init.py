"""Weights whose first values keep units alike, and embeddings that are mostly unused.

Source: Goodfellow, Bengio and Courville, Deep Learning, 8.4 (initial parameters have to break the symmetry between
units); SageMaker Debugger's AllZero. Exact for the weights looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from reportgen.blocks.finding import Finding, Where
from reportgen.blocks.table import Column, Table
from reportgen.blocks.wording import count, counted, listed, percent
from reportgen.diagnose.reading.modules import WEIGHTED, weights
from reportgen.diagnose.reading.places import measured, module_of
from reportgen.diagnose.rule import Judgement, NotApplicable, Rule, Unchecked
from reportgen.run.distribution import Distribution, DistributionSeries
from reportgen.run.records import Model, Run

# The share of a layer's units that equal another one.
ALIKE = 0.5
# Optimizer steps after which a weight that is still 0 will stay so.
STEPS = 10
# Rows of an embedding ever looked up: fewer are a vocabulary ten times as large as its use.
USED = 0.1
FEWEST_LOOKS = 3
ROWS = 8
UNWATCHED = Unchecked("No weights were recorded: call report.watch(model, optimizer).")
NO_LAYER = NotApplicable("No layer with several units is trained.")
SOURCE = "exact: rows of each weight compared; Deep Learning (Goodfellow et al.), 8.4"


@dataclass(frozen=True, slots=True)
class _Weight:
    """A weight of a layer with several units: its name in records, its module, its snapshots, how many units are alike.

    last: None where only the first look is there.
    """

    model: Model
    name: str
    module: str
    series: DistributionSeries | None
    first: float
    last: float | None

    @property
    def begins(self) -> Distribution | None:
        return self.series.snapshots[0] if self.series is not None and self.series.snapshots else None

    @property
    def constant(self) -> bool:
        """Whether all its numbers were the same at first."""
        begins = self.begins
        return begins is not None and begins.finite > 1 and begins.minimum == begins.maximum

    @property
    def zero(self) -> bool:
        """Whether all its numbers were 0 at first."""
        return self.begins is not None and _is_zero(self.begins)


def _is_zero(snapshot: Distribution) -> bool:
    return snapshot.count > 1 and snapshot.zeros == snapshot.count


def _weights(run: Run) -> list[_Weight]:
    found = []
    for model, parameter, name, kind in weights(run):
        if kind in WEIGHTED and parameter.shape[0] > 1:
            alike = measured(run, "identical_units", name).values
            series = run.distributions.get("weight", {}).get(name)
            first, last = alike[0] if alike else 0.0, alike[-1] if len(alike) > 1 else None
            found.append(_Weight(model, name, module_of(parameter.name), series, first, last))
    return found


def symmetric_units(run: Run) -> Judgement:
    """Units of a layer have the same weights, and training cannot tell them apart."""
    known = _weights(run)
    if not known or "identical_units" not in run.measures:
        return NO_LAYER if run.models and not known else UNWATCHED
    found = []
    for model in run.models:
        own = [weight for weight in known if weight.model is model]
        still = [w for w in own if w.first > ALIKE and w.last is not None and w.last > ALIKE and _moves(run, w)]
        begun = [
            weight
            for weight, following in pairwise(own)
            if weight.last is None and weight.constant and not weight.zero and following.constant
        ]
        if still or begun:
            found.append(_alike(model, still or begun, bool(still)))
    return found


def _moves(run: Run, weight: _Weight) -> bool:
    return any(value > 0 for value in measured(run, "update_ratio", weight.name).values)


def _alike(model: Model, alike: list[_Weight], still: bool) -> Finding:
    modules = list(dict.fromkeys(weight.module or model.name for weight in alike))
    worst = alike[0]
    return Finding(
        id="symmetric_units",
        tier="fact",
        severity="error" if still else "warning",
        title=f"{percent(worst.first)} of the units of {modules[0]} equal another one"
        + (", and training did not tell them apart" if still else ": all its weights begin alike"),
        why=f"Units with the same weights in and out get the same gradients, so they stay the same for good: "
        f"{listed(modules)} can compute no more than a layer of "
        f"{'as many units as differ' if still else 'one unit'}.",
        fix="Leave torch's own initialisation, or draw weights at random (kaiming_uniform_, xavier_uniform_). Biases "
        "alone may begin at 0.",
        code=f"- nn.init.constant_(model.{modules[0]}.weight, value)\n"
        f"+ nn.init.kaiming_uniform_(model.{modules[0]}.weight)"
        if modules[0].isidentifier()
        else "- nn.init.constant_(layer.weight, value)\n+ nn.init.kaiming_uniform_(layer.weight)",
        where=Where(model=model.name, module=modules[0], parameter=worst.name, step=0),
        value=percent(worst.last if worst.last is not None else worst.first),
        limit=f"at most {percent(ALIKE)}",
        evidence=Table(
            columns=(Column("weight", "code"), Column("units alike at first", "percent"), Column("at last", "percent")),
            rows=tuple((weight.name, weight.first, weight.last) for weight in alike[:ROWS]),
            total=len(alike),
        ),
        source=SOURCE,
    )


def zero_weights(run: Run) -> Judgement:
    """A weight begins with nothing but zeros: one that stays so teaches nothing to what is before it."""
    layers = _weights(run)
    known = [weight for weight in layers if weight.begins is not None]
    if not known:
        return NO_LAYER if run.models and not layers else UNWATCHED
    found = []
    for model in run.models:
        zero = [weight for weight in known if weight.model is model and weight.zero]
        stay = [weight for weight in zero if _stays(weight)]
        if zero:
            found.append(_zero(model, zero, stay))
    return found


def _stays(weight: _Weight) -> bool:
    series = weight.series
    return series is not None and series.steps[-1] >= STEPS and all(map(_is_zero, series.snapshots))


def _zero(model: Model, zero: list[_Weight], stay: list[_Weight]) -> Finding:
    shown = stay or zero
    modules = list(dict.fromkeys(weight.module or model.name for weight in shown))
    one = len(modules) == 1
    return Finding(
        id="zero_weights",
        tier="fact",
        severity="warning" if stay else "info",
        title=f"All weights of {listed(modules)} {'are 0 and stay 0' if stay else 'begin at 0'}",
        why="Where the weights in and out of a unit are 0, its gradients are 0 as well, so no step changes them: "
        f"{'this layer' if one else 'these layers'} and what is before it learn nothing."
        if stay
        else "They moved away from 0, as the last layer of a network or of a residual branch does that is meant to "
        "begin with no effect.",
        fix="Leave torch's own initialisation, or draw weights at random. Biases alone may begin at 0."
        if stay
        else "Nothing to do, if it is meant.",
        code="- nn.init.zeros_(layer.weight)\n+ nn.init.kaiming_uniform_(layer.weight)" if stay else "",
        where=Where(model=model.name, module=modules[0], parameter=shown[0].name, step=0),
        value=counted(len(shown), "weight"),
        limit="0",
        evidence=Table(
            columns=(Column("weight", "code"), Column("looks", "count"), Column("not 0 in the last", "percent")),
            rows=tuple((weight.name, *_last(weight)) for weight in shown[:ROWS]),
            total=len(shown),
        ),
        source="SageMaker Debugger, rule AllZero; exact for the weights sampled",
    )


def _last(weight: _Weight) -> tuple[int, float | None]:
    series = weight.series
    if series is None or not series.snapshots:
        return 0, None
    last = series.snapshots[-1]
    return len(series.snapshots), 1 - last.zeros / last.count if last.count else None


def dead_embedding_rows(run: Run) -> Judgement:
    """Most rows of an embedding are never looked up."""
    if not run.models:
        return UNWATCHED
    seen = {name: series for name, series in run.measures.get("seen_rows", {}).items() if len(series) >= FEWEST_LOOKS}
    if not seen:
        return _without_rows(run)
    unused = [name for name, series in seen.items() if series.last < USED]
    if not unused:
        return []
    share = seen[unused[0]].last
    return [
        Finding(
            id="dead_embedding_rows",
            tier="fact",
            severity="info",
            title=f"{percent(1 - share)} of the rows of {unused[0]} were not looked up in any forward looked at",
            why=f"In {counted(len(seen[unused[0]]), 'training forward')} looked at, {percent(share)} of its rows were "
            "used. The others keep their first values and cost memory; a vocabulary that does not belong to the data "
            "looks the same.",
            fix="Make num_embeddings the number of different tokens of the data, and check the tokenizer.",
            code="",
            where=Where(module=unused[0]),
            value=percent(share),
            limit=f"at least {percent(USED)}",
            evidence=Table(
                columns=(Column("embedding", "code"), Column("rows used", "percent"), Column("forwards", "count")),
                rows=tuple((name, seen[name].last, len(seen[name])) for name in unused[:ROWS]),
                total=len(unused),
                caption=f"Of {count(len(seen))} in all; padding is not counted.",
            ),
            source="exact for the forwards looked at",
        )
    ]


def _without_rows(run: Run) -> Judgement:
    """Why rows cannot be judged: there is no embedding, or it was hardly looked at."""
    if not run.measures.get("seen_rows") and not any("Embedding" in k for m in run.models for k in m.modules.values()):
        return NotApplicable("No embedding is used.")
    return Unchecked(f"Embeddings were looked at in fewer than {FEWEST_LOOKS} training forwards.")


RULES = (
    Rule("symmetric_units", "Units of a layer differ", "fact", symmetric_units),
    Rule("zero_weights", "No weight is 0 throughout", "fact", zero_weights),
    Rule("dead_embedding_rows", "Embeddings are used", "fact", dead_embedding_rows),
)
