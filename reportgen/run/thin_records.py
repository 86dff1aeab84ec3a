"""Fewer predictions, pictures, texts and rows: what a page shows of them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from reportgen.run.predictions import Example, PredictionSet
from reportgen.run.records import Images, TableRecord, TextRecord
from reportgen.run.sheets import MOST, on_sheet
from reportgen.run.thin_series import even_choice

# Evaluations of a split whose metrics stay; of three of them (first, best, last) more stays.
SETS = 200
EXAMPLES_LAST = 32
EXAMPLES_ELSEWHERE = 8
POINTS = 1000
# Moments of a tag's records and of its pictures, pictures of one moment, and pictures of all tags together.
MOMENTS = 4
IMAGE_MOMENTS = 12
PICTURES = 25
ALL_PICTURES = 100
# A contact sheet takes as much of a page as so many pictures.
SHEET = 4
TEXTS = 100
TEXT_LENGTH = 20_000
ROWS = 1000

Record = TypeVar("Record")


def thin_predictions(sets: tuple[PredictionSet, ...]) -> tuple[PredictionSet, ...]:
    """Of each split at most SETS evaluations: the last with its pictures, of the first and the best all numbers, of the
    others their metrics."""
    found: list[PredictionSet] = []
    for one in chosen(sets, lambda s: s.split, SETS, always=_best):
        group = [s for s in sets if s.split == one.split]
        if one is group[-1]:
            found.append(_with_one_picture(_reduced(one, EXAMPLES_LAST)))
        elif one is group[0] or one is _best(group):
            found.append(_without_pictures(_reduced(one, EXAMPLES_ELSEWHERE)))
        else:
            found.append(_bare(one))
    return tuple(found)


def _best(group: Sequence[PredictionSet]) -> PredictionSet:
    """By accuracy, else by loss, else the last."""
    for metric, sign in (("accuracy", 1.0), ("loss", -1.0)):
        measured = [s for s in group if s.metrics.get(metric, float("nan")) == s.metrics.get(metric)]
        if measured:
            return max(measured, key=lambda s: sign * s.metrics[metric])
    return group[-1]


def _reduced(one: PredictionSet, examples: int) -> PredictionSet:
    if len(one.examples) <= examples and len(one.points) <= POINTS:
        return one
    points = tuple(one.points[i] for i in even_choice(len(one.points), POINTS))
    return replace(one, examples=_examples(one.examples, examples), points=points)


def _examples(examples: tuple[Example, ...], limit: int) -> tuple[Example, ...]:
    """Half of them the worst, a quarter mistakes, the rest as they come; in their order."""
    if len(examples) <= limit:
        return examples
    kept: list[Example] = []
    for reason, share in (("worst", limit // 2), ("mistake", limit // 4)):
        kept += [example for example in examples if example.kept == reason][:share]
    chosen = {id(example) for example in kept}
    for example in (*(e for e in examples if e.kept == "random"), *examples):
        if len(chosen) < limit:
            chosen.add(id(example))
    return tuple(example for example in examples if id(example) in chosen)


def _without_pictures(one: PredictionSet) -> PredictionSet:
    if not any(example.image or example.overlay for example in one.examples):
        return one
    return replace(one, examples=tuple(replace(example, image=None, overlay=None) for example in one.examples))


def _with_one_picture(one: PredictionSet) -> PredictionSet:
    """Of two pictures the one with boxes or masks: it shows the other."""
    if not any(example.image and example.overlay for example in one.examples):
        return one
    return replace(one, examples=tuple(replace(e, image=None) if e.overlay else e for e in one.examples))


def _bare(one: PredictionSet) -> PredictionSet:
    if not (one.confusion or one.scores or one.confidence or one.correct or one.points or one.examples):
        return one
    return replace(one, confusion=(), scores=(), confidence=(), correct=(), points=(), examples=())


def thin_images(images: tuple[Images, ...]) -> tuple[Images, ...]:
    """At most IMAGE_MOMENTS of each tag with PICTURES each, and fewer of both where ALL_PICTURES would be passed.

    Pictures of one moment are left out before the first or the last moment of a tag is. Those that become a contact
    sheet (run.sheets) are left out only beyond what a sheet shows.
    """
    ends = chosen(images, lambda r: r.tag, 2)
    fitting = (p for p in range(PICTURES, 0, -1) if sum(_weight(record, p) for record in ends) <= ALL_PICTURES)
    pictures = next(fitting, 1)
    few: list[Images] = []
    for moments in range(IMAGE_MOMENTS, 0, -1):
        few = chosen(images, lambda r: r.tag, moments)
        if sum(_weight(record, pictures) for record in few) <= ALL_PICTURES:
            break
    left = ALL_PICTURES
    found: list[Images] = []
    for record in few:
        weight = min(left, _weight(record, pictures))
        left -= weight
        kept = min(MOST, len(record.media)) if weight and on_sheet(record) else min(weight, len(record.media))
        if kept < len(record.media):
            record = replace(
                record,
                media=record.media[:kept],
                captions=record.captions[:kept],
                sizes=record.sizes[:kept],
                boxes=record.boxes[:kept],
                total=max(record.total, len(record.media)),
            )
        found.append(record)
    return tuple(found)


def _weight(record: Images, pictures: int) -> int:
    """How many of ALL_PICTURES a record takes when each may take `pictures`."""
    return min(pictures, SHEET if record.sheet or on_sheet(record) else len(record.media))


def thin_texts(texts: tuple[TextRecord, ...]) -> tuple[TextRecord, ...]:
    """At most MOMENTS of each tag and TEXTS in all, none longer than TEXT_LENGTH characters."""
    kept = chosen(texts, lambda r: r.tag, MOMENTS)
    kept = [kept[i] for i in even_choice(len(kept), TEXTS)]
    return tuple(
        record if len(record.text) <= TEXT_LENGTH else replace(record, text=record.text[: TEXT_LENGTH - 1] + "…")
        for record in kept
    )


def thin_tables(tables: tuple[TableRecord, ...]) -> tuple[TableRecord, ...]:
    """At most ROWS rows of each table."""
    return tuple(
        table
        if len(table.rows) <= ROWS
        else replace(table, rows=table.rows[:ROWS], total=max(table.total, len(table.rows)))
        for table in tables
    )


def chosen(
    records: Iterable[Record],
    key: Callable[[Record], Hashable],
    limit: int,
    always: Callable[[Sequence[Record]], Record] | None = None,
) -> list[Record]:
    """At most `limit` records of each key, evenly spread with the first and last, in the order they are in."""
    records = list(records)
    groups: dict[Hashable, list[Record]] = {}
    for record in records:
        groups.setdefault(key(record), []).append(record)
    kept: set[int] = set()
    for group in groups.values():
        if len(group) <= limit:
            kept |= {id(record) for record in group}
            continue
        best = {id(always(group))} if always else set()
        even = {id(group[i]) for i in even_choice(len(group), limit - len(best))}
        kept |= even | best
    return [record for record in records if id(record) in kept]
