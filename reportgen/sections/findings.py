"""Findings: what is most likely wrong, worst first; what was checked and found well; what could not be checked."""

from __future__ import annotations

from reportgen.blocks.page import Block, SectionView
from reportgen.blocks.table import Column, Table
from reportgen.blocks.text import Fold
from reportgen.blocks.wording import counted
from reportgen.diagnose import Diagnosis
from reportgen.run.records import Run
from reportgen.sections.calls import as_called, finding_as_called
from reportgen.sections.section import Section


def build(run: Run, diagnosis: Diagnosis) -> SectionView:
    """The section; it is always there, since nothing found is a result too."""
    said = tuple(finding_as_called(finding, run.meta.recorder) for finding in diagnosis.findings)
    wanting, remarks = said[: len(diagnosis.attention)], said[len(diagnosis.attention) :]
    blocks: list[Block] = list(wanting)
    if remarks:
        blocks.extend(remarks if not wanting else [Fold(counted(len(remarks), "remark"), remarks)])
    if diagnosis.passed:
        passed = Table((Column("what holds"), Column("rule", "code")), tuple((c.title, c.id) for c in diagnosis.passed))
        blocks.append(Fold(f"{counted(len(diagnosis.passed), 'check')} passed", (passed,)))
    if diagnosis.unchecked:
        columns = (Column("what would hold"), Column("why it could not be checked"), Column("rule", "code"))
        missing = Table(
            columns, tuple((c.title, as_called(c.why, run.meta.recorder), c.id) for c in diagnosis.unchecked)
        )
        blocks.append(Fold(f"{counted(len(diagnosis.unchecked), 'check')} could not be made", (missing,)))
    return SectionView(
        id="findings",
        title="Findings",
        how=_how(diagnosis),
        blocks=tuple(blocks),
        count=len(wanting),
        level=diagnosis.worst if wanting else "",
    )


def _how(diagnosis: Diagnosis) -> str:
    passed = counted(len(diagnosis.passed), "check")
    missing = f"; {len(diagnosis.unchecked)} could not be made" if diagnosis.unchecked else ""
    if diagnosis.attention:
        return f"What is wrong, worst first. {passed} passed{missing}."
    return f"Nothing wrong was found: {passed} passed{missing}."


SECTION = Section("findings", "findings", "", build)
