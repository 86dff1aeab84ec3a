"""Logged tensors: one row each, with what their numbers are like."""

from __future__ import annotations

from reportgen.blocks.page import Block
from reportgen.blocks.table import Cell, Column, Table
from reportgen.blocks.wording import cut, named, number
from reportgen.run.codec import NOT_FINITE
from reportgen.run.logged import Plain, TensorRecord
from reportgen.run.records import Run
from reportgen.sections.by_tag import TAGS, by_tag, few_steps
from reportgen.sections.layer_list import finite_or_none
from reportgen.sections.ridges import linear_scale, outline, spread_of

ROWS = 100
FIRST = 4
# Columns that are left out where every tensor has zero there.
RARE = ("NaN", "infinite")


def blocks(run: Run) -> list[Block]:
    """One table of all tensors, by tag and step; none when no tensor was logged."""
    groups = by_tag(run.tensors)
    records = [record for _, each in groups[:TAGS] for record in few_steps(each)]
    if not records:
        return []
    total = max(len(run.tensors), sum(run.moments.get("tensors", {}).get(tag, len(each)) for tag, each in groups))
    columns: tuple[Column, ...] = (
        Column("tensor", "code"),
        Column("step", "step"),
        Column("shape", "code"),
        Column("type", "code"),
        Column("values"),
        Column("least", "number"),
        Column("greatest", "number"),
        Column("mean", "number"),
        Column("std", "number", "standard deviation"),
        Column("zeros", "count"),
        Column("NaN", "count"),
        Column("infinite", "count"),
        Column("first values"),
    )
    rows = tuple(_row(record) for record in records[:ROWS])
    notes = " ".join(dict.fromkeys(note for record in records for note in record.notes))
    shown = [at for at, column in enumerate(columns) if column.name not in RARE or any(row[at] for row in rows)]
    columns = tuple(columns[at] for at in shown)
    rows = tuple(tuple(row[at] for at in shown) for row in rows)
    rare = [at for at, column in enumerate(columns) if column.name in RARE]
    marks = tuple((at, column) for at, row in enumerate(rows) for column in rare if row[column])
    return [Table(columns, rows, "Tensors", notes, marks=marks, total=total if total > len(rows) else 0)]


def _row(record: TensorRecord) -> tuple[Cell, ...]:
    shape = "×".join(str(size) for size in record.shape) or "scalar"
    head: tuple[Cell, ...] = (named(record.tag, 80), record.stamp.step, shape, record.dtype)
    values = record.distribution
    first = _first(record)
    if values is None:
        return (*head, None, None, None, None, None, None, None, None, first)
    scale = linear_scale([values], symmetric=False) if values.finite else None
    return (
        *head,
        outline(values, scale) if scale is not None else None,
        finite_or_none(values.minimum),
        finite_or_none(values.maximum),
        finite_or_none(values.mean),
        spread_of(values),
        values.zeros,
        values.nans,
        values.positive_infinities + values.negative_infinities,
        first,
    )


def _first(record: TensorRecord) -> str:
    shown = ", ".join(_written(value, record.dtype) for value in record.first[:FIRST])
    size = 1
    for length in record.shape:
        size *= length
    return f"{shown} …" if shown and size > min(FIRST, len(record.first)) else shown


def _written(value: Plain, dtype: str) -> str:
    if isinstance(value, str):
        # In JSON numbers that are not finite are words.
        return cut(value, 40) if dtype == "string" or value not in NOT_FINITE else number(NOT_FINITE[value])
    if isinstance(value, float):
        return number(value)
    return str(value)
