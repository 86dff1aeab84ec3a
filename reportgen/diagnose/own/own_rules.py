"""Rules of the user's: given to a Report, or installed with a package that names them in its entry points.

What they say is kept in the run (`Run.own_rules`), since whoever opens its folder or page need not have them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from reportgen.blocks.finding import Finding, Where
from reportgen.diagnose.own.recorded import as_record, as_sentence
from reportgen.diagnose.rule import SEVERITIES, TIERS, Judgement, NotApplicable, Rule, Unchecked
from reportgen.run.found import OwnCheck
from reportgen.run.records import Run
from reportgen.run.redact import scrub

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

# The entry points of a package, each a Rule or several.
GROUP = "reportgen.rules"
# Findings of one rule that are kept, signs of a message, of a text of a finding, and of an id.
MOST = 20
LONGEST = 300
LONGEST_TEXT = 4000
LONGEST_ID = 80


def given_rules(rules: object) -> tuple[object, ...]:
    """The rules that a user passed, several or one."""
    return (rules,) if isinstance(rules, Rule) or not isinstance(rules, Iterable) else tuple(rules)


def given_ids(silence: object) -> tuple[str, ...]:
    """The ids that a user wants silenced, several or one."""
    several = silence if isinstance(silence, Iterable) and not isinstance(silence, str) else (silence,)
    return tuple(dict.fromkeys(map(str, several)))


def with_own_rules(run: Run, rules: Sequence[object] = (), installed: bool = True) -> Run:
    """`run` with what `rules`, and installed ones, say of it; what it holds of others stays.

    rules: anything that a user may have passed; what is no Rule, raises, or returns something else than findings is
    kept as one that raised. Installed rules that the run was judged by already are not asked again. Raises nothing.
    """
    found = {check.id: check for check in run.own_rules}
    for at, given in enumerate(rules):
        check = _judged(given, run, f"rules[{at}]")
        found[check.id] = check
    if installed:
        for name, loaded in _installed():
            for given in loaded:
                if not (isinstance(given, Rule) and _id(given.id) in found):
                    check = _judged(given, run, name)
                    found[check.id] = check
    checks = tuple(found.values())
    return run if checks == run.own_rules else replace(run, own_rules=checks)


def _installed() -> Iterable[tuple[str, Sequence[object]]]:
    """The rules of installed packages by the name of their entry point; an exception stands for those it kept out."""
    from importlib import metadata  # slow to import

    try:
        points = sorted(metadata.entry_points(group=GROUP), key=lambda point: (point.name, point.value))
    except Exception as error:  # noqa: BLE001 - metadata of a broken installation
        return [(GROUP, [error])]
    return [(point.name, _loaded(point)) for point in points]


def _loaded(point: EntryPoint) -> Sequence[object]:
    try:
        loaded = point.load()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the code of others
        return [error]
    return list(loaded) if isinstance(loaded, (list, tuple)) else [loaded]


def _judged(given: object, run: Run, name: str) -> OwnCheck:
    if isinstance(given, (Exception, SystemExit)):
        return OwnCheck(name, name, raised=_told(given))
    if not isinstance(given, Rule):
        what = f"TypeError: {type(given).__name__} is no reportgen.Rule; decorate a function with reportgen.rule"
        return OwnCheck(name, name, raised=what)
    check = OwnCheck(name, name)
    try:
        check = _unjudged(given)
        return _kept(check, given.judge(_read_only(run)))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the code of others, which must not end the program
        return replace(check, raised=_told(error))


def _read_only(run: Run) -> Run:
    """`run` as a rule of others may have it: what it empties or adds to would be gone, or new, for all after it."""
    given = {one.name: getattr(run, one.name) for one in fields(run)}
    mappings: dict[str, Any] = {
        name: MappingProxyType(_inner(value)) for name, value in given.items() if isinstance(value, Mapping)
    }
    return replace(run, **mappings)


def _inner(mapping: Mapping[str, Any]) -> Mapping[str, Any]:
    """`mapping` with the mappings in it read-only; itself where it holds none, since media may be read at a look-up."""
    if not isinstance(mapping, dict) or not any(isinstance(value, dict) for value in mapping.values()):
        return mapping
    return {key: MappingProxyType(value) if isinstance(value, Mapping) else value for key, value in mapping.items()}


def _kept(check: OwnCheck, judgement: Judgement) -> OwnCheck:
    """Raises TypeError or ValueError for what no rule may return."""
    if isinstance(judgement, (Unchecked, NotApplicable)):
        return replace(check, unchecked=as_sentence(judgement))
    if not isinstance(judgement, Iterable):
        raise TypeError(
            f"it returned {type(judgement).__name__}; a list of findings, Unchecked or NotApplicable is wanted"
        )
    findings = [_checked(finding) for finding in judgement]
    return replace(check, found=tuple(map(as_record, findings[:MOST])))


def _unjudged(rule: Rule) -> OwnCheck:
    return OwnCheck(_id(rule.id), str(rule.title)[:LONGEST], rule.tier if rule.tier in TIERS else "statistics")


def _id(given: object) -> str:
    """An id that can be part of a page's: letters, digits and "_.-"."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", str(given))[:LONGEST_ID] or "rule"


def _checked(finding: object) -> Finding:
    """A finding whose fields can be kept. Raises TypeError or ValueError that says what is wrong with it."""
    if not isinstance(finding, Finding):
        raise TypeError(f"it returned {type(finding).__name__} among its findings; reportgen.Finding is wanted")
    for name, value, accepted in (("tier", finding.tier, TIERS), ("severity", finding.severity, SEVERITIES)):
        if value not in accepted:
            raise ValueError(f"the {name} of a finding is {value!r}; accepted: {', '.join(accepted)}")
    if finding.severity == "error" and finding.tier != "fact":
        raise ValueError(f"a finding of tier {finding.tier!r} is an error; only facts may be errors")
    if not isinstance(finding.where, Where):
        raise TypeError("the place of a finding is no reportgen.Where")
    texts: dict[str, Any] = {
        one.name: str(getattr(finding, one.name))[:LONGEST_TEXT] for one in fields(finding) if one.type == "str"
    }
    texts["id"] = _id(finding.id)
    places = {
        name: str(getattr(finding.where, name))[:LONGEST_TEXT] for name in ("model", "module", "parameter", "tag")
    }
    step = None if finding.where.step is None else int(finding.where.step)
    also = tuple(str(title)[:LONGEST_TEXT] for title in finding.also)
    since = int(finding.since)
    return replace(finding, where=replace(finding.where, step=step, **places), also=also, since=since, **texts)


def _told(error: BaseException) -> str:
    """The exception in one line, without names of the machine, the user or the home folder."""
    try:
        said = " ".join(str(error).split())
    except Exception:  # noqa: BLE001 - the code of others
        said = ""
    text = scrub(f"{type(error).__name__}: {said}" if said else type(error).__name__)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
