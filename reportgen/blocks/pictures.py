"""Which pictures and sounds the blocks of a page show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reportgen.blocks.finding import Finding
from reportgen.blocks.media import AudioPlayers, ImageGrid, Steps, VideoView
from reportgen.blocks.page import Block
from reportgen.blocks.text import Fold


def pictures(blocks: Iterable[Block]) -> Iterator[str]:
    """The names of the files that `blocks` and what they enclose show, in the order of the page, repeats included."""
    for block in blocks:
        if isinstance(block, ImageGrid):
            yield from (item.media for item in block.items)
        elif isinstance(block, AudioPlayers):
            yield from (item.media for item in block.items if item.media)
        elif isinstance(block, VideoView):
            yield from (name for name in (block.media, *(item.media for item in block.strip)) if name)
        elif isinstance(block, Fold):
            yield from pictures(block.blocks)
        elif isinstance(block, Steps):
            yield from (name for slide in block.slides for name in pictures(slide.blocks))
        elif isinstance(block, Finding) and block.evidence is not None:
            yield from pictures((block.evidence,))
