"""The top of an overview: how many runs there are, how they ended, which is best."""

from __future__ import annotations

from collections import Counter

from reportgen.blocks.page import Header, Reading
from reportgen.blocks.text import Stat, Stats
from reportgen.blocks.wording import count, counted, cut, listed, moment, seconds
from reportgen.run.overview import Member
from reportgen.run.records import IMPORTED
from reportgen.sections.outcome import spoken
from reportgen.sections.overview.comparison import Comparison
from reportgen.sections.pace import duration

# Ways to end that are no trouble.
WELL = ("finished", "running", IMPORTED)


def header(comparison: Comparison) -> Header:
    """The header of an overview."""
    titles = {member.run.meta.title for member in comparison.members}
    title = cut(next(iter(titles)), 200) if len(titles) == 1 else ""
    return Header(
        title=title or "Several runs",
        status=_status(comparison),
        level=_level(comparison),
        facts=tuple(_facts(comparison)),
        verdict=tuple(_verdict(comparison)),
        stats=Stats(tuple(_stats(comparison))),
    )


def _status(comparison: Comparison) -> str:
    errors, warnings = comparison.overview.with_errors, comparison.overview.with_warnings
    wrong = f", {count(errors)} with errors" if errors else f", {count(warnings)} with warnings" if warnings else ""
    return counted(comparison.overview.runs, "run") + wrong


def _statuses(comparison: Comparison) -> Counter[str]:
    """How many runs ended how, those included that are only counted."""
    shown = Counter(member.run.meta.status for member in comparison.members)
    return shown + Counter(comparison.overview.left_out.statuses)


def _level(comparison: Comparison) -> str:
    errors, warnings = comparison.overview.with_errors, comparison.overview.with_warnings
    if errors:
        return "error"
    odd = sum(amount for status, amount in _statuses(comparison).items() if status not in WELL)
    return "warning" if warnings or odd or comparison.overview.unread_total else "ok"


def _facts(comparison: Comparison) -> list[str]:
    members = comparison.members if not comparison.overview.left_out.runs else ()
    told = []
    starts = [member.run.meta.started for member in members if member.run.meta.started > 0]
    if starts:
        first, last = moment(min(starts))[:10], moment(max(starts))[:10]
        told.append(f"begun {first}" if first == last else f"begun {first} to {last}")
    known = [spent for member in members if (spent := duration(member.run)) is not None]
    if known:
        told.append(f"{seconds(sum(known))} of training in all")
    told.append(counted(comparison.overview.metrics, "metric"))
    differing = [setting.name for setting in comparison.differing]
    if differing:
        told.append(f"they differ in {listed(differing, 4)}")
    return told


def _verdict(comparison: Comparison) -> list[Reading]:
    if not comparison.overview.runs:
        return [Reading("None of the runs could be read; why is said below.")]
    return [*_best(comparison), *_endings(comparison), *_attention(comparison)]


def _best(comparison: Comparison) -> list[Reading]:
    main, judged = comparison.main, comparison.overview.judged
    if main is None or judged is None:
        return [Reading("No metric whose name says which is better was logged by two runs, so none is called best. ")]
    curve = main.curves.get(0)
    at = curve.best() if curve is not None else None
    if curve is None or at is None:
        return []
    known = [one for one in main.curves.values() if one.best() is not None]
    word = "lowest" if main.direction == "lower" else "highest"
    said = [
        Reading(f"Of {counted(judged.runs, 'run')}, " if judged.runs == comparison.overview.runs else ""),
        Reading(comparison.labels[0], "code"),
        Reading(f" has the {word} {spoken(curve)}, "),
        Reading(curve.written(curve.series.values[at]), "strong"),
        Reading(f" at step {count(curve.series.steps[at])}"),
    ]
    if len(known) > 1 and not comparison.overview.left_out.runs:
        last = max(known, key=main.merit)
        worst = last.best()
        assert worst is not None  # of known ones only
        said.append(Reading(f"; the last of them gets to {last.written(last.series.values[worst])}"))
    said.append(Reading(". "))
    if judged.runs < comparison.overview.runs:
        total = counted(comparison.overview.runs, "run")
        said.append(Reading(f"{count(judged.runs)} of {total} logged it. "))
    return [piece for piece in said if piece.text]


def _endings(comparison: Comparison) -> list[Reading]:
    found = _statuses(comparison)
    total = comparison.overview.runs
    if len(found) == 1:
        status = next(iter(found))
        if status == IMPORTED:
            return [Reading("All were read from event files, which record no end. ")]
        return [Reading(f"All {status}. " if total > 1 else f"It is {status}. ")]
    parts = [f"{count(amount)} {status}" for status, amount in found.most_common()]
    return [Reading(f"{listed(parts, 6)}. ")]


def _attention(comparison: Comparison) -> list[Reading]:
    errors, warnings = comparison.overview.with_errors, comparison.overview.with_warnings
    said: list[Reading] = []
    for amount, kind, has in ((errors, "errors", _has_errors), (warnings, "warnings", _has_warnings)):
        if amount:
            names = [label for label, one in zip(comparison.labels, comparison.members, strict=True) if has(one)]
            named = f": {listed(names, 3)}" if amount == len(names) <= 3 else ""
            said.append(Reading(f"{counted(amount, 'run')} {'has' if amount == 1 else 'have'} {kind}{named}. "))
    if not said:
        said.append(Reading("Nothing wrong was found in any of them. "))
    unread = comparison.overview.unread_total
    if unread:
        said.append(Reading(f"{counted(unread, 'more run')} could not be read."))
    return said


def _has_errors(member: Member) -> bool:
    return member.errors > 0


def _has_warnings(member: Member) -> bool:
    return member.warnings > 0 and not member.errors


def _stats(comparison: Comparison) -> list[Stat]:
    overview = comparison.overview
    found, errors, warnings = _statuses(comparison), overview.with_errors, overview.with_warnings
    stats = []
    curve = comparison.main.curves.get(0) if comparison.main is not None else None
    at = curve.best() if curve is not None else None
    if curve is not None and at is not None:
        value = curve.written(curve.series.values[at])
        stats.append(Stat(f"best {cut(curve.tag, 40)}", value, comparison.labels[0]))
    ended = [status for status in ("finished", IMPORTED) if found[status]] or ["finished"]
    rest = [f"{count(amount)} {status}" for status, amount in found.most_common() if status not in ended]
    stats.append(
        Stat(
            " or ".join(ended), f"{count(sum(found[one] for one in ended))} of {count(overview.runs)}", listed(rest, 4)
        )
    )
    stats.append(Stat("with errors", count(errors), "" if errors else "none", level="error" if errors else ""))
    only = "and no error" if errors and warnings else "" if warnings else "none"
    stats.append(Stat("with warnings", count(warnings), only, level="warning" if warnings else ""))
    if overview.unread_total:
        stats.append(Stat("not read", count(overview.unread_total), "listed below", level="warning"))
    return stats
