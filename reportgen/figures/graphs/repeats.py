"""Runs of the same, found in a row of signatures: one thing many times, or several things in turn many times."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

# The longest unit that is recognized, and how many units are tried at each place: the cost is linear in the row.
LONGEST_UNIT = 64
TRIED = 16
# A fold that hides fewer nodes than this costs the reader more than it saves.
WORTH = 3


class Run(NamedTuple):
    """`times` repetitions of a unit of `period` neighbours, from index `start` on."""

    start: int
    period: int
    times: int


def runs(signatures: Sequence[int], weights: Sequence[int]) -> list[Run]:
    """The row cut into runs so that the fewest remain to be drawn; what does not repeat is a run of one.

    weights: how many nodes each stands for; a run is made only where it hides WORTH nodes or more.
    """
    count = len(signatures)
    heavy = [0]
    for weight in weights:
        heavy.append(heavy[-1] + weight)
    later = _later(signatures)
    cost = [0] * (count + 1)
    best: dict[int, Run] = {}
    # matched[period] = (index, length): from this index on so many in a row equal the one `period` further.
    matched: dict[int, tuple[int, int]] = {}
    for at in range(count - 1, -1, -1):
        cost[at] = cost[at + 1] + 1
        for next_one in later[at]:
            period = next_one - at
            index, length = matched.get(period, (-1, 0))
            length = length + 1 if index == at + 1 else 1
            matched[period] = (at, length)
            times = length // period + 1
            hidden = (heavy[at + period] - heavy[at]) * (times - 1)
            price = period + cost[at + period * times]
            if times > 1 and hidden >= WORTH and price < cost[at]:
                cost[at], best[at] = price, Run(at, period, times)
    found = []
    at = 0
    while at < count:
        run = best.get(at) or Run(at, 1, 1)
        found.append(run)
        at += run.period * run.times
    return found


def _later(signatures: Sequence[int]) -> list[list[int]]:
    """For each index the next ones with its signature, near enough for a unit."""
    out: list[list[int]] = [[] for _ in signatures]
    places: dict[int, list[int]] = {}
    for at, signature in enumerate(signatures):
        places.setdefault(signature, []).append(at)
    for same in places.values():
        for k, at in enumerate(same):
            out[at] = [other for other in same[k + 1 : k + 1 + TRIED] if other - at <= LONGEST_UNIT]
    return out
