"""Published rule sets with their published thresholds, on the records of a Run: what ours are compared with.

Own ports, so read "these thresholds", not "these products". Each rule fires ids of ours that say the same, matched
generously. What a rule needs and a Run does not hold it does not say.

Sources: Amazon SageMaker Debugger's list of built-in rules with their default parameters (checked every 10 steps);
UMLAUT (Schoop, Huang, Hartmann: CHI 2021), its heuristics; AUTOTRAINER (Zhang et al.: ICSE 2021), its thresholds.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator

from reportgen.run.distribution import Distribution
from reportgen.run.records import Run
from reportgen.run.series import Series
from reportgen.run.tags import parse_tag


def sagemaker(run: Run) -> list[str]:
    """Twelve rules: gradients, tensors, activations, weights, updates, losses, classes and inputs."""
    fired = []
    gradients = [each for _, each in _snapshots(run, "gradient")]
    if any(_mean_size(each) < 1e-7 for each in gradients if each.count):  # VanishingGradient
        fired += ["vanishing_gradients", "no_gradient"]
    odd = [kind for kind in ("weight", "gradient", "activation") for _, each in _snapshots(run, kind) if _odd(each)]
    if odd or any(not math.isfinite(value) for _, series in _losses(run) for value in series.values):  # ExplodingTensor
        fired += ["nan_loss", "nan_activation", "nan_gradient", "nan_weight", "exploding_gradients"]
    if any(max(each.values, default=0.0) > 0.5 for each in run.measures.get("dead_share", {}).values()):  # DeadRelu
        fired.append("dead_relu")
    # SaturatedActivation: inputs beyond 9.5 of tanh, 17 of sigmoid, for half of a layer: outputs at their very ends.
    if any(min(each.values, default=0.0) > 0.999 for each in run.measures.get("saturated_share", {}).values()):
        fired.append("saturated_activation")
    variances = [_variance(each) for name, each in _first(run, "weight") if name.endswith("weight")]
    positive = [variance for variance in variances if variance > 0]
    if positive and max(positive) / min(positive) > 10:  # PoorWeightInitialization
        fired += ["bad_init", "exploding_activations"]
    ratios = [value for each in run.measures.get("update_ratio", {}).values() for value in each.values]
    if any(value > 10 for value in ratios):  # WeightUpdateRatio
        fired += ["update_ratio_high", "lr_too_high"]
    if any(value < 1e-8 for value in ratios):
        fired += ["update_ratio_low", "lr_too_low", "not_updated"]
    if any(each.zeros == each.count for _, each in (*_snapshots(run, "weight"), *_snapshots(run, "gradient"))):
        fired += ["zero_weights", "no_gradient"]  # AllZero
    if any(_still(series) for series in run.measures.get("weight_norm", {}).values()):  # UnchangedTensor
        fired += ["optimizer_missing_params", "frozen_parameters", "not_updated", "unused_parameters"]
    if any(_not_decreasing(series) for split, series in _losses(run) if split in ("train", "")):  # LossNotDecreasing
        fired += ["loss_not_decreasing", "lr_too_high", "lr_too_low"]
    train, val = _loss(run, "train"), _loss(run, "val")
    if train and val and train.last > 0 and (val.last - train.last) / train.last > 0.1:  # Overfit
        fired.append("overfitting")
    if val and _stale(val, 10):  # Overtraining
        fired += ["overfitting", "plateau"]
    for split in run.evidence.data:
        counts = list(split.class_counts.values())
        if sum(counts) >= 500 and max(counts) > 10 * min(counts):  # ClassImbalance
            fired.append("class_imbalance")
            break
    if any(split.inputs == "image" and split.whole and abs(split.whole.mean) > 0.2 for split in run.evidence.data):
        fired.append("input_not_normalized")  # CheckInputImages
    return list(dict.fromkeys(fired))


def umlaut(run: Run) -> list[str]:
    """Nine heuristics: inputs, losses, outputs, dropout, rate, and validation against training."""
    fired = []
    inputs = [facts for use in run.evidence.models for facts in use.inputs if facts.minimum is not None]
    if any((facts.minimum or 0.0) < -1 or (facts.maximum or 0.0) > 1 for facts in inputs):
        fired.append("input_not_normalized")
    if any(not math.isfinite(value) for _, series in _losses(run) for value in series.values):
        fired += ["nan_loss", "nan_input"]
    for use in run.evidence.losses:
        if use.kind == "cross_entropy" and use.input.rows_sum_to_one:
            fired.append("softmax_before_ce")
        if use.kind == "nll_loss" and not use.input.rows_logsumexp_zero:
            fired.append("prob_to_nll")
    kinds = [node.type for graph in run.graphs for node in graph.nodes if node.kind == "module"]
    if "Linear" in kinds and not any(
        "relu" in kind.lower() or kind in ("Tanh", "Sigmoid", "GELU") for kind in kinds
    ):  # no activation between layers, as far as modules show it
        fired.append("missing_nonlinearity")
    if any(
        node.type.startswith("Dropout") and _rate(node.detail) > 0.5 for graph in run.graphs for node in graph.nodes
    ):
        fired.append("dropout_too_high")
    rates = [rate for model in run.models for group in model.groups if isinstance(rate := group.get("lr"), float)]
    if any(rate > 0.01 for rate in rates):
        fired += ["lr_too_high"]
    if any(rate < 1e-7 for rate in rates):
        fired += ["lr_too_low"]
    train, val = _loss(run, "train"), _loss(run, "val")
    if train and val and any(after > before for before, after in zip(val.values, val.values[1:], strict=False)):
        fired.append("overfitting")
    accuracies = [
        value
        for tag, series in run.scalars.items()
        if parse_tag(tag).split == "val" and parse_tag(tag).metric.startswith("acc")
        for value in series.values
    ]
    if any(value > 0.95 for value in accuracies):
        fired += ["train_val_leakage", "val_better_than_train"]
    return list(dict.fromkeys(fired))


def autotrainer(run: Run) -> list[str]:
    """Five problems; those of gradients, ReLUs and speed only where accuracy is below 0.6."""
    fired = []
    norms = [series for name, series in run.measures.get("gradient_norm", {}).items() if name.endswith("weight")]
    accuracy = [series for tag, series in run.scalars.items() if parse_tag(tag).metric.startswith("acc") and series]
    train, val = _loss(run, "train"), _loss(run, "val")
    ratios, firsts = _first_to_last(norms)
    losses = [value for _, series in _losses(run) for value in series.values]
    if any(not math.isfinite(value) or value >= 1e3 for value in losses) or any(ratio > 70 for ratio in ratios):
        fired += ["exploding_gradients", "nan_loss", "divergence"]
    if accuracy and accuracy[0].last < 0.6:
        if any(ratio < 1e-3 and first < 1e-4 for ratio, first in zip(ratios, firsts, strict=True)):
            fired.append("vanishing_gradients")
        zeros = [each.zeros / each.count for _, each in _snapshots(run, "gradient") if each.count]
        if zeros and max(zeros) >= 0.7:
            fired.append("dead_relu")
        gains = [after - before for before, after in zip(accuracy[0].values, accuracy[0].values[1:], strict=False)]
        if gains and max(gains) < 0.01:
            fired += ["lr_too_low", "loss_not_decreasing"]
    for series in accuracy:
        swings = [abs(after - before) for before, after in zip(series.values, series.values[1:], strict=False)]
        down = [after < before for before, after in zip(series.values, series.values[1:], strict=False)]
        if len(swings) >= 5 and sum(s >= 0.03 and d for s, d in zip(swings, down, strict=True)) >= 0.2 * len(swings):
            fired += ["oscillation", "lr_too_high"]
            break
    if train and val and train.last > 0 and val.last > 10 * train.last:
        fired.append("overfitting")
    return list(dict.fromkeys(fired))


PUBLISHED: dict[str, Callable[[Run], list[str]]] = {
    "SageMaker Debugger defaults": sagemaker,
    "UMLAUT heuristics": umlaut,
    "AUTOTRAINER thresholds": autotrainer,
}


def _losses(run: Run) -> Iterator[tuple[str, Series]]:
    for tag, series in run.scalars.items():
        parsed = parse_tag(tag)
        if "loss" in parsed.metric.lower() and series:
            yield parsed.split, series


def _loss(run: Run, split: str) -> Series | None:
    return next((series for name, series in _losses(run) if name == split), None)


def _snapshots(run: Run, kind: str) -> list[tuple[str, Distribution]]:
    return [(name, each) for name, series in run.distributions.get(kind, {}).items() for each in series.snapshots]


def _first(run: Run, kind: str) -> Iterator[tuple[str, Distribution]]:
    for name, series in run.distributions.get(kind, {}).items():
        if series.snapshots:
            yield name, series.snapshots[0]


def _mean_size(each: Distribution) -> float:
    return math.sqrt(max(each.squares, 0.0) / each.count)


def _odd(each: Distribution) -> bool:
    return bool(each.nans + each.positive_infinities + each.negative_infinities)


def _variance(each: Distribution) -> float:
    return max(each.squares / each.count - (each.total / each.count) ** 2, 0.0) if each.count else 0.0


def _still(series: Series) -> bool:
    """Whether four looks in a row are the same within numpy.allclose's tolerances."""
    values = list(series.values)
    return any(
        all(math.isclose(values[k], other, rel_tol=1e-5, abs_tol=1e-8) for other in values[k + 1 : k + 4])
        for k in range(len(values) - 3)
    )


def _not_decreasing(series: Series) -> bool:
    values = list(series.values)[::10]
    return any(after >= before for before, after in itertools.pairwise(values))


def _stale(series: Series, patience: int) -> bool:
    values = list(series.values)
    return len(values) > patience and min(values[-patience:]) > min(values[:-patience]) - 0.1 * abs(
        min(values[:-patience])
    )


def _rate(detail: str) -> float:
    digits = detail.partition("p=")[2].split(",")[0].strip(") ")
    try:
        return float(digits)
    except ValueError:
        return 0.0


def _first_to_last(norms: list[Series]) -> tuple[list[float], list[float]]:
    if len(norms) < 2:
        return [], []
    pairs = [(first, last) for first, last in zip(norms[0].values, norms[-1].values, strict=False) if last > 0]
    return [first / last for first, last in pairs], [first for first, _ in pairs]
