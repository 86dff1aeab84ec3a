"""Run -> findings: what is wrong with a run, as far as its records say. Pure: no files, no clock, no torch."""

from __future__ import annotations

from collections.abc import Sequence

from reportgen.blocks.finding import Finding
from reportgen.diagnose.fold import folded
from reportgen.diagnose.own.own_rules import with_own_rules
from reportgen.diagnose.own.recorded import from_record, why_not
from reportgen.diagnose.reading.breakdown import broken_off
from reportgen.diagnose.reading.outcome import outcome_once
from reportgen.diagnose.reading.trained import NOT_HELD, untrained
from reportgen.diagnose.reasons import true_reason
from reportgen.diagnose.rule import SEVERITIES, Check, Diagnosis, Judgement, NotApplicable, Rule, Unchecked
from reportgen.diagnose.rule import found as found_by
from reportgen.diagnose.rules import RULES
from reportgen.run.found import OwnCheck
from reportgen.run.records import Run

__all__ = [
    "RULES",
    "Check",
    "Diagnosis",
    "NotApplicable",
    "Rule",
    "Unchecked",
    "diagnose",
    "findings",
    "with_own_rules",
]


class Broken(Unchecked):
    """A rule that raised."""


def diagnose(run: Run, rules: Sequence[Rule] = RULES, guarded: bool = False) -> Diagnosis:
    """Ask every rule, and tell what the user's own rules said (`Run.own_rules`).

    Findings are sorted by severity, then in the order of the rules; symptoms fold under causes. What the run's
    `meta.silenced` names, by the id of a rule or of a finding, is set apart before that. A rule of the user's takes the
    place of ours that has its id. guarded: a rule of ours that raises is one that could not be made.
    """
    own = {check.id for check in run.own_rules if not check.raised}
    with outcome_once(run):
        judged = [(rule.id, rule.title, _judgement(rule, run, guarded)) for rule in rules if rule.id not in own]
    judged += [(check.id, check.title, _recorded(check)) for check in run.own_rules]
    found: list[Finding] = []
    silenced: list[Finding] = []
    passed: list[Check] = []
    unchecked: list[Check] = []
    without: list[Check] = []
    for name, title, judgement in judged:
        if isinstance(judgement, Unchecked):
            unchecked.append(Check(name, title, judgement.why, isinstance(judgement, Broken)))
        elif isinstance(judgement, NotApplicable):
            without.append(Check(name, title, judgement.why))
        elif not judgement:
            passed.append(Check(name, title))
        for finding in found_by(judgement):
            quiet = not {name, finding.id}.isdisjoint(run.meta.silenced)
            (silenced if quiet else found).append(finding)
    # Two rules may look for one fault: what one of them found, the other has neither passed nor left open.
    told = {finding.id for finding in (*found, *silenced)}
    passed, unchecked, without = ([one for one in each if one.id not in told] for each in (passed, unchecked, without))
    known = {name for name, *_ in judged} | {finding.id for finding in (*found, *silenced)}
    unknown = [one for one in run.meta.silenced if one not in known and not any(rule.gives(one) for rule in rules)]
    ordered = sorted(folded(found), key=lambda finding: SEVERITIES.index(finding.severity))
    checks = tuple(passed), tuple(unchecked), tuple(without)
    return Diagnosis(tuple(ordered), *checks, tuple(silenced), tuple(unknown))


def findings(run: Run) -> list[Finding]:
    """What is wrong with `run`, worst first, by our rules and by installed ones; empty when nothing is known to be."""
    return list(diagnose(with_own_rules(run)).findings)


def _judgement(rule: Rule, run: Run, guarded: bool) -> Judgement:
    try:
        judgement = rule.judge(run)
        if rule.course and not found_by(judgement) and untrained(run):
            return NOT_HELD
        if rule.course and not judgement:
            return broken_off(run) or judgement
        return true_reason(run, judgement) if isinstance(judgement, Unchecked) else judgement
    except Exception as error:  # one broken rule must not cost a page
        if not guarded:
            raise
        return Broken(f"It raised {type(error).__name__} on this run, which is a fault of reportgen: please report it.")


def _recorded(check: OwnCheck) -> Judgement:
    if check.raised:
        return Broken(f"It raised {check.raised}")
    if check.unchecked:
        return why_not(check.unchecked)
    return [from_record(one) for one in check.found]
