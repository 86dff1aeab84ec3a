"""What to call: shown instead of sections while a run holds nothing."""

from __future__ import annotations

from reportgen.blocks.page import SectionView
from reportgen.blocks.table import Column, Table
from reportgen.blocks.text import Code
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


def start(sections: tuple[Section, ...]) -> SectionView:
    """A section that says which call fills which section."""
    rows = tuple((section.name, section.call) for section in sections if section.call)
    return SectionView(
        "start",
        "Nothing recorded yet",
        "Each part of this page fills with one call in the training script.",
        (Table((Column("to see"), Column("call", "code")), rows), Code(LOOP, title="A training loop")),
    )
