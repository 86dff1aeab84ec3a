"""What reportgen itself failed at or had to reject."""

from __future__ import annotations

from reportgen.blocks.finding import Finding, Where
from reportgen.blocks.table import Column, Table
from reportgen.blocks.wording import count, counted, cut
from reportgen.diagnose.rule import Rule
from reportgen.run.records import Note, Run

ROWS = 8


def collector_failed(run: Run) -> list[Finding]:
    """A part of reportgen failed while the training went on."""
    notes = [note for note in run.notes if note.kind == "failure"]
    if not notes:
        return []
    return [
        Finding(
            id="collector_failed",
            tier="fact",
            severity="warning",
            title=f"reportgen itself failed in {counted(len(notes), 'place')}; training went on without it",
            why="What these parts would have recorded is missing from this page. The run itself was not touched.",
            fix="Raise the error where it happens to see its cause, and report it.",
            code='report = reportgen.Report("...", strict=True)',
            where=Where(step=min(note.step for note in notes)),
            evidence=_evidence(notes),
        )
    ]


def rejected(run: Run) -> list[Finding]:
    """An argument could not be used."""
    notes = [note for note in run.notes if note.kind == "rejected"]
    if not notes:
        return []
    return [
        Finding(
            id="rejected_argument",
            tier="fact",
            severity="warning",
            title=f"{counted(len(notes), 'argument')} could not be recorded",
            why="The values below were left out; everything else of the same calls was kept.",
            fix="Pass what the message says is accepted.",
            where=Where(step=min(note.step for note in notes)),
            evidence=_evidence(notes),
        )
    ]


def _told(note: Note) -> str:
    times = f", {counted(note.times, 'time')}" if note.times > 1 else ""
    return f"{cut(note.what, 300)} (step {count(note.step)}{times})"


def _evidence(notes: list[Note]) -> Table:
    return Table(
        columns=(Column("where", "code"), Column("what")),
        rows=tuple((cut(note.where, 60), _told(note)) for note in notes[:ROWS]),
        total=len(notes),
    )


RULES = (
    Rule("collector_failed", "Every part of reportgen worked", "fact", collector_failed),
    Rule("rejected_argument", "Everything passed to reportgen could be recorded", "fact", rejected),
)
