"""Class names as they are shown: what the user gave, else the index."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from reportgen.collect.predictions.notes import Notes
from reportgen.errors import InvalidArgumentError

# A name is a label, not a text; one of 10,000 characters would be repeated in every example.
LONGEST = 100
ACCEPTED = "a list of names in the order of the outputs, or a dict {index: name}"


class Names:
    """Names of classes by index.

    classes: a sequence of names, a dict {index: name}, or None. Raises InvalidArgumentError for anything else.
    """

    def __init__(self, classes: object = None) -> None:
        self._names: dict[int, str] = {}
        self.given = classes is not None
        if isinstance(classes, Mapping):
            for key, name in classes.items():
                try:
                    self._names[int(key)] = _shown(name)
                except (TypeError, ValueError) as error:
                    raise InvalidArgumentError("classes", classes, ACCEPTED) from error
        elif classes is not None:
            if isinstance(classes, (str, bytes)) or not isinstance(classes, Iterable):
                raise InvalidArgumentError("classes", classes, ACCEPTED)
            self._names = {index: _shown(name) for index, name in enumerate(classes)}

    def __getitem__(self, index: int) -> str:
        return self._names.get(index, str(index))

    @property
    def count(self) -> int:
        """One more than the largest index that has a name; 0 without any."""
        return max(self._names, default=-1) + 1

    def first(self, count: int) -> tuple[str, ...]:
        """The names of the classes 0 to count - 1."""
        return tuple(self[index] for index in range(count))

    def check(self, count: int, notes: Notes) -> None:
        """Note it when the user named another number of classes than the outputs have."""
        if self.given and self.count != count:
            notes.add(
                f"classes names {self.count} classes but the outputs have {count}: "
                f"{'those without a name show their index' if self.count < count else 'the last names are not used'}."
            )


def _shown(name: object) -> str:
    text = name if isinstance(name, str) else str(name)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
