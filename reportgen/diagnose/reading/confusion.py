"""What follows from a confusion matrix: how often each class is the truth, is predicted, and is found."""

from __future__ import annotations

from dataclasses import dataclass

from reportgen.run.predictions import PredictionSet


@dataclass(frozen=True, slots=True)
class Confusion:
    """A confusion matrix (classes, classes): rows are the truth, columns what was predicted, each cell a count."""

    matrix: tuple[tuple[int, ...], ...]

    @property
    def truths(self) -> list[int]:
        """Samples of each class."""
        return [sum(row) for row in self.matrix]

    @property
    def said(self) -> list[int]:
        """How often each class is predicted."""
        return [sum(row[k] for row in self.matrix) for k in range(len(self.matrix))]

    @property
    def total(self) -> int:
        """All samples."""
        return sum(self.truths)

    @property
    def right(self) -> int:
        """Samples that are predicted rightly."""
        return sum(row[k] for k, row in enumerate(self.matrix))

    @property
    def there(self) -> list[int]:
        """The classes that are the truth of any sample."""
        return [k for k, amount in enumerate(self.truths) if amount]

    @property
    def most(self) -> int:
        """Samples of the most frequent class."""
        return max(self.truths)

    def recall(self, at: int) -> float | None:
        """The share of a class that is found, None where no sample is of it."""
        support = sum(self.matrix[at])
        return self.matrix[at][at] / support if support else None

    @property
    def mean_recall(self) -> float:
        """The mean recall of the classes that are there. Raises ZeroDivisionError where none is."""
        there = self.there
        return sum(self.recall(k) or 0.0 for k in there) / len(there)


def confusion_of(one: PredictionSet) -> Confusion:
    """That of a set of predictions."""
    return Confusion(one.confusion)
