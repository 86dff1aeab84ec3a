"""Steps that are too long or too short, by how far they move the weights.

Source: Karpathy, CS231n and makemore part 3: the ratio of update to weight should be about 1e-3. Small healthy networks
lie at 2e-3 to 3e-2, so that only more than 3e-2 counts as much, and only where training came out badly.
"""

from __future__ import annotations

import math
from statistics import median

from reportgen.blocks.finding import Finding, Where
from reportgen.blocks.table import Column, Table
from reportgen.blocks.wording import counted, named, number, percent
from reportgen.diagnose.reading.curves import curve
from reportgen.diagnose.reading.lacking import NO_LOSS, NO_OPTIMIZER
from reportgen.diagnose.reading.layers import (
    LOW_RATE,
    WARMING,
    Weight,
    at_full_rate,
    later,
    ratios,
    weights,
)
from reportgen.diagnose.reading.learning_rates import learning_rate, rate_change, rates, warming
from reportgen.diagnose.reading.outcome import Outcome, outcome
from reportgen.diagnose.reading.places import measured
from reportgen.diagnose.reading.training_loss import TrainingLoss
from reportgen.diagnose.rule import Rule, Unchecked
from reportgen.run.records import Model, Run

HIGH, LOW = 3e-2, 1e-5
# The other limit, where all steps in one and the same direction would move a layer by no more than this share of it.
LOW_IF_NOWHERE, NOWHERE = 1e-4, 0.05
# Without a word of the loss: ten times the centre of what is usual in small networks.
VERY_HIGH = 0.1
# A step that moves the weights by a third of their size leaves little of what they were; three of these are no start.
LEAP, LEAPS = 0.3, 3
# Looks, and steps that they lie over.
FEWEST_LOOKS, FEWEST_STEPS = 12, 20
FEWEST_LATE = 8
# Where a smaller learning rate is to bring the ratio: within what is usual, well below the limit.
AIM = 3e-3
LEAST_FACTOR, LEAST_IF_STUCK, LARGEST_FACTOR = 3, 10, 1000
FACTORS = (2, 5, 10, 20, 50, 100, 200, 500, 1000)
SMALL_DROP = 0.03
# The range of levels, as a share of the first one, within which a loss stays where it is.
SETTLED = 0.15
ROWS = 8
SOURCE = "Karpathy, CS231n: update / weight about 1e-3; 3e-2 from healthy small networks"


def _lacks(run: Run, found: dict[int, float]) -> Unchecked | None:
    if not any(model.optimizers for model in run.models):
        return NO_OPTIMIZER
    if len(found) < FEWEST_LOOKS or max(found) < FEWEST_STEPS:
        return Unchecked(
            f"Updates were looked at in {counted(len(found), 'step')}; {FEWEST_LOOKS} looks over {FEWEST_STEPS} steps "
            "are needed."
        )
    return None


def high(run: Run) -> list[Finding] | Unchecked:
    """Layers move by more than 3 % a step, and the loss rises, stays, or ends above its baseline."""
    found = ratios(run)
    lacking = _lacks(run, found)
    if lacking:
        return lacking
    result = outcome(run)
    steps = list(found)
    after = [found[step] for step in steps[WARMING:]]
    late = [step for step in steps if step >= steps[-1] / 2]
    usual = max(median(after), median(found[step] for step in late) if len(late) >= FEWEST_LATE else 0.0)
    leaps = [step for step in steps if found[step] > LEAP]
    failed = _failed(result)
    if _settled(run, result.loss):
        return []
    much = usual > HIGH and failed
    if len(leaps) >= LEAPS and result.mediocre and not (result.loss is not None and result.loss.good):
        return [_too_high(run, result, found, LEAP, leaps)]
    if result.bad and (much or usual > VERY_HIGH):
        window = steps[WARMING:] if median(after) >= usual else late
        first = next(k for k, step in enumerate(window) if found[step] > HIGH)
        return [_too_high(run, result, found, HIGH, window[first:], "lr_too_high" if failed else "update_ratio_high")]
    return []


