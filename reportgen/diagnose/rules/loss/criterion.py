"""Losses that are given what they are not for: probabilities, another shape, labels out of range, a minus.

Source: the documentation of torch.nn's losses; exact for the losses and batches looked at.
"""

from __future__ import annotations

import math
import re

from reportgen.blocks.finding import Finding, Where
from reportgen.blocks.table import Column, Table
from reportgen.blocks.wording import counted, number
from reportgen.diagnose.exceptions.causes import cause_of
from reportgen.diagnose.reading.criteria import BINARY, CLASSIFYING, NO_DISTANCE, no_loss_of
from reportgen.diagnose.reading.flow import made_by
from reportgen.diagnose.reading.lacking import NO_CRITERION, TOLD, unseen
from reportgen.diagnose.reading.modules import WEIGHTED
from reportgen.diagnose.rule import Judgement, Rule
from reportgen.run.evidence import LossUse, TensorFacts
from reportgen.run.records import Run

# By how much numbers may leave their range in half precision, and by smoothing.
SLACK = 1e-3
_SIZES = re.compile(r"target size \(torch\.Size\(\[([\d, ]*)\]\)\).*?input size \(torch\.Size\(\[([\d, ]*)\]\)\)")


def shape_text(shape: tuple[int, ...]) -> str:
    """(32,1) as torch writes it, without spaces."""
    return f"({','.join(map(str, shape))}{',' if len(shape) == 1 else ''})"


def facts_table(*named: tuple[str, TensorFacts | None]) -> Table:
    """What is known of some tensors: shape, dtype, range."""
    rows = tuple(
        (name, shape_text(facts.shape), facts.dtype or None, facts.minimum, facts.maximum, facts.mean)
        for name, facts in named
        if facts is not None
    )
    return Table(
        columns=(
            Column("tensor"),
            Column("shape", "code"),
            Column("dtype", "code"),
            Column("least", "number"),
            Column("greatest", "number"),
            Column("mean", "number"),
        ),
        rows=rows,
        caption="Over the training batches looked at; the shape is that of the last.",
    )


def called(use: LossUse) -> str:
    """What the loss is called in the user's program, or by torch."""
    return use.criterion or use.kind


def nll_given_probabilities(use: LossUse) -> bool:
    """Whether it is NLLLoss, and all it was given are probabilities."""
    facts = use.input
    if use.kind != "nll_loss" or facts.minimum is None or facts.maximum is None:
        return False
    return facts.rows_sum_to_one or (facts.minimum >= 0 and facts.maximum > SLACK)


def prob_to_nll(run: Run) -> Judgement:
    """NLLLoss is given probabilities, or raw outputs, and not their logarithms."""
    if not run.evidence.losses:
        return NO_CRITERION
    lacking = no_loss_of(run, "nll_loss")
    if lacking:
        return lacking
    found = []
    for use in run.evidence.losses:
        probabilities = nll_given_probabilities(use)
        if probabilities or _nll_given_outputs(run, use):
            found.append(_no_logarithms(use, probabilities))
    return found[:1]


def _nll_given_outputs(run: Run, use: LossUse) -> bool:
    """Whether it is NLLLoss of what comes straight from a layer of the model."""
    if use.kind != "nll_loss" or use.input.maximum is None or use.input.maximum <= SLACK:
        return False
    known = run.evidence.model(use.model)
    outputs = known.outputs if known is not None else ()
    same = [one for one in outputs if (one.minimum, one.maximum) == (use.input.minimum, use.input.maximum)]
    return any(made_by(run, use.model, facts)[0] in WEIGHTED | {"linear"} for facts in same)


def _no_logarithms(use: LossUse, probabilities: bool) -> Finding:
    what = "probabilities" if probabilities else "raw outputs"
    low, high = use.input.minimum or 0.0, use.input.maximum or 0.0
    floor = (
        f" The loss is minus the mean probability of the truth, between {number(-1.0)} and 0:" if probabilities else ""
    )
    return Finding(
        id="prob_to_nll",
        tier="fact",
        severity="error",
        title=f"{called(use)} expects log-probabilities, but is given {what}",
        why=f"What it is given lies between {number(low)} and {number(high)}; a logarithm of a probability is never "
        f"above 0.{floor} {'a' if floor else 'A'} prediction that is surely wrong costs little more than an unsure "
        "one, so learning is slow and ends early.",
        fix="Give it log_softmax of the outputs, or use CrossEntropyLoss on the raw outputs.",
        code="- return torch.softmax(x, dim=1)\n+ return torch.log_softmax(x, dim=1)"
        if probabilities
        else "- criterion = nn.NLLLoss()\n+ criterion = nn.CrossEntropyLoss()",
        where=Where(model=use.model),
        value=f"up to {number(high)}",
        limit="at most 0",
        evidence=facts_table(("input of the loss", use.input)),
        source="torch.nn.NLLLoss: the input is expected to contain log-probabilities",
    )


def loss_broadcasting(run: Run) -> Judgement:
    """Outputs and targets have different shapes, and the loss compares each with each."""
    told = [(use, target) for use in run.evidence.losses if (target := _target_of(use)) is not None]
    for use, target in told:
        both = _common(use.input.shape, target)
        if both and math.prod(both) > max(math.prod(use.input.shape), math.prod(target)):
            return [_broadcast(use.model, called(use), use.input.shape, target, both, use)]
    for use, target in told:
        shape = use.input.shape
        if len(shape) == len(target) > 1 and shape != target and shape[0] == target[0] and _common(shape, target):
            return [_broadcast(use.model, called(use), shape, target, _common(shape, target), use)]
    for warning in run.evidence.warnings:
        sizes = _SIZES.search(warning.text)
        if sizes is None:
            continue
        target, given = (tuple(int(size) for size in text.split(",") if size.strip()) for text in sizes.groups())
        both = _common(given, target)
        if both and math.prod(both) > max(math.prod(given), math.prod(target)):
            return [_broadcast("", "the loss", given, target, both, None)]
    if not run.evidence.losses:
        return NO_CRITERION
    # Their targets are classes by number, of another shape than the outputs.
    return NO_DISTANCE if all(use.kind in CLASSIFYING for use in run.evidence.losses) else []


