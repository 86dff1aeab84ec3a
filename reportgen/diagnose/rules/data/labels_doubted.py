"""Rows to train on that repeat or contradict others, and labels worth a look.

Sources: deepchecks (duplicate and conflicting rows); cleanlab (labels against what is confidently said instead): a
list to look at, never a verdict, since a hard row looks like a wrong label.
"""

from __future__ import annotations

from reportgen.blocks.finding import Finding, Where
from reportgen.blocks.media import ImageGrid, ImageItem
from reportgen.blocks.table import Column, Table
from reportgen.blocks.wording import count, counted, cut, percent
from reportgen.diagnose.reading.outcome import outcome
from reportgen.diagnose.reading.splits import FEW_VALUES, NO_TARGETS, NO_TRAIN, compared, few_values, place, rows_of
from reportgen.diagnose.rule import Judgement, NotApplicable, Rule, Unchecked
from reportgen.run.evidence import DataSplit, Doubt
from reportgen.run.predictions import Example, PredictionSet
from reportgen.run.records import Run

DUPLICATES, CONFLICTS = 0.05, 0.01
# Fewer conflicting rows than these are an oddity, not a trait of the data.
FEWEST_CONFLICTS = 3
LEAST_ROWS = 50
# Fewer doubtful labels are what any data has: of the rows compared (2,000 at most) this share, of the 16 kept all.
FEWEST_DOUBTS, DOUBTED, COMPARED, KEPT = 3, 0.01, 2_000, 16
CONFIDENT, LEARNED = 0.6, 0.5
ROWS = 8
NO_LABELS = Unchecked("The training data was given without targets.")


def duplicates_in_train(run: Run) -> Judgement:
    """More than 5 % of the rows to train on equal earlier ones, or more than 1 % contradict one."""
    split = compared(run, "train")
    if split is None:
        return NO_TRAIN
    if split.rows < LEAST_ROWS:
        return Unchecked(f"{counted(split.rows, 'row')} of the training data were seen; {LEAST_ROWS} are needed.")
    if few_values(split):
        return FEW_VALUES
    share, against = split.duplicates / split.rows, split.conflicting / split.rows
    # Numbers are measured anew for the same input, and differ; a class is one or the other.
    conflict = against > CONFLICTS and split.conflicting >= FEWEST_CONFLICTS and split.targets == "classes"
    if not conflict and share <= DUPLICATES:
        return []
    bad = outcome(run)
    title = (
        f"{count(split.conflicting)} of {counted(split.rows, 'training row')} "
        f"{'has' if split.conflicting == 1 else 'have'} the same input as an earlier one and another target"
        if conflict
        else f"{count(split.duplicates)} of {counted(split.rows, 'training row')} equal an earlier one"
    )
    why = (
        "No model can be right about both of two equal rows with different targets: the loss cannot fall to 0, and "
        "what is learned of them is their mean."
        if conflict
        else "A row that is there twice counts twice, and a random split puts its copies on both sides. Rows that were "
        "repeated on purpose, to balance classes, do no harm if that was done after the split."
    )
    return [
        Finding(
            id="duplicates_in_train",
            tier="fact",
            severity="warning" if conflict or bad.bad else "info",
            title=title,
            why=why + (f" In all {percent(share)} of the rows are copies." if conflict and split.duplicates else ""),
            fix="Drop the copies before the data is split"
            + (", and decide which target is right." if conflict else "."),
            code="+ table = table.drop_duplicates(subset=feature_columns)",
            where=Where(tag=place(split)),
            value=percent(against if conflict else share),
            limit=percent(CONFLICTS if conflict else DUPLICATES),
            evidence=Table(
                columns=(Column("row", "count"), Column("equals row", "count")),
                rows=split.pairs[:ROWS],
                total=max(split.duplicates, split.conflicting),
                caption="Rows by their place from 0, those with another target first.",
            )
            if split.pairs
            else None,
            source="deepchecks, Data Duplicates (5 %) and Conflicting Labels; exact by hashes of the rows",
        )
    ]


def label_noise(run: Run) -> Judgement:
    """Labels that nearest neighbours, or a trained model that is confident, would have otherwise: to look at."""
    split = rows_of(run, "train")
    predicted = _of_train(run)
    if (split is None or not split.targets) and predicted is None:
        return _untold(split)
    if split is not None and len(split.doubts) >= _fewest(split.rows):
        return [_by_neighbours(split)]
    if predicted is None and split is not None and split.targets != "classes":
        return NotApplicable("Targets are no classes.")
    mistakes = _mistakes(predicted) if predicted is not None else []
    if predicted is None or len(mistakes) < FEWEST_DOUBTS:
        return []
    return [_by_model(predicted, mistakes)]


def _untold(split: DataSplit | None) -> Unchecked:
    """Why the labels to train on are not known."""
    if split is None:
        return NO_TRAIN
    return NO_LABELS if split.source == "data" else NO_TARGETS


def _fewest(rows: int) -> float:
    return max(FEWEST_DOUBTS, min(DOUBTED * min(rows, COMPARED), KEPT))


