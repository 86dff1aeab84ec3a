"""Exceptions of which it is known what they tell. What no rule here knows is run_failed's (`endings`)."""

from __future__ import annotations

from functools import partial

from reportgen.blocks.finding import Finding, Where
from reportgen.diagnose.exceptions.causes import cause_of
from reportgen.diagnose.exceptions.remedies import remedy_of
from reportgen.diagnose.exceptions.traceback import failed_at, given, place, traceback, why
from reportgen.diagnose.reading.criteria import kinds_of
from reportgen.diagnose.reading.lacking import NO_BATCH_NORM
from reportgen.diagnose.reading.modules import batch_norms
from reportgen.diagnose.rule import Judgement, NotApplicable, Rule
from reportgen.diagnose.rules.ending.endings import UNTOLD
from reportgen.run.records import IMPORTED, Failure, Run


def raised(run: Run, id_: str) -> Judgement:
    """The finding `id_` where the exception that ended the run tells of it.

    For rules with that id that look at what was recorded as well: an exception is the surest of signs.
    """
    if run.meta.status == IMPORTED:
        return UNTOLD
    failure, told = run.failure, cause_of(run)
    if failure is None or told is None or told.id != id_:
        return _without(run, id_) or []
    remedy = remedy_of(id_, run, failure, told.message)
    return [
        Finding(
            id=id_,
            tier="fact",
            severity="error",
            title=remedy.title,
            why=_beyond(why(failure), remedy.title, failure),
            fix=f"{remedy.fix} {place(failure)}",
            code=remedy.code,
            where=Where(module=failure.module, step=failure.stamp.step),
            evidence=traceback(failure) if failure.frames or failure.causes else None,
            also=(failed_at(failure),),
            since=failure.stamp.optimizer_step or failure.stamp.step,
        )
    ]


def _without(run: Run, id_: str) -> NotApplicable | None:
    """That nothing was seen of what could raise this, where an exception of the kind can come of one thing alone."""
    if id_ == "logits_to_bce" and "binary_cross_entropy" not in kinds_of(run):
        return NotApplicable("No BCELoss was seen.")
    if id_ == "last_batch_size_1" and not any(map(batch_norms, run.models)):
        return NO_BATCH_NORM
    return None


def _beyond(why: str, title: str, failure: Failure) -> str:
    """`why` without what the title says already: torch's own words, or what a module was given and expects."""
    fault, lines = failure.fault, why.split("\n")
    if fault is not None and fault.expected and title.startswith(fault.module or fault.type):
        lines = [line for line in lines if line != given(failure)]
    left = [line for line in lines if line.rstrip(".") not in title]
    return "\n".join(left) or f"{failure.type} was raised there, and the run ended."


TORCH = "exact: the exception that ended the run, by torch's own words for it"


def _rule(id_: str, title: str, checks: str, remedy: str, finding: str = "") -> Rule:
    return Rule(
        id_,
        title,
        "fact",
        partial(raised, id_=finding or id_),
        worst="error",
        checks=f"The run ended in an exception that says so: {checks}.",
        source=TORCH,
        remedy=remedy,
        ids=(finding,) if finding else (),
    )


RULES = (
    _rule(
        "shape_mismatch",
        "No shapes were met that do not fit",
        "sizes of tensors, features or channels do not fit what a layer, a loss or an operation expects",
        "Write the number that came in into the layer (the finding gives the line), or reshape what comes before it.",
    ),
    _rule(
        "dtype_mismatch",
        "No dtypes were met that do not fit",
        "an operation met two dtypes, or one that it does not take",
        "Convert inputs with .float(), class indices with .long(), targets of BCE and MSE to the dtype of the outputs.",
    ),
    _rule(
        "device_mismatch",
        "All tensors of an operation were on one device",
        "tensors of one operation lie on different devices",
        "Move the model and each batch to the same device.",
    ),
    _rule(
        "labels_out_of_range",
        "No label or id was met that is out of range",
        "a target is no class of the outputs, or an id no row of an embedding",
        "Number the classes from 0 to C - 1, or make the last layer or the embedding larger.",
    ),
    _rule(
        "logits_to_bce",
        "BCELoss was given numbers from 0 to 1",
        "BCELoss met a number outside of [0, 1]",
        "Use BCEWithLogitsLoss, which takes logits.",
    ),
    _rule(
        "last_batch_size_1",
        "No batch of one row was given to BatchNorm",
        "a batch norm in train mode met a single value for each channel",
        "Pass drop_last=True to the training loader.",
    ),
    _rule(
        "detached_graph",
        "Every loss that backward() was called on has a graph",
        "backward() was called on a tensor that no trainable parameter led to",
        "Compute the loss from the model's outputs, without .item(), .detach(), numpy or torch.no_grad() between.",
    ),
    _rule(
        "inplace_modified",
        "Nothing that backward needs was changed in place",
        "a tensor that backward() needs was changed after the forward",
        "Write x = x + y for x += y, and step the optimizer after backward() only.",
    ),
    _rule(
        "backward_twice",
        "No graph was gone through twice",
        "backward() went through a graph whose tensors were freed",
        "Detach what is carried from batch to batch (hidden states, running losses).",
    ),
    _rule(
        "out_of_memory",
        "Memory did not run out",
        "memory of the machine or of an accelerator ran out",
        "Make the batch smaller and accumulate gradients, or keep less: detach what is logged.",
    ),
    _rule(
        "none_instead_of_tensor",
        "None was given for no tensor",
        "an operation met None where it takes a tensor",
        "Look at what gave it: a forward without return is the usual cause.",
    ),
    _rule(
        "anomaly_mode",
        "Anomaly detection stopped no backward()",
        "torch.autograd's anomaly mode met NaN in a gradient",
        "Keep sqrt, log and division away from 0 with an eps inside.",
        "nan_gradient",
    ),
)
