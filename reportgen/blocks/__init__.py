"""Blocks: what a page shows, as data. Numbers and names only; drawing is render's and figures' work."""

from __future__ import annotations

from reportgen.blocks.charts import Line, LineChart, Matrix, Point, Ridge, Ridgeline, Ridgelines, ScatterChart
from reportgen.blocks.finding import Finding, Where
from reportgen.blocks.media import ImageGrid, ImageItem
from reportgen.blocks.model import GraphDrawing, Health
from reportgen.blocks.page import Block, Header, Page, Reading, SectionView
from reportgen.blocks.table import Bar, Cell, Column, Histogram, Link, Spark, Table
from reportgen.blocks.text import Callout, Code, Fold, KeyValues, Stat, Stats, Text

__all__ = [
    "Bar",
    "Block",
    "Callout",
    "Cell",
    "Code",
    "Column",
    "Finding",
    "Fold",
    "GraphDrawing",
    "Header",
    "Health",
    "Histogram",
    "ImageGrid",
    "ImageItem",
    "KeyValues",
    "Line",
    "LineChart",
    "Link",
    "Matrix",
    "Page",
    "Point",
    "Reading",
    "Ridge",
    "Ridgeline",
    "Ridgelines",
    "ScatterChart",
    "SectionView",
    "Spark",
    "Stat",
    "Stats",
    "Table",
    "Text",
    "Where",
]
