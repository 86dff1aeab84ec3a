"""Pictures, sounds and moving pictures, and how they changed over the steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reportgen.run.logged import Box

if TYPE_CHECKING:
    from reportgen.blocks.page import Block


@dataclass(frozen=True, slots=True)
class ImageItem:
    """One picture with its caption. media: name in Page.media. alt: what it shows, in words.

    title is the first caption line ("8 ← 3"), lines the smaller ones. level: "error" for a mistake, "ok", or "".
    boxes are drawn over the picture, in pixels of one of `size` (width, height); (0, 0) without. columns: how many
    pictures of a batch stand side by side in it; 0 where it is one picture.
    """

    media: str
    alt: str
    title: str = ""
    lines: tuple[str, ...] = ()
    level: str = ""
    boxes: tuple[Box, ...] = ()
    size: tuple[int, int] = (0, 0)
    columns: int = 0


@dataclass(frozen=True, slots=True)
class ImageGrid:
    """Pictures in rows, in order. small: thumbnails of about 96 px; else as wide as they are, up to 320 px.

    A single picture that is not small is up to 480 px wide.
    """

    items: tuple[ImageItem, ...]
    title: str = ""
    caption: str = ""
    small: bool = True


@dataclass(frozen=True, slots=True)
class AudioItem:
    """One sound. media: name in Page.media, "" when the page does not keep it.

    low, high: least and greatest value (-1 to 1) of equal stretches. label: what the waveform shows, in words.
    """

    media: str
    label: str
    title: str = ""
    caption: str = ""
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class AudioPlayers:
    """Sounds under each other, each with its waveform."""

    items: tuple[AudioItem, ...]
    title: str = ""
    caption: str = ""


@dataclass(frozen=True, slots=True)
class VideoView:
    """A moving picture and a strip of its frames. media: name in Page.media, "" when the page does not keep it."""

    media: str
    alt: str
    strip: tuple[ImageItem, ...]
    title: str = ""
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Slide:
    """What stands at one step. label: such as "step 120"."""

    label: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Steps:
    """One thing at several steps, the first first, of which one is seen at a time; at the beginning the last.

    anchor: its id on the page, of which the ids of its switches are made.
    """

    slides: tuple[Slide, ...]
    anchor: str
    title: str = ""
    caption: str = ""
