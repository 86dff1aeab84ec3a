"""Runs with what was found in them, for the commands that print it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from reportgen.diagnose import Diagnosis, diagnose, with_own_rules
from reportgen.diagnose.own.recorded import from_record
from reportgen.errors import UnreadableRunError
from reportgen.readers import several
from reportgen.readers.load import Progress
from reportgen.run.bare import WITHOUT_MEDIA
from reportgen.run.overview import Member, Overview
from reportgen.run.records import Run
from reportgen.run.thin import thin


@dataclass(frozen=True, slots=True)
class Judged:
    """A run as its page shows it, and its diagnosis. name: where it lies in what was given.

    errors, warnings, remarks, passed: how many of each; of a run on an overview page more than its diagnosis tells.
    whole: whether the diagnosis tells everything.
    """

    name: str
    run: Run
    diagnosis: Diagnosis
    errors: int
    warnings: int
    remarks: int
    passed: int
    whole: bool = True


def judged(
    sources: Sequence[str], progress: Progress | None = None, counting: Progress | None = None
) -> tuple[list[Judged], list[tuple[str, str]]]:
    """All runs that `sources` hold, worst first, and those that could not be read, each with the reason.

    progress: called with bytes read and bytes in all, counting with runs read and runs in all.
    Raises UnreadableRunError when none can be read.
    """
    found = list(several.find([Path(source) for source in sources], progress))
    if len(found) == 1 and isinstance(found[0], several.Source):
        return [_of(found[0].name, found[0].reader(True))], []
    runs: list[Judged] = []
    unread: list[tuple[str, str]] = []
    for done, source in enumerate(found, 1):
        if isinstance(source, Overview):
            runs.extend(map(_of_member, source.members))
            unread.extend((one.name, one.reason) for one in source.unread)
            continue
        read = source.read()
        if isinstance(read, UnreadableRunError):
            unread.append((source.name, source.reason(read)))
        else:
            runs.append(_of(source.name, read))
        if counting is not None:
            counting(done, len(found))
    if not runs:
        raise UnreadableRunError(f"none of the {len(unread):,} runs can be read; the first: {': '.join(unread[0])}")
    return sorted(runs, key=lambda one: (-one.errors, -one.warnings)), unread


def _of(name: str, run: Run) -> Judged:
    bare = thin(with_own_rules(replace(run, **WITHOUT_MEDIA)))
    diagnosis = diagnose(bare, guarded=True)
    amounts = Counter(one.severity for one in diagnosis.findings)
    return Judged(
        name,
        # What a run holds is told from all of it: a run of nothing but pictures is not empty.
        replace(bare, **{part: getattr(run, part) for part in WITHOUT_MEDIA}),
        diagnosis,
        errors=amounts["error"],
        warnings=amounts["warning"],
        remarks=amounts["info"],
        passed=len(diagnosis.passed),
    )


def _of_member(member: Member) -> Judged:
    diagnosis = Diagnosis(tuple(map(from_record, member.found)))
    return Judged(
        member.name,
        member.run,
        diagnosis,
        member.errors,
        member.warnings,
        member.remarks,
        member.passed,
        whole=False,
    )
