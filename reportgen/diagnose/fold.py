"""Symptoms under their cause: one card a problem, not one a trace of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from reportgen.blocks.finding import Finding

SEVERITIES = ("error", "warning", "info")

# Non-finite numbers spread through a step in this order: data, forward, loss, backward, update, evaluation.
SPREAD = ("nan_input", "nan_activation", "nan_loss", "nan_gradient", "nan_weight", "nan_metric")

# What came out, which has a cause whenever one is known; the more specific first.
OUTCOMES = (
    "underfitting",
    "plateau",
    "loss_not_decreasing",
    "constant_predictions",
    "worse_than_baseline",
)
# With a class that nothing is said to be, which alone may have causes of its own.
ENDS = (*OUTCOMES, "minority_class_ignored")
HELD_OUT = ("overfitting", "constant_predictions", "worse_than_baseline", "minority_class_ignored")
PACE = ("lr_too_low", "update_ratio_high", "update_ratio_low")
COURSE = ("divergence", "oscillation")
# Of these, and of those below, each may lead to those after it.
UNITS = ("saturated_activation", "vanishing_gradients", "dead_relu", "dead_channels", "rank_collapse")
# A remark: that the gradient is noise says nothing where another cause is known.
NOISE = "low_gradient_snr"
LATER = ("lr_too_high", *COURSE, *UNITS, *PACE, NOISE, *ENDS)
START = ("bad_init", "exploding_activations", "init_loss_wrong", "exploding_gradients")
STATISTICS = (*START, *LATER, "overfitting", "grad_clip_always_active")

# Facts of which each is reason enough for training to learn nothing, or something else.
BROKEN = (
    "labels_out_of_range",
    "loss_sign",
    "loss_broadcasting",
    "softmax_wrong_dim",
    "prob_to_nll",
    "softmax_before_ce",
    "detached_graph",
    "optimizer_missing_params",
    "zero_weights",
    "symmetric_units",
    "missing_zero_grad",
    "eval_mode_in_train",
    "relu_on_output",
    "output_range_mismatch",
)
CRASHES = (
    "run_failed",
    "shape_mismatch",
    "dtype_mismatch",
    "device_mismatch",
    "logits_to_bce",
    "last_batch_size_1",
    "inplace_modified",
    "backward_twice",
    "out_of_memory",
    "none_instead_of_tensor",
)

# Cause -> what it leads to. Of several causes of a symptom the one that stands first here has it. What is in no line
# neither folds nor is folded: style, and facts that have nothing to do with what is learned.
CAUSES: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(CRASHES, OUTCOMES),
    **dict.fromkeys(BROKEN, STATISTICS),
    "input_constant": (*STATISTICS, "no_gradient", "duplicates_in_train"),
    # Where nothing passes a layer, no gradient reaches those before it.
    "no_gradient": STATISTICS,
    # What leaves out every step is why nothing changes.
    "amp_scale_collapse": (*STATISTICS, "not_updated", "no_gradient"),
    "not_updated": (*STATISTICS, "no_gradient"),
    "train_mode_in_eval": HELD_OUT,
    "not_shuffled": STATISTICS,
    "input_not_normalized": STATISTICS,
    "target_not_normalized": STATISTICS,
    "class_imbalance": ENDS,
    "minority_class_ignored": OUTCOMES,
    "distribution_shift": HELD_OUT,
    "duplicates_in_train": (*HELD_OUT, "underfitting", "plateau"),
    "lr_decayed_early": (*PACE, *ENDS),
    "weight_decay_too_high": LATER,
    "dropout_too_high": ("dead_channels", "rank_collapse", "oscillation", *PACE, *ENDS),
    "missing_nonlinearity": ("vanishing_gradients", *PACE, *ENDS),
    "frozen_parameters": (*PACE, *ENDS),
    "bn_small_batch": (*COURSE, *HELD_OUT),
    "bad_init": (*START[1:], *LATER),
    "exploding_activations": (*START[2:], *LATER),
    "init_loss_wrong": (*START[3:], *LATER),
    "exploding_gradients": LATER,
    "lr_too_high": ("exploding_gradients", "grad_clip_always_active", *COURSE, *UNITS, *PACE, NOISE, *ENDS),
    "grad_clip_always_active": (*PACE, *ENDS),
    "saturated_activation": (*UNITS[1:], *PACE, NOISE, *ENDS),
    "vanishing_gradients": (*UNITS[2:], *PACE, NOISE, *ENDS),
    "dead_relu": ("dead_channels", "rank_collapse", "no_gradient", "not_updated", *PACE, NOISE, *ENDS),
    "dead_channels": ("rank_collapse", "no_gradient", "not_updated", *PACE, NOISE, *ENDS),
    "rank_collapse": (*PACE, NOISE, *ENDS),
    "divergence": ("oscillation", *PACE, NOISE, *ENDS),
    "oscillation": OUTCOMES,
    "lr_too_low": ("update_ratio_low", *ENDS),
    "update_ratio_high": (NOISE, *OUTCOMES),
    "update_ratio_low": OUTCOMES,
    "overfitting": ("worse_than_baseline", "constant_predictions"),
    **{name: OUTCOMES[place + 1 :] for place, name in enumerate(OUTCOMES)},
}
RANK = {name: place for place, name in enumerate(CAUSES)}


def folded(found: Sequence[Finding]) -> list[Finding]:
    """The findings without the symptoms of others, whose titles their cause carries in `also`.

    Of everything that is not finite the earliest (by `since`, then in the order in which it spreads within a step) is
    the cause; an error before a warning, since what recovered led to nothing. Else CAUSES says what leads to what, and
    times tell where either may be. Remarks cause nothing.
    """
    parents: dict[int, int] = {}
    spread = _spread(found)
    for place, symptom in enumerate(found):
        if spread is not None and symptom.id in SPREAD:
            if place != spread:
                parents[place] = spread
            continue
        causes = [k for k, cause in enumerate(found) if k != place and explains(cause, symptom)]
        if spread is not None and _broke(found[spread], symptom):
            parents[place] = spread
        elif causes:
            parents[place] = min(causes, key=lambda k: (RANK[found[k].id], k))
    return _without(found, parents)


def _spread(found: Sequence[Finding]) -> int | None:
    """The place of the first of what is not finite."""
    serious = [k for k, finding in enumerate(found) if finding.id in SPREAD and finding.severity != "info"]
    return min(
        serious,
        key=lambda k: (found[k].severity != "error", found[k].since, SPREAD.index(found[k].id)),
        default=None,
    )


def _broke(cause: Finding, symptom: Finding) -> bool:
    """Whether numbers that ceased to be finite led to `symptom`: steps that were too long before may have led there."""
    if cause.severity != "error" or symptom.id not in STATISTICS:
        return False
    before = cause.id != "nan_input" and symptom.since < cause.since
    return not (before and symptom.id in ("lr_too_high", "divergence", "exploding_gradients", *START))


def explains(cause: Finding, symptom: Finding) -> bool:
    """Whether `cause` may have led to `symptom`. What is less severe does not hide what is more."""
    if SEVERITIES.index(cause.severity) > SEVERITIES.index(symptom.severity) or cause.severity == "info":
        return False
    if symptom.id == cause.id or symptom.id not in CAUSES.get(cause.id, ()):
        return False
    pair = (cause.id, symptom.id)
    if pair == ("exploding_gradients", "lr_too_high"):
        return cause.since <= symptom.since  # a step is made of a gradient
    if pair == ("lr_too_high", "exploding_gradients"):
        return cause.since < symptom.since
    if cause.id == "lr_too_high" and symptom.id in UNITS:
        return symptom.since > 0 or symptom.id == "vanishing_gradients"  # what held before the first step is older
    if symptom.id in ("no_gradient", "not_updated") and cause.id in ("dead_relu", "dead_channels"):
        return _all_of(cause)
    if cause.id in ("no_gradient", "not_updated") and symptom.id in ("dead_relu", "dead_channels"):
        return not _all_of(symptom)
    return True


def _all_of(finding: Finding) -> bool:
    """Whether it is of all units of a layer, through which then nothing passes."""
    return finding.share is not None and finding.share >= 1


def _root(place: int, parents: Mapping[int, int]) -> int:
    seen = set()
    while place in parents and place not in seen:
        seen.add(place)
        place = parents[place]
    return place


def _without(found: Sequence[Finding], parents: Mapping[int, int]) -> list[Finding]:
    below: dict[int, list[Finding]] = {}
    for place in parents:
        root = _root(place, parents)
        if root != place:
            below.setdefault(root, []).append(found[place])
    kept = []
    for place, finding in enumerate(found):
        if place in below:
            titles = [title for symptom in below[place] for title in (symptom.title, *symptom.also)]
            finding = dataclasses.replace(finding, also=(*finding.also, *titles))
        if _root(place, parents) == place:
            kept.append(finding)
    return kept
