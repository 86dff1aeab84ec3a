"""Findings as records: without their blocks, so that run folders and pages can hold them."""

from __future__ import annotations

from dataclasses import dataclass

from reportgen.run.logged import Plain

# The journal's word for what a rule of the user's said.
FOUND = "found"


@dataclass(frozen=True, slots=True)
class Found:
    """A finding of a run without its evidence: what blocks.finding.Finding says in words and numbers.

    model, module, parameter, tag, step: its place, as in blocks.finding.Where. columns, rows: its evidence where that
    is a table of plain cells: name and format of each column (blocks.table.Column), and the cells.
    """

    id: str
    tier: str
    severity: str
    title: str
    why: str
    fix: str
    code: str = ""
    value: str = ""
    limit: str = ""
    model: str = ""
    module: str = ""
    parameter: str = ""
    tag: str = ""
    step: int | None = None
    also: tuple[str, ...] = ()
    source: str = ""
    since: int = 0
    columns: tuple[tuple[str, str], ...] = ()
    rows: tuple[tuple[Plain, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class OwnCheck:
    """What a rule of the user's said of the run: its findings, none (it passed), or why it could not judge.

    unchecked: the sentence of its Unchecked. raised: the exception that it ended in, as text.
    """

    id: str
    title: str
    tier: str = "fact"
    found: tuple[Found, ...] = ()
    unchecked: str = ""
    raised: str = ""
