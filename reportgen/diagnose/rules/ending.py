"""How the run ended."""

from __future__ import annotations

from reportgen.blocks.finding import Finding, Where
from reportgen.blocks.table import Column, Table
from reportgen.blocks.text import Code
from reportgen.blocks.wording import counted, cut, listed, moment
from reportgen.diagnose.rule import Rule, Unchecked
from reportgen.run.graph import TensorSpec
from reportgen.run.records import IMPORTED, Damage, Failure, Run

LONGEST_MESSAGE = 300
UNTOLD = "Event files do not say how a run ended."


def run_failed(run: Run) -> list[Finding] | Unchecked:
    """An exception left the training loop."""
    failure = run.failure
    if run.meta.status == IMPORTED:
        return Unchecked(UNTOLD)
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
    inside = f" in {failure.module}" if failure.module else ""
    return [
        Finding(
            id="run_failed",
            tier="fact",
            severity="error",
            title=f"The run failed at step {failure.stamp.step:,}{inside}: {failure.type}",
            why=_why(failure),
            fix=_fix(failure),
            code=failure.fault.code if failure.fault is not None else "",
            where=Where(module=failure.module, step=failure.stamp.step),
            evidence=traceback(failure) if failure.frames else None,
            since=failure.stamp.optimizer_step or failure.stamp.step,
        )
    ]


def _why(failure: Failure) -> str:
    told = cut(failure.message, LONGEST_MESSAGE) or "The exception has no message."
    fault = failure.fault
    if fault is None or not fault.got:
        return told
    if not told.endswith((".", "!", "?", ":", "…")):
        told += "."  # a line break is no end of a sentence where the page runs its lines together
    got = listed([f"{spec.name or 'a tensor'} of {_shape(spec)}" for spec in fault.got])
    name = fault.module or fault.type
    return f"{told}\n{name} ({fault.type}) got {got}" + (f"; it expects {fault.expected}." if fault.expected else ".")


def _shape(spec: TensorSpec) -> str:
    return f"{spec.dtype} ({', '.join(str(size) for size in spec.shape)})"


def _fix(failure: Failure) -> str:
    change = failure.fault.change if failure.fault is not None else ""
    return f"{change} {_place(failure)}" if change else _place(failure)


def _place(failure: Failure) -> str:
    own = [frame for frame in failure.frames if frame.own]
    if not own:
        return "Look at the traceback: no frame of it is in your own code."
    frame = own[-1]
    return f"Start at {frame.path}, line {frame.line}, in {frame.function}: the last of your own code it went through."


def traceback(failure: Failure) -> Code:
    """The traceback as Python prints it, without values; the lines of the user's own frames are marked."""
    lines = ["Traceback (most recent call last):"]
    marked: list[int] = []
    for frame in failure.frames:
        if frame.own:
            marked.extend([len(lines), len(lines) + 1] if frame.code else [len(lines)])
        lines.append(f'  File "{frame.path}", line {frame.line}, in {frame.function}')
        if frame.code:
            lines.append(f"    {' '.join(frame.code.split())}")
    lines.extend(f"{failure.type}: {cut(failure.message, 2000)}".splitlines())
    return Code("\n".join(lines), title="Where it was raised", marked=tuple(marked))


def stopped(run: Run) -> list[Finding] | Unchecked:
    """The user interrupted it."""
    if run.meta.status == IMPORTED:
        return Unchecked(UNTOLD)
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
        return Unchecked(UNTOLD)
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
    Rule("run_failed", "No exception ended the run", "fact", run_failed),
    Rule("stopped_by_user", "The run was not interrupted", "fact", stopped),
    Rule("no_end_recorded", "The end of the run was recorded", "fact", no_end),
    Rule("damaged_journal", "Every record could be read", "fact", damaged),
)
