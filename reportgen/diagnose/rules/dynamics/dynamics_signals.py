"""The state in which training began: the scale of weights, of what layers give, and of the first loss.

Sources: Glorot and Bengio (2010) and He et al. (2015) for 1 / sqrt(fan in); Karpathy's recipe for log C.
"""

from __future__ import annotations

import math

from reportgen.blocks.finding import Finding, Where
from reportgen.blocks.table import Column, Table
from reportgen.blocks.wording import counted, named, number
from reportgen.diagnose.reading.criteria import no_loss_of
from reportgen.diagnose.reading.layers import Weight, attribute, first_look, weights
from reportgen.diagnose.reading.outcome import outcome
from reportgen.diagnose.rule import Judgement, NotApplicable, Rule, Unchecked
from reportgen.run.evidence import LossUse
from reportgen.run.records import Run

GROWTH, LARGE = 10.0, 1e3
# Layers in a row that have to grow: one alone may undo what the one before did.
IN_A_ROW = 2
OFF = 10.0
# torch's own uniform initialisation has a deviation of 1 / sqrt(3 fan in).
UNIFORM = 1 / math.sqrt(3)
SCALED = frozenset({"Linear", "Conv1d", "Conv2d", "Conv3d", "RNN", "LSTM", "GRU", "Bilinear", "LazyLinear"})
# A deviation below this share of the size is rounding: the weights are all one number, which is another rule's.
ROUNDING = 1e-6
WRONG, VERY_WRONG = 1.5, 3.0
BALANCED = 3.0
ROWS = 8
NO_WATCH = "The first step of the weights is not known: call report.watch(model, optimizer) before training."


def exploding_activations(run: Run) -> Judgement:
    """At step 0 what layers give grows tenfold twice in a row, or its deviation is above 1,000."""
    sizes = [
        (weight, first.std)
        for weight in _one_a_module(run)
        if (first := first_look(run, "activation", weight.module)) is not None
    ]
    if not sizes:
        return Unchecked("No output of a layer was looked at in the first step: call report.watch(model, optimizer).")
    given = _input_scale(run)
    grows = [
        after > GROWTH * before > 0
        for before, after in zip([given, *(size for _, size in sizes)], (size for _, size in sizes), strict=False)
    ]
    at = next((k for k in range(1, len(grows)) if grows[k] and grows[k - 1]), -1)
    if at < 0:
        at = next((k for k, (_, size) in enumerate(sizes) if size > LARGE * max(given, 1.0)), -1)
    if at < 0:
        return []
    weight, size = sizes[at]
    result = outcome(run)
    if not result.mediocre:
        return NotApplicable(f"{weight.called} began with a deviation of {number(size)}, {result.ended}.")
    largest = max(one for _, one in sizes)
    return [
        Finding(
            id="exploding_activations",
            tier="statistics",
            severity="warning",
            title=f"What layers give explodes: {weight.called} has a deviation of {number(size)} at the first step",
            why=f"From layer to layer it grows, to {number(largest)} at most, before anything was trained. Losses and "
            "gradients are as large, and training is busy with making them small.",
            fix="Initialise the weights with He or Xavier, or normalise between the layers.",
            code=_init(weight),
            where=Where(model=weight.model.name, module=weight.module, step=0),
            value=f"deviation {number(size)}",
            limit=f"{number(LARGE)}, or {number(GROWTH)} times the layer before, {IN_A_ROW} times",
            evidence=Table(
                columns=(Column("module", "code"), Column("deviation", "number")),
                rows=tuple((named(one.module, 60), size) for one, size in sizes[:ROWS]),
                total=len(sizes),
                caption="Standard deviation of what each layer gives at the first step.",
            ),
            source="new, after SageMaker Debugger's PoorWeightInitialization",
        )
    ]


def _one_a_module(run: Run) -> list[Weight]:
    return list({weight.module: weight for weight in weights(run) if weight.type != "Embedding"}.values())


def _input_scale(run: Run) -> float:
    known = [
        facts.deviation
        for use in run.evidence.models
        for facts in use.inputs
        if facts.deviation and not facts.whole and math.isfinite(facts.deviation)
    ]
    return max(known, default=1.0)


