"""Running facts of columns of numbers: mean, deviation, range, and how many are not finite."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from reportgen.collect.predictions.arrays import Array, Booleans, Floats, Integers
from reportgen.run.evidence import FeatureFacts

MOST_DISTINCT = 1_000


class Columns:
    """Sums over the finite numbers of each of `width` columns, merged piece by piece.

    Mean and squared deviations are merged as in Chan, Golub and LeVeque (1983), which keeps what large numbers with a
    small spread have.
    """

    def __init__(self, width: int) -> None:
        self.width = width
        self.count: Floats = np.zeros(width)
        self.mean: Floats = np.zeros(width)
        self.squares: Floats = np.zeros(width)
        self.minimum: Floats = np.full(width, np.inf)
        self.maximum: Floats = np.full(width, -np.inf)
        self.missing: Integers = np.zeros(width, np.int64)
        self.odd_rows = 0

    def add(self, values: Array) -> None:
        """Take rows (n, width) of real numbers."""
        if not values.size:
            return
        with np.errstate(all="ignore"):
            low, high = values.min(axis=0), values.max(axis=0)
            known: Booleans | None = None
            if values.dtype.kind == "f" and not (np.isfinite(low).all() and np.isfinite(high).all()):
                known = np.isfinite(values)
                self.odd_rows += int((~known.all(axis=1)).sum())
                low = np.where(known, values, np.inf).min(axis=0)
                high = np.where(known, values, -np.inf).max(axis=0)
                values = np.where(known, values, 0)
            numbers: Floats = values.astype(np.float64)
            count = np.full(self.width, float(len(values))) if known is None else known.sum(axis=0).astype(np.float64)
            if known is not None:
                self.missing += len(values) - known.sum(axis=0)
            mean = numbers.sum(axis=0) / np.maximum(count, 1)
            numbers -= mean
            if known is not None:
                numbers *= known
            squares = np.einsum("ij,ij->j", numbers, numbers)
            np.minimum(self.minimum, low, out=self.minimum)
            np.maximum(self.maximum, high, out=self.maximum)
            self._merge(count, mean, squares)

    def _merge(self, count: Floats, mean: Floats, squares: Floats) -> None:
        total = np.maximum(self.count + count, 1)
        apart = mean - self.mean
        self.squares += squares + apart * apart * self.count * count / total
        self.mean += apart * count / total
        self.count += count

    def add_sums(self, other: Columns) -> None:
        """Take what other columns, as many, have summed up."""
        with np.errstate(all="ignore"):
            self._merge(other.count, other.mean, other.squares)
        np.minimum(self.minimum, other.minimum, out=self.minimum)
        np.maximum(self.maximum, other.maximum, out=self.maximum)
        self.missing += other.missing
        self.odd_rows += other.odd_rows

    def grouped(self, groups: Sequence[Array]) -> Columns:
        """The same sums with the columns of each group taken as one."""
        found = Columns(len(groups))
        with np.errstate(all="ignore"):
            for place, group in enumerate(groups):
                count = self.count[group]
                total = count.sum()
                mean = (self.mean[group] * count).sum() / max(total, 1)
                apart = self.mean[group] - mean
                found.count[place], found.mean[place] = total, mean
                found.squares[place] = self.squares[group].sum() + (apart * apart * count).sum()
                found.minimum[place] = self.minimum[group].min(initial=np.inf)
                found.maximum[place] = self.maximum[group].max(initial=-np.inf)
                found.missing[place] = self.missing[group].sum()
        found.odd_rows = self.odd_rows
        return found

    def facts(self, names: Sequence[str], distinct: Sequence[int]) -> tuple[FeatureFacts, ...]:
        """The facts of the first columns, as many as there are names. distinct: how many values each has."""
        found = []
        for place, (name, values) in enumerate(zip(names, distinct, strict=True)):
            count = float(self.count[place])
            fact = FeatureFacts(name, missing=int(self.missing[place]), distinct=values)
            if count:
                with np.errstate(all="ignore"):
                    deviation = float(np.sqrt(self.squares[place] / count))
                fact = FeatureFacts(
                    name,
                    float(self.mean[place]),
                    deviation if self.maximum[place] > self.minimum[place] else 0.0,
                    float(self.minimum[place]),
                    float(self.maximum[place]),
                    int(self.missing[place]),
                    values,
                )
            found.append(fact)
        return tuple(found)

    def constant(self) -> Integers:
        """The columns that have one value in all rows."""
        found: Integers = np.flatnonzero((self.minimum == self.maximum) & (self.missing == 0) & (self.count > 1))
        return found


def distinct_of(values: Array) -> int:
    """How many different finite numbers there are, up to MOST_DISTINCT."""
    flat = values.reshape(-1)
    if flat.dtype.kind == "f":
        flat = flat[np.isfinite(flat)]
    few = flat[: 4 * MOST_DISTINCT]
    if len(few) < len(flat):
        found = len(np.unique(few))
        if found >= MOST_DISTINCT:
            return MOST_DISTINCT
    return min(len(np.unique(flat)), MOST_DISTINCT)
