"""Sentences about what was left out or assumed, each kept once, with how often it was met."""

from __future__ import annotations

# What a reader takes in; a set with more kinds of trouble has said enough by then.
MOST = 20


class Notes:
    """Sentences in the order first met; `{n}` in a sentence stands for the total counted under it."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def add(self, sentence: str, times: int = 1) -> None:
        """Count `times` more under `sentence`; nothing when `times` is 0 or there are MOST others already."""
        if times and (sentence in self._counts or len(self._counts) < MOST):
            self._counts[sentence] = self._counts.get(sentence, 0) + times

    def fact(self, sentence: str) -> None:
        """Say `sentence` once, however often it is met."""
        if sentence not in self._counts:
            self.add(sentence)

    def texts(self) -> tuple[str, ...]:
        """The sentences, with their totals."""
        return tuple(sentence.replace("{n}", f"{count:,}") for sentence, count in self._counts.items())
