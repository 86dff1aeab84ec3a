"""What a rule is, and what diagnosing gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass

from reportgen.blocks.finding import Finding
from reportgen.run.records import Run

# What findings may be, the surest and the worst first.
TIERS = ("fact", "statistics", "style")
SEVERITIES = ("error", "warning", "info")


@dataclass(frozen=True, slots=True)
class Unchecked:
    """A rule could not judge this run: `why` says what it lacks and what to call, as a sentence.

    "No loss was logged: call report.log({...})." What stands after "call" or "pass" is what a page groups it by.
    """

    why: str


@dataclass(frozen=True, slots=True)
class NotApplicable:
    """The run is known to hold nothing of what a rule is about: `why` says so in a short sentence.

    "No BCELoss was seen." Where it is not known whether there is any, the rule is Unchecked.
    """

    why: str


Judgement = Sequence[Finding] | Unchecked | NotApplicable
Judge = Callable[[Run], Judgement]


def found(judgement: Judgement) -> Sequence[Finding]:
    """The findings of a judgement; none where the rule passed, could not judge, or does not apply."""
    return () if isinstance(judgement, (Unchecked, NotApplicable)) else judgement


@dataclass(frozen=True, slots=True)
class Rule:
    """One check. title: what holds when it passes ("Every loss is finite"). tier: "fact", "statistics" or "style".

    judge is pure: Run -> findings (none: passed), Unchecked, or NotApplicable. Its findings have ids that begin with
    the rule's, or stand in `ids`. course: it judges how training went up to its end, so it does not pass where a loss
    ended in NaN. For the list of all rules, where the code itself does not say it: needs: what to call for it.
    worst: the worst severity it gives. checks: what it does, with its threshold. source: where that comes from.
    remedy: what to do.
    """

    id: str
    title: str
    tier: str
    judge: Judge
    _: KW_ONLY
    needs: str = ""
    worst: str = ""
    checks: str = ""
    source: str = ""
    remedy: str = ""
    ids: tuple[str, ...] = ()
    course: bool = False

    def __call__(self, run: Run) -> Judgement:
        """What it says of `run`, as `judge` does."""
        return self.judge(run)

    def gives(self, finding: str) -> bool:
        """Whether a finding with this id may be one of its own."""
        return finding == self.id or finding in self.ids or finding.startswith(f"{self.id}_")


def rule(id: str, title: str, tier: str = "fact") -> Callable[[Judge], Rule]:  # noqa: A002 - what a Rule calls it
    """Make a rule of a function `Run -> list[Finding] | Unchecked | NotApplicable`.

        @reportgen.rule("loss_above_one", "The last training loss is below 1", tier="statistics")
        def loss_above_one(run): ...

    title: what holds when it passes. tier: "fact", "statistics" or "style"; only facts may be errors.
    """
    return lambda judge: Rule(id, title, tier, judge)


@dataclass(frozen=True, slots=True)
class Check:
    """A rule that found nothing, or, with `why`, one that could not be made or does not apply. broken: it raised."""

    id: str
    title: str
    why: str = ""
    broken: bool = False


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Everything the rules say of a run. findings: worst first.

    passed: rules that looked at something and found nothing. unchecked: those that could not be made. not_applicable:
    those that are about nothing that this run has.
    silenced: findings that the user asked not to hear of. unknown: what was to be silenced and is the id of no rule.
    """

    findings: tuple[Finding, ...] = ()
    passed: tuple[Check, ...] = ()
    unchecked: tuple[Check, ...] = ()
    not_applicable: tuple[Check, ...] = ()
    silenced: tuple[Finding, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def worst(self) -> str:
        """The severity of the worst finding: "error", "warning", "info", or "" without any."""
        return self.findings[0].severity if self.findings else ""

    @property
    def attention(self) -> tuple[Finding, ...]:
        """The findings that want attention: errors and warnings."""
        return tuple(finding for finding in self.findings if finding.severity != "info")
