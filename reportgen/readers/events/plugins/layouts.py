"""Custom layouts: charts in categories, each of tags by regular expressions or of a value with its margins."""

from __future__ import annotations

from reportgen.readers.events.builder import Builder
from reportgen.readers.events.event import TENSOR, Value
from reportgen.readers.events.log import Log
from reportgen.readers.events.log_parts import Entry
from reportgen.readers.events.tensor import read_tensor
from reportgen.readers.events.wire import BYTES, fields, text
from reportgen.run.logged import Layout, LayoutChart


def draft(log: Log, entry: Entry, value: Value, offset: int) -> None:
    """Draft a layout. Raises Malformed."""
    if value.kind != TENSOR:
        return
    strings = read_tensor(value.data, value.start, value.end).strings
    if strings:
        entry.draft = _charts(value.data, *strings[0])


def _charts(data: bytes, at: int, end: int) -> tuple[LayoutChart, ...]:
    charts: list[LayoutChart] = []
    for number, kind, a, b in fields(data, at, end):
        if number == 2 and kind == BYTES:
            title, places = "", []
            for inner, inner_kind, c, d in fields(data, a, b):
                if inner == 1 and inner_kind == BYTES:
                    title = text(data, c, d)
                elif inner == 2 and inner_kind == BYTES:
                    places.append((c, d))
            charts += [_chart(title, data, *place) for place in places]
    return tuple(charts)


def _chart(category: str, data: bytes, at: int, end: int) -> LayoutChart:
    title, how, tags = "", "multiline", []
    for number, kind, a, b in fields(data, at, end):
        if kind != BYTES:
            continue
        if number == 1:
            title = text(data, a, b)
        elif number == 2:
            how = "multiline"
            tags = [text(data, c, d) for inner, known, c, d in fields(data, a, b) if inner == 1 and known == BYTES]
        elif number == 3:
            how = "margin"
            tags = []
            for inner, known, c, d in fields(data, a, b):
                if inner == 1 and known == BYTES:
                    tags += _margin(data, c, d)
    return LayoutChart(category, title, how, tuple(tags))


def _margin(data: bytes, at: int, end: int) -> list[str]:
    """Value, lower and upper of one line."""
    tags = ["", "", ""]
    for number, kind, a, b in fields(data, at, end):
        if 1 <= number <= 3 and kind == BYTES:
            tags[number - 1] = text(data, a, b)
    return tags


def make(entries: list[Entry], builder: Builder) -> None:
    """All layouts: TensorBoard takes the last, of which nothing says so where they are added. Below a split their tags
    are those of the split."""
    for entry in entries:
        charts = tuple(
            LayoutChart(
                chart.category, chart.title, chart.kind, tuple(_placed(tag, chart.kind, builder) for tag in chart.tags)
            )
            for chart in entry.draft
        )
        builder.add("layout", Layout(builder.stamp(entry), charts))


def _placed(tag: str, kind: str, builder: Builder) -> str:
    # A regular expression is matched at the beginning of a tag, or says itself where.
    return builder.tag(tag) if builder.prefix and (kind == "margin" or not tag.startswith("^")) else tag
