"""Logged tables: the latest of each tag."""

from __future__ import annotations

from collections.abc import Sequence

from reportgen.blocks.page import Block
from reportgen.blocks.table import Column, Table
from reportgen.blocks.wording import cut, named
from reportgen.run.records import Run, TableRecord
from reportgen.sections.by_tag import TAGS, left_out
from reportgen.sections.curves import natural

ROWS = 100
COLUMNS = 20


def blocks(run: Run) -> list[Block]:
    """A table a tag, in natural order; none when no table was logged."""
    latest: dict[str, TableRecord] = {record.tag: record for record in run.tables}
    known = sorted(latest.items(), key=lambda each: natural(each[0]))
    found: list[Block] = [_table(record) for _, record in known[:TAGS]]
    return [*found, *left_out(min(len(known), TAGS), len(known), "table")]


def _table(record: TableRecord) -> Table:
    names = record.columns[:COLUMNS]
    rows = record.rows[:ROWS]
    styles = [_style([row[c] for row in record.rows if c < len(row)]) for c in range(len(names))]
    total = max(record.total, len(record.rows))
    told = f"{len(names)} of {len(record.columns)} columns are shown." if len(names) < len(record.columns) else ""
    return Table(
        columns=tuple(Column(cut(name, 60), style) for name, style in zip(names, styles, strict=True)),
        rows=tuple(tuple(_cell(row[c]) if c < len(row) else None for c in range(len(names))) for row in rows),
        title=named(record.tag, 80),
        caption=told,
        total=total if total > len(rows) else 0,
    )


def _style(values: Sequence[object]) -> str:
    numbers_only = [v for v in values if v is not None]
    if not numbers_only or any(isinstance(v, (str, bool)) for v in numbers_only):
        return "text"
    return "step" if all(isinstance(v, int) for v in numbers_only) else "number"


def _cell(value: str | float | bool | None) -> str | int | float | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return cut(value, 500) if isinstance(value, str) else value
