"""Regular expressions of users, matched in bounded time."""

import random
import re
import warnings

import pytest

from reportgen.sections.tag_pattern import PatternError, TagPattern

PIECES = (
    "a",
    "b",
    "/",
    ".",
    "[ab]",
    "[^a]",
    r"\d",
    r"\w",
    "(a|b)",
    "(?:ab|c)",
    "(a*)",
    "(b+|c)",
    "^",
    "$",
    r"\b",
    r"\.",
)
REPEATS = ("", "", "", "*", "+", "?", "{2}", "{1,2}", "{,2}", "{1,}", "*?", "+?")


def test_it_agrees_with_pythons_own_matcher():
    chance = random.Random(0)
    agreed = 0
    for _ in range(1500):
        pattern = "".join(chance.choice(PIECES) + chance.choice(REPEATS) for _ in range(chance.randint(1, 5)))
        pattern = chance.choice(("", "(?i)")) + pattern + chance.choice(("", "|b/", "|(?P<x>c)"))
        tag = "".join(chance.choice("abcAB1/.\n") for _ in range(chance.randint(0, 7)))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                wanted = re.match(pattern, tag) is not None
            except re.error:
                continue
        assert TagPattern(pattern).matches(tag) == wanted, (pattern, tag)
        agreed += 1
    assert agreed > 800


@pytest.mark.parametrize("pattern", ["(a+)+b", "(a|aa)*b", "(a*)*b", "a?" * 60 + "a" * 60, ".*.*.*.*.*b"])
def test_patterns_with_more_ways_than_there_is_time_are_matched_all_the_same(pattern):
    assert not TagPattern(pattern).matches("a" * 50)
    assert TagPattern(pattern).matches("a" * 60 + "b")


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("(", "no regular expression"),
        ("*a", "no regular expression"),
        ("(?=a)b", "looks around"),
        (r"(a)\1", "earlier group"),
        ("(?i:a)b", "looks around, or"),
        ("(a{500}){500}", "too large"),
        ("(" * 60 + "a" + ")" * 60, "nested too deep"),
        ("a" * 501, "longer than 500"),
        ("(?x) a", "flags"),
    ],
)
def test_what_cannot_be_matched_says_why(pattern, why):
    with pytest.raises(PatternError, match=re.escape(why)):
        TagPattern(pattern)


def test_of_an_endless_tag_the_beginning_is_looked_at():
    assert TagPattern("a*").matches("a" * 1_000_000)
    assert not TagPattern("a*b").matches("a" * 1_000_000 + "b")
