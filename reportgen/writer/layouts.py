"""Custom layouts: charts in categories, as add_custom_scalars takes them."""

from __future__ import annotations

from typing import Any

from reportgen.errors import shown
from reportgen.run.logged import LayoutChart
from reportgen.writer.arguments import mapping_of, tags_of

MARGIN, MULTILINE = "Margin", "Multiline"
LAYOUT = 'a dict such as {"category": {"chart": ["Multiline", ["tag", "tag"]]}}'


def charts_of(layout: Any) -> list[LayoutChart]:
    """The charts of {category: {chart: [kind, tags]}}; a kind other than "Margin" is a chart of several lines.

    AttributeError for what is no mapping, TypeError and IndexError for a chart that is no list of two, AssertionError
    for a "Margin" without exactly 3 tags (value, lower, upper).
    """
    charts = []
    for category, titles in mapping_of(layout, "layout", LAYOUT).items():
        inner = mapping_of(titles, f"layout[{shown(category)}]", LAYOUT)
        for title, chart in inner.items():
            place = f"layout[{shown(category)}][{shown(title)}]"
            if not isinstance(category, str) or not isinstance(title, str):
                raise TypeError(f"{place} is named by what is no str; accepted: {LAYOUT}")
            if not isinstance(chart, (list, tuple)):
                raise TypeError(f"{place} is {shown(chart)}; accepted: {LAYOUT}")
            if len(chart) < 2:
                raise IndexError(f"{place} is {shown(chart)}; accepted: {LAYOUT}")
            charts.append(chart_of(category, title, chart[0], chart[1]))
    return charts


def chart_of(category: str, title: str, kind: Any, tags: Any) -> LayoutChart:
    """One chart. AssertionError for a "Margin" without exactly 3 tags."""
    if kind != MARGIN:
        return LayoutChart(category, title, "multiline", tags_of(tags))
    if isinstance(tags, str) or not hasattr(tags, "__len__"):
        raise TypeError(f"tags is {shown(tags)}; accepted: a list of 3 tags: value, lower, upper")
    if len(tags) != 3:
        raise AssertionError(f"tags is {shown(tags)}; accepted: exactly 3 tags: value, lower, upper")
    return LayoutChart(category, title, "margin", tags_of(tags))
