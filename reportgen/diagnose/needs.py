"""What checks that could not be made lack, in the words of their Unchecked."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from reportgen.diagnose.rule import Check

# What a sentence of Unchecked says to do: "No loss was logged: call report.log({...})."
_CALL = re.compile(r"[:;,.] (?:[Cc]all|[Pp]ass) (.+?)\.?$", re.DOTALL)
_METHOD = re.compile(r"\breport\.(\w+)\(")
# When a call has to be made, after it: "report.watch(model) before the first forward".
_WHEN = re.compile(r" (before [\w ]+)")
# These times, the earliest first, and how one is told that is no moment.
_TIMES = ("before the first forward", "before training", "before 50 steps of training")
_TOLD = {"before 50 steps of training": "before training, of 50 steps or more"}
# Signs of a call that are looked at.
_LONGEST = 500


def needed(why: str) -> str:
    """What an Unchecked asks for ('report.log({"train/loss": loss})'), "" where no call would help."""
    found = _CALL.search(why)
    return found[1].strip() if found else ""


def without_need(why: str) -> str:
    """What an Unchecked says before the call that it asks for, without a full stop."""
    found = _CALL.search(why)
    return (why[: found.start()] if found else why).rstrip(".")


def by_need(checks: Sequence[Check]) -> tuple[dict[str, list[Check]], dict[str, list[Check]]]:
    """Checks that could not be made, by the call that each lacks, and those that no call would help by their reason.

    Calls of one method are one, with the arguments of all, where one call can have them: `report.data` takes one split.
    When a call has to be made ("before training") follows it as a comment: the earliest time that one of them names.
    What enables most checks stands first; of the data, the training data.
    """
    reasons: dict[str, list[Check]] = {}
    calls: dict[str, list[Check]] = {}
    joined: dict[str, list[_Call]] = {}
    for check in checks:
        need = needed(check.why)
        method = _METHOD.search(need)
        if method:
            _join(joined.setdefault(method[1], []), method[1], check, need[method.start() :][:_LONGEST])
        else:
            (calls if need else reasons).setdefault(need or check.why, []).append(check)
    for several in joined.values():
        for call in several:
            calls.setdefault(call.text, []).extend(call.checks)
    return _training_first(_largest_first(calls)), _largest_first(reasons)


def _largest_first(groups: dict[str, list[Check]]) -> dict[str, list[Check]]:
    return dict(sorted(groups.items(), key=lambda group: (-len(group[1]), group[0])))


def _training_first(groups: dict[str, list[Check]]) -> dict[str, list[Check]]:
    """The same order, but for the calls with data, which change places so that the training data stands first."""
    data = [call for call in groups if call.startswith("report.data(")]
    moved = iter(sorted(data, key=lambda call: not call.startswith('report.data("train"')))
    return {call: groups[call] for call in [next(moved) if one in data else one for one in groups]}


def _join(known: list[_Call], method: str, check: Check, text: str) -> None:
    """Add the call that `text` begins with to the first of those known that can take it, or to those known."""
    call, end = _parsed(text)
    for one in known:
        if call is None or one.takes(call):
            break
    else:
        one = _Call(method)
        known.append(one)
    one.checks.append(check)
    if call is not None:
        one.add(call)
        when = _WHEN.match(text[end:])
        if when:
            one.when.add(when[1].strip())


@dataclass(slots=True)
class _Call:
    """Calls of one method of a report, joined.

    positional: in their order; entries: of the mapping among them, which stands before the argument number `at`;
    sketches: of a mapping, as {...}; when: what is said of its time.
    """

    method: str
    checks: list[Check] = field(default_factory=list)
    positional: list[str] = field(default_factory=list)
    keywords: dict[str, str] = field(default_factory=dict)
    entries: dict[str, str] = field(default_factory=dict)
    sketches: list[str] = field(default_factory=list)
    at: int = 0
    when: set[str] = field(default_factory=set)

    def takes(self, call: ast.Call) -> bool:
        """Whether one call can have these arguments, too: none of them is another one at the same place."""
        names = {keyword.arg: _written(keyword.value) for keyword in call.keywords if keyword.arg}
        return all(ours == other for ours, other in zip(self.positional, _positional(call), strict=False)) and all(
            self.keywords.get(name, value) == value for name, value in names.items()
        )

    def add(self, call: ast.Call) -> None:
        """Join a call that it takes."""
        positional = _positional(call)
        self.positional += positional[len(self.positional) :]
        for place, argument in enumerate(call.args):
            if isinstance(argument, ast.Dict) and all(argument.keys):
                self.at = self.at if self.entries else place
                for key, value in zip(argument.keys, argument.values, strict=True):
                    self.entries.setdefault(_written(key), _written(value))
            elif _is_mapping(argument):
                self.at = place if not self.entries and not self.sketches else self.at
                self.sketches.append(_written(argument))
        for keyword in call.keywords:
            if keyword.arg:
                self.keywords.setdefault(keyword.arg, _written(keyword.value))

    @property
    def text(self) -> str:
        """The call as code."""
        # A sketch of a mapping says less than one with keys.
        mapping = self.sketches[:1]
        if self.entries:
            mapping = [f"{{{', '.join(f'{key}: {value}' for key, value in self.entries.items())}}}"]
        positional = [*self.positional[: self.at], *mapping, *self.positional[self.at :]]
        named = [f"{name}={value}" for name, value in self.keywords.items()]
        return f"report.{self.method}({', '.join([*positional, *named])}){self._comment()}"

    def _comment(self) -> str:
        """When to make it: early enough for all."""
        first = min(
            self.when, key=lambda when: (_TIMES.index(when) if when in _TIMES else len(_TIMES), when), default=""
        )
        return f"  # {_TOLD.get(first, first)}" if first else ""


def _positional(call: ast.Call) -> list[str]:
    return [_written(argument) for argument in call.args if not _is_mapping(argument)]


def _is_mapping(argument: ast.expr) -> bool:
    """Also the sketch {...}, which Python reads as a set."""
    return isinstance(argument, (ast.Dict, ast.Set))


def _parsed(text: str) -> tuple[ast.Call | None, int]:
    """The call at the beginning of a text, found by its closing bracket, and where the text goes on after it."""
    for end in _closings(text):
        try:
            call = ast.parse(text[: end + 1], mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        return (call if isinstance(call, ast.Call) else None), end + 1
    return None, 0


def _closings(text: str) -> Iterator[int]:
    return (at for at, sign in enumerate(text) if sign == ")")


def _written(value: ast.expr | None) -> str:
    if value is None:
        return "..."
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        return '"' + value.value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return ast.unparse(value)
