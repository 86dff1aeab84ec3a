"""What the end of a run's main metric is no better than, where nothing was learned."""

from __future__ import annotations

from reportgen.diagnose import Diagnosis
from reportgen.diagnose.reading.accuracy import ACCURACY
from reportgen.diagnose.reading.outcome import AREA, Outcome, outcome
from reportgen.run.records import Run
from reportgen.run.tags import WORDS, parse_tag
from reportgen.sections.curves import Curve

ONE_CLASS = "always saying one class"
# By the quantity that an outcome judged: what needs no learning.
NO_BETTER = {
    "accuracy": ONE_CLASS,
    "mean recall": ONE_CLASS,
    "label accuracy": "always saying the same labels",
    "R2": "always saying the mean",
    "AUC": "chance",
}
_BY_ACCURACY = ("accuracy", "mean recall", "label accuracy")
_SETS = " predictions"


def no_better(run: Run, curve: Curve, diagnosis: Diagnosis) -> str:
    """What the end of the metric is no better than, in words; "" where the run learned, or nothing says it did not.

    A finding that says so may be folded under its cause, where only its title is left: so the outcome of a run in which
    something is wrong is asked, if it was judged by this metric's split and kind.
    """
    chance = next((finding for finding in diagnosis.findings if finding.id == "worse_than_baseline"), None)
    if chance is not None:
        told = chance.title.rpartition("no better than ")[2] if "no better than " in chance.title else ONE_CLASS
        same = chance.value in ("", curve.written(curve.series.last))
        return told if same else f"{told} (the recorded predictions: {chance.value})"
    judged = outcome(run) if diagnosis.attention else Outcome()
    if judged.learned is not False or _split(judged) != curve.split:
        return ""
    kind = _kind(curve)
    same = judged.quantity == kind or (kind == "accuracy" and judged.quantity in _BY_ACCURACY)
    return NO_BETTER.get(judged.quantity, "") if same else ""


def _split(judged: Outcome) -> str:
    """The split that an outcome is of."""
    return judged.tag.removesuffix(_SETS) if judged.tag.endswith(_SETS) else parse_tag(judged.tag).split


def _kind(curve: Curve) -> str:
    """The quantity of an outcome that the metric is, "" for none."""
    words = set(WORDS.findall(curve.metric.lower()))
    kinds = ((ACCURACY, "accuracy"), (AREA, "AUC"), ({"r2"}, "R2"))
    return next((quantity for names, quantity in kinds if words & names), "")
