"""Run and findings -> what the page shows, as blocks. A new section: one file, one line in SECTIONS."""

from __future__ import annotations

from reportgen.blocks.page import Header, SectionView
from reportgen.diagnose import Diagnosis
from reportgen.run.records import IMPORTED, Run
from reportgen.sections import (
    embeddings,
    environment,
    findings,
    graph,
    hyperparameters,
    layers,
    media,
    meshes,
    metrics,
    pr_curves,
    predictions,
)
from reportgen.sections.calls import filling
from reportgen.sections.header import header
from reportgen.sections.section import Section
from reportgen.sections.start import start
from reportgen.sections.verdict import is_empty

__all__ = ["SECTIONS", "build_sections"]

# In the order of the page.
SECTIONS: tuple[Section, ...] = (
    findings.SECTION,
    metrics.SECTION,
    hyperparameters.SECTION,
    layers.SECTION,
    predictions.SECTION,
    graph.SECTION,
    pr_curves.SECTION,
    media.SECTION,
    embeddings.SECTION,
    meshes.SECTION,
    environment.SECTION,
)


def build_sections(run: Run, diagnosis: Diagnosis) -> tuple[Header, tuple[SectionView, ...], tuple[str, ...]]:
    """The header, the sections that have something to show, and the lines of the footer."""
    built = [(section, section.build(run, diagnosis)) for section in SECTIONS]
    views = [view for _, view in built if view is not None]
    imported = run.meta.status == IMPORTED
    if is_empty(run) and not imported:  # of another program's log nothing more can be recorded
        views.insert(0, start(SECTIONS, run.meta.recorder))
    missing = [
        f"{section.name} (call {call})"
        for section, view in built
        if view is None and section.call and (call := filling(section.id, section.call, run.meta.recorder))
    ]
    footer = []
    if missing and not imported:
        footer.append(f"Not recorded: {'; '.join(missing)}.")
    version = f" {run.meta.reportgen}" if run.meta.reportgen else ""
    origin = "Read from TensorBoard's event files" if imported else f"Recorded with reportgen{version}"
    footer.append(f"{origin}. This file holds its data: reportgen.load() reads it back.")
    return header(run, diagnosis), tuple(views), tuple(footer)