def _failed(result: Outcome) -> bool:
    """Whether the training loss rose, did not fall, or ended no lower than without learning."""
    if result.loss is None:
        return result.learned is False
    return result.loss.above_baseline or not result.loss.falls


def _settled(run: Run, loss: TrainingLoss | None) -> bool:
    """Whether it is a single layer whose loss stays where it came to, lower than it began or than without learning.

    Such a problem has one minimum, and steps that are too long for it do not stay there. Weights that are best near 0
    are small, so that any step is long beside them.
    """
    if loss is None or loss.above_baseline or len(list(weights(run))) != 1:
        return False
    reached = loss.trend.levels[1:]
    lower = loss.baseline is not None or (loss.surely_falls and max(reached) < loss.trend.first)
    return lower and max(reached) - min(reached) < SETTLED * loss.trend.first


def _too_high(
    run: Run,
    result: Outcome,
    found: dict[int, float],
    limit: float,
    steps: list[int],
    name: str = "lr_too_high",
) -> Finding:
    """limit: LEAP of single steps, HIGH of the usual one. steps: that tell. The layer that moves most is quoted."""
    model = next(model for model in run.models if model.optimizers)
    loss = result.loss
    course = f" {loss.tag} went from {number(loss.trend.first)} to {number(loss.trend.last)}." if loss else ""
    leaps = limit == LEAP
    weight, moved, value = _fastest(run, frozenset(steps), leaps)
    usual = median(found[step] for step in steps)
    factor = _factor(usual, _failed(result))
    over = f"{number(limit)}, beyond which little is left of what a layer was" if leaps else number(limit)
    return Finding(
        id=name,
        tier="statistics",
        severity="warning",
        title=f"Steps are too long: an update moves {weight.called} by {'up to ' if leaps else ''}"
        f"{number(value * 100)} % of its size",
        why=f"{'At its most' if leaps else 'In the median of its steps'} a step changes {weight.name} by "
        f"{number(value)} of its norm, and the middle one of all layers by {number(usual)}; about 1e-3 is usual, and "
        f"up to {number(HIGH)} in small networks. "
        f"Such steps pass over the minimum instead of going down to it.{course}",
        fix=f"Divide the learning rate by {factor}, which makes such steps about {number(usual / factor)}, or warm it "
        "up over the first steps.",
        code=_rate(run, model, 1 / factor),
        where=Where(model=weight.model.name, module=weight.module, parameter=weight.name, step=steps[0]),
        value=f"update / weight {number(value)}",
        limit=number(limit),
        evidence=curve(
            "Update / weight",
            f"Of {named(weight.name, 60)}, the layer that moves most, at each step looked at; the limit is {over}.",
            {named(weight.name, 40): moved, "limit": dict.fromkeys((min(moved), max(moved)), limit)},
            log_y=True,
        ),
        source=SOURCE,
        since=steps[0],
    )


def _factor(ratio: float, stuck: bool) -> int:
    """The one of FACTORS that brings `ratio` nearest to AIM; at least 10 where the loss never fell."""
    wanted = min(max(ratio / AIM, LEAST_IF_STUCK if stuck else LEAST_FACTOR), LARGEST_FACTOR)
    return min(FACTORS, key=lambda each: abs(math.log(wanted / each)))


def _fastest(run: Run, steps: frozenset[int], leaps: bool) -> tuple[Weight, dict[int, float], float]:
    """The weight that moved most in `steps`, its ratio at all steps, and how far that was: at most, or the median."""
    moved: list[tuple[float, Weight, dict[int, float]]] = []
    for weight in weights(run):
        series = measured(run, "update_ratio", weight.name)
        known = {
            at: value for at, value in zip(series.optimizer_steps, series.values, strict=True) if math.isfinite(value)
        }
        told = [value for at, value in known.items() if at in steps]
        if told:
            moved.append((max(told) if leaps else median(told), weight, known))
    value, weight, known = max(moved, key=lambda each: each[0])
    return weight, known, value


