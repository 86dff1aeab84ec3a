"""Why a check could not be made, where what its rule asks for was called, and yet there was nothing to record."""

from __future__ import annotations

import re

from reportgen.diagnose.needs import needed, without_need
from reportgen.diagnose.reading.trained import NOT_HELD, at_steps
from reportgen.diagnose.rule import Unchecked
from reportgen.run.records import Run

BEFORE_STEP = "The run ended before its first step."
# What is recorded in the course of training; of data a script may tell before.
_IN_TRAINING = re.compile(r"\breport\.(watch|log|track|predictions)\(")
# A call that a watched model had; the memory is looked at each 50 steps.
_WATCH = re.compile(r"report\.watch\(model(, optimizer)?\)( before 50 steps of training)?")
_ACTIVATIONS = re.compile(r"\bactivations were recorded|^No output of a layer|^Outputs of the layers")
_OTHERS = re.compile(r"^No distributions of|^Memory was not looked at")
IN_EVAL_MODE = "the model was in eval mode whenever it trained, and its activations are looked at in train mode"
COMPILED = "the model is compiled, and the outputs of its layers cannot be seen"
FEW_FORWARDS = "the model was watched, and had too few training forwards for it"
FEW_STEPS = "the model was watched, and made too few steps for it"


def true_reason(run: Run, unchecked: Unchecked) -> Unchecked:
    """The reason as it is, or, of a watched run that failed in its first step, that it did.

    A call that is asked for may be there, then, and was not reached or had nothing to record. Where the optimizer holds
    nothing of the model, that is the reason. Where a model was watched
    all along, what kept its activations from being looked at is said instead of the call.
    """
    if at_steps(run, unchecked.why):
        return NOT_HELD
    if _IN_TRAINING.search(unchecked.why) is None or not failed_before_step(run):
        return _of_watched(run, unchecked)
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


def _of_watched(run: Run, unchecked: Unchecked) -> Unchecked:
    """The reason without a call that was made."""
    call = _WATCH.fullmatch(needed(unchecked.why))
    activations = _ACTIVATIONS.search(unchecked.why) is not None
    if not run.models or not (activations or _OTHERS.search(unchecked.why)):
        return unchecked
    if call is not None and call[1] and not any(model.optimizers for model in run.models):
        return unchecked
    if needed(unchecked.why) and call is None:
        return unchecked
    if activations and only_in_eval_mode(run):
        why = IN_EVAL_MODE
    elif activations and all(model.compiled for model in run.models):
        why = COMPILED
    elif call is not None:
        why = FEW_FORWARDS if activations else FEW_STEPS
    else:
        return unchecked
    return Unchecked(f"{without_need(unchecked.why)}: {why}.")


def only_in_eval_mode(run: Run) -> bool:
    """Whether each forward that an optimizer step followed had the model itself in eval mode, and there was one."""
    trained = [use for use in run.evidence.modes if use.phase == "train" and use.forwards]
    return bool(trained) and not any(use.root for use in trained)
