"""How the run ended."""

from __future__ import annotations

from reportgen.blocks.finding import Finding, Where
from reportgen.blocks.table import Column, Table
from reportgen.blocks.wording import counted, cut, moment
from reportgen.diagnose.exceptions.causes import cause_of
from reportgen.diagnose.exceptions.traceback import LONGEST_MESSAGE, failed_at, place, traceback, why
from reportgen.diagnose.rule import Rule, Unchecked
from reportgen.run.records import IMPORTED, Damage, Failure, Run

UNTOLD = Unchecked("Event files do not say how a run ended.")


def run_failed(run: Run) -> list[Finding] | Unchecked:
    """An exception left the training loop, and no other rule (`exceptions`) knows its kind."""
    failure = run.failure
    if run.meta.status == IMPORTED:
        return UNTOLD
    if failure is None:
        if run.meta.status != "failed":
            return []
        return [
            Finding(
                id="run_failed",
                tier="fact",
                severity="error",
                title="The run failed",
                why="Its status says so, but no exception was recorded with it.",
                fix="Look at what the training script wrote to its terminal.",
            )
        ]
    if cause_of(run) is not None:
        return []
    return [
        Finding(
            id="run_failed",
            tier="fact",
            severity="error",
            title=failed_at(failure),
            why=why(failure),
            fix=_fix(failure),
            code=failure.fault.code if failure.fault is not None else "",
            where=Where(module=failure.module, step=failure.stamp.step),
            evidence=traceback(failure) if failure.frames or failure.causes else None,
            since=failure.stamp.optimizer_step or failure.stamp.step,
        )
    ]


def _fix(failure: Failure) -> str:
    change = failure.fault.change if failure.fault is not None else ""
    return f"{change} {place(failure)}" if change else place(failure)


def stopped(run: Run) -> list[Finding] | Unchecked:
    """The user interrupted it."""
    if run.meta.status == IMPORTED:
        return UNTOLD
    if run.meta.status != "stopped by the user":
        return []
    return [
        Finding(
            id="stopped_by_user",
            tier="fact",
            severity="info",
            title="The run was stopped by the user",
            why="A KeyboardInterrupt ended the training loop; everything recorded until then is shown.",
            fix="Nothing to do, if that was intended.",
        )
    ]


def no_end(run: Run) -> list[Finding] | Unchecked:
    """Neither an end nor an exception was recorded: the process was killed, or still runs elsewhere."""
    if run.meta.status == IMPORTED:
        return UNTOLD
    if run.meta.status == "ended without build()":
        return [
            Finding(
                id="no_build",
                tier="fact",
                severity="info",
                title="The process ended without build()",
                why="Recording stopped in order, but the script never said that training was complete.",
                fix="Call build() after the last step.",
                code="report.build()",
            )
        ]
    if run.meta.status != "no end recorded":
        return []
    last = run.meta.last_record
    when = f" The last record was written at {moment(last)}." if last is not None else ""
    return [
        Finding(
            id="no_end_recorded",
            tier="fact",
            severity="warning",
            title="No end was recorded",
            why=f"The process was killed (out of memory, a time limit, a lost machine), or still runs elsewhere.{when}",
            fix="Look for a kill by the system or the scheduler (`dmesg`, the job's log). Up to two seconds of records "
            "before the end may be missing.",
        )
    ]


def damaged(run: Run) -> list[Finding]:
    """Lines of the journal, or records of event files, could not be read."""
    damage = run.damage
    if damage.losses:
        return [_damaged_events(damage)]
    if damage.lines:
        files = f" ({', '.join(damage.files)})" if damage.files else ""
        return [
            Finding(
                id="damaged_journal",
                tier="fact",
                severity="warning",
                title=f"{counted(damage.lines, 'line')} of the journal could not be read",
                why=f"They were skipped, so points may be missing from what is shown{files}.",
                fix="Copy the run folder again from where it was written, or check the disk it lies on.",
                value=counted(damage.lines, "line"),
                limit="0",
            )
        ]
    if damage.torn_tail:
        return [
            Finding(
                id="damaged_journal",
                tier="fact",
                severity="info",
                title="The last line of the journal is torn",
                why="The process was stopped while it wrote; that one line was skipped.",
                fix="Nothing to do.",
            )
        ]
    return []


def _damaged_events(damage: Damage) -> Finding:
    """What of event files could not be read, by its bytes. A file that ends inside of a record may still be written."""
    only_torn = damage.torn_tail and damage.losses == len(damage.files) == 1
    rows = tuple((cut(one, LONGEST_MESSAGE),) for one in damage.ranges)
    return Finding(
        id="damaged_journal",
        tier="fact",
        severity="info" if only_torn else "warning",
        title="An event file ends inside of a record"
        if only_torn
        else f"{counted(damage.losses, 'part')} of the event files could not be read",
        why="Everything before and after was read; points may be missing from what is shown.",
        fix="Nothing to do if it was still being written; else copy the files again from where they were written, or "
        "check the disk they lie on.",
        evidence=Table((Column("what could not be read"),), rows, total=max(damage.losses, len(rows))),
        value=counted(damage.bytes, "byte"),
        limit="0",
    )


RULES = (
    Rule("run_failed", "No exception of an unknown kind ended the run", "fact", run_failed),
    Rule("stopped_by_user", "The run was not interrupted", "fact", stopped),
    Rule("no_end_recorded", "The end of the run was recorded", "fact", no_end, ids=("no_build",)),
    Rule("damaged_journal", "Every record could be read", "fact", damaged),
)
