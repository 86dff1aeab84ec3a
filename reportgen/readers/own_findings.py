"""Findings that a run folder or a page carries: only such as a page can show."""

from __future__ import annotations

from collections.abc import Iterable

from reportgen.run.found import Found, OwnCheck

# As diagnose writes them; what else a file says was not written by reportgen.
TIERS = ("fact", "statistics", "style")
SEVERITIES = ("error", "warning", "info")


def refuse_odd(findings: Iterable[Found]) -> None:
    """Raises ValueError for a finding of a tier or a severity that there is not: it has no place among the others."""
    for finding in findings:
        if finding.tier not in TIERS:
            raise ValueError("a finding of a tier that is not known")
        if finding.severity not in SEVERITIES:
            raise ValueError("a finding of a severity that is not known")


def refuse_odd_checks(checks: Iterable[OwnCheck]) -> None:
    """The same for all that rules found."""
    for check in checks:
        refuse_odd(check.found)
