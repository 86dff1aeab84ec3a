"""Findings: what is most likely wrong, worst first; what was found well, could not be checked, or does not apply."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from reportgen.blocks.charts import LineChart
from reportgen.blocks.finding import Finding
from reportgen.blocks.page import Block, SectionView
from reportgen.blocks.table import Cell, Column, Table
from reportgen.blocks.text import Callout, Fold, Text
from reportgen.blocks.wording import count, counted, cut, listed
from reportgen.diagnose import Diagnosis
from reportgen.diagnose.needs import by_need
from reportgen.diagnose.rule import Check
from reportgen.figures.foot import with_foot
from reportgen.run.records import IMPORTED, Run
from reportgen.sections.calls import as_called, finding_as_called
from reportgen.sections.raised import raised
from reportgen.sections.section import Section

# The end of a reason that names a call and no more, which stands in the line above it.
PLAIN_CALL = re.compile(
    r"[:;] (?:call|pass [\w ]+ to) (?:for batch in )?report\.\w+\([^()]*\)(?: around the loader)?\.$"
)
# Errors and warnings shown open; more of them stand folded below.
OPEN = 8


def build(run: Run, diagnosis: Diagnosis) -> SectionView:
    """The section; it is always there, since nothing found is a result too."""
    said = [_told(finding, run) for finding in diagnosis.findings]
    wanting, remarks = said[: len(diagnosis.attention)], said[len(diagnosis.attention) :]
    blocks: list[Block] = list(wanting[:OPEN])
    if more := wanting[OPEN:]:
        blocks.append(Fold(f"{count(len(more))} more", tuple(more)))
    if remarks:
        blocks.append(Fold(counted(len(remarks), "remark"), tuple(remarks), detail=_detail(remarks)))
    if diagnosis.passed:
        passed = Table((Column("what holds"), Column("rule", "code")), tuple((c.title, c.id) for c in diagnosis.passed))
        blocks.append(Fold(f"Checked and found well: {counted(len(diagnosis.passed), 'check')}", (passed,)))
    missing = [check for check in diagnosis.unchecked if not check.broken]
    if missing:
        inside = _unchecked(missing, run)
        blocks.append(Fold(f"Could not be checked: {counted(len(missing), 'check')}", inside))
    if none := diagnosis.not_applicable:
        table = _by_reason(none, "why not")
        blocks.append(Fold(f"Does not apply to this run: {counted(len(none), 'check')}", (table,)))
    broken = [check for check in diagnosis.unchecked if check.broken]
    if broken:
        blocks.append(_broken(broken))
    blocks.extend(_silenced(diagnosis))
    return SectionView(
        id="findings",
        title="Findings",
        how=_how(diagnosis),
        blocks=tuple(blocks),
        count=len(wanting),
        level=diagnosis.worst if wanting else "",
    )


def _told(finding: Finding, run: Run) -> Finding:
    """The finding in the words of the program that was run, with the code that would silence it."""
    silence = None if run.meta.recorder or run.meta.status == IMPORTED else f'Report(..., silence=["{finding.id}"])'
    told = finding_as_called(finding, run.meta.recorder)
    evidence = with_foot(told.evidence) if isinstance(told.evidence, LineChart) else raised(told.evidence)
    return replace(told, silence=silence, evidence=evidence)


def _detail(remarks: Sequence[Finding]) -> str:
    """What the remarks are about, in the line that opens them."""
    first, more = cut(remarks[0].title, 120), len(remarks) - 1
    return f"{first} and {count(more)} more" if more else first


def _unchecked(checks: Sequence[Check], run: Run) -> tuple[Block, ...]:
    """A line for each call that is missing, which opens to the checks that it would make possible, by their reasons."""
    # In a program that has no Report, what to call is another thing, or nothing.
    calls, reasons = by_need([replace(check, why=as_called(check.why, run.meta.recorder)) for check in checks])
    blocks: list[Block] = [
        Fold(call, (_by_reason(group, told=PLAIN_CALL),), detail=counted(len(group), "check"))
        for call, group in calls.items()
    ]
    if blocks:
        imported = (
            "Event files do not hold what they need. A run recorded with reportgen.Report does, with these calls:"
        )
        told = imported if run.meta.status == IMPORTED else "What to call, so that they can be made:"
        blocks.insert(0, Text(told, muted=True))
    if reasons:
        rest = [check for group in reasons.values() for check in group]
        title = "The run holds too little to judge by"
        blocks.append(Fold(title, (_by_reason(rest),), detail=counted(len(rest), "check")))
    return tuple(blocks)


def _by_reason(
    checks: Sequence[Check], head: str = "why they could not be made", told: re.Pattern[str] | None = None
) -> Table:
    """A row for each reason why checks say nothing, with their rules. told: what of a reason is left out."""
    rules: dict[str, list[str]] = {}
    for check in checks:
        rules.setdefault(told.sub(".", check.why) if told else check.why, []).append(check.id)
    columns = (Column(head), Column("rules", "code"))
    return Table(columns, tuple((reason, ", ".join(ids)) for reason, ids in rules.items()))


def _broken(broken: Sequence[Check]) -> Callout:
    """One note on all rules that raised."""
    names = [f"{cut(check.id, 60)}: {_stopped(cut(check.why, 320))}" for check in broken[:OPEN]]
    more = f" And {count(len(broken) - OPEN)} more." if len(broken) > OPEN else ""
    title = f"{counted(len(broken), 'rule')} could not be asked"
    return Callout("info", title, f"{' '.join(names)}{more} The other checks are not touched by it.")


def _stopped(said: str) -> str:
    return said if said.endswith((".", "!", "?", "…")) else f"{said}."


def _silenced(diagnosis: Diagnosis) -> list[Block]:
    blocks: list[Block] = []
    if diagnosis.silenced:
        rows: list[tuple[Cell, ...]] = [(one.id, one.severity, one.title) for one in diagnosis.silenced]
        table = Table((Column("id", "code"), Column("severity"), Column("what was found")), tuple(rows))
        names = listed(list(dict.fromkeys(one.id for one in diagnosis.silenced)), 6)
        blocks.append(Fold(f"Silenced: {names}", (table,)))
    if diagnosis.unknown:
        blocks.append(Text(f"To be silenced, but the name of no rule: {listed(diagnosis.unknown, 6)}.", muted=True))
    return blocks


def _how(diagnosis: Diagnosis) -> str:
    passed = counted(len(diagnosis.passed), "check")
    missing = f"; {len(diagnosis.unchecked)} could not be made" if diagnosis.unchecked else ""
    without = len(diagnosis.not_applicable)
    missing += f"; {without} {'does' if without == 1 else 'do'} not apply" if without else ""
    if diagnosis.attention:
        return f"What is wrong, worst first. {passed} passed{missing}."
    return f"Nothing wrong was found: {passed} passed{missing}."


SECTION = Section("findings", "findings", "", build)
