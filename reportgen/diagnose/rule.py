"""What a rule is, and what diagnosing gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from reportgen.blocks.finding import Finding
from reportgen.run.records import Run


@dataclass(frozen=True, slots=True)
class Unchecked:
    """A rule could not judge this run: `why` says what it lacks and what to call, as a sentence."""

    why: str


Judgement = Sequence[Finding] | Unchecked


@dataclass(frozen=True, slots=True)
class Rule:
    """One check. title: what holds when it passes ("Every loss is finite"). tier: "fact", "statistics" or "style".

    judge is pure: Run -> findings (none: passed), or Unchecked. Its findings have ids that begin with the rule's.
    """

    id: str
    title: str
    tier: str
    judge: Callable[[Run], Judgement]


@dataclass(frozen=True, slots=True)
class Check:
    """A rule that found nothing, or, with `why`, one that could not be made."""

    id: str
    title: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Everything the rules say of a run. findings: worst first."""

    findings: tuple[Finding, ...] = ()
    passed: tuple[Check, ...] = ()
    unchecked: tuple[Check, ...] = ()

    @property
    def worst(self) -> str:
        """The severity of the worst finding: "error", "warning", "info", or "" without any."""
        return self.findings[0].severity if self.findings else ""

    @property
    def attention(self) -> tuple[Finding, ...]:
        """The findings that want attention: errors and warnings."""
        return tuple(finding for finding in self.findings if finding.severity != "info")
