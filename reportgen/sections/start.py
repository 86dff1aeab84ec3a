"""What to call: shown instead of sections while a run holds nothing."""

from __future__ import annotations

from reportgen.blocks.page import SectionView
from reportgen.blocks.table import Column, Table
from reportgen.blocks.text import Code
from reportgen.sections.calls import filling
from reportgen.sections.section import Section

LOOP = """\
import reportgen

with reportgen.Report("my run", config={"lr": 0.1}) as report:
    report.watch(model, optimizer=optimizer, criterion=criterion)
    for inputs, targets in report.track(loader):
        ...
        report.log({"train/loss": loss})
    report.predictions(inputs, model(inputs), targets, classes=classes)
"""


def start(sections: tuple[Section, ...], recorder: str = "") -> SectionView:
    """A section that says which call fills which section. recorder: as in `Meta`."""
    rows = tuple((section.name, call) for section in sections if (call := filling(section.id, section.call, recorder)))
    table = Table((Column("to see"), Column("call", "code")), rows)
    return SectionView(
        "start",
        "Nothing recorded yet",
        "Each part of this page fills with one call in the training script.",
        (table,) if recorder else (table, Code(LOOP, title="A training loop")),
    )
