"""Logged images: a grid a step, with the boxes that were logged with them."""

from __future__ import annotations

from collections.abc import Sequence

from reportgen.blocks.media import ImageGrid, ImageItem
from reportgen.blocks.page import Block
from reportgen.blocks.wording import box_words, count, counted, cut, named
from reportgen.run.logged import Box
from reportgen.run.picture_size import picture_size
from reportgen.run.records import Images, Run
from reportgen.sections.by_tag import TAGS, at_step, by_tag, few_steps, kept, left_out, over_steps, told

PICTURES = 100
PICTURES_A_GRID = 25
# Boxes of one picture that are named under it.
BOXES = 12
# So many tags of one image each share a grid, rather than take a row each.
ALONE = 8
# Of few images those of at least so many px, such as figures, are no thumbnails: their longer and shorter side.
FEW, LONG, SHORT = 9, 160, 80


def blocks(run: Run) -> list[Block]:
    """A block a tag, in natural order; none when no image was logged."""
    found: list[Block] = []
    left, shown = PICTURES, 0
    given = _given(run)
    groups = by_tag([record for record in run.images if any(name in run.media for name in record.media)])
    alone = [records[0] for _, records in groups if _stands_alone(run, records)]
    if len(alone) >= ALONE:
        found.append(_together(run, alone[:PICTURES]))
        left, shown = PICTURES - len(alone[:PICTURES]), len(alone[:PICTURES])
        groups = [each for each in groups if not _stands_alone(run, each[1])]
    for tag, records in groups[:TAGS]:
        chosen: dict[int, list[int]] = {}
        for record in reversed(few_steps(records)):
            places = [k for k, name in enumerate(record.media) if name in run.media]
            chosen[id(record)] = places[: min(PICTURES_A_GRID, left)]
            left -= len(chosen[id(record)])
        drawn = [record for record in few_steps(records) if chosen[id(record)]]
        amount = sum(_shown(record, chosen[id(record)]) for record in drawn)
        shown += amount
        if len(drawn) == 1:
            grid = _grid(run, drawn[0], chosen[id(drawn[0])])
            step = at_step(drawn[0]) + (f", {grid.caption[0].lower()}{grid.caption[1:]}" if grid.caption else "")
            found.append(ImageGrid(grid.items, named(tag, 80), told(step, kept(run, "images", tag, drawn)), grid.small))
        elif drawn:
            few = f"{count(amount)} of {counted(given[tag], 'image')} kept" if amount < given[tag] else ""
            found.append(
                over_steps(
                    "images",
                    tag,
                    drawn,
                    lambda record, chosen=chosen: (_grid(run, record, chosen[id(record)]),),  # type: ignore[misc]
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
    return max(record.total, record.sheet, len(record.media))


def _shown(record: Images, chosen: Sequence[int]) -> int:
    return record.sheet if record.sheet and chosen else len(chosen)


def _stands_alone(run: Run, records: Sequence[Images]) -> bool:
    """Whether a tag is a single picture without boxes, at one step."""
    first = records[0]
    single = len(records) == len(first.media) == _total(first) == 1 and not any(first.boxes)
    return single and not run.moments.get("images", {}).get(first.tag)


def _large(run: Run, record: Images, place: int) -> bool:
    known = record.sizes[place] if place < len(record.sizes) else picture_size(run.media[record.media[place]])
    return max(known) >= LONG and min(known) >= SHORT


def _together(run: Run, records: Sequence[Images]) -> ImageGrid:
    """The single pictures of several tags, each under its tag."""
    items = []
    for record in records:
        name, caption = named(record.tag, 60), "".join(record.captions[:1])
        alt = f"{name} at {at_step(record)}" + (f": {cut(caption, 100)}" if caption else "")
        lines = (at_step(record), *([cut(caption, 60)] if caption else []), *record.notes)
        items.append(ImageItem(record.media[0], alt, name, lines))
    large = sum(_large(run, record, 0) for record in records)
    return ImageGrid(tuple(items), f"{counted(len(items), 'tag')} of one image", small=2 * large < len(items))


def _grid(run: Run, record: Images, chosen: Sequence[int]) -> ImageGrid:
    tag = record.tag
    total = _total(record)
    if record.sheet:
        return _sheet(record)
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
    large = len(items) <= FEW and all(_large(run, record, place) for place in chosen)
    small = len(items) > 1 and not large and not any(item.boxes for item in items)
    return ImageGrid(tuple(items), caption=told(few, *record.notes), small=small)


def _sheet(record: Images) -> ImageGrid:
    total = counted(_total(record), "image")
    many = f"the first {count(record.sheet)} of {total}" if record.sheet < _total(record) else total
    words = f"{many} row by row, {count(record.columns)} in a row"
    alt = f"{named(record.tag, 60)} at {at_step(record)}: {words}"
    item = ImageItem(record.media[0], alt, columns=record.columns)
    return ImageGrid((item,), caption=told(words, *record.notes), small=False)


def _named_boxes(boxes: Sequence[Box]) -> str:
    words = [box_words(place, box.label, box.score) for place, box in enumerate(boxes[:BOXES])]
    if len(boxes) > BOXES:
        words.append(f"{count(len(boxes) - BOXES)} more")
    return f"{counted(len(boxes), 'box', 'boxes')}: {', '.join(words)}"
