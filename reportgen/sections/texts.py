"""Logged texts: as they stand, or set as Markdown where they were logged as Markdown."""

from __future__ import annotations

import dataclasses

from reportgen.blocks.page import Block
from reportgen.blocks.text import Text
from reportgen.blocks.wording import count, named
from reportgen.run.records import Run, TextRecord
from reportgen.sections.by_tag import TAGS, at_step, by_tag, kept, left_out, over_steps
from reportgen.sections.markdown import markdown

TEXT = 10_000


def blocks(run: Run) -> list[Block]:
    """A block a tag; none when no text was logged."""
    found: list[Block] = []
    groups = by_tag(run.texts)
    for tag, records in groups[:TAGS]:
        if len(records) == 1 and not run.moments.get("texts", {}).get(tag):
            found.append(_text(records[0], f"{named(tag, 60)}, {at_step(records[0])}"))
        else:
            told = kept(run, "texts", tag, records)
            found.append(over_steps("texts", tag, records, lambda record: (_text(record),), told))
    return [*found, *left_out(min(len(groups), TAGS), len(groups), "text")]


def _text(record: TextRecord, title: str = "") -> Block:
    text = record.text
    more = f"{count(len(text) - TEXT)} more characters" if len(text) > TEXT else ""
    if record.markdown:
        return dataclasses.replace(markdown(text[:TEXT], more), title=title)
    return Text(f"{text[:TEXT]}\n… {more}" if more else text, preformatted=True, title=title)
