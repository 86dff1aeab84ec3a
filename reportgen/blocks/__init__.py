"""Blocks: what a page shows, as data. Numbers and names only; drawing is render's and figures' work."""

from __future__ import annotations

from reportgen.blocks.charts import (
    Band,
    Clock,
    Line,
    LineChart,
    Matrix,
    Point,
    Ridge,
    Ridgeline,
    Ridgelines,
    ScatterChart,
)
from reportgen.blocks.finding import Finding, Where
from reportgen.blocks.legend import Legend
from reportgen.blocks.markdown import Markdown, MarkedNode, MarkedText
from reportgen.blocks.media import AudioItem, AudioPlayers, ImageGrid, ImageItem, Slide, Steps, VideoView
from reportgen.blocks.model import GraphDrawing, Health
from reportgen.blocks.page import Block, Header, Page, Reading, SectionView
from reportgen.blocks.shapes import Curve, CurveChart, MeshViews, PointChart, PointGroup, PointMark
from reportgen.blocks.table import Bar, Cell, Column, Histogram, Link, Spark, Table
from reportgen.blocks.text import Callout, Code, Fold, KeyValues, Stat, Stats, Text

__all__ = [
    "AudioItem",
    "AudioPlayers",
    "Band",
    "Bar",
    "Block",
    "Callout",
    "Cell",
    "Clock",
    "Code",
    "Column",
    "Curve",
    "CurveChart",
    "Finding",
    "Fold",
    "GraphDrawing",
    "Header",
    "Health",
    "Histogram",
    "ImageGrid",
    "ImageItem",
    "KeyValues",
    "Legend",
    "Line",
    "LineChart",
    "Link",
    "Markdown",
    "MarkedNode",
    "MarkedText",
    "Matrix",
    "MeshViews",
    "Page",
    "Point",
    "PointChart",
    "PointGroup",
    "PointMark",
    "Reading",
    "Ridge",
    "Ridgeline",
    "Ridgelines",
    "ScatterChart",
    "SectionView",
    "Slide",
    "Spark",
    "Stat",
    "Stats",
    "Steps",
    "Table",
    "Text",
    "VideoView",
    "Where",
]