def _by_neighbours(split: DataSplit) -> Finding:
    doubts = split.doubts
    return Finding(
        id="label_noise",
        tier="statistics",
        severity="info",
        title=f"{count(len(doubts))}{' or more' if len(doubts) >= KEPT else ''} training labels differ from those of "
        "the rows most like them",
        why=f"Of each, at least {min(doubt.agree for doubt in doubts)} of the {doubts[0].of} nearest rows have another "
        "label. Some are wrong labels, some are rows at the edge of two classes: only looking tells.",
        fix="Look at these rows; correct or drop the labels that are wrong.",
        code="+ " + "; ".join(f"print(train_set[{doubt.index}])" for doubt in doubts[:2]),
        where=Where(tag=place(split)),
        value=f"{count(len(doubts))} of {counted(split.rows, 'row')}",
        evidence=_pictures(doubts) or _neighbours(doubts),
        source="nearest neighbours (Wilson's editing rule); cleanlab for the idea",
    )


def _pictures(doubts: tuple[Doubt, ...]) -> ImageGrid | None:
    shown = [doubt for doubt in doubts if doubt.image][:ROWS]
    if not shown:
        return None
    return ImageGrid(
        tuple(
            ImageItem(
                doubt.image,
                f"training row {doubt.index}, labelled {cut(doubt.label, 40)}",
                title=f"{cut(doubt.label, 20)}, not {cut(doubt.neighbours, 20)}?",
                lines=(
                    f"row {count(doubt.index)}",
                    f"{doubt.agree} of {doubt.of} nearest: {cut(doubt.neighbours, 20)}",
                ),
            )
            for doubt in shown
        ),
        caption="Their label, and the one that their nearest rows have.",
    )


def _neighbours(doubts: tuple[Doubt, ...]) -> Table:
    return Table(
        columns=(Column("row", "count"), Column("label"), Column("label of the nearest"), Column("agree")),
        rows=tuple(
            (doubt.index, doubt.label, doubt.neighbours, f"{doubt.agree} of {doubt.of}") for doubt in doubts[:ROWS]
        ),
        total=len(doubts),
        caption="Rows by their place from 0, the most doubtful first.",
    )


def _of_train(run: Run) -> PredictionSet | None:
    """The last predictions of rows trained on."""
    sets = [one for one in run.predictions if one.split == "train" and one.task in ("classification", "binary")]
    return max(sets, key=lambda one: (one.stamp.optimizer_step, one.stamp.step), default=None)


def _mistakes(one: PredictionSet) -> list[Example]:
    """Confident mistakes on rows that were trained on, of a model that learned."""
    if one.metrics.get("accuracy", 0.0) < LEARNED:
        return []
    wrong = [each for each in one.examples if each.correct is False and (each.confidence or 0.0) >= CONFIDENT]
    return sorted(wrong, key=lambda each: -(each.confidence or 0.0))


def _by_model(one: PredictionSet, mistakes: list[Example]) -> Finding:
    shown = mistakes[:ROWS]
    return Finding(
        id="label_noise",
        tier="statistics",
        severity="info",
        title=f"{count(len(mistakes))} training labels that the trained model confidently contradicts",
        why=f"The model saw these labels in training and still says another class, at a probability of "
        f"{percent(CONFIDENT)} or more. Some are wrong labels, some are hard rows: only looking tells.",
        fix="Look at these rows; correct or drop the labels that are wrong.",
        code="+ " + "; ".join(f"print(train_set[{each.index}])" for each in shown[:2]),
        where=Where(tag="train predictions", step=one.stamp.step),
        value=counted(len(mistakes), "row"),
        evidence=_shown(shown)
        or Table(
            columns=(Column("row", "count"), Column("label"), Column("prediction"), Column("probability", "percent")),
            rows=tuple((each.index, each.truth, each.prediction, each.confidence) for each in shown),
            total=len(mistakes),
            caption="Rows in the order in which they were predicted, from 0.",
        ),
        source="cleanlab (Northcutt et al., Confident Learning), without held-out probabilities",
        since=one.stamp.optimizer_step or one.stamp.step,
    )


def _shown(mistakes: list[Example]) -> ImageGrid | None:
    pictures = [each for each in mistakes if each.image]
    if not pictures:
        return None
    return ImageGrid(
        tuple(
            ImageItem(
                each.image or "",
                f"training row {each.index}, labelled {cut(each.truth, 40)}",
                title=f"{cut(each.truth, 20)}, not {cut(each.prediction, 20)}?",
                lines=(f"row {count(each.index)}", f"predicted at {percent(each.confidence or 0.0)}"),
            )
            for each in pictures
        ),
        caption="Their label, and what the model says.",
    )


RULES = (
    Rule(
        "duplicates_in_train",
        "Rows to train on are different ones",
        "fact",
        duplicates_in_train,
        needs='report.data("train", train_set)',
        worst="warning",
        checks="More than 5 % of the rows equal an earlier one, or more than 1 % do and have another target.",
        source="deepchecks, Data Duplicates and Conflicting Labels",
    ),
    Rule(
        "label_noise",
        "Few labels are in doubt",
        "statistics",
        label_noise,
        needs='report.data("train", train_set)',
        worst="info",
        checks="At least 3 rows, and 1 %, whose nearest ones agree on another label, or 3 that a model contradicts.",
        source="cleanlab (Northcutt et al., Confident Learning); Wilson's editing rule",
    ),
)
