"""What is wrong with which run: by rule, then run by run."""

from __future__ import annotations

from reportgen.blocks.page import Block, SectionView
from reportgen.blocks.table import Cell, Column, Table
from reportgen.blocks.text import Fold, Text
from reportgen.blocks.wording import count, counted, listed
from reportgen.diagnose.own.recorded import from_record
from reportgen.run.overview import Member
from reportgen.sections.overview.comparison import Comparison, findings_text

# A finding takes about 1.3 kB: so many of all runs are told in full.
TOLD = 80
SEVERITIES = ("error", "warning")


def build(comparison: Comparison) -> SectionView:
    """The section; it is always there, since nothing found is a result too."""
    wrong = [at for at, member in enumerate(comparison.members) if member.errors or member.warnings]
    worst = "error" if any(member.errors for member in comparison.members) else "warning"
    blocks: list[Block] = []
    if len(wrong) > 1:
        blocks.append(_by_rule(comparison, wrong))
    left = TOLD
    for at in wrong:
        member = comparison.members[at]
        if left >= len(member.found):
            left -= len(member.found)
            blocks.append(_fold(comparison, at, member))
        else:
            left = 0
    told = sum(isinstance(block, Fold) for block in blocks)
    if told < len(wrong):
        blocks.append(
            Text(f"Of {counted(len(wrong) - told, 'more run')} the findings are on their own pages.", muted=True)
        )
    return SectionView(
        "findings",
        "Findings",
        _how(comparison, len(wrong)),
        tuple(blocks),
        count=len(wrong),
        level=worst if wrong else "",
    )


def _how(comparison: Comparison, wrong: int) -> str:
    amount = len(comparison.members)
    shown = " shown" if comparison.overview.left_out.runs else ""
    passed = sum(member.passed for member in comparison.members)
    if not wrong:
        return f"Nothing wrong was found in {counted(amount, 'run')}{shown}: {counted(passed, 'check')} passed."
    return (
        f"{count(wrong)} of {counted(amount, 'run')}{shown} want{'s' if wrong == 1 else ''} attention. Each was judged "
        "from all that it recorded; the evidence is on its own page."
    )


def _by_rule(comparison: Comparison, wrong: list[int]) -> Table:
    found: dict[tuple[str, str], list[int]] = {}
    for at in wrong:
        for severity, rule in dict.fromkeys((one.severity, one.id) for one in comparison.members[at].found):
            found.setdefault((severity, rule), []).append(at)
    order = sorted(found, key=lambda key: (SEVERITIES.index(key[0]), -len(found[key]), key[1]))
    rows: list[tuple[Cell, ...]] = [
        (rule, severity, len(found[severity, rule]), listed([comparison.labels[at] for at in found[severity, rule]], 6))
        for severity, rule in order
    ]
    return Table((Column("rule", "code"), Column("severity"), Column("runs", "count"), Column("in")), tuple(rows))


def _fold(comparison: Comparison, at: int, member: Member) -> Fold:
    blocks: list[Block] = [from_record(one) for one in member.found]
    more = member.errors + member.warnings - len(member.found)
    if more > 0:
        blocks.append(Text(f"{counted(more, 'more finding')} on its own page.", muted=True))
    title = f"{comparison.labels[at]}: {findings_text(member)}"
    return Fold(title, tuple(blocks), anchor=comparison.anchor(at))
