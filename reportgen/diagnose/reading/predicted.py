"""The predictions that rules judge a run by, and how findings show them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from reportgen.blocks.charts import ScatterChart
from reportgen.blocks.table import Column, Table
from reportgen.blocks.wording import count, counted, listed
from reportgen.diagnose.reading.confusion import confusion_of
from reportgen.diagnose.reading.outcome import half_of
from reportgen.diagnose.rule import NotApplicable, Unchecked
from reportgen.run.predictions import PredictionSet
from reportgen.run.records import Run
from reportgen.run.tags import parse_tag

# Below this many samples a good model may fail by bad luck alone, as on one small batch.
FEWEST_SAMPLES = 50
ROWS, POINTS = 8, 200
# How a task (PredictionSet.task) is called in a sentence.
CLASSES = "classes"
TASKS = {
    "classification": CLASSES,
    "binary": CLASSES,
    "multilabel": "several labels each",
    "regression": "numbers",
    "segmentation": "classes of pixels",
    "detection": "boxes",
}
NO_CLASSES = Unchecked("No classification was recorded: call report.predictions(inputs, outputs, targets).")
NO_PREDICTIONS = Unchecked("No predictions were recorded: call report.predictions(inputs, outputs, targets).")
NO_CONFUSION = Unchecked("Which class was taken for which was not recorded, as of very many classes.")
EARLY = Unchecked(
    "Predictions were recorded in the first half of the run only: call report.predictions(inputs, outputs, targets)."
)


def last_of(run: Run, tasks: Sequence[str], able: Callable[[PredictionSet], bool]) -> PredictionSet | None:
    """The latest set of one of `tasks` (() for any) that is `able`: of val, else test, else any split.

    One of the first half of the run says nothing of its end, and is left out.
    """
    sets = [p for p in run.predictions if (not tasks or p.task in tasks) and able(p) and not _early(run, p)]
    for split in ("val", "test", None):
        chosen = [p for p in sets if split is None or p.split == split]
        if chosen:
            return max(chosen, key=lambda p: (p.stamp.optimizer_step, p.stamp.step))
    return None


def last_set(run: Run) -> PredictionSet | None:
    """The latest set with a confusion matrix: of val, else test, else any split."""
    return last_of(run, (), lambda one: bool(one.confusion))


def _early(run: Run, one: PredictionSet) -> bool:
    """Whether it was recorded before half of the run, by optimizer steps, else by the steps of its own split."""
    half = half_of(run)
    if half > 0:
        return one.stamp.optimizer_step < half
    steps = [
        series.steps[-1] for tag, series in run.scalars.items() if len(series) and parse_tag(tag).split == one.split
    ]
    return one.stamp.step < max(steps, default=0) / 2


def lacking(run: Run, reason: Unchecked) -> Unchecked | NotApplicable:
    """Why no set could be judged: `reason` where there is none, else that all are early, or what they are instead."""
    if not run.predictions:
        return reason
    if all(_early(run, one) for one in run.predictions):
        return EARLY
    tasks = dict.fromkeys(TASKS.get(one.task, one.task) for one in run.predictions)
    return NO_CONFUSION if CLASSES in tasks else NotApplicable(f"The predictions are {listed(list(tasks))}.")


def few(samples: int, needed: int = FEWEST_SAMPLES) -> Unchecked:
    """Why a set of so few samples cannot be judged."""
    were = "was" if samples == 1 else "were"
    return Unchecked(f"{counted(samples, 'prediction')} {were} recorded; {needed} are needed.")


def classes_table(one: PredictionSet) -> Table:
    """How often each class is predicted, and is the truth, the most predicted first."""
    confusion = confusion_of(one)
    truths, said, total = confusion.truths, confusion.said, confusion.total
    order = sorted(range(len(said)), key=lambda k: (-said[k], -truths[k]))[:ROWS]
    return Table(
        columns=(Column("class"), Column("predicted", "percent"), Column("truth", "percent")),
        rows=tuple((one.classes[k], said[k] / total, truths[k] / total) for k in order),
        total=len(said),
        caption="How often each class is predicted, and how often it is the truth.",
    )


def points_chart(one: PredictionSet, points: Sequence[tuple[float, float]]) -> ScatterChart:
    """Some of the finite `points` (truth, prediction) of a regression."""
    return ScatterChart(
        "Prediction against truth",
        tuple(points[:: max(1, len(points) // POINTS)]),
        f"{count(len(points))} predictions of {one.split} at step {one.stamp.step:,}.",
        "truth",
        "prediction",
    )
