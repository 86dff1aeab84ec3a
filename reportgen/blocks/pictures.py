"""Which pictures the blocks of a page show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reportgen.blocks.finding import Finding
from reportgen.blocks.media import ImageGrid
from reportgen.blocks.page import Block
from reportgen.blocks.text import Fold


def pictures(blocks: Iterable[Block]) -> Iterator[str]:
    """The names of the pictures in `blocks` and in what they enclose, in the order of the page, repeats included."""
    for block in blocks:
        if isinstance(block, ImageGrid):
            yield from (item.media for item in block.items)
        elif isinstance(block, Fold):
            yield from pictures(block.blocks)
        elif isinstance(block, Finding) and block.evidence is not None:
            yield from pictures((block.evidence,))