def _target_of(use: LossUse) -> tuple[int, ...] | None:
    """The target's shape, where the loss broadcast. Of one written out by hand, a column's target is a row."""
    if not use.broadcast:
        return None
    if use.target is not None:
        return use.target.shape
    shape = use.input.shape
    return shape[:1] if use.seen != "criterion" and len(shape) == 2 and shape[1] == 1 and shape[0] > 1 else None


def _common(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    """The shape that both broadcast to, () if they do not."""
    size = max(len(a), len(b))
    pairs = list(zip((1,) * (size - len(a)) + a, (1,) * (size - len(b)) + b, strict=True))
    return tuple(max(pair) for pair in pairs) if all(x == y or 1 in (x, y) for x, y in pairs) else ()


def _broadcast(
    model: str,
    name: str,
    given: tuple[int, ...],
    target: tuple[int, ...],
    both: tuple[int, ...],
    use: LossUse | None,
) -> Finding:
    outer = math.prod(both) > max(math.prod(given), math.prod(target))
    column = len(given) > len(target)
    change = (
        "- loss = criterion(model(inputs), targets)\n"
        + (f"+ loss = criterion(model(inputs).squeeze({len(given) - 1}), targets)" if column else "")
        + (f"+ loss = criterion(model(inputs), targets.squeeze({len(target) - 1}))" if not column else "")
    )
    return Finding(
        id="loss_broadcasting",
        tier="fact",
        severity="error" if outer else "warning",
        title=f"{name} compares outputs of shape {shape_text(given)} with targets of shape {shape_text(target)}: "
        f"they are broadcast to {shape_text(both)}",
        why=(
            "Each output is compared with the target of every sample. The best that can be predicted so is the mean of "
            "all targets, whatever the input."
            if outer
            else "One of the two is repeated along a dimension of size 1, and compared with all numbers of the other."
        ),
        fix="Give outputs and targets the same shape.",
        code=change if outer else "",
        where=Where(model=model),
        value=shape_text(given),
        limit=shape_text(target),
        evidence=facts_table(("outputs", use.input), ("targets", use.target)) if use is not None else None,
        source="torch.nn.MSELoss: input and target of the same shape; torch warns of target sizes that differ",
    )


def labels_seen(run: Run) -> Judgement:
    """A target is no class that the outputs have, or no probability."""
    if not run.evidence.losses:
        return NO_CRITERION
    told = cause_of(run)
    if told is not None and told.id == "labels_out_of_range":
        return TOLD
    lacking = no_loss_of(run, *CLASSIFYING, *BINARY)
    if lacking:
        return lacking
    for use in run.evidence.losses:
        if use.kind in CLASSIFYING and use.classes and use.lowest is not None and use.highest is not None:
            low, high, least, greatest = use.lowest, use.highest, 0, use.classes - 1
            if low < least or high > greatest:
                return [_out_of_range(use, number(low), number(high), f"0 to {greatest}")]
        elif use.kind in BINARY and _beyond(use.target):
            assert use.target is not None
            return [_out_of_range(use, number(use.target.minimum or 0.0), number(use.target.maximum or 0.0), "0 to 1")]
    return [] if any(map(_labels_known, run.evidence.losses)) else unseen(run, "The target of the loss")


def _labels_known(use: LossUse) -> bool:
    """Whether the targets of a loss of classes were looked at."""
    if use.kind in BINARY:
        return use.target is not None and use.target.minimum is not None
    return use.kind in CLASSIFYING and use.lowest is not None


def _beyond(target: TensorFacts | None) -> bool:
    """Whether targets are none of 0 to 1."""
    if target is None or target.minimum is None or target.maximum is None:
        return False
    return target.minimum < -SLACK or target.maximum > 1 + SLACK


def _out_of_range(use: LossUse, low: str, high: str, limit: str) -> Finding:
    binary = use.kind in BINARY
    return Finding(
        id="labels_out_of_range",
        tier="fact",
        severity="error",
        title=f"Targets of {called(use)} lie between {low} and {high}, outside {limit}",
        why="The loss of such a target has no lower bound, so outputs grow without end."
        if binary
        else f"The outputs have {counted(use.classes or 0, 'class', 'classes')}: there is none for such a target.",
        fix="Encode the two classes as 0.0 and 1.0." if binary else "Number the classes from 0 on, without gaps.",
        code="+ targets = (targets == positive_class).float()" if binary else "+ targets = targets - targets.min()",
        where=Where(model=use.model),
        value=f"{low} to {high}",
        limit=limit,
        evidence=facts_table(("targets", use.target)) if use.target is not None else None,
        source=f"torch.nn.functional.{use.kind}: the targets it takes",
    )


RULES = (
    Rule("prob_to_nll", "NLLLoss is given log-probabilities", "fact", prob_to_nll),
    Rule("loss_broadcasting", "Outputs and targets of the loss have one shape", "fact", loss_broadcasting),
    Rule("labels_seen", "Every label met has an output", "fact", labels_seen, ids=("labels_out_of_range",)),
)
