"""Findings as records and back: what a run folder and a page hold of the findings of a user's own rules."""

from __future__ import annotations

import math
from typing import SupportsFloat, SupportsIndex

from reportgen.blocks.finding import Finding, Where
from reportgen.blocks.table import Cell, Column, Table
from reportgen.blocks.wording import number
from reportgen.diagnose.rule import NotApplicable, Unchecked
from reportgen.run.found import Found
from reportgen.run.logged import Plain

# Rows of evidence that are kept.
ROWS = 20
# What the sentence of a record begins with whose rule does not apply: whoever reads it without knowing this still gets
# the right sentence, and no check that passed.
NOT_APPLICABLE = "Does not apply: "
# Formats of columns that need no other number to be written.
FORMATS = ("text", "code", "count", "number", "percent", "seconds", "bytes", "si", "step")


def as_record(finding: Finding) -> Found:
    """What of a finding is kept: everything but evidence that is no table."""
    where, table = finding.where, finding.evidence if isinstance(finding.evidence, Table) else None
    return Found(
        id=finding.id,
        tier=finding.tier,
        severity=finding.severity,
        title=finding.title,
        why=finding.why,
        fix=finding.fix,
        code=finding.code,
        value=finding.value,
        limit=finding.limit,
        model=where.model,
        module=where.module,
        parameter=where.parameter,
        tag=where.tag,
        step=where.step,
        also=tuple(finding.also),
        source=finding.source,
        since=finding.since,
        columns=tuple((str(column.name), str(column.format)) for column in table.columns) if table else (),
        rows=tuple(tuple(_plain(cell) for cell in row) for row in table.rows[:ROWS]) if table else (),
    )


def from_record(found: Found) -> Finding:
    """The finding that `as_record` was given."""
    return Finding(
        id=found.id,
        tier=found.tier,
        severity=found.severity,
        title=found.title,
        why=found.why,
        fix=found.fix,
        where=Where(found.model, found.module, found.parameter, found.tag, found.step),
        value=found.value,
        limit=found.limit,
        code=found.code,
        evidence=_table(found) if found.rows else None,
        also=found.also,
        source=found.source,
        since=found.since,
    )


def as_sentence(judgement: Unchecked | NotApplicable) -> str:
    """What is kept of a rule that says nothing of the run: why."""
    why = str(judgement.why) or "It did not say why."
    return f"{NOT_APPLICABLE}{why}" if isinstance(judgement, NotApplicable) else why


def why_not(sentence: str) -> Unchecked | NotApplicable:
    """The judgement that `as_sentence` was given."""
    if sentence.startswith(NOT_APPLICABLE):
        return NotApplicable(sentence.removeprefix(NOT_APPLICABLE))
    return Unchecked(sentence)


def _plain(cell: Cell) -> Plain:
    """A cell as it reads back: numbers that JSON has not become their words, and other cells their text."""
    if cell is None or isinstance(cell, (str, bool)):
        return cell if cell is None or isinstance(cell, bool) else str(cell)
    if isinstance(cell, SupportsIndex):
        return int(cell)
    if isinstance(cell, SupportsFloat):
        return float(cell) if math.isfinite(cell) else number(float(cell))
    return str(getattr(cell, "text", "") or getattr(cell, "label", "") or cell)


def _table(found: Found) -> Table:
    # Of a table whose rows are not as wide as its head, cells are left out or empty.
    width = len(found.columns)
    rows = tuple((*row[:width], *[None] * (width - len(row))) for row in found.rows)
    return Table(tuple(Column(name, kind if kind in FORMATS else "text") for name, kind in found.columns), rows)
