"""Several runs on one page: what such a page is made of and carries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from reportgen.run.found import Found
from reportgen.run.records import Run

__all__ = ["Found", "Judged", "LeftOut", "Member", "Overview", "Unread"]


@dataclass(frozen=True, slots=True)
class Member:
    """One of several runs. name: where it lies in what was given, parts joined by "/".

    found: its first few errors and warnings. errors, warnings, remarks, passed: how many of each there are, and how
    many checks passed; all judged from the whole run, which `run` is no longer.
    """

    name: str
    run: Run
    found: tuple[Found, ...] = ()
    errors: int = 0
    warnings: int = 0
    remarks: int = 0
    passed: int = 0


@dataclass(frozen=True, slots=True)
class Unread:
    """A run that could not be read, and why, in words that name no folder outside of what was given."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Runs that are only counted: in all, how many have errors or only warnings, and by the way they ended."""

    runs: int = 0
    errors: int = 0
    warnings: int = 0
    statuses: Mapping[str, int] = field(default_factory=dict)

    def plus(self, other: LeftOut) -> LeftOut:
        """Both together."""
        return LeftOut(
            self.runs + other.runs,
            self.errors + other.errors,
            self.warnings + other.warnings,
            dict(Counter(self.statuses) + Counter(other.statuses)),
        )


@dataclass(frozen=True, slots=True)
class Judged:
    """The metric that runs are ranked by, and how many of all runs logged it."""

    split: str
    metric: str
    runs: int


@dataclass(frozen=True, slots=True)
class Overview:
    """Several runs, best first once a page is made of them.

    unread: the first of `unread_total` runs that could not be read. left_out: runs that are counted only.
    judged: None until a metric was chosen, or when none can be. metrics: how many metrics all runs logged, 0 until
    they were counted.
    """

    members: tuple[Member, ...] = ()
    unread: tuple[Unread, ...] = ()
    unread_total: int = 0
    left_out: LeftOut = LeftOut()
    judged: Judged | None = None
    metrics: int = 0

    @property
    def runs(self) -> int:
        """How many runs there are in all, without those that could not be read."""
        return len(self.members) + self.left_out.runs

    @property
    def with_errors(self) -> int:
        """How many runs have an error."""
        return sum(member.errors > 0 for member in self.members) + self.left_out.errors

    @property
    def with_warnings(self) -> int:
        """How many runs have a warning and no error."""
        return sum(member.warnings > 0 and not member.errors for member in self.members) + self.left_out.warnings
