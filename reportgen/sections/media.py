"""What the user logged to look at or listen to: images, videos, sounds, texts, tables, histograms, tensors."""

from __future__ import annotations

from reportgen.blocks.page import SectionView
from reportgen.diagnose import Diagnosis
from reportgen.run.records import Run
from reportgen.sections import histograms, logged_tables, pictures, sounds, tensors, texts, videos
from reportgen.sections.section import Section

KINDS = (pictures, videos, sounds, histograms, texts, logged_tables, tensors)


def build(run: Run, diagnosis: Diagnosis) -> SectionView | None:
    """The section, None when nothing of the kind was logged."""
    blocks = [block for kind in KINDS for block in kind.blocks(run)]
    if not blocks:
        return None
    how = "What was logged to look at, by tag; where there are several steps, the last is shown first."
    return SectionView("media", "Media", how, tuple(blocks))


SECTION = Section(
    "media", "images, texts, tables and histograms", "report.images(tag, images) or report.text(tag, text)", build
)
