"""Predictions: how good they are over all samples, and a few to look at, the worst first."""

from __future__ import annotations

from reportgen.blocks.media import ImageGrid
from reportgen.blocks.page import Block, SectionView
from reportgen.blocks.table import Cell, Column, Table
from reportgen.blocks.text import Fold, Text
from reportgen.blocks.wording import count, counted, cut, number, percent, sentence
from reportgen.diagnose import Diagnosis
from reportgen.run.predictions import PredictionSet
from reportgen.run.records import Run
from reportgen.sections.calibration import calibration
from reportgen.sections.classes import class_table, confusion
from reportgen.sections.curves import SHARE, evenly
from reportgen.sections.examples import examples
from reportgen.sections.regression import regression
from reportgen.sections.section import Section

SPLITS = ("val", "test", "train")
ROWS = 40
METRICS = 8
# More rows than this would stand between the reader and the pictures; the newest set's metrics are told above them.
UNFOLDED = 6
OUTPUTS = {
    "logits": "outputs were taken as logits",
    "probabilities": "outputs were taken as probabilities",
    "log-probabilities": "outputs were taken as log-probabilities",
    "labels": "outputs were taken as class labels",
    "values": "outputs were taken as values",
}


def build(run: Run, diagnosis: Diagnosis) -> SectionView | None:
    """The section, None when no predictions were recorded."""
    sets = ordered(run)
    if not sets:
        return None
    latest: dict[str, PredictionSet] = {each.split: each for each in sets}
    splits = sorted(latest, key=lambda split: (SPLITS.index(split) if split in SPLITS else len(SPLITS), split))
    main = latest[splits[0]]
    blocks: list[Block] = [_taken(main), metrics_table(sets), *shown(run, main)]
    for split in splits[1:]:
        others = (_taken(latest[split]), *shown(run, latest[split]))
        blocks.append(Fold(f"Predictions of {cut(split, 40) or 'the unnamed split'}", others))
    how = "What the model said against the truth; samples with the largest loss come first."
    if main.task in ("classification", "binary") and any(isinstance(block, ImageGrid) for block in blocks):
        how = "Each picture reads prediction ← truth, with the model's confidence; the worst mistakes come first."
    return SectionView("predictions", "Predictions", how, tuple(blocks))


def ordered(run: Run) -> list[PredictionSet]:
    """The sets with samples, oldest first."""
    known = [each for each in run.predictions if each.samples]
    return sorted(known, key=lambda each: (each.stamp.optimizer_step, each.stamp.step, each.split))


def shown(run: Run, each: PredictionSet) -> list[Block]:
    """Everything about one set but its metrics."""
    return [*examples(run, each), *confusion(each), *class_table(each), *calibration(each), *regression(each)]


def _taken(each: PredictionSet) -> Text:
    told = f"{counted(each.samples, 'sample')} of {each.split or 'an unnamed split'} at step {count(each.stamp.step)}, "
    told += f"{each.task}"
    if each.outputs_are:
        told += f"; {OUTPUTS.get(each.outputs_are, f'outputs were taken as {each.outputs_are}')}"
        told += f" ({each.reason})" if each.reason else ""
    if each.metrics:
        names = list(each.metrics)[:METRICS]
        written = (percent if _style(name, [each.metrics[name]]) == "percent" else number for name in names)
        told += ": " + ", ".join(
            f"{name} {write(each.metrics[name])}" for name, write in zip(names, written, strict=True)
        )
    return Text(" ".join([sentence(told), *(sentence(note) for note in each.notes)]), muted=True)


def metrics_table(sets: list[PredictionSet]) -> Table:
    """The metrics of every set; of very many sets an even choice with the first and the last."""
    names = list(dict.fromkeys(name for each in sets for name in each.metrics))[:METRICS]
    styles = {name: _style(name, [each.metrics[name] for each in sets if name in each.metrics]) for name in names}
    chosen = [sets[at] for at in evenly(len(sets), ROWS)]
    rows: list[tuple[Cell, ...]] = [
        (each.split, each.stamp.step, each.samples, *(each.metrics.get(name) for name in names)) for each in chosen
    ]
    return Table(
        title=f"Metrics of {counted(len(sets), 'evaluation')}",
        folded=len(chosen) > UNFOLDED,
        columns=(
            Column("split"),
            Column("step", "step"),
            Column("samples", "count"),
            *(Column(name, styles[name]) for name in names),
        ),
        rows=tuple(rows),
        caption="Over all samples of each set.",
        total=len(sets) if len(sets) > len(chosen) else 0,
    )


def _written(name: str, value: float) -> str:
    return percent(value) if _style(name, [value]) == "percent" else number(value)


def _style(name: str, values: list[float]) -> str:
    return "percent" if SHARE.search(name) and all(0 <= value <= 1 for value in values) else "number"


SECTION = Section("predictions", "predictions", "report.predictions(inputs, outputs, targets, classes=[...])", build)
