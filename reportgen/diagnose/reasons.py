"""Why a check could not be made, where a run ended too early for what its rule asks for."""

from __future__ import annotations

import re

from reportgen.diagnose.rule import Unchecked
from reportgen.run.records import Run

BEFORE_STEP = "The run ended before its first step."
# What is recorded in the course of training; of data a script may tell before.
_IN_TRAINING = re.compile(r"\breport\.(watch|log|track|predictions)\(")


def true_reason(run: Run, unchecked: Unchecked) -> Unchecked:
    """The reason as it is, or, of a watched run that failed in its first step, that it did.

    A call that is asked for may be there, then, and was not reached or had nothing to record.
    """
    if _IN_TRAINING.search(unchecked.why) is None or not failed_before_step(run):
        return unchecked
    lacks_optimizer = "No optimizer" in unchecked.why and not any(model.optimizers for model in run.models)
    return unchecked if lacks_optimizer else Unchecked(BEFORE_STEP)


def failed_before_step(run: Run) -> bool:
    """Whether a run whose models are known failed, and neither an optimizer step nor a logged number is known of it."""
    if not run.models or (run.failure is None and run.meta.status != "failed"):
        return False
    if run.failure is not None and max(run.failure.stamp.step, run.failure.stamp.optimizer_step) > 0:
        return False
    logged = any(len(series) for series in run.scalars.values())
    stepped = any(len(series) for series in run.measures.get("update_ratio", {}).values())
    return not (logged or stepped)