def low(run: Run) -> list[Finding] | Unchecked:
    """Layers move by less than 1e-5 a step at full learning rate, and the loss fell by less than 3 %.

    Less than 1e-4 where all steps together could move them by no more than 5 %.
    """
    lacking = _lacks(run, ratios(run))
    if lacking:
        return lacking
    found = at_full_rate(run)
    result = outcome(run)
    loss = result.loss
    if loss is None:
        return NO_LOSS
    value = median(found.values()) if found else 0.0
    # Steps that may still be usual late in a long run are short where all of them together lead nowhere.
    way = value * max(ratios(run))
    limit = LOW_IF_NOWHERE if way < NOWHERE and not warming(run) else LOW
    # Layers that did move, and then stood still, were stopped by something else.
    if (
        not 0 < value < limit
        or max(ratios(run).values()) > (100 * LOW if limit == LOW else 10 * limit)
        or _fell(loss)
        or not result.bad
        or _decays_away(run)
    ):
        return []
    model = next(model for model in run.models if model.optimizers)
    layers = _by_layer(run)
    everywhere = bool(layers) and max(ratio for _, ratio in layers) < 10 * (LOW if value < LOW else limit)
    rate = learning_rate(model)
    return [
        Finding(
            id="lr_too_low" if everywhere else "update_ratio_low",
            tier="statistics",
            severity="warning",
            title=f"Steps are too short: an update moves the weights by {number(value)} of their size",
            why=f"In the median of layers and steps one step changes a layer by {number(value)} of its norm; about "
            f"1e-3 is usual. All {counted(max(ratios(run)), 'step')} in one direction would move it by "
            f"{percent(way)}. {loss.tag} went from {number(loss.trend.first)} to {number(loss.trend.last)}.",
            fix="Multiply the learning rate by 10, again and again, until the loss falls."
            if everywhere
            else "Some layers hardly move: look at their gradients, and at the learning rate of their group.",
            code=_rate(run, model, 100 if rate and value < 10 * LOW / 3 else 10) if everywhere else "",
            where=Where(model=model.name),
            value=f"update / weight {number(value)}",
            limit=number(limit),
            evidence=_table(layers),
            source=SOURCE,
        )
    ]


def _fell(loss: TrainingLoss) -> bool:
    """Whether the loss fell by more than short steps may make it: 3 %, and beyond its noise."""
    return loss.trend.share >= SMALL_DROP and loss.trend.sigmas >= 2


def _decays_away(run: Run) -> bool:
    """Whether the schedule takes the learning rate away for most of the run, which is another fault."""
    values = list(rates(run).values)
    return bool(values) and median(values) < LOW_RATE * max(values) and values[-1] < LOW_RATE * max(values)


def _by_layer(run: Run) -> list[tuple[Weight, float]]:
    found = [(weight, later(measured(run, "update_ratio", weight.name))) for weight in weights(run)]
    return [(weight, median(values)) for weight, values in found if values]


def _table(layers: list[tuple[Weight, float]]) -> Table:
    rows = sorted(layers, key=lambda each: each[1])[:ROWS]
    return Table(
        columns=(Column("weight", "code"), Column("update / weight", "number")),
        rows=tuple((weight.name, ratio) for weight, ratio in rows),
        total=len(layers),
        caption="Median of the later half of the steps looked at.",
    )


def _rate(run: Run, model: Model, factor: float) -> str:
    rate = learning_rate(model)
    return rate_change(max((value for value in rates(run).values if value > 0), default=rate), factor)


RULES = (
    Rule("lr_too_high", "Steps are not too long", "statistics", high, ids=("update_ratio_high",), course=True),
    Rule("lr_too_low", "Steps are not too short", "statistics", low, ids=("update_ratio_low",)),
)
