"""Run -> findings: what is wrong with a run, as far as its records say. Pure: no files, no clock, no torch."""

from __future__ import annotations

from reportgen.blocks.finding import Finding
from reportgen.diagnose.fold import folded
from reportgen.diagnose.rule import Check, Diagnosis, Rule, Unchecked
from reportgen.diagnose.rules import RULES
from reportgen.run.records import Run

__all__ = ["RULES", "Check", "Diagnosis", "Rule", "Unchecked", "diagnose", "findings"]

SEVERITIES = ("error", "warning", "info")


def diagnose(run: Run, rules: tuple[Rule, ...] = RULES) -> Diagnosis:
    """Ask every rule. Findings are sorted by severity, then in the order of the rules; symptoms fold under causes."""
    found: list[Finding] = []
    passed: list[Check] = []
    unchecked: list[Check] = []
    for rule in rules:
        judgement = rule.judge(run)
        if isinstance(judgement, Unchecked):
            unchecked.append(Check(rule.id, rule.title, judgement.why))
        elif judgement:
            found.extend(judgement)
        else:
            passed.append(Check(rule.id, rule.title))
    ordered = sorted(folded(found), key=lambda finding: SEVERITIES.index(finding.severity))
    return Diagnosis(tuple(ordered), tuple(passed), tuple(unchecked))


def findings(run: Run) -> list[Finding]:
    """What is wrong with `run`, worst first; empty for a run with which nothing is known to be wrong."""
    return list(diagnose(run).findings)
