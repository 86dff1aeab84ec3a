"""Logged sounds: a waveform and a player a step."""

from __future__ import annotations

from reportgen.blocks.media import AudioItem, AudioPlayers
from reportgen.blocks.page import Block
from reportgen.blocks.wording import count, counted, named, number, seconds
from reportgen.run.logged import Audio
from reportgen.run.records import Run
from reportgen.sections.by_tag import TAGS, at_step, by_tag, few_steps, kept, left_out, told


def blocks(run: Run) -> list[Block]:
    """A block a tag with its steps under each other, so that they can be compared; none when nothing was logged."""
    groups = by_tag(run.audio)
    found: list[Block] = [
        AudioPlayers(
            tuple(_item(run, tag, record) for record in few_steps(records)),
            named(tag, 80),
            kept(run, "audio", tag, records),
        )
        for tag, records in groups[:TAGS]
    ]
    return [*found, *left_out(min(len(groups), TAGS), len(groups), "tag of sounds")]


def _item(run: Run, tag: str, record: Audio) -> AudioItem:
    length = seconds(record.frames / record.rate) if record.rate > 0 else "unknown length"
    loudest = max((abs(value) for value in (*record.low, *record.high) if value == value), default=0.0)
    facts = [length, f"{count(record.rate)}\u00a0Hz", counted(record.channels, "channel")]
    if len(record.low):
        facts.append(f"loudest {number(loudest, 2)} of 1")
    there = record.media if record.media in run.media else ""
    return AudioItem(
        there,
        f"{named(tag, 60)} at {at_step(record)}: {', '.join(facts)}",
        at_step(record),
        told(", ".join(facts), *record.notes),
        tuple(record.low),
        tuple(record.high),
    )
