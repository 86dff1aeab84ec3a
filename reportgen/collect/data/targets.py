"""What the rows of a split are to be told as: classes, numbers, or several outputs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from reportgen.collect.data.columns import Columns, distinct_of
from reportgen.collect.predictions.arrays import Array, Booleans, Integers
from reportgen.run.evidence import FeatureFacts

MOST_CLASSES = 1_000
LONGEST_LABEL = 80
# Numbers of a target looked at in each row: a mask of a picture has a million.
MOST_NUMBERS = 4_096

Texts = NDArray[np.str_]


class Targets:
    """The targets of rows in the order in which they came; rows without one are counted as such."""

    def __init__(self) -> None:
        self._single: list[Array] = []  # one number or text a row
        self._hot: list[Array] = []  # the place of the one 1 in each row
        self._columns: Columns | None = None
        self._several = False
        self._odd = False

    def add(self, values: Array | list[Array | str] | None, count: int) -> None:
        """Take the targets of `count` rows: an array (count, ...), one value a row otherwise; None: unknown."""
        if values is None or len(values) != count or not isinstance(values, np.ndarray) or values.dtype.kind == "O":
            self._odd = True
            return
        flat = values.reshape(count, -1)
        if flat.shape[1] == 1:
            self._single.append(np.array(flat[:, 0]))
        elif flat.shape[1]:
            self._several = self._several or values.ndim == 2
            self._take_several(flat)
        else:
            self._odd = True

    def _take_several(self, flat: Array) -> None:
        if flat.shape[1] > MOST_NUMBERS:
            flat = flat[:, np.linspace(0, flat.shape[1] - 1, MOST_NUMBERS).astype(np.int64)]
        if flat.dtype.kind == "U":
            self._odd = True
            return
        one = (flat == 1).sum(axis=1) == 1
        if bool((one & ((flat == 0).sum(axis=1) == flat.shape[1] - 1)).all()):
            self._hot.append(flat.argmax(axis=1))
        else:
            self._odd = True
        if self._columns is None or self._columns.width != flat.shape[1]:
            self._columns = Columns(flat.shape[1]) if self._columns is None else self._columns
        if self._columns.width == flat.shape[1]:
            self._columns.add(flat)

    @property
    def kind(self) -> str:
        """As DataSplit.targets."""
        if self._single and not self._hot and self._columns is None:
            return "" if self._odd else ("classes" if self._are_classes() else self._numbers_or_nothing())
        if self._hot and not self._odd and not self._single:
            return "classes"
        return "several" if self._several and not self._single else ""

    def labels(self) -> Integers | Texts | None:
        """The label of each row, None where targets are no classes."""
        if self.kind != "classes":
            return None
        if self._hot:
            return np.concatenate(self._hot)
        values = _joined(self._single)
        if values.dtype.kind == "U":
            return values
        whole: Integers = values.astype(np.int64)
        return whole

    def numbers(self) -> Array | None:
        """The number of each row, None where targets are not single numbers."""
        return _joined(self._single).astype(np.float64) if self.kind == "numbers" else None

    def class_counts(self) -> dict[str, int]:
        """Label -> rows."""
        labels = self.labels()
        return {} if labels is None else counts_of(labels)

    def facts(self) -> FeatureFacts | None:
        """All target numbers together."""
        if self._columns is not None:
            whole = self._columns.grouped([np.arange(self._columns.width)])
            return whole.facts(["target"], [0])[0]
        if not self._single:
            return None
        values = _joined(self._single)
        if values.dtype.kind == "U":
            return None
        columns = Columns(1)
        columns.add(values[:, None])
        return columns.facts(["target"], [distinct_of(values)])[0]

    def _are_classes(self) -> bool:
        return are_classes(_joined(self._single))

    def _numbers_or_nothing(self) -> str:
        return "numbers" if all(values.dtype.kind in "biuf" for values in self._single) else ""


def are_classes(values: Array) -> bool:
    """Whether single targets are classes: texts, whole numbers by their type, or floats that are 0 and 1 (-1 and 1).

    Not if there are more than MOST_CLASSES, or of whole numbers more than half as many as rows.
    """
    if values.dtype.kind == "f":
        known: Booleans = (values == 0) | (values == 1)
        signs: Booleans = (values == -1) | (values == 1)
        return bool(known.all() or signs.all())
    found = len(np.unique(values))
    return found <= MOST_CLASSES and (values.dtype.kind in "bU" or found <= max(len(values) / 2, 20))


def counts_of(labels: Array) -> dict[str, int]:
    """Label, as a text -> how often it is there."""
    found, counts = np.unique(labels, return_counts=True)
    texts = [str(label)[:LONGEST_LABEL] for label in found.tolist()]
    counted: dict[str, int] = {}
    for text, count in zip(texts, counts.tolist(), strict=True):
        counted[text] = counted.get(text, 0) + count
    return counted


def _joined(parts: list[Array]) -> Array:
    texts = any(part.dtype.kind == "U" for part in parts)
    joined: Array = np.concatenate([part.astype(str) for part in parts] if texts else parts)
    return joined
