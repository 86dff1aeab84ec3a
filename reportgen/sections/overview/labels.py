"""What each of several runs is called: by its title where that tells it apart, else by where it lies."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from reportgen.blocks.wording import named

# Names up to this length stay as they are but for the folders that all share; of longer ones what all begin with goes.
SHORT, LONGEST = 24, 48


def labels(titles: Sequence[str], places: Sequence[str]) -> list[str]:
    """A name for each run, all different, of at most about LONGEST characters.

    titles, places: of each run, the latter as in Member.name. Where all titles differ they are the names; where all are
    the same the places are, without the beginning they share; else titles that are not unique get their place.
    """
    shown = [" ".join(title.split()) for title in titles]
    if len(set(shown)) == len(shown) and all(shown):
        names = shortened(shown)
    elif len(set(shown)) == 1:
        names = shortened(list(places))
    else:
        times, short = Counter(shown), shortened(list(places))
        names = [
            title if title and times[title] == 1 else f"{named(title, 24)} ({place})"
            for title, place in zip(shown, short, strict=True)
        ]
    return _unique([_fitting(name) for name in names])


def shortened(names: Sequence[str]) -> list[str]:
    """The names without the folders that all of them begin with, and long ones without the words they all begin with.

    A beginning ends after a word of letters: what is cut within a number or a date would no longer say what it is.
    """
    if len(set(names)) < 2:
        return list(names)
    short = _without(names, r"/")
    if max(map(len, short)) > SHORT:
        short = _without(short, r"(?<![^\W\d_])[^\W\d_]+[-_ ]")
    return short


def _without(names: Sequence[str], ending: str) -> list[str]:
    """The names without the longest common beginning that ends in a match of `ending` and leaves something of each."""
    first, last = min(names), max(names)
    same = next((at for at, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    same = min(same, min(map(len, names)) - 1)
    ends = [found.end() for found in re.finditer(ending, first[:same])]
    return [name[ends[-1] :] for name in names] if ends else list(names)


def _fitting(name: str) -> str:
    """A long name without its middle: beginnings are often alike, and ends tell."""
    name = name if name.strip() else "(no name)"
    if len(name) <= LONGEST:
        return name
    head = LONGEST // 2
    return f"{name[:head]}…{name[len(name) - (LONGEST - head - 1) :]}"


def _unique(names: Sequence[str]) -> list[str]:
    taken = set(names)
    seen: set[str] = set()
    told = []
    for name in names:
        given, number = name, 2
        while given in seen or (given != name and given in taken):
            given, number = f"{name} ({number})", number + 1
        seen.add(given)
        told.append(given)
    return told
