"""Outputs that cannot reach the targets: what an activation at the end cuts off.

Source: the idea is UMLAUT's "final layer has an activation" (Schoop et al., CHI 2021), told here by the range of
outputs and targets as seen, and by the operation that makes the outputs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from statistics import fmean, pstdev

from reportgen.blocks.finding import Finding, Where
from reportgen.blocks.wording import number, percent
from reportgen.diagnose.reading.criteria import DISTANCES
from reportgen.diagnose.reading.flow import made_by
from reportgen.diagnose.reading.lacking import NO_CRITERION, unseen
from reportgen.diagnose.reading.outcome import outcome
from reportgen.diagnose.rule import Judgement, NotApplicable, Rule, Unchecked
from reportgen.diagnose.rules.loss.criterion import called, facts_table
from reportgen.run.evidence import LossUse, TensorFacts
from reportgen.run.records import Run

# What an operation can give.
RANGES: Mapping[str, tuple[float, float]] = {
    "relu": (0.0, math.inf),
    "relu6": (0.0, 6.0),
    "softplus": (0.0, math.inf),
    "exp": (0.0, math.inf),
    "sigmoid": (0.0, 1.0),
    "hardsigmoid": (0.0, 1.0),
    "softmax": (0.0, 1.0),
    "tanh": (-1.0, 1.0),
    "hardtanh": (-1.0, 1.0),
    "softsign": (-1.0, 1.0),
    "logsigmoid": (-math.inf, 0.0),
}
LOGITS = ("cross_entropy", "binary_cross_entropy_with_logits")
# Share of logits that are exactly 0, none of which is below it.
CUT = 0.2
# By how much of their deviation targets have to leave the range.
BEYOND = 0.1
FEWEST_LOOKS = 3
# The share of probabilities that are exactly 0 or 1 from which on it is no rounding; what a sigmoid rounds so in
# float32 lies below the one or above the other. A wrong one costs LIMITED, any other near 1 at most UNCUT.
BOUND = 0.1
ZERO_FROM, ONE_FROM = -87.0, 16.0
LIMITED, UNCUT = 100.0, 16.7
# A mean loss that is no matter of being unsure: saying one half costs 0.69.
DEAR = 2.0
FEWEST_POINTS = 20
NO_SUCH_LOSS = NotApplicable("No loss was seen that takes logits, or compares outputs with numbers.")
SOURCE = "exact: ranges of outputs and targets; after UMLAUT's check of the final layer's activation"


@dataclass(frozen=True, slots=True)
class _Ends:
    """A loss, the operation that made its input ("" if unknown), the module that this is, and what it can give."""

    use: LossUse
    operation: str
    module: str
    low: float
    high: float


def _ends(run: Run) -> Iterator[_Ends]:
    for use in run.evidence.losses:
        facts = use.input
        if facts.minimum is None or facts.maximum is None or facts.looks < 1:
            continue
        operation, module = made_by(run, use.model, facts)
        low, high = RANGES.get(operation, (-math.inf, math.inf))
        if facts.minimum < low - 1e-4 or facts.maximum > high + 1e-4:
            continue  # the loss is given something else
        yield _Ends(use, operation, module, low, high)


def _lacks(run: Run, *kinds: str) -> Unchecked | NotApplicable | None:
    """Why outputs cannot be judged: no loss is of `kinds`, or what these were given was not looked at."""
    own = [use for use in run.evidence.losses if use.kind in kinds]
    if not own:
        return NO_SUCH_LOSS
    return None if any(use.input.minimum is not None for use in own) else unseen(run, "The input of the loss")


def relu_on_output(run: Run) -> Judgement:
    """A ReLU cuts the outputs at 0. Where the operation is not known, the outcome has to be bad as well."""
    if not run.evidence.losses:
        return NO_CRITERION
    lacking = _lacks(run, *LOGITS, *DISTANCES)
    if lacking:
        return lacking
    bad = outcome(run).bad
    for one in _ends(run):
        facts, target = one.use.input, target_of(run, one.use)
        known = one.operation in ("relu", "relu6")
        if facts.minimum != 0 or not facts.zeros or one.use.input.rows_sum_to_one or (one.operation and not known):
            continue
        enough = known or (bad and facts.looks >= FEWEST_LOOKS)
        if one.use.kind in LOGITS and facts.zeros > CUT and enough:
            return [_cut(run, one, None, known)]
        if one.use.kind in DISTANCES and enough and _misses(target, 0.0, math.inf):
            return [_cut(run, one, target, known)]
    return []


def target_of(run: Run, use: LossUse) -> TensorFacts | None:
    """What is known of the targets: as the loss got them, else as the data holds them, or as they were predicted."""
    if use.target is not None:
        return use.target
    if len([one for one in run.evidence.losses if one.model == use.model]) > 1 or len(run.models) > 1:
        return None  # they may be those of another loss
    for split in run.evidence.splits("train"):
        if split.target is not None and split.targets in ("numbers", "several"):
            one = split.target
            return TensorFacts(
                minimum=one.minimum, maximum=one.maximum, mean=one.mean, deviation=one.deviation, distinct=one.distinct
            )
    for given in reversed(run.predictions):
        if given.task == "regression" and len(given.points) >= FEWEST_POINTS:
            truths = [truth for truth, _ in given.points if math.isfinite(truth)]
            if truths:
                return TensorFacts(
                    minimum=min(truths), maximum=max(truths), mean=fmean(truths), deviation=pstdev(truths)
                )
    return None


def _misses(target: TensorFacts | None, low: float, high: float) -> bool:
    """Whether targets lie clearly outside."""
    if target is None or target.minimum is None or target.maximum is None:
        return False
    slack = BEYOND * (target.deviation or 0.0)
    return target.minimum < low - max(slack, 1e-6) or target.maximum > high + max(slack, 1e-6)


def _far(target: TensorFacts, low: float, high: float) -> bool:
    """Whether many targets lie outside: those a deviation from their mean, as standardised ones are beyond a tanh."""
    mean, deviation = target.mean or 0.0, (1 + BEYOND) * (target.deviation or 0.0)
    return mean - deviation < low or mean + deviation > high


def _level(run: Run, far: bool, known: bool) -> str:
    """How bad: an error where what gives the outputs is known, and many targets are out of reach."""
    if far:
        return "error" if known else "warning"
    return "warning" if outcome(run).bad else "info"


def _cut(run: Run, one: _Ends, target: TensorFacts | None, known: bool) -> Finding:
    facts = one.use.input
    logits = one.use.kind in LOGITS
    limit = "logits of any sign" if logits else f"targets from {number(target.minimum or 0.0) if target else 'below 0'}"
    return Finding(
        id="relu_on_output",
        tier="fact" if known else "statistics",
        severity=_level(run, target is None or _far(target, 0.0, math.inf), known),
        title=f"The outputs of {one.use.model} are cut at 0: {percent(facts.zeros)} of them are exactly 0",
        why=f"No output is below 0{', since the last operation is a ReLU' if known else ''}. "
        + (
            f"{called(one.use)} expects logits of any sign: where a class's output is 0, no gradient flows back."
            if logits
            else f"Targets are as low as {number(target.minimum or 0.0) if target else ''}: these are out of reach, "
            "and no gradient flows back where an output is 0."
        ),
        fix="Leave out the activation after the last layer.",
        code="- return torch.relu(self.last(x))\n+ return self.last(x)",
        where=Where(model=one.use.model, module=one.module),
        value=f"least output {number(facts.minimum or 0.0)}",
        limit=limit,
        evidence=facts_table(("outputs", facts), ("targets", target)),
        source=SOURCE,
    )


def output_range_mismatch(run: Run) -> Judgement:
    """Targets lie where outputs cannot be, or logits are squeezed into a range."""
    if not run.evidence.losses:
        return NO_CRITERION
    lacking = _lacks(run, *LOGITS, *DISTANCES, "binary_cross_entropy")
    if lacking:
        return lacking
    for one in _ends(run):
        if one.operation in ("relu", "relu6"):
            continue  # told by relu_on_output
        if one.use.kind in DISTANCES:
            known = one.operation in RANGES
            low, high = (one.low, one.high) if known else _observed(one.use.input)
            target = target_of(run, one.use)
            if target is not None and _misses(target, low, high) and (known or outcome(run).bad):
                return [_out_of_reach(run, one, target, low, high, known)]
        share = _clamped(run, one)
        if share:
            return [_at_the_bounds(run, one, share)]
        if one.use.kind in LOGITS and one.operation in ("sigmoid", "hardsigmoid", "tanh", "hardtanh", "softsign"):
            return [_squeezed(one)]
    return []


def _clamped(run: Run, one: _Ends) -> float:
    """The least share of probabilities that are cut off at 0 or 1, where a loss is far too high; 0 if none is sure.

    Where a target is 0 as well, as under a mask, it costs nothing.
    """
    use, facts = one.use, one.use.input
    if use.kind != "binary_cross_entropy" or facts.looks < FEWEST_LOOKS or facts.minimum == facts.maximum:
        return 0.0
    raw, cost = _raw(run, use), _cost(use)
    if one.operation in ("sigmoid", "hardsigmoid", "softmax") or cost <= DEAR or not outcome(run).bad:
        return 0.0
    least = -math.inf if raw is None or raw.minimum is None else raw.minimum
    most = math.inf if raw is None or raw.maximum is None else raw.maximum
    zeros = facts.zeros if facts.minimum == 0 and (raw is None or least > ZERO_FROM) else 0.0
    both = (cost - UNCUT) / (LIMITED - UNCUT) if facts.maximum == 1 and least > ZERO_FROM and most < ONE_FROM else 0.0
    return share if (share := max(zeros, both)) > BOUND else 0.0


def _raw(run: Run, use: LossUse) -> TensorFacts | None:
    """What the model gives, where that is not in the range of probabilities."""
    known = run.evidence.model(use.model)
    return next((facts for facts in known.outputs if _leaves(facts)), None) if known is not None else None


def _cost(use: LossUse) -> float:
    return max((value for value in (use.first, use.last) if value is not None), default=0.0)


def _at_the_bounds(run: Run, one: _Ends, share: float) -> Finding:
    use, raw = one.use, _raw(run, one.use)
    return Finding(
        id="output_range_mismatch",
        tier="fact",
        severity="warning",
        title=f"{called(use)} is given probabilities of which {percent(share)} are exactly 0 or 1",
        why=f"They lie between {number(use.input.minimum or 0.0)} and {number(use.input.maximum or 0.0)}"
        + (
            f", while {use.model} gives {number(raw.minimum or 0.0)} to {number(raw.maximum or 0.0)}: what lies "
            "outside is cut off."
            if raw is not None
            else ": what lies outside is cut off."
        )
        + " No gradient passes there, and a wrong one costs 100, where torch limits the logarithm: the loss was "
        f"{number(_cost(use))}, where saying one half costs {number(math.log(2))}.",
        fix="Give raw outputs to BCEWithLogitsLoss; a sigmoid at the end, instead of a clamp, is the second best.",
        code="- loss = nn.BCELoss()(model(x).clamp(0, 1), y)\n+ loss = nn.BCEWithLogitsLoss()(model(x), y)",
        where=Where(model=use.model, module=one.module if raw is None else ""),
        value=percent(share),
        limit=f"at most {percent(BOUND)}",
        evidence=facts_table(("input of the loss", use.input), ("outputs", raw)),
        source="torch.nn.BCELoss: logarithms are limited to -100; the gradient of clamp",
    )


def _leaves(facts: TensorFacts) -> bool:
    """Whether it leaves the range of probabilities."""
    return facts.minimum is not None and facts.maximum is not None and (facts.minimum < 0 or facts.maximum > 1)


def _observed(facts: TensorFacts) -> tuple[float, float]:
    """The range of an activation that outputs fill from end to end; all numbers if they fill none."""
    low, high = facts.minimum, facts.maximum
    if low is not None and high is not None and facts.looks >= FEWEST_LOOKS:
        for least, greatest in ((0.0, 1.0), (-1.0, 1.0)):
            width = greatest - least
            if least <= low < least + 0.05 * width and greatest - 0.05 * width < high <= greatest:
                return least, greatest
    return -math.inf, math.inf


def _between(low: float, high: float) -> str:
    if math.isinf(high):
        return f"above {number(low)}"
    return f"below {number(high)}" if math.isinf(low) else f"between {number(low)} and {number(high)}"


def _out_of_reach(run: Run, one: _Ends, target: TensorFacts, low: float, high: float, known: bool) -> Finding:
    least, most = number(target.minimum or 0.0), number(target.maximum or 0.0)
    by = f"{one.operation} at the end gives" if known else "the outputs fill"
    return Finding(
        id="output_range_mismatch",
        tier="fact" if known else "statistics",
        severity=_level(run, _far(target, low, high), known),
        title=f"The outputs of {one.use.model} stay {_between(low, high)}, but targets go from {least} to {most}",
        why=f"What {by} lies {_between(low, high)}. Targets outside are out of reach: the loss cannot become small, "
        "and outputs are pushed to where the activation has no gradient.",
        fix="Leave out the activation after the last layer, or scale the targets into its range.",
        code=f"- return torch.{one.operation or 'sigmoid'}(self.last(x))\n+ return self.last(x)",
        where=Where(model=one.use.model, module=one.module),
        value=f"targets {least} to {most}",
        limit=_between(low, high),
        evidence=facts_table(("outputs", one.use.input), ("targets", target)),
        source=SOURCE,
    )


def _squeezed(one: _Ends) -> Finding:
    classes = one.use.classes or 2
    cross = one.use.kind == "cross_entropy"
    width = one.high - one.low
    # The truth at the upper end and all others at the lower one; of a single logit, at the right end of both.
    floor = math.log1p((classes - 1) * math.exp(-width)) if cross else math.log1p(math.exp(-one.high))
    return Finding(
        id="output_range_mismatch",
        tier="fact",
        severity="error",
        title=f"{called(one.use)} expects logits, but {one.operation} keeps the outputs of {one.use.model} "
        f"{_between(one.low, one.high)}",
        why=f"The loss turns logits into probabilities itself. Of numbers {_between(one.low, one.high)} these can "
        f"never be sure: {'the loss' if cross else 'the loss of a positive'} cannot fall below {number(floor)}, "
        "however good the model is, and its gradients are small.",
        fix="Return the raw outputs of the last layer.",
        code=f"- return torch.{one.operation}(self.last(x))\n+ return self.last(x)",
        where=Where(model=one.use.model, module=one.module),
        value=_between(one.low, one.high),
        limit="any number",
        evidence=facts_table(("outputs", one.use.input)),
        source=f"torch.nn.functional.{one.use.kind}: the input is expected to be unnormalised logits",
    )


RULES = (
    Rule("relu_on_output", "No ReLU cuts the outputs", "fact", relu_on_output),
    Rule("output_range_mismatch", "Outputs can reach the targets", "fact", output_range_mismatch),
)
