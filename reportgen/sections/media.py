"""What the user logged to look at: images, texts, tables, histograms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from reportgen.blocks.charts import Ridgelines
from reportgen.blocks.media import ImageGrid, ImageItem
from reportgen.blocks.page import Block, SectionView
from reportgen.blocks.table import Column, Table
from reportgen.blocks.text import Fold, Text
from reportgen.blocks.wording import count, counted, cut, named, sentence
from reportgen.diagnose import Diagnosis
from reportgen.run.records import Images, Run, TableRecord, TextRecord
from reportgen.sections.curves import evenly, natural
from reportgen.sections.layer_details import numbers
from reportgen.sections.ridges import ridgeline
from reportgen.sections.section import Section

# Bounds of a page that must stay readable whatever was logged.
TAGS = 40
STEPS = 4
PICTURES = 100
PICTURES_A_GRID = 25
TEXT = 10_000
ROWS = 100
COLUMNS = 20

Record = TypeVar("Record", Images, TextRecord)


def build(run: Run, diagnosis: Diagnosis) -> SectionView | None:
    """The section, None when nothing of the kind was logged."""
    blocks = [*_images(run), *_histograms(run), *_texts(run), *_tables(run)]
    if not blocks:
        return None
    how = "What was logged to look at, by tag; the latest step of each is open."
    return SectionView("media", "Media", how, tuple(blocks))


def _by_tag(records: Sequence[Record]) -> list[tuple[str, list[Record]]]:
    """Records by tag in natural order, each tag's in the order of steps."""
    groups: dict[str, list[Record]] = {}
    for record in records:
        groups.setdefault(record.tag, []).append(record)
    for group in groups.values():
        group.sort(key=lambda record: (record.stamp.step, record.stamp.optimizer_step))
    return sorted(groups.items(), key=lambda each: natural(each[0]))


def _left_out(shown: int, total: int, what: str) -> list[Block]:
    if shown >= total:
        return []
    return [Text(f"{count(shown)} of {counted(total, what)} are shown.", muted=True)]


def _images(run: Run) -> list[Block]:
    blocks: list[Block] = []
    left, shown = PICTURES, 0
    groups = _by_tag([record for record in run.images if any(name in run.media for name in record.media)])
    for tag, records in groups[:TAGS]:
        grids = []
        for at in reversed(evenly(len(records), STEPS)):
            known = [k for k, name in enumerate(records[at].media) if name in run.media]
            chosen = known[: min(PICTURES_A_GRID, left)]
            if chosen:
                left -= len(chosen)
                shown += len(chosen)
                grids.append(_grid(tag, records[at], chosen))
        blocks.extend(grids[:1])
        if len(grids) > 1:
            blocks.append(Fold(f"{named(tag, 60)} at earlier steps", tuple(grids[1:])))
    total = sum(max(len(record.media), record.total) for record in run.images)
    return [*blocks, *_left_out(shown, total, "image")]


def _grid(tag: str, record: Images, chosen: Sequence[int]) -> ImageGrid:
    total = max(record.total, len(record.media))
    told = [f"Step {count(record.stamp.step)}"]
    if len(chosen) < total:
        told[0] += f", {count(len(chosen))} of {counted(total, 'image')}"
    items = []
    for place in chosen:
        caption = record.captions[place] if place < len(record.captions) else ""
        alt = f"{named(tag, 60)}, image {place + 1} of {total} at step {count(record.stamp.step)}"
        alt += f": {cut(caption, 100)}" if caption else ""
        items.append(ImageItem(record.media[place], alt, cut(caption, 60)))
    return ImageGrid(
        tuple(items),
        title=named(tag, 80),
        caption=" ".join(sentence(part) for part in (*told, *record.notes)),
        small=len(items) > 1,
    )


def _histograms(run: Run) -> list[Block]:
    known = sorted(run.distributions.get("histogram", {}).items(), key=lambda each: natural(each[0]))
    blocks: list[Block] = []
    for tag, series in known[:TAGS]:
        drawn = ridgeline(series, named(tag, 60))
        if drawn is not None:
            blocks.append(Ridgelines((drawn,), numbers([series], len(drawn.ridges))))
        elif series.snapshots:
            blocks.append(Text(f"{named(tag, 60)} holds no finite number.", muted=True))
    return [*blocks, *_left_out(min(len(known), TAGS), len(known), "histogram")]


def _texts(run: Run) -> list[Block]:
    blocks: list[Block] = []
    groups = _by_tag(run.texts)
    for tag, records in groups[:TAGS]:
        shown = [_text(records[at]) for at in reversed(evenly(len(records), STEPS))]
        blocks.append(shown[0])
        if len(shown) > 1:
            blocks.append(Fold(f"{named(tag, 60)} at earlier steps", tuple(shown[1:])))
    return [*blocks, *_left_out(min(len(groups), TAGS), len(groups), "text")]


def _text(record: TextRecord) -> Text:
    text = record.text
    if len(text) > TEXT:
        text = f"{text[:TEXT]}\n… {count(len(text) - TEXT)} more characters"
    return Text(text, preformatted=True, title=f"{named(record.tag, 60)}, step {count(record.stamp.step)}")


def _tables(run: Run) -> list[Block]:
    latest: dict[str, TableRecord] = {record.tag: record for record in run.tables}
    known = sorted(latest.items(), key=lambda each: natural(each[0]))
    blocks: list[Block] = [_table(record) for _, record in known[:TAGS]]
    return [*blocks, *_left_out(min(len(known), TAGS), len(known), "table")]


def _table(record: TableRecord) -> Table:
    names = record.columns[:COLUMNS]
    rows = record.rows[:ROWS]
    styles = [_style([row[c] for row in record.rows if c < len(row)]) for c in range(len(names))]
    total = max(record.total, len(record.rows))
    told = f"{len(names)} of {len(record.columns)} columns are shown." if len(names) < len(record.columns) else ""
    return Table(
        columns=tuple(Column(cut(name, 60), style) for name, style in zip(names, styles, strict=True)),
        rows=tuple(tuple(_cell(row[c]) if c < len(row) else None for c in range(len(names))) for row in rows),
        title=named(record.tag, 80),
        caption=told,
        total=total if total > len(rows) else 0,
    )


def _style(values: Sequence[object]) -> str:
    numbers_only = [v for v in values if v is not None]
    if not numbers_only or any(isinstance(v, (str, bool)) for v in numbers_only):
        return "text"
    return "step" if all(isinstance(v, int) for v in numbers_only) else "number"


def _cell(value: str | float | bool | None) -> str | int | float | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return cut(value, 500) if isinstance(value, str) else value


SECTION = Section(
    "media", "images, texts, tables and histograms", "report.images(tag, images) or report.text(tag, text)", build
)