def bad_init(run: Run) -> Judgement:
    """Weights began with ten times the deviation that their number of inputs asks for, or a tenth of it."""
    looked = [
        (weight, first.std * math.sqrt(_fan_in(weight)))
        for weight in weights(run)
        if weight.type in SCALED
        and (first := first_look(run, "weight", weight.name)) is not None
        and first.std > ROUNDING * first.rms
    ]
    if not looked:
        return Unchecked(NO_WATCH)
    large = [each for each in looked if each[1] > OFF]
    hidden = [each for each in looked[:-1] if each[0].type not in ("RNN", "LSTM", "GRU")]
    small = [each for each in hidden if each[1] < UNIFORM / OFF]
    # A single small layer may be meant (a residual branch that begins near zero).
    off = large or (small if 2 * len(small) > len(hidden) else [])
    if not off:
        return []
    weight, times = max(off, key=lambda each: abs(math.log(each[1])))
    usual = 1 / math.sqrt(_fan_in(weight))
    result = outcome(run)
    if not result.mediocre:
        began = f"{weight.name} began with {number(times)} times the usual deviation"
        return NotApplicable(f"{began}, {result.ended}.")
    more = "" if len(off) == 1 else f", and {counted(len(off) - 1, 'other weight')} likewise"
    return [
        Finding(
            id="bad_init",
            tier="statistics",
            severity="warning",
            title=f"{weight.name} began {'far too large' if large else 'far too small'}: its deviation is "
            f"{number(times * usual)}, not about {number(usual)}{more}",
            why=f"A layer keeps the scale of its {_fan_in(weight):,} inputs when its weights have a deviation of about "
            "1 / √inputs. "
            + (
                "Larger ones make outputs and gradients explode, or saturate what follows."
                if large
                else "Smaller ones let what goes through the layers fade."
            ),
            fix="Leave torch's own initialisation, or use He or Xavier.",
            code=_init(weight),
            where=Where(model=weight.model.name, module=weight.module, parameter=weight.name, step=0),
            value=f"{number(times)} times 1 / √inputs",
            limit=f"{number(UNIFORM / OFF)} to {number(OFF)}",
            evidence=Table(
                columns=(Column("weight", "code"), Column("inputs", "count"), Column("times 1 / √inputs", "number")),
                rows=tuple((named(one.name, 60), _fan_in(one), factor) for one, factor in looked[:ROWS]),
                total=len(looked),
                caption="Deviation of the weights at the first step.",
            ),
            source="Glorot and Bengio (2010), He et al. (2015); ten times off",
        )
    ]


def _fan_in(weight: Weight) -> int:
    return max(math.prod(weight.parameter.shape[1:]), 1)


def _init(weight: Weight) -> str:
    function = "orthogonal_" if weight.type in ("RNN", "LSTM", "GRU") else "kaiming_normal_"
    return f"torch.nn.init.{function}({attribute(weight.parameter.name)})"


def init_loss_wrong(run: Run) -> Judgement:
    """The first cross-entropy lies more than half above log C, in a run that is not good."""
    uses = [use for use in run.evidence.losses if use.kind in ("cross_entropy", "nll_loss") and use.first is not None]
    if not uses and any(use.kind in ("cross_entropy", "nll_loss") for use in run.evidence.losses):
        return Unchecked("The first value of the cross-entropy is not known, as where it is a part of another loss.")
    if not uses:
        return no_loss_of(run, "cross_entropy", "nll_loss") or Unchecked(
            "No cross-entropy was seen to be computed: call report.watch(model, optimizer, criterion), and pass the "
            "loss itself to report.log."
        )
    result = outcome(run)
    if any(attempt.resumed_from is not None for attempt in run.meta.attempts):
        return NotApplicable("Training was resumed, so the first loss is not that of a fresh model.")
    if not any(map(_plain, uses)):
        return NotApplicable("Classes are unknown, weighted or unbalanced, or losses summed: log C is not expected.")
    spared: NotApplicable | None = None
    for use in uses:
        if not _plain(use) or use.first is None or use.classes is None:
            continue
        expected = math.log(use.classes)
        if use.first <= WRONG * expected:
            continue
        costs = use.first > VERY_WRONG * expected and result.mediocre
        if result.fine and not costs:
            spared = spared or NotApplicable(
                f"The first loss was {number(use.first)}, where equal scores give {number(expected)}, {result.ended}."
            )
            continue
        return [
            Finding(
                id="init_loss_wrong",
                tier="statistics",
                severity="warning" if costs else "info",
                title=f"The first loss is {number(use.first)}; a model that knows nothing has {number(expected)}",
                why=f"With {use.classes:,} classes, equal scores give log {use.classes:,} = {number(expected)}. "
                "A model that begins above that is confident without reason; its first steps go into undoing that.",
                fix="Begin with small weights in the last layer, normalise the inputs, or scale the logits down.",
                code="torch.nn.init.normal_(head.weight, std=0.01); torch.nn.init.zeros_(head.bias)",
                where=Where(model=use.model, step=0),
                value=number(use.first),
                limit=f"{number(WRONG * expected)} = {number(WRONG)} · log {use.classes:,}",
                source="Karpathy, A Recipe for Training Neural Networks: verify the loss at init",
            )
        ]
    return spared or []


def _plain(use: LossUse) -> bool:
    """Whether log C is what to begin with: a mean over balanced classes without weights."""
    counts = [count for count in use.class_counts if count]
    balanced = not counts or len(counts) < 2 or max(counts) <= BALANCED * max(sum(counts) / (use.classes or 1), 1)
    return use.reduction == "mean" and not use.weighted and bool(use.classes and use.classes > 1) and balanced


RULES = (
    Rule("bad_init", "Weights begin at a usual scale", "statistics", bad_init),
    Rule("exploding_activations", "What layers give keeps its scale at the start", "statistics", exploding_activations),
    Rule("init_loss_wrong", "The first cross-entropy is about log C", "statistics", init_loss_wrong),
)
