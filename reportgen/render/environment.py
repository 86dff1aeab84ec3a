"""Jinja as the templates need it: everything escaped, nothing undefined, names of users made harmless."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from reportgen.blocks.charts import LineChart, ScatterChart
from reportgen.blocks.markdown import web_address
from reportgen.blocks.page import Block
from reportgen.blocks.shapes import CurveChart, PointChart
from reportgen.figures.text import clean, cut
from reportgen.render import formats
from reportgen.render.locate import template_folder

# Longer texts in a cell are folded behind their beginning, and longer sentences of ours lose their middle: they hold
# a name that would fill screens.
LONG = 240
BRIEF = 1000
# Embeddings, overrides and isolates; and what ends them.
_OPENING, _CLOSING = re.compile("[\u202a\u202b\u202d\u202e\u2066-\u2068]"), re.compile("[\u202c\u2069]")
_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")


def _finalize(value: Any) -> Any:
    """What every {{ }} passes through before it is escaped."""
    return clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def block_name(block: object) -> str:
    """The name of a block: its template's, and its CSS class."""
    return _CAPITAL.sub("_", type(block).__name__).lower()


def is_chart(block: object) -> bool:
    """Whether a block stands beside others of its kind."""
    return isinstance(block, (LineChart, ScatterChart, CurveChart, PointChart))


def grouped(blocks: Iterable[Block]) -> Iterator[tuple[bool, list[Block]]]:
    """Blocks in their order, neighbouring charts together: (whether these are charts, the blocks)."""
    group: list[Block] = []
    for block in blocks:
        if group and is_chart(block) != is_chart(group[0]):
            yield is_chart(group[0]), group
            group = []
        group.append(block)
    if group:
        yield is_chart(group[0]), group


def code_lines(text: str) -> list[tuple[str, str]]:
    """Lines of code with what they are: "del" and "ins" for a change of lines, which puts some in, else ""."""
    lines = text.split("\n")
    if not any(line.startswith("+") for line in lines):
        return [("", line) for line in lines]
    return [({"-": "del", "+": "ins"}.get(line[:1], ""), line) for line in lines]


def unturned(text: str) -> str:
    """`text` without what changes the direction of the words after it: what opens that is shown as an escape.

    For sentences of ours that hold a user's name somewhere, where it cannot be isolated by an element.
    """
    if text.isascii():
        return text
    return _CLOSING.sub("", _OPENING.sub(lambda found: ascii(found[0])[1:-1], text))


def share_level(amount: int, row: Sequence[int]) -> int:
    """The shade, 0 to 9, of a count among its row: by the root of its share, so that single mistakes are seen."""
    total = sum(row)
    if amount <= 0 or total <= 0:
        return 0
    return min(9, max(1, round(9 * math.sqrt(amount / total))))


@cache
def environment() -> Environment:
    """The environment; made once."""
    made = Environment(
        loader=FileSystemLoader(template_folder()),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
    )
    made.filters |= {
        "number": formats.number,
        "percent": formats.percent,
        "count": formats.count,
        "seconds": formats.seconds,
        "bytes": formats.size,
        "si": formats.si,
        "written": formats.written,
        "cut": cut,
        "brief": lambda text: cut(text, BRIEF) if len(text) > BRIEF else text,
        "grouped": grouped,
        "code_lines": code_lines,
        "unturned": unturned,
        "share_level": share_level,
        "block_name": block_name,
        "web_address": web_address,
        "as_set": frozenset,
        "longest_word": lambda text: max(map(len, text.split()), default=0),
    }
    made.tests |= {"text": lambda value: isinstance(value, str)}
    made.globals |= {"LONG": LONG}
    return made
