"""Regular expressions of users, matched in time that grows with the length of the tag only.

Python's own matcher tries one way after the other, and some expressions ("(a+)+b") have more ways than there is time.
Here all ways are followed at once, as states of an automaton. What cannot be matched so (looking around, references to
an earlier group) is refused.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable

LONGEST_PATTERN = 500
LONGEST_TAG = 1000
MOST_STATES = 2000
DEEPEST = 50

_COUNT = re.compile(r"\{(\d*)(?:(,)(\d*))?\}")
_SET = re.compile(r"\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)
_ESCAPE = re.compile(r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|0[0-7]{0,2}|.)", re.DOTALL)
_WORD = re.compile(r"\w")

# A state: what it asks of the tag, and the states that follow. "take" uses up a character, the others do not.
_State = tuple[str, Callable[[str], object] | None, tuple[int, ...]]
# Gives the state at which an expression begins, of the state that follows it.
_Build = Callable[[int], int]


class PatternError(ValueError):
    """A pattern that is no regular expression, or cannot be matched in bounded time; its text, a clause, says which."""


class TagPattern:
    """A regular expression that is to match the beginning of a tag, as by re.match. Raises PatternError."""

    def __init__(self, pattern: str) -> None:
        if len(pattern) > LONGEST_PATTERN:
            raise PatternError(f"it is longer than {LONGEST_PATTERN} characters")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                flags = re.compile(pattern).flags
        except (re.error, OverflowError, RecursionError) as error:
            raise PatternError(f"it is no regular expression ({error})") from None
        if flags & (re.VERBOSE | re.MULTILINE | re.ASCII):
            raise PatternError("it sets flags that are not known here")
        self._text, self._at, self._depth = pattern, 0, 0
        self._flags = flags & (re.IGNORECASE | re.DOTALL)
        self._states: list[_State] = []
        build = self._either()
        if self._at < len(pattern):
            raise PatternError("it is no regular expression that is known here")
        self._start = build(self._add("found", None, ()))

    def matches(self, tag: str) -> bool:
        """Whether the beginning of `tag` (its first LONGEST_TAG characters) matches."""
        tag = tag[:LONGEST_TAG]
        states, found = self._reached([self._start], tag, 0)
        for at, character in enumerate(tag, 1):
            if found or not states:
                break
            following = [after for _, test, then in states if test is not None and test(character) for after in then]
            states, found = self._reached(following, tag, at)
        return found

    def _reached(self, begin: Iterable[int], tag: str, at: int) -> tuple[list[_State], bool]:
        """The states that wait for a character once those that need none are passed, and whether the end is among."""
        waiting: list[_State] = []
        seen: set[int] = set()
        found, left = False, list(begin)
        while left:
            number = left.pop()
            if number in seen:
                continue
            seen.add(number)
            state = self._states[number]
            if state[0] == "take":
                waiting.append(state)
            elif state[0] == "found":
                found = True
            elif _holds(state[0], tag, at):
                left.extend(state[2])
        return waiting, found

    def _add(self, kind: str, test: Callable[[str], object] | None, then: tuple[int, ...]) -> int:
        if len(self._states) >= MOST_STATES:
            raise PatternError("it is too large")
        self._states.append((kind, test, then))
        return len(self._states) - 1

    def _either(self) -> _Build:
        """Alternatives, up to a closing parenthesis or the end."""
        self._depth += 1
        if self._depth > DEEPEST:
            raise PatternError("its groups are nested too deep")
        ways = [self._sequence()]
        while self._text[self._at : self._at + 1] == "|":
            self._at += 1
            ways.append(self._sequence())
        self._depth -= 1
        if len(ways) == 1:
            return ways[0]
        return lambda after: self._add("pass", None, tuple(way(after) for way in ways))

    def _sequence(self) -> _Build:
        parts: list[_Build] = []
        while self._at < len(self._text) and self._text[self._at] not in "|)":
            part = self._atom()
            parts.append(self._repeated(part))

        def build(after: int) -> int:
            for one in reversed(parts):
                after = one(after)
            return after

        return build

    def _atom(self) -> _Build:
        sign = self._text[self._at]
        if sign == "(":
            return self._group()
        found = _SET.match(self._text, self._at) if sign == "[" else _ESCAPE.match(self._text, self._at)
        source = found[0] if found and sign in "[\\" else sign
        self._at += len(source)
        anchors = {"^": "first", "\\A": "first", "$": "last", "\\Z": "end", "\\b": "edge", "\\B": "inside"}
        if source in anchors:
            return lambda after: self._add(anchors[source], None, (after,))
        if re.fullmatch(r"\\[1-9]", source):
            raise PatternError("it refers to an earlier group")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            test = re.compile(source if sign in "[\\." else re.escape(source), self._flags).fullmatch
        return lambda after: self._add("take", test, (after,))

    def _group(self) -> _Build:
        text, self._at = self._text, self._at + 1
        if text.startswith("?", self._at):
            flags = re.compile(r"\?[is]+\)").match(text, self._at)  # re.compile has taken them in
            named = re.compile(r"\?(?::|P<\w+>)").match(text, self._at)
            if flags is not None:
                self._at = flags.end()
                return lambda after: after
            if named is None:
                raise PatternError("it looks around, or refers to an earlier group")
            self._at = named.end()
        build = self._either()
        self._at += 1  # the closing parenthesis: re.compile has seen to it
        return build

    def _repeated(self, part: _Build) -> _Build:
        while self._at < len(self._text):
            sign = self._text[self._at]
            counted = _COUNT.match(self._text, self._at) if sign == "{" else None
            if counted is not None and (counted[1] or counted[2]):
                least = int(counted[1] or 0)
                most = least if not counted[2] else int(counted[3]) if counted[3] else None
                self._at = counted.end()
            elif sign in "*+?":
                least, most = int(sign == "+"), 1 if sign == "?" else None
                self._at += 1
            else:
                break
            if self._text[self._at : self._at + 1] == "?":  # as few as possible: the same tags match
                self._at += 1
            elif self._text[self._at : self._at + 1] == "+":
                raise PatternError("it has possessive repeats")
            part = self._times(part, least, most)
        return part

    def _times(self, part: _Build, least: int, most: int | None) -> _Build:
        if least > MOST_STATES or (most or 0) > MOST_STATES:
            raise PatternError("it is too large")

        def build(after: int) -> int:
            start = after
            if most is None:
                start = self._add("pass", None, ())
                self._states[start] = ("pass", None, (part(start), after))
            for _ in range((most or least) - least):
                start = self._add("pass", None, (part(start), after))
            for _ in range(least):
                start = part(start)
            return start

        return build


def _holds(kind: str, tag: str, at: int) -> bool:
    """Whether a state that uses up no character may be passed at a place of the tag."""
    if kind in ("first", "last", "end"):
        end = len(tag) if kind != "first" else 0
        return at == end or (kind == "last" and at == end - 1 and tag.endswith("\n"))
    if kind in ("edge", "inside"):
        before = bool(at and _WORD.match(tag[at - 1]))
        return (before != bool(at < len(tag) and _WORD.match(tag[at]))) == (kind == "edge")
    return True
