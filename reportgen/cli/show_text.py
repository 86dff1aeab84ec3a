"""The verdict of a run as lines of text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from reportgen.blocks.finding import Finding
from reportgen.blocks.wording import count, counted, cut, listed
from reportgen.cli.judged import Judged
from reportgen.cli.styles import Styles, plain
from reportgen.diagnose.needs import by_need
from reportgen.sections.calls import as_called, finding_as_called
from reportgen.sections.header import LEVELS, facts
from reportgen.sections.verdict import verdict

INDENT = "  "
# Signs of a text that are told; a page tells more.
LONGEST = 1000


def about(judged: Judged, styles: Styles, width: int) -> Iterator[str]:
    """All there is to say of one run."""
    run, diagnosis = judged.run, judged.diagnosis
    status = _line(as_called(run.meta.status, run.meta.recorder), 60)
    level = LEVELS.get(run.meta.status, "warning")
    yield f"{styles(_line(run.meta.title, 120) or 'run', 'strong')}: {styles(status, level)}"
    if known := facts(run):
        yield from _wrapped(" · ".join(known), width, styles, "dim")
    yield from _wrapped("".join(part.text for part in verdict(run, diagnosis)), width)
    for finding in diagnosis.findings:
        yield ""
        yield from _finding(finding_as_called(finding, run.meta.recorder), styles, width)
    yield ""
    yield from _wrapped(_amounts(judged), width)
    missing = [one for one in diagnosis.unchecked if not one.broken]
    calls, _ = by_need(missing) if not run.meta.recorder else ({}, {})
    if calls:
        yield "To check more, pass:"
        for call, checks in calls.items():
            yield from _wrapped(f"{call}: {counted(len(checks), 'check')}", width, indent=INDENT)
            yield from _wrapped(listed([one.id for one in checks], 6), width, styles, "dim", INDENT * 2)
    if diagnosis.not_applicable:
        names = [one.id for one in diagnosis.not_applicable]
        yield from _wrapped(f"Not about this run: {listed(names, 6)}.", width, styles, "dim")
    for check in diagnosis.unchecked:
        if check.broken:
            yield from _wrapped(f"The rule {check.id} could not be asked: {check.why}", width)
    if diagnosis.silenced:
        names = list(dict.fromkeys(one.id for one in diagnosis.silenced))
        yield from _wrapped(f"Silenced: {listed(names, 12)}.", width)
    if diagnosis.unknown:
        yield from _wrapped(f"To be silenced, but the name of no rule: {listed(diagnosis.unknown, 12)}.", width)


def _finding(finding: Finding, styles: Styles, width: int) -> Iterator[str]:
    where = [_line(finding.where.name, 80)] if finding.where.name else []
    where += [f"since step {count(finding.where.step)}"] if finding.where.step is not None else []
    head = [finding.severity.upper(), *where, _line(finding.id, 80)]
    yield styles(" · ".join(head[:1]), finding.severity) + styles("".join(f" · {part}" for part in head[1:]), "dim")
    yield from _wrapped(finding.title, width, styles, "strong", INDENT)
    if finding.value:
        limit = f" (limit: {finding.limit})" if finding.limit else ""
        yield from _wrapped(f"{finding.value}{limit}", width, indent=INDENT)
    yield from _wrapped(finding.why, width, indent=INDENT)
    yield from _wrapped(f"To do: {finding.fix}" if finding.fix else "", width, indent=INDENT)
    changed = any(line.startswith("+") for line in finding.code.split("\n"))
    for line in plain(finding.code).split("\n") if finding.code else ():
        style = {"-": "del", "+": "ins"}.get(line[:1], "") if changed else ""
        yield f"{INDENT * 2}{styles(line, style)}"
    for title in finding.also:
        yield from _wrapped(f"It led to: {title}", width, styles, "dim", INDENT)


def _amounts(judged: Judged) -> str:
    unchecked = len(judged.diagnosis.unchecked)
    told = [
        counted(amount, noun)
        for amount, noun in ((judged.errors, "error"), (judged.warnings, "warning"), (judged.remarks, "remark"))
        if amount
    ]
    missing = f", {count(unchecked)} could not be made" if unchecked else ""
    without = len(judged.diagnosis.not_applicable)
    missing += f", {count(without)} {'does' if without == 1 else 'do'} not apply" if without else ""
    return f"{', '.join(told) or 'No findings'}; {counted(judged.passed, 'check')} passed{missing}."


def overview(runs: Sequence[Judged], styles: Styles, width: int) -> Iterator[str]:
    """One line a run."""
    names = [_line(one.name, 60) or "run" for one in runs]
    longest = min(max(map(len, names)), max(12, width // 2))
    for name, one in zip(names, runs, strict=True):
        level = "error" if one.errors else "warning" if one.warnings else "ok"
        worst = next(iter(one.diagnosis.attention), None)
        amounts = [(one.errors, "error"), (one.warnings, "warning")]
        found = ", ".join(counted(amount, noun) for amount, noun in amounts if amount) or "ok"
        status = _line(one.run.meta.status, 40)
        left = f"{cut(name, longest):{longest}}  {styles(found, level)}"
        said = f"  {status}" + (f"; {_line(worst.title, 200)}" if worst else "")
        room = width - longest - 2 - len(found)
        yield left + (cut(said, room) if room > 12 else "")


def _line(text: str, limit: int) -> str:
    return cut(plain(" ".join(text.split())), limit)


def _wrapped(text: str, width: int, styles: Styles | None = None, style: str = "", indent: str = "") -> Iterator[str]:
    """`text` as lines of at most `width` signs; a longer word gets a line of its own."""
    whole = textwrap.wrap(_line(text, LONGEST), width - len(indent), break_long_words=False, break_on_hyphens=False)
    for line in whole:
        yield f"{indent}{styles(line, style) if styles else line}"
