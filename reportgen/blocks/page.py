"""A section and the whole page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reportgen.blocks.charts import LineChart, Matrix, Ridgelines, ScatterChart
from reportgen.blocks.finding import Finding
from reportgen.blocks.legend import Legend
from reportgen.blocks.markdown import Markdown
from reportgen.blocks.media import AudioPlayers, ImageGrid, Steps, VideoView
from reportgen.blocks.model import GraphDrawing
from reportgen.blocks.shapes import CurveChart, MeshViews, PointChart
from reportgen.blocks.table import Table
from reportgen.blocks.text import Callout, Code, Fold, KeyValues, Stats, Text

Block = (
    AudioPlayers
    | Callout
    | Code
    | CurveChart
    | Finding
    | Fold
    | GraphDrawing
    | ImageGrid
    | KeyValues
    | Legend
    | LineChart
    | Markdown
    | Matrix
    | MeshViews
    | PointChart
    | Ridgelines
    | ScatterChart
    | Stats
    | Steps
    | Table
    | Text
    | VideoView
)


@dataclass(frozen=True, slots=True)
class Reading:
    """A piece of a sentence: plain text, or a name set as code, or a number set strongly."""

    text: str
    style: str = ""  # "", "code" or "strong"


@dataclass(frozen=True, slots=True)
class Header:
    """The top of the page: title, status (with a level "ok", "warning", "error"), facts, the verdict, key numbers."""

    title: str
    status: str
    level: str
    facts: tuple[str, ...]
    verdict: tuple[Reading, ...]
    stats: Stats


@dataclass(frozen=True, slots=True)
class SectionView:
    """A section: id (its anchor), title, how to read it, its blocks. count: the number beside it in the contents."""

    id: str
    title: str
    how: str
    blocks: tuple[Block, ...]
    count: int = 0
    level: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """All of one page. data: text of its inert data block (the page's Run). media: name -> bytes of its pictures."""

    header: Header
    sections: tuple[SectionView, ...]
    data: str
    media: Mapping[str, bytes] = field(default_factory=dict)
    footer: tuple[str, ...] = ()
