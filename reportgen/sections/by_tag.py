"""Records by tag and step: what sections of logged media have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from reportgen.blocks.media import Slide, Steps
from reportgen.blocks.page import Block
from reportgen.blocks.slug import slug
from reportgen.blocks.text import Text
from reportgen.blocks.wording import count, counted, named, sentence
from reportgen.run.records import Run
from reportgen.sections.curves import evenly, natural

# A page's tags of one kind, and steps of one tag: as many as the style sheet has switches for.
TAGS = 40
STEPS = 12

Record = TypeVar("Record")


def by_tag(records: Sequence[Record]) -> list[tuple[str, list[Record]]]:
    """Records by tag in natural order, each tag's in the order of steps, at most STEPS of them."""
    groups: dict[str, list[Any]] = {}
    for record in records:
        groups.setdefault(record.tag, []).append(record)  # type: ignore[attr-defined]
    for group in groups.values():
        group.sort(key=lambda record: (record.stamp.step, record.stamp.optimizer_step))
    return sorted(groups.items(), key=lambda each: natural(each[0]))


def few_steps(records: Sequence[Record]) -> list[Record]:
    """At most STEPS of the records, the first and last among them."""
    return [records[at] for at in evenly(len(records), STEPS)]


def at_step(record: Any) -> str:
    """Such as "step 1,200"."""
    return f"step {count(record.stamp.step)}"


def over_steps(
    kind: str, tag: str, records: Sequence[Record], blocks: Callable[[Record], Sequence[Block]], caption: str = ""
) -> Block:
    """What `blocks` gives for each record (at least one), one step at a time; kind: "images", "videos", ..."""
    slides = []
    before: dict[str, int] = {}
    for record in few_steps(records):
        label = at_step(record)
        before[label] = before.get(label, 0) + 1
        if before[label] > 1:
            label += f" ({before[label]})"
        slides.append(Slide(label, tuple(blocks(record))))
    return Steps(tuple(slides), slug(kind, tag), named(tag, 80), caption)


def kept(run: Run, kind: str, tag: str, records: Sequence[object]) -> str:
    """How many of a tag's steps the page keeps, as a sentence; "" when it keeps them all."""
    there = sum(record.tag == tag and getattr(record, "index", 0) == 0 for record in getattr(run, kind))
    logged = max(run.moments.get(kind, {}).get(tag, 0), there)
    shown = min(len(records), STEPS)
    if logged <= shown:
        return ""
    if shown == 1:
        return f"1 of {counted(logged, 'step')} is kept."
    return f"{count(shown)} of {counted(logged, 'step')} are kept, the first and the last among them."


def told(*parts: str) -> str:
    """The parts that say something, as sentences."""
    return " ".join(sentence(part) for part in parts if part)


def left_out(shown: int, total: int, what: str) -> list[Block]:
    """A line that says how many of `total` are shown, when not all are."""
    if shown >= total:
        return []
    return [Text(f"{count(shown)} of {counted(total, what)} are shown.", muted=True)]
