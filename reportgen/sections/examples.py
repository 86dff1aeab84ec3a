"""Samples to look at: pictures with what was said of them, or a table where there are none."""

from __future__ import annotations

from collections.abc import Sequence

from reportgen.blocks.media import ImageGrid, ImageItem
from reportgen.blocks.page import Block
from reportgen.blocks.table import Cell, Column, Table
from reportgen.blocks.wording import count, cut, number, percent
from reportgen.run.predictions import Example, PredictionSet
from reportgen.run.records import Run

LABEL = 30
TEXT = 200
# Larger ones are shown as wide as they are: boxes and masks want space.
LARGE_TASKS = ("detection", "segmentation")


def examples(run: Run, each: PredictionSet) -> list[Block]:
    """Grids: worst mistakes, confident mistakes, hardest right ones, random rest; then those without pictures."""
    pictured = [e for e in each.examples if _picture(run, e)]
    plain = [e for e in each.examples if not _picture(run, e)]
    blocks: list[Block] = []
    for title, caption, chosen in _groups(pictured):
        if chosen:
            items = tuple(_item(run, example) for example in chosen)
            blocks.append(ImageGrid(items, title, caption, small=each.task not in LARGE_TASKS))
    if plain:
        blocks.append(_table([e for _, _, group in _groups(plain) for e in group]))
    return blocks


def _groups(known: Sequence[Example]) -> list[tuple[str, str, list[Example]]]:
    worst = sorted((e for e in known if e.kept == "worst"), key=_by_loss)
    judged = [e for e in worst if e.correct is not None]
    mistakes = sorted((e for e in known if e.kept == "mistake"), key=lambda e: (-(e.confidence or 0.0), e.index))
    rest = sorted((e for e in known if e.kept not in ("worst", "mistake")), key=lambda e: e.index)
    return [
        ("Worst mistakes", "The largest losses.", [e for e in judged if not e.correct]),
        ("Confident mistakes", "Of the other mistakes those with the highest confidence.", mistakes),
        ("Largest losses", "", [e for e in worst if e.correct is None]),
        ("Right, but with the largest losses", "", [e for e in judged if e.correct]),
        ("Random samples", "A seeded choice of all others.", rest),
    ]


def _by_loss(example: Example) -> tuple[float, int]:
    loss = example.loss
    return (-loss if loss is not None and loss == loss else float("-inf"), example.index)  # NaN is the worst


def _picture(run: Run, example: Example) -> str:
    """The name of the picture to show, "" when there is none."""
    return next((name for name in (example.overlay, example.image) if name and name in run.media), "")


def _item(run: Run, example: Example) -> ImageItem:
    truth, prediction = cut(example.truth, LABEL), cut(example.prediction, LABEL)
    sure = f" with confidence {percent(example.confidence)}" if example.confidence is not None else ""
    if example.correct is None:
        title, level = f"{prediction} ← {truth}" if truth or prediction else f"sample {example.index}", ""
    elif example.correct:
        title, level = f"{prediction} ✓", "ok"
    else:
        title, level = f"{prediction} ← {truth}", "error"
    return ImageItem(
        media=_picture(run, example),
        alt=f"Sample {count(example.index)}: truth {truth or 'unknown'}, predicted {prediction or 'nothing'}{sure}",
        title=title,
        lines=tuple(_lines(example)),
        level=level,
    )


def _lines(example: Example) -> list[str]:
    lines = []
    if example.confidence is not None:
        lines.append(percent(example.confidence))
    if example.kept == "worst" and example.loss is not None:
        lines.append(f"loss {number(example.loss)}")
    return lines


def _table(known: Sequence[Example]) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (
            example.index,
            cut(example.text, TEXT),
            cut(example.truth, TEXT),
            cut(example.prediction, TEXT),
            {True: "right", False: "wrong", None: ""}[example.correct],
            example.confidence,
            example.loss,
        )
        for example in known
    ]
    columns = (
        Column("sample", "step"),
        Column("input"),
        Column("truth"),
        Column("prediction"),
        Column(""),
        Column("confidence", "percent"),
        Column("loss", "number"),
    )
    used = [c for c in range(len(columns)) if c == 0 or any(row[c] not in (None, "") for row in rows)]
    marks = [(r, used.index(3)) for r, example in enumerate(known) if example.correct is False and 3 in used]
    return Table(
        columns=tuple(columns[c] for c in used),
        rows=tuple(tuple(row[c] for c in used) for row in rows),
        title="Samples",
        caption="The largest losses first, then confident mistakes, then a seeded choice of all others.",
        marks=tuple(marks),
    )
