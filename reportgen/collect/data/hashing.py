"""A 64-bit hash of each row, so that equal rows are found within a split and between splits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reportgen.collect.predictions.arrays import Array

# Python's own hash of bytes (SipHash, keyed anew in each process): no faster one is there, and none leaves the process.
Hashes = NDArray[np.int64]

# An odd constant with well mixed bits: 2**64 divided by the golden ratio.
MIX = np.int64(-7046029254386353131)


def row_hashes(rows: Array | Sequence[object]) -> Hashes:
    """One hash for each row of an array (n, ...), or for each of n arrays or texts.

    Equal numbers in another type hash alike where the conversion is exact. Whole numbers in a row of one dimension
    hash without the repetitions of the last one at the end: batches are padded to different lengths.
    """
    count = len(rows)
    if not isinstance(rows, np.ndarray):
        return np.fromiter((_of_one(row) for row in rows), np.int64, count)
    if rows.dtype.kind not in "biuf":
        return np.fromiter((hash(str(row)) for row in rows), np.int64, count)
    plain = _canonical(rows)
    flat = np.ascontiguousarray(plain.reshape(count, -1) if count else plain)
    size = flat.nbytes // max(count, 1)
    if not size:
        return np.zeros(count, np.int64)
    octets: list[Any] = flat.view(np.dtype((np.void, size))).reshape(-1).tolist()
    if plain.dtype == np.int64 and plain.ndim == 2:
        ends = (_ends(flat) * flat.itemsize).tolist()
        octets = [row[:end] for row, end in zip(octets, ends, strict=True)]
    return np.fromiter(map(hash, octets), np.int64, count)


def combined(hashes: Sequence[Hashes]) -> Hashes:
    """One hash a row for several parts of it, in their order."""
    found = hashes[0]
    for other in hashes[1:]:
        found = (found ^ (found >> np.int64(29))) * MIX + other
    return found


def _of_one(row: object) -> int:
    if isinstance(row, np.ndarray) and row.dtype.kind in "biuf":
        return int(row_hashes(row[None])[0])
    return hash(str(row))


def _canonical(rows: Array) -> Array:
    if rows.dtype.kind == "b":
        return rows.view(np.uint8)
    if rows.dtype.kind in "iu":
        return rows if rows.dtype == np.uint8 else rows.astype(np.int64, copy=False)
    if rows.dtype == np.float32:
        return rows
    with np.errstate(over="ignore", invalid="ignore"):
        short: Array = rows.astype(np.float32)
    return short if rows.dtype == np.float16 or np.array_equal(short, rows) else rows


def _ends(flat: Array) -> Array:
    """Where each row ends once the repetitions of its last number are cut off, one of them kept."""
    other = flat[:, ::-1] != flat[:, -1:]
    first = np.where(other.any(axis=1), other.argmax(axis=1), flat.shape[1])
    ends: Array = np.minimum(flat.shape[1] - first + 1, flat.shape[1])
    return ends
