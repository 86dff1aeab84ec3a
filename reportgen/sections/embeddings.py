"""Embeddings: their projections, coloured by what is known of each row, with pictures of some rows."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from reportgen.blocks.media import ImageGrid, ImageItem
from reportgen.blocks.page import Block, SectionView
from reportgen.blocks.shapes import PointChart, PointGroup, PointMark
from reportgen.blocks.slug import slug
from reportgen.blocks.text import Text
from reportgen.blocks.wording import count, counted, cut, named, number
from reportgen.diagnose import Diagnosis
from reportgen.run.logged import Embedding, Projection
from reportgen.run.records import Run
from reportgen.sections.by_tag import TAGS, at_step, by_tag, few_steps, kept, left_out, over_steps, told
from reportgen.sections.curves import natural
from reportgen.sections.section import Section

# Kinds with a look of their own, parts of a scale of numbers, and points of a page that say their names.
KINDS, PARTS, TITLES = 10, 5, 1000
# So few points have their names beside them, so long at most.
NAMED, NAME = 40, 18
HOW = (
    "Each point is a row of a table of vectors, placed so that rows near each other there are near here; the axes have "
    "no unit."
)

Places = list[int]


def build(run: Run, diagnosis: Diagnosis) -> SectionView | None:
    """The section, None when no embedding was logged."""
    groups = by_tag(run.embeddings)
    if not groups:
        return None
    blocks: list[Block] = []
    titles = TITLES
    for tag, records in groups[:TAGS]:
        last = records[-1]
        named_points = sum(len(one.rows) for one in last.projections) <= titles
        titles -= sum(len(one.rows) for one in last.projections) if named_points else 0
        shown = few_steps(records)
        drawn = {id(record): _drawn(run, record, record is last and named_points) for record in shown}
        alone = drawn[id(last)][0] if len(shown) == len(drawn[id(last)]) == 1 else None
        if isinstance(alone, PointChart):  # beside the single charts of other tags
            title = f"{named(tag, 80)}: {alone.title}"
            blocks.append(replace(alone, title=title, caption=told(at_step(last), alone.caption)))
        elif len(shown) == 1:
            blocks.append(Text(at_step(last).capitalize() + ".", muted=True, title=named(tag, 80)))
            blocks += drawn[id(last)]
        else:
            told_of = kept(run, "embeddings", tag, records)
            blocks.append(
                over_steps("embeddings", tag, shown, lambda record, drawn=drawn: drawn[id(record)], told_of)  # type: ignore[misc]
            )
    blocks += left_out(min(len(groups), TAGS), len(groups), "tag")
    return SectionView("embeddings", "Embeddings", HOW, tuple(blocks))


def _drawn(run: Run, record: Embedding, titles: bool) -> list[Block]:
    size = f"{counted(record.rows, 'row')} of {counted(record.dimensions, 'number')}"
    if not record.projections:
        return [Text(told(size, *record.notes), muted=True)]
    known = _known(record)
    blocks: list[Block] = [_chart(record, one, known, titles) for one in record.projections]
    if record.notes:
        blocks.append(Text(told(*record.notes), muted=True))
    if any(name in run.media for name in record.thumbs):
        items = tuple(
            ImageItem(
                name,
                f"picture of row {count(row)} of {named(record.tag, 60)}",
                f"{at + 1}: {_label(known.get(row, ()), 0) or f'row {count(row)}'}",
            )
            for at, (name, row) in enumerate(zip(record.thumbs, record.thumb_rows, strict=False))
            if name in run.media
        )
        blocks.append(ImageGrid(items, caption="Pictures of some rows; their numbers stand in the charts."))
    return blocks


def _chart(record: Embedding, projection: Projection, known: dict[int, Sequence[str]], titles: bool) -> PointChart:
    column = _telling(known)
    groups, ordered, other = _groups([_label(known.get(row, ()), column) for row in projection.rows])
    places = {row: at for at, row in enumerate(projection.rows)}
    marks = tuple(
        PointMark(projection.x[places[row]], projection.y[places[row]], str(at + 1))
        for at, row in enumerate(record.thumb_rows)
        if row in places
    ) or _names(projection, known)
    drawn = len(projection.rows)
    few = f"{count(drawn)} of {counted(record.rows, 'row')}" if drawn < record.rows else counted(drawn, "row")
    legend = named(record.header[column], 40) if column < len(record.header) and len(groups) > 1 else ""
    return PointChart(
        projection.method,
        tuple(
            PointGroup(
                name,
                tuple(projection.x[at] for at in each),
                tuple(projection.y[at] for at in each),
                tuple(
                    _all_labels(record.header, row, known.get(row, ())) for row in (projection.rows[at] for at in each)
                )
                if titles
                else (),
            )
            for name, each in groups
        ),
        told(f"{few} of {counted(record.dimensions, 'number')} by {projection.method}", projection.detail),
        legend,
        ordered,
        other,
        marks,
        slug("embedding", f"{record.tag} {projection.method}"),
    )


def _names(projection: Projection, known: dict[int, Sequence[str]]) -> tuple[PointMark, ...]:
    """The names of few points, from the column of the metadata that has most different ones."""
    rows = projection.rows
    columns = max((len(known.get(row, ())) for row in rows), default=0)
    if len(rows) > NAMED or not columns:
        return ()
    kinds = [len({_label(known.get(row, ()), at) for row in rows}) for at in range(columns)]
    column = kinds.index(max(kinds))
    if kinds[column] < 2:
        return ()
    names = [cut(_label(known.get(row, ()), column), NAME) for row in rows]
    there = [at for at, name in enumerate(names) if name]
    return tuple(PointMark(projection.x[at], projection.y[at], names[at], ring=False) for at in there)


def _telling(known: dict[int, Sequence[str]]) -> int:
    """The column of the metadata that tells kinds of rows apart: the first that _groups makes several groups of."""
    columns = max((len(words) for words in known.values()), default=0)
    several = (at for at in range(columns) if len(_groups([_label(words, at) for words in known.values()])[0]) > 1)
    return next(several, 0)


def _groups(labels: list[str]) -> tuple[list[tuple[str, Places]], bool, bool]:
    """Positions by label: (name, positions) of each group, whether they are a scale, whether the last is a rest."""
    everything = list(range(len(labels)))
    kinds = Counter(labels)
    numbers = [_number(label) for label in labels]
    if len(kinds) > KINDS and all(value is not None for value in numbers):
        return _scale([value for value in numbers if value is not None]), True, False
    if len(kinds) <= 1 or len(kinds) > max(KINDS, len(labels) // 2):
        return [("rows", everything)], False, False
    often = sorted((name for name, _ in kinds.most_common(KINDS)), key=natural)
    groups = [(cut(name, 40), [at for at in everything if labels[at] == name]) for name in often]
    if len(kinds) <= KINDS:
        return groups, False, False
    rest = [at for at in everything if labels[at] not in often]
    return [*groups, (counted(len(kinds) - KINDS, "other"), rest)], False, True


def _scale(values: Sequence[float]) -> list[tuple[str, Places]]:
    low, high = min(values), max(values)
    step = (high / PARTS - low / PARTS) or 1.0
    groups: list[tuple[str, Places]] = []
    for part in range(PARTS):
        begin, end = low + part * step, low + (part + 1) * step
        places = [at for at, value in enumerate(values) if min(PARTS - 1, int((value - low) / step)) == part]
        groups.append((f"{number(begin)} to {number(end)}", places))
    return [group for group in groups if group[1]]


def _number(label: str) -> float | None:
    try:
        value = float(label)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _known(record: Embedding) -> dict[int, Sequence[str]]:
    """What is known of each row, by its number."""
    rows = record.kept if len(record.kept) else range(len(record.metadata))
    return dict(zip(rows, record.metadata, strict=False))


def _label(known: Sequence[str], column: int) -> str:
    return known[column] if column < len(known) else ""


def _all_labels(header: Sequence[str], row: int, known: Sequence[str]) -> str:
    words = [f"{header[k]}: {word}" if k < len(header) and header[k] else word for k, word in enumerate(known)]
    return "; ".join([f"row {count(row)}", *(word for word in words if word)])


SECTION = Section("embeddings", "", "", build)
