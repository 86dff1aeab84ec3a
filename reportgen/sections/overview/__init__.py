"""Several runs -> one page, as blocks: which is best, what differs between them, what is wrong with which."""

from __future__ import annotations

from reportgen.blocks.page import Header, SectionView
from reportgen.run.overview import Overview
from reportgen.sections.overview import curves, findings, runs, settings_section
from reportgen.sections.overview.comparison import Comparison, compare
from reportgen.sections.overview.header import header

__all__ = ["build_overview"]


def build_overview(overview: Overview) -> tuple[Header, tuple[SectionView, ...], tuple[str, ...]]:
    """The header, the sections that have something to show, and the lines of the footer of a thinned overview."""
    comparison: Comparison = compare(overview)
    views = [section.build(comparison) for section in (runs, curves, settings_section, findings)]
    footer = (
        "Pictures, texts, graphs, distributions and predictions of a run are on its own page: reportgen build RUN.",
        "This file holds the settings and curves of its runs: reportgen.load_all() reads them back.",
    )
    return header(comparison), tuple(view for view in views if view is not None), footer
