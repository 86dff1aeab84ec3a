"""Logged images: a grid a step, with the boxes that were logged with them."""

from __future__ import annotations

from collections.abc import Sequence

from reportgen.blocks.media import ImageGrid, ImageItem
from reportgen.blocks.page import Block
from reportgen.blocks.wording import count, counted, cut, named, number
from reportgen.run.logged import Box
from reportgen.run.records import Images, Run
from reportgen.sections.by_tag import TAGS, at_step, by_tag, few_steps, kept, left_out, over_steps, told

PICTURES = 100
PICTURES_A_GRID = 25
# Boxes of one picture that are named under it.
BOXES = 12


def blocks(run: Run) -> list[Block]:
    """A block a tag, in natural order; none when no image was logged."""
    found: list[Block] = []
    left, shown = PICTURES, 0
    given = _given(run)
    groups = by_tag([record for record in run.images if any(name in run.media for name in record.media)])
    for tag, records in groups[:TAGS]:
        chosen: dict[int, list[int]] = {}
        for record in reversed(few_steps(records)):
            places = [k for k, name in enumerate(record.media) if name in run.media]
            chosen[id(record)] = places[: min(PICTURES_A_GRID, left)]
            left -= len(chosen[id(record)])
        drawn = [record for record in few_steps(records) if chosen[id(record)]]
        amount = sum(len(chosen[id(record)]) for record in drawn)
        shown += amount
        if len(drawn) == 1:
            grid = _grid(tag, drawn[0], chosen[id(drawn[0])])
            step = at_step(drawn[0]) + (f", {grid.caption[0].lower()}{grid.caption[1:]}" if grid.caption else "")
            found.append(ImageGrid(grid.items, named(tag, 80), told(step, kept(run, "images", tag, drawn)), grid.small))
        elif drawn:
            few = f"{count(amount)} of {counted(given[tag], 'image')} kept" if amount < given[tag] else ""
            found.append(
                over_steps(
                    "images",
                    tag,
                    drawn,
                    lambda record, tag=tag, chosen=chosen: (_grid(tag, record, chosen[id(record)]),),  # type: ignore[misc]
                    told(few, kept(run, "images", tag, drawn)),
                )
            )
    return [*found, *left_out(shown, sum(given.values()), "image")]


def _given(run: Run) -> dict[str, int]:
    """How many images were logged under each tag."""
    found: dict[str, int] = {}
    for record in run.images:
        found[record.tag] = found.get(record.tag, 0) + _total(record)
    return {tag: max(amount, run.moments.get("pictures", {}).get(tag, 0)) for tag, amount in found.items()}


def _total(record: Images) -> int:
    return max(record.total, len(record.media))


def _grid(tag: str, record: Images, chosen: Sequence[int]) -> ImageGrid:
    total = _total(record)
    few = f"{count(len(chosen))} of {counted(total, 'image')}" if len(chosen) < total else ""
    items = []
    for place in chosen:
        caption = record.captions[place] if place < len(record.captions) else ""
        alt = f"{named(tag, 60)}, image {place + 1} of {total} at {at_step(record)}"
        alt += f": {cut(caption, 100)}" if caption else ""
        boxes = record.boxes[place] if place < len(record.boxes) else ()
        size = record.sizes[place] if place < len(record.sizes) else (0, 0)
        lines = (_named_boxes(boxes),) if boxes else ()
        items.append(ImageItem(record.media[place], alt, cut(caption, 60), lines, boxes=boxes, size=size))
    small = len(items) > 1 and not any(item.boxes for item in items)
    return ImageGrid(tuple(items), caption=told(few, *record.notes), small=small)


def _named_boxes(boxes: Sequence[Box]) -> str:
    words = []
    for place, box in enumerate(boxes[:BOXES]):
        parts = [str(place + 1), cut(box.label, 40) if box.label.strip() else "", *_score(box.score)]
        words.append(" ".join(part for part in parts if part))
    if len(boxes) > BOXES:
        words.append(f"{count(len(boxes) - BOXES)} more")
    return f"{counted(len(boxes), 'box', 'boxes')}: {', '.join(words)}"


def _score(score: float | None) -> list[str]:
    return [] if score is None else [number(score)]
