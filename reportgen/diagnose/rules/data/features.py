"""Inputs on a scale that layers are not made for.

Sources: LeCun et al., Efficient BackProp (1998): inputs of mean 0 and like variances; UMLAUT (2021) and SageMaker
Debugger check a fixed range, which most healthy runs leave: hence a deviation far from 1, and a bad outcome.
"""

from __future__ import annotations

from reportgen.blocks.finding import Finding, Where
from reportgen.blocks.table import Column, Table
from reportgen.blocks.wording import number
from reportgen.diagnose.reading.outcome import outcome
from reportgen.diagnose.reading.splits import NO_TRAIN, is_float, place, rows_of
from reportgen.diagnose.rule import Judgement, NotApplicable, Rule
from reportgen.run.evidence import DataSplit, FeatureFacts, TensorFacts
from reportgen.run.graph import Graph
from reportgen.run.records import Run

LARGEST, RATIO = 10.0, 100.0
# Numbers that go into a model on the same scale as those read agree at least so far, as a factor.
SAME = 2.0
ROWS = 8
# What a model may do to its inputs before a layer sees them.
SCALING = ("div", "sub", "mul", "truediv", "batch_norm", "layer_norm", "normalize", "log", "log1p", "embedding")
SOURCE = "LeCun et al., Efficient BackProp: inputs of about mean 0 and deviation 1"


def input_not_normalized(run: Run) -> Judgement:
    """A feature's standard deviation is above 10, or 100 times that of another one."""
    split, given = rows_of(run, "train"), _given(run)
    if split is None and not given:
        return NO_TRAIN
    if any(_scales(graph) for graph in run.graphs):
        return NotApplicable("The model scales its inputs itself.")
    if not given and split is not None and not is_float(split.dtype):
        return NotApplicable("Inputs are no measured numbers.")
    features = _features(split, given)
    widest = max(features, key=lambda one: one.deviation, default=None)
    narrow = _narrow(features, widest) if widest else None
    reached = max((one.deviation or 0.0 for one in given), default=0.0)
    if not given and split is not None and split.whole is not None and is_float(split.dtype):
        reached = split.whole.deviation
    deviation = widest.deviation if widest else reached
    if deviation <= LARGEST and narrow is None:
        return []
    return [_not_normalized(run, split, features, widest, narrow, deviation)]


def _given(run: Run) -> list[TensorFacts]:
    """What the models were given first, where it is numbers in rows."""
    return [
        facts
        for use in run.evidence.models
        for facts in use.inputs[:1]
        if is_float(facts.dtype) and len(facts.shape) > 1 and facts.deviation is not None
    ]


def _features(split: DataSplit | None, given: list[TensorFacts]) -> tuple[FeatureFacts, ...]:
    """The features as they go into a model; () where they are changed between the data and the model."""
    if split is None or split.whole is None or not is_float(split.dtype) or split.inputs not in ("numbers", "image"):
        return ()
    spread = split.whole.deviation
    if given and not any(spread / SAME <= (one.deviation or 0.0) <= spread * SAME for one in given):
        return ()
    return split.features


def _narrow(features: tuple[FeatureFacts, ...], widest: FeatureFacts) -> FeatureFacts | None:
    """The feature that is smallest beside the widest; by its range as well: what is rarely set deviates little."""
    span = widest.maximum - widest.minimum
    small = [
        one
        for one in features
        if 0 < one.deviation * RATIO < widest.deviation and (one.maximum - one.minimum) * RATIO < span
    ]
    return min(small, key=lambda one: one.deviation, default=None)


def _scales(graph: Graph) -> bool:
    """Whether a model brings its inputs to another scale itself."""
    nodes = {node.id: node for node in graph.nodes}
    for edge in graph.edges:
        source, target = nodes.get(edge.source), nodes.get(edge.target)
        if source is None or target is None or source.kind != "input":
            continue
        operations = (*edge.via, target.path if target.kind == "operation" else "")
        if "Norm" in target.type or any(each.strip("_") in SCALING for each in operations):
            return True
    return False


def _not_normalized(
    run: Run,
    split: DataSplit | None,
    features: tuple[FeatureFacts, ...],
    widest: FeatureFacts | None,
    narrow: FeatureFacts | None,
    deviation: float,
) -> Finding:
    bad = outcome(run)
    name = f"input {_named(widest)}" if widest else "the inputs"
    told = f"{name[0].upper()}{name[1:]} has a standard deviation of {number(deviation)}"
    if not widest:
        told = f"The inputs have a standard deviation of {number(deviation)}"
    if narrow and widest:
        told += f", {number(widest.deviation / narrow.deviation)} times that of input {_named(narrow)}"
    return Finding(
        id="input_not_normalized",
        tier="statistics",
        severity="warning" if bad.bad else "info",
        title=told,
        why="Layers are initialised for inputs of about deviation 1. Larger ones make large activations and steep "
        "gradients along a few weights, and a learning rate that these bear is too small for all others."
        + (f" {bad.why}" if bad.bad else ""),
        fix="Subtract the mean of each feature over the training rows and divide by its standard deviation; do the "
        "same, with the same numbers, to validation rows.",
        code=_code(split, features),
        where=Where(tag=place("train")),
        value=number(
            deviation if deviation > LARGEST or not (narrow and widest) else widest.deviation / narrow.deviation
        ),
        limit=f"deviation {number(LARGEST)}" if deviation > LARGEST else f"ratio {number(RATIO)}",
        evidence=_table(features) if features else None,
        source=SOURCE,
    )


def _named(feature: FeatureFacts | None) -> str:
    return feature.name if feature else ""


def _code(split: DataSplit | None, features: tuple[FeatureFacts, ...]) -> str:
    if split is not None and split.inputs == "image" and 0 < len(features) <= 4:
        means = ", ".join(number(one.mean).replace(",", "") for one in features)
        deviations = ", ".join(number(one.deviation).replace(",", "") for one in features)
        return f"+ transforms.Normalize(mean=[{means}], std=[{deviations}])".replace("\u2212", "-")
    return "+ mean, std = x_train.mean(0), x_train.std(0) + 1e-6\n- model(x)\n+ model((x - mean) / std)"


def _table(features: tuple[FeatureFacts, ...]) -> Table:
    order = sorted(features, key=lambda one: -one.deviation)
    if len(order) > ROWS:
        order = [*order[: ROWS // 2], *order[-ROWS // 2 :]]
    return Table(
        columns=(
            Column("input"),
            Column("mean", "number"),
            Column("deviation", "number"),
            Column("least", "number"),
            Column("greatest", "number"),
        ),
        rows=tuple((one.name, one.mean, one.deviation, one.minimum, one.maximum) for one in order),
        total=len(features),
        caption="The features that vary most and least over the training rows.",
    )


RULES = (
    Rule(
        "input_not_normalized",
        "Inputs are on about the same scale, near 1",
        "statistics",
        input_not_normalized,
        needs='report.data("train", train_set)',
        worst="warning",
        checks="A feature's standard deviation is above 10, or above 100 times another's, and the run came out badly.",
        source=SOURCE,
    ),
)
