"""Which kinds of losses a run uses, as far as that is known."""

from __future__ import annotations

from collections.abc import Mapping

from reportgen.diagnose.rule import NotApplicable
from reportgen.run.records import Run

# Kinds of losses (run.evidence.LossUse.kind) that rules are about -> their class in torch.nn.
CLASSES: Mapping[str, str] = {
    "cross_entropy": "CrossEntropyLoss",
    "nll_loss": "NLLLoss",
    "binary_cross_entropy": "BCELoss",
    "binary_cross_entropy_with_logits": "BCEWithLogitsLoss",
    "mse_loss": "MSELoss",
    "l1_loss": "L1Loss",
    "smooth_l1_loss": "SmoothL1Loss",
    "huber_loss": "HuberLoss",
    "kl_div": "KLDivLoss",
}
_KINDS = {name: kind for kind, name in CLASSES.items()}
CLASSIFYING = ("cross_entropy", "nll_loss")
BINARY = ("binary_cross_entropy", "binary_cross_entropy_with_logits")
DISTANCES = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss")
NO_DISTANCE = NotApplicable("No loss was seen that compares outputs with numbers.")
REGRESSION = NotApplicable("This is a regression, which has no classes.")
MULTILABEL = NotApplicable("Targets are several labels each, not one class of several.")


def kinds_of(run: Run) -> frozenset[str]:
    """The kinds of all losses that were seen, or watched as a criterion; "" is one of a kind unknown."""
    watched = [name for model in run.models if (name := model.criterion.partition("(")[0])]
    named = (_KINDS.get(name, name if name in CLASSES else "") for name in watched)
    return frozenset((*(use.kind for use in run.evidence.losses), *named))


def no_loss_of(run: Run, *kinds: str) -> NotApplicable | None:
    """That none of the losses is of `kinds`, where something is known of these losses; None otherwise."""
    known = kinds_of(run)
    if not known or not known.isdisjoint(kinds):
        return None
    *others, last = (CLASSES[kind] for kind in kinds)
    return NotApplicable(f"No {', '.join(others)}{' or ' if others else ''}{last} was seen.")


def is_multilabel(run: Run, several: bool) -> bool:
    """Whether each row may have several labels. several: whether its targets are several numbers."""
    known = kinds_of(run)
    if several and known and known <= {*BINARY}:
        return True
    return bool(run.predictions) and all(one.task == "multilabel" for one in run.predictions)


def is_regression(run: Run) -> bool:
    """Whether all losses that were seen compare numbers; where none was, whether all predictions are numbers."""
    known = kinds_of(run)
    if known:
        return known <= {*DISTANCES}
    return bool(run.predictions) and all(one.task == "regression" for one in run.predictions)
