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
# Signs of a call that are looked at.
_LONGEST = 500


def needed(why: str) -> str:
    """What an Unchecked asks for ('report.log({"train/loss": loss})'), "" where no call would help."""
    found = _CALL.search(why)
    return found[1].strip() if found else ""


def by_need(checks: Sequence[Check]) -> tuple[dict[str, list[Check]], dict[str, list[Check]]]:
    """Checks that could not be made, by the call that each lacks, and those that no call would help by their reason.

    Calls of one method are one, with the arguments of all. What enables most checks stands first.
    """
    calls: dict[str, list[Check]] = {}
    reasons: dict[str, list[Check]] = {}
    asked: dict[str, _Call] = {}
    for check in checks:
        need = needed(check.why)
        method = _METHOD.search(need)
        if method:
            key = method[1]
            asked.setdefault(key, _Call(key)).add(need[method.start() :][:_LONGEST])
            calls.setdefault(key, []).append(check)
        else:
            (calls if need else reasons).setdefault(need or check.why, []).append(check)
    named = {asked[key].text if key in asked else key: group for key, group in calls.items()}
    return _largest_first(named), _largest_first(reasons)


def _largest_first(groups: dict[str, list[Check]]) -> dict[str, list[Check]]:
    return dict(sorted(groups.items(), key=lambda group: (-len(group[1]), group[0])))


@dataclass(slots=True)
class _Call:
    """Calls of one method of a report, joined. arguments: in their order; entries: of a mapping among them."""

    method: str
    arguments: dict[str, None] = field(default_factory=dict)
    entries: dict[str, str] = field(default_factory=dict)

    def add(self, text: str) -> None:
        """Join the call that `text` begins with; one that cannot be read adds nothing."""
        call = _parsed(text)
        if call is None:
            return
        for argument in call.args:
            if isinstance(argument, ast.Dict) and all(argument.keys):
                for key, value in zip(argument.keys, argument.values, strict=True):
                    self.entries.setdefault(_written(key), _written(value))
            else:
                self.arguments.setdefault(_written(argument))
        for keyword in call.keywords:
            self.arguments.setdefault(f"{keyword.arg}={_written(keyword.value)}" if keyword.arg else "...")

    @property
    def text(self) -> str:
        """The call as code: positional arguments before those with a keyword."""
        mapping = [f"{{{', '.join(f'{key}: {value}' for key, value in self.entries.items())}}}"] if self.entries else []
        # A sketch of a mapping says less than one with keys.
        plain = [one for one in self.arguments if not (mapping and one.startswith("{"))]
        ordered = [*mapping, *sorted(plain, key=lambda one: "=" in one)]
        return f"report.{self.method}({', '.join(ordered)})"


def _parsed(text: str) -> ast.Call | None:
    """The call at the beginning of a text, found by its closing bracket."""
    for end in _closings(text):
        try:
            call = ast.parse(text[: end + 1], mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        return call if isinstance(call, ast.Call) else None
    return None


def _closings(text: str) -> Iterator[int]:
    return (at for at, sign in enumerate(text) if sign == ")")


def _written(value: ast.expr | None) -> str:
    if value is None:
        return "..."
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        return '"' + value.value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return ast.unparse(value)
