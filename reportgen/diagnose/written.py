"""What the code of a rule says of it, where its own fields do not: its docstring, and the findings it makes."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from types import CodeType, FunctionType
from typing import Any

from reportgen.diagnose.rule import SEVERITIES, Rule

HOME = "reportgen.diagnose"
# What stands for a part of a text that only a run knows.
OPEN = "…"
# Texts of one field that are listed.
MOST = 3


@dataclass(frozen=True, slots=True)
class Written:
    """checks: what the rule does, in the words of its docstring. The others: what its findings say in `limit`,
    `source`, `fix` and `severity`; a part that only a run knows is an ellipsis."""

    checks: str = ""
    limits: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    remedies: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()


def written(rule: Rule) -> Written:
    """What the code says. Nothing where it cannot be read, as in an interactive session."""
    judge = _function(rule.judge)
    if judge is None:
        return Written()
    fields: dict[str, dict[str, None]] = {name: {} for name in ("limit", "source", "fix", "severity")}
    calls = [(function, call) for function in _reached(judge) for call in _findings(function)]
    own = [pair for pair in calls if _may_be(rule, *pair)]
    for function, call in own or calls:
        for keyword in call.keywords:
            if keyword.arg == "severity":
                # What is decided elsewhere is decided by one of the words that stand there.
                known = _severities(keyword.value) or _severities_of(judge)
                fields["severity"].update(dict.fromkeys(known))
            elif keyword.arg in fields:
                fields[keyword.arg].update(dict.fromkeys(_texts(keyword.value, function)))
    told = {name: tuple(text for text in texts if _tells(text))[:MOST] for name, texts in fields.items()}
    source = told["source"] or _source(judge)
    # A function that several rules share tells of none of them.
    checks = "" if isinstance(rule.judge, partial) else _doc(judge)
    return Written(checks, told["limit"], source, told["fix"], told["severity"])


def _function(judge: object) -> FunctionType | None:
    while isinstance(judge, partial):
        judge = judge.func
    return judge if isinstance(judge, FunctionType) else None


def _reached(function: FunctionType) -> Iterator[FunctionType]:
    """A function and those of the rules' package that it names, each once, nearest first."""
    waiting, seen = [function], {function}
    while waiting:
        one = waiting.pop(0)
        yield one
        for name in _names(one.__code__):
            found = _function(one.__globals__.get(name))
            if found is not None and found.__module__.startswith(HOME) and found not in seen:
                seen.add(found)
                waiting.append(found)


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _findings(function: FunctionType) -> list[ast.Call]:
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, SyntaxError, TypeError):  # a lambda inside of a call, or no source at all
        return []
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Finding"
    ]


def _may_be(rule: Rule, function: FunctionType, call: ast.Call) -> bool:
    """Whether a finding that is made there may be this rule's: its id says so, or is not known."""
    for keyword in call.keywords:
        if keyword.arg == "id":
            texts = _texts(keyword.value, function)
            return not texts or any(rule.gives(text) or OPEN in text for text in texts)
    return True


def _severities(value: ast.expr) -> list[str]:
    return [
        node.value
        for node in ast.walk(value)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in SEVERITIES
    ]


def _severities_of(judge: FunctionType) -> list[str]:
    names = [text for function in _reached(judge) for text in _constants(function.__code__)]
    return [name for name in names if name in SEVERITIES]


def _constants(code: CodeType) -> Iterator[str]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _constants(constant)
        elif isinstance(constant, str):
            yield constant


def _texts(value: ast.expr, function: FunctionType) -> list[str]:
    """What an expression may be as text."""
    if isinstance(value, ast.IfExp):
        return [*_texts(value.body, function), *_texts(value.orelse, function)]
    if isinstance(value, ast.Constant):
        return [value.value] if isinstance(value.value, str) else []
    if isinstance(value, ast.JoinedStr):
        return ["".join(_part(part, function) for part in value.values)]
    if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add):
        firsts, seconds = _texts(value.left, function) or [OPEN], _texts(value.right, function) or [OPEN]
        return [first + second for first in firsts for second in seconds]
    if isinstance(value, ast.Subscript) and isinstance(value.value, ast.Name):
        table = function.__globals__.get(value.value.id)
        return [text for text in table.values() if isinstance(text, str)] if isinstance(table, dict) else []
    known = _known(value, function)
    return [known] if known else []


def _part(part: ast.expr, function: FunctionType) -> str:
    if isinstance(part, ast.Constant):
        return str(part.value)
    if isinstance(part, ast.FormattedValue):
        known = _known(ast.JoinedStr([part]), function)
        return known or OPEN
    return OPEN


def _known(value: ast.expr, function: FunctionType) -> str:
    """The text of an expression of constants of the module alone; "" for one that needs more."""
    names = {node.id for node in ast.walk(value) if isinstance(node, ast.Name)}
    local: set[str] = {*function.__code__.co_varnames, *function.__code__.co_freevars}
    if names & local or not names <= function.__globals__.keys():
        return ""
    expression = ast.fix_missing_locations(ast.Expression(value))
    try:
        found: Any = eval(compile(expression, "<rule>", "eval"), function.__globals__)  # our own code, as it stands
    except Exception:  # noqa: BLE001 - it needs what only a run has
        return ""
    return found if isinstance(found, str) else ""


def _tells(text: str) -> bool:
    return bool(re.search(r"\w", text.replace(OPEN, "")))


def _doc(function: FunctionType) -> str:
    """The first paragraph of a judge's docstring in one line, else of its module's."""
    module = inspect.getmodule(function)
    doc = inspect.getdoc(function) or (inspect.getdoc(module) if module else "") or ""
    return " ".join(doc.split("\n\n")[0].split())


def _source(function: FunctionType) -> tuple[str, ...]:
    """What the docstrings of the function or its module name as source."""
    module = inspect.getmodule(function)
    for doc in (inspect.getdoc(function), inspect.getdoc(module) if module else None):
        found = re.search(r"Sources?(?: of [^:\n]*)?: (.+?)(?:\n\n|\Z)", doc or "", re.DOTALL)
        if found:
            return (" ".join(found[1].split()),)
    return ()
