"""Logged videos: a strip of frames and a moving picture a step."""

from __future__ import annotations

from reportgen.blocks.media import ImageItem, VideoView
from reportgen.blocks.page import Block
from reportgen.blocks.wording import count, counted, named, number, seconds
from reportgen.run.logged import Video
from reportgen.run.records import Run
from reportgen.sections.by_tag import TAGS, at_step, by_tag, kept, left_out, over_steps, told


def blocks(run: Run) -> list[Block]:
    """A block a tag; none when no video was logged."""
    found: list[Block] = []
    groups = by_tag(run.videos)
    for tag, records in groups[:TAGS]:
        if len(records) == 1:
            found.append(_view(run, records[0], named(tag, 80), at_step(records[0])))
        else:
            told_of = kept(run, "videos", tag, records)
            found.append(over_steps("videos", tag, records, lambda record: (_view(run, record),), told_of))
    return [*found, *left_out(min(len(groups), TAGS), len(groups), "tag of videos")]


def _view(run: Run, record: Video, title: str = "", step: str = "") -> VideoView:
    facts = [step, counted(record.frames, "frame")]
    if record.width and record.height:
        facts.append(f"{count(record.width)}×{count(record.height)} pixels")
    if record.fps > 0:
        facts.append(f"{number(record.fps)} frames a second ({seconds(record.frames / record.fps)})")
    name = f"{named(record.tag, 60)} at {at_step(record)}"
    strip = []
    for place, media in enumerate(record.strip):
        frame = record.shown[place] if place < len(record.shown) else place
        words = f"frame {count(frame + 1)} of {count(max(record.frames, frame + 1))}"
        strip.append(ImageItem(media, f"{name}, {words}", words))
    there = record.media if record.media in run.media else ""
    caption = told(", ".join(fact for fact in facts if fact), *record.notes)
    return VideoView(there, f"{name}, {counted(record.frames, 'frame')}", tuple(strip), title, caption)
