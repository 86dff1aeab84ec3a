"""The files of a run while its page is prepared: those it came with, and smaller ones made of them."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest

from reportgen.errors import UnreadableRunError


class Shelf:
    """Files by name. What is put gets the name that the recorder would give it: the hash of its content."""

    def __init__(self, media: Mapping[str, bytes]) -> None:
        self._media = media
        self._made: dict[str, bytes] = {}

    def get(self, name: str) -> bytes | None:
        """The file, None when there is none of that name or it cannot be read."""
        if name in self._made:
            return self._made[name]
        try:
            return self._media.get(name)
        except UnreadableRunError:
            return None

    def put(self, data: bytes, suffix: str) -> str:
        """Keep `data` and return its name."""
        name = f"{hashlib.sha256(data).hexdigest()[:20]}.{suffix}"
        if name not in self._media:
            self._made[name] = data
        return name

    def files(self, names: Iterable[str]) -> dict[str, bytes]:
        """Those of `names` that there are, sorted."""
        found = {name: self.get(name) for name in sorted(set(names))}
        return {name: data for name, data in found.items() if data is not None}


def level(sizes: Sequence[int], room: int) -> int:
    """The greatest size to which all larger ones must be brought so that together they take at most `room`."""
    left = room
    for place, size in enumerate(sorted(sizes)):
        share = left // (len(sizes) - place)
        if size > share:
            return share
        left -= size
    return max(sizes, default=0)


def first_last_rest(tags: Sequence[str]) -> list[int]:
    """The places of records with these tags, those to keep first: of each tag the last, then the first, then the middle
    one, then those in the middle of what is between these, so that what finds no room leaves even gaps."""
    places: dict[str, list[int]] = {}
    for place, tag in enumerate(tags):
        places.setdefault(tag, []).append(place)
    ends = [*(own[-1] for own in places.values()), *(own[0] for own in places.values())]
    inner = zip_longest(*(_halving(own[1:-1]) for own in places.values()))
    return list(dict.fromkeys([*ends, *(place for each in inner for place in each if place is not None)]))


def _halving(places: Sequence[int]) -> list[int]:
    found: list[int] = []
    stretches = deque([(0, len(places))])
    while stretches:
        low, high = stretches.popleft()
        if low < high:
            middle = (low + high) // 2
            found.append(places[middle])
            stretches += [(low, middle), (middle + 1, high)]
    return found
