"""Classes that are rare, and classes that are never found.

Source of the ratio: SageMaker Debugger, ClassImbalance (largest to smallest class above 10). A ratio alone harms
nothing: what counts is whether the rare class is found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reportgen.blocks.finding import Finding, Where
from reportgen.blocks.table import Column, Table
from reportgen.blocks.wording import count, counted, cut, listed, number, percent
from reportgen.diagnose.reading.confusion import confusion_of
from reportgen.diagnose.reading.criteria import MULTILABEL, REGRESSION, is_multilabel, is_regression
from reportgen.diagnose.reading.outcome import outcome
from reportgen.diagnose.reading.predicted import NO_CLASSES, lacking, last_set
from reportgen.diagnose.reading.splits import NO_TARGETS, place, rows_of
from reportgen.diagnose.reading.weighting import weighted
from reportgen.diagnose.rule import Judgement, Rule, Unchecked
from reportgen.run.predictions import PredictionSet
from reportgen.run.records import Run

RATIO, RECALL = 10.0, 0.5
# With fewer rows in the largest class such a ratio comes about by chance.
LARGEST = 50
FEWEST = 10
# By how much the others have to be found more often, for rareness to be the reason.
GAP = 0.3
# A class is ignored, not unlucky: with half the recall of the others none of its rows would be found so rarely.
CHANCE = 0.01
ALIKE = 0.8
ROWS = 8


@dataclass(frozen=True, slots=True)
class _Class:
    """A class with how many rows are trained on; support, recall: in the recorded predictions, None if not there."""

    name: str
    rows: int
    support: int | None = None
    recall: float | None = None


def class_imbalance(run: Run) -> Judgement:
    """The largest class has more than 10 times the rows of the smallest; a warning if that one is missed."""
    counts, where = _counts(run)
    if not counts:
        split = rows_of(run, "train")
        targets = split.targets if split is not None else ""
        if is_multilabel(run, targets == "several"):
            return MULTILABEL
        numbers = targets in ("numbers", "several")
        return REGRESSION if numbers or is_regression(run) else NO_TARGETS
    last = last_set(run)
    classes = sorted(_with_recall(counts, last), key=lambda one: one.rows)
    least, most = classes[0], classes[-1]
    if most.rows < LARGEST or most.rows <= RATIO * least.rows:
        return []
    missed = [one for one in classes if most.rows > RATIO * one.rows and _missed(one, most)]
    rare = missed[0] if missed else least
    ratio = f"{number(most.rows / rare.rows)} times" if rare.rows else "against none"
    return [
        Finding(
            id="class_imbalance",
            tier="statistics",
            severity="warning" if missed else "info",
            title=f"Class {cut(rare.name, 40)} has {counted(rare.rows, 'row')} to train on, "
            f"class {cut(most.name, 40)} {count(most.rows)}"
            + (f", and {percent(rare.recall)} of it is found" if missed and rare.recall is not None else ""),
            why="The mean loss hardly changes when a rare class is missed, so training has little reason to find it; "
            "accuracy does not show it either."
            + ("" if missed else " Nothing that was recorded says that it is missed here."),
            fix="Weight the loss or draw rare rows more often, and judge by recall or F1 of each class.",
            code=weighted(run, counts),
            where=Where(tag=where),
            value=ratio,
            limit=f"{number(RATIO)} times" + (f", recall {percent(RECALL)}" if missed else ""),
            evidence=_table(classes),
            source="SageMaker Debugger, ClassImbalance",
        )
    ]


def _counts(run: Run) -> tuple[Mapping[str, int], str]:
    """Rows of each class trained on, and where that is known from."""
    for split in run.evidence.splits("train"):
        if split.rows and len(split.class_counts) > 1:
            return split.class_counts, place(split)
    # Of every place of a text or picture the frequencies are what they are, not a choice of rows.
    if any(len(facts.shape) > 2 for use in run.evidence.models for facts in use.outputs):
        return {}, ""
    for use in run.evidence.losses:
        if use.kind in ("cross_entropy", "nll_loss") and len(use.class_counts) > 1:
            return {str(k): amount for k, amount in enumerate(use.class_counts)}, "targets of the loss"
    return {}, ""


def _with_recall(counts: Mapping[str, int], last: PredictionSet | None) -> list[_Class]:
    names = last.classes if last is not None else ()
    found = []
    for label, rows in counts.items():
        at = _place_of(label, names, counts)
        if last is None or at is None or at >= len(last.confusion):
            found.append(_Class(label, rows))
            continue
        found.append(_Class(names[at], rows, sum(last.confusion[at]), confusion_of(last).recall(at)))
    return found


def _place_of(label: str, names: Sequence[str], counts: Mapping[str, int]) -> int | None:
    """Which of the recorded classes a label is: by its name, or by its number where no label is a name."""
    if all(each in names for each in counts):
        return names.index(label)
    return int(label) if all(each.isdecimal() for each in counts) and int(label) < len(names) else None


def _missed(one: _Class, most: _Class) -> bool:
    return (
        one.recall is not None
        and (one.support or 0) >= FEWEST
        and one.recall < RECALL
        and most.recall is not None
        and most.recall > one.recall + GAP
    )


def _table(classes: Sequence[_Class]) -> Table:
    shown = classes if len(classes) <= ROWS else [*classes[: ROWS - 1], classes[-1]]
    return Table(
        columns=(Column("class"), Column("rows", "count"), Column("recall", "percent")),
        rows=tuple((one.name, one.rows, one.recall) for one in shown),
        total=len(classes),
        caption="Rows to train on and share found of each class, rarest first.",
    )


def minority_class_ignored(run: Run) -> Judgement:
    """A class with at least 10 recorded samples is never predicted rightly, while the others are."""
    last = last_set(run)
    if last is None:
        return REGRESSION if is_regression(run) else lacking(run, NO_CLASSES)
    confusion = confusion_of(last)
    truths, total = confusion.truths, confusion.total
    ignored = [k for k, row in enumerate(last.confusion) if truths[k] >= FEWEST and not row[k]]
    if max(truths) < FEWEST:
        return Unchecked(f"No class has {FEWEST} recorded samples.")
    others = total - sum(truths[k] for k in ignored)
    if not ignored or not others:
        return []
    accuracy, said = confusion.right / others, confusion.said
    # A model that learned nothing, or says one class only where others are as frequent, is another matter.
    if accuracy < 0.5 or (max(said) == total and truths[said.index(total)] < ALIKE * total):
        return []
    sure = [k for k in ignored if (1 - accuracy / 2) ** truths[k] * len(truths) < CHANCE]
    first = max(sure or ignored, key=lambda k: truths[k])
    # Of a model that is poor at all classes one that is as frequent as the others is not the matter.
    apart = outcome(run).good or _rare(run, last, first)
    names = [cut(last.classes[k], 40) for k in sorted(ignored, key=lambda k: -truths[k])]
    counted_as = "pixel" if last.task == "segmentation" else "sample"
    return [
        Finding(
            id="minority_class_ignored",
            tier="fact",
            severity="warning" if sure and apart and last.task != "segmentation" else "info",
            title=f"None of the {counted(truths[first], f'{last.split} {counted_as}')} of class "
            f"{cut(last.classes[first], 40)} is found",
            why=f"The recall of {listed(names)} is 0, while {percent(accuracy)} of the others are right. Accuracy, "
            f"{percent((accuracy * others) / total)} overall, does not show it.",
            fix="See how many rows of it there are to train on. Few: weight the loss or draw them more often. Enough: "
            "look at what they are taken for, and whether labels are numbered alike in both splits.",
            code=weighted(run, _counts(run)[0]),
            where=Where(tag=f"{last.split} predictions"),
            value="recall 0",
            limit=f"above 0 of at least {FEWEST}",
            evidence=_confused(last, sorted(ignored, key=lambda k: -truths[k])),
            source="exact: confusion of the recorded predictions",
            since=last.stamp.optimizer_step or last.stamp.step,
        )
    ]


def _rare(run: Run, last: PredictionSet, at: int) -> bool:
    """Whether a class has less than half of its even share, in the recorded samples or of the rows trained on."""
    truths = confusion_of(last).truths
    if 2 * truths[at] * len(truths) < sum(truths):
        return True
    counts, _ = _counts(run)
    rows = [one.rows for one in _with_recall(counts, last) if one.name == last.classes[at]]
    return bool(rows) and 2 * rows[0] * len(counts) < sum(counts.values())


def _confused(last: PredictionSet, ignored: Sequence[int]) -> Table:
    rows = []
    for k in ignored[:ROWS]:
        row = last.confusion[k]
        other = max(range(len(row)), key=row.__getitem__)
        rows.append((last.classes[k], sum(row), last.classes[other], row[other] / sum(row)))
    return Table(
        columns=(Column("class"), Column("samples", "count"), Column("mostly taken for"), Column("share", "percent")),
        rows=tuple(rows),
        total=len(ignored),
        caption="Classes of which none is found.",
    )


RULES = (
    Rule(
        "class_imbalance",
        "No class is rare and missed",
        "statistics",
        class_imbalance,
        needs='report.data("train", train_set)',
        worst="warning",
        checks="The largest class has more than 10 times the rows of the smallest; a warning if its recall is < 0.5.",
        source="SageMaker Debugger, ClassImbalance",
    ),
    Rule(
        "minority_class_ignored",
        "Every class is found at least once",
        "fact",
        minority_class_ignored,
        needs="report.predictions(inputs, outputs, targets)",
        worst="warning",
        checks="A rare class, or one of a good model, with at least 10 recorded samples has recall 0.",
        source="exact: confusion of the recorded predictions",
    ),
)
