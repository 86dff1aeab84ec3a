"""Logged texts: as they stand, or set as Markdown where they were logged as Markdown."""

from __future__ import annotations

import dataclasses

from reportgen.blocks.markdown import Markdown, MarkedNode
from reportgen.blocks.page import Block
from reportgen.blocks.text import Fold, Text
from reportgen.blocks.wording import count, counted, named
from reportgen.run.records import Run, TextRecord
from reportgen.sections.by_tag import TAGS, at_step, by_tag, kept, left_out, over_steps
from reportgen.sections.markdown import markdown

TEXT = 10_000
# Longer texts are folded from about here on.
HEAD_LINES, HEAD = 24, 1_600
# A part of Markdown takes as much room as so many characters more.
PART = 40


def blocks(run: Run) -> list[Block]:
    """A block a tag; none when no text was logged."""
    found: list[Block] = []
    groups = by_tag(run.texts)
    for tag, records in groups[:TAGS]:
        if len(records) == 1 and not run.moments.get("texts", {}).get(tag):
            found += _text(records[0], f"{named(tag, 60)}, {at_step(records[0])}")
        else:
            told = kept(run, "texts", tag, records)
            found.append(over_steps("texts", tag, records, _text, told))
    return [*found, *left_out(min(len(groups), TAGS), len(groups), "text")]


def _text(record: TextRecord, title: str = "") -> list[Block]:
    text = record.text
    more = counted(len(text) - TEXT, "more character") if len(text) > TEXT else ""
    if record.markdown:
        return _folded(dataclasses.replace(markdown(text[:TEXT], more), title=title))
    shown = f"{text[:TEXT]}\n… {more}" if more else text
    head = _beginning(shown)
    if head == len(shown):
        return [Text(shown, preformatted=True, title=title)]
    rest = (Text(shown[head:].removeprefix("\n"), preformatted=True),)
    return [Text(shown[:head], preformatted=True, title=title), Fold(_rest(len(shown) - head), rest)]


def _rest(length: int) -> str:
    return f"The rest: {count(length)} characters"


def _beginning(text: str) -> int:
    """Where the part of a text ends that is not folded: at the end of a line, or of a word of a very long line."""
    lines = text.split("\n", HEAD_LINES)
    end = len(text) if len(lines) <= HEAD_LINES else len(text) - len(lines[-1]) - 1
    if end > HEAD:
        end = max(text.rfind("\n", HEAD // 2, HEAD), text.rfind(" ", HEAD - 100, HEAD))
        end = end if end > 0 else HEAD
    # What is hardly longer needs no fold.
    return len(text) if len(text) - end < HEAD // 4 else end


def _folded(block: Markdown) -> list[Block]:
    """The block, its later parts folded where it is long; the first part stands whole."""
    head, length = 0, 0
    while head < len(block.nodes) and (not head or length < HEAD):
        length += _length(block.nodes[head])
        head += 1
    rest = block.nodes[head:]
    if sum(_length(node) for node in rest) < HEAD // 4:
        return [block]
    folded = Fold(_rest(sum(_length(node, 0) for node in rest)), (Markdown(rest),))
    return [dataclasses.replace(block, nodes=block.nodes[:head]), folded]


def _length(node: MarkedNode, part: int = PART) -> int:
    """How many characters a part of Markdown has, with `part` for it and for each part in it."""
    cells = sum(len(piece.text) for row in node.rows for cell in row for piece in cell)
    line = sum(len(piece.text) for piece in node.line)
    return part + line + cells + len(node.code) + sum(_length(child, part) for child in node.children)
