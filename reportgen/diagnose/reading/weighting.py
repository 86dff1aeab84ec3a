"""How a run's own loss is given weights of classes, as a change of code."""

from __future__ import annotations

from collections.abc import Mapping

from reportgen.diagnose.reading.criteria import kinds_of
from reportgen.run.records import Run

LOGITS, PROBABILITIES = "binary_cross_entropy_with_logits", "binary_cross_entropy"
# Labels of the class that a binary loss takes for 0.
_NEGATIVE = ("0", "0.0", "False")


def weighted(run: Run, counts: Mapping[str, int]) -> str:
    """The change that weights the classes of the loss in use, by rows of each where these are known."""
    kinds = kinds_of(run)
    if kinds == {LOGITS}:
        ratio = _ratio(counts)
        return (
            "- criterion = nn.BCEWithLogitsLoss()\n"
            f"+ criterion = nn.BCEWithLogitsLoss(pos_weight=torch.tensor({ratio}))"
        )
    if kinds == {PROBABILITIES}:
        return (
            "- loss = nn.BCELoss()(outputs, y)\n"
            f"+ loss = nn.BCELoss(weight=torch.where(y > 0.5, {_ratio(counts)}, 1.0))(outputs, y)"
        )
    loss = "NLLLoss" if kinds == {"nll_loss"} else "CrossEntropyLoss"
    if len(counts) == 2 and all(counts.values()):
        first, second = counts.values()
        total = first + second
        weights = f"torch.tensor([{total / (2 * first):.3g}, {total / (2 * second):.3g}])"
        return f"- criterion = nn.{loss}()\n+ criterion = nn.{loss}(weight={weights})"
    return (
        f"+ counts = torch.bincount(y_train)\n- criterion = nn.{loss}()\n"
        f"+ criterion = nn.{loss}(weight=len(y_train) / (len(counts) * counts))"
    )


def _ratio(counts: Mapping[str, int]) -> str:
    """Rows of class 0 for each of class 1, as code."""
    negative = next((label for label in counts if label in _NEGATIVE), "")
    if len(counts) == 2 and negative and all(counts.values()):
        return f"{counts[negative] / (sum(counts.values()) - counts[negative]):.3g}"
    return "(y_train == 0).sum() / (y_train == 1).sum()"
