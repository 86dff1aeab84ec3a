"""One look at a tensor: its numbers reduced on the host at once, or on a device into one small tensor to be fetched."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from reportgen.collect.distribution.sheet import Host
from reportgen.collect.numbers import Numbers, numbers_of, reason_against, stride_for

# Elements of a tensor that are read, of a larger one in so many runs (single ones, each from its own line of memory,
# take a hundred times as long), and of these, those of which different values are counted.
SAMPLE = 16_384
RUNS = 64
DISTINCT_SAMPLE = 2_048
# Rows or columns whose sums are looked at, and elements they may have together.
MOST_ROWS = 64
MOST_IN_ROWS = 65_536
# How far a sum may be from 1, or a logsumexp from 0; formats of 16 bits round by more (2 units in the last place of 1).
NEAR = 1e-3

_NEAR = {torch.bfloat16: 2 * 2**-7, torch.float16: 2 * 2**-10}
# Places in the row of numbers that comes from a device.
_FINITE, _READ, _LOW, _HIGH, _MEAN, _SQUARES, _ZEROS, _FRACTIONS, _ROWS, _COLUMNS, _LOGS, _VALUES = range(12)

Values = npt.NDArray[np.float64]


@dataclass(slots=True)
class Look:
    """What one look found. finite, read: how many numbers were finite, and how many read; the rest is of the finite.

    squares: sum of squared distances from `mean`. fractions: whether any is not a whole number. rows, columns, logs:
    whether rows or columns sum to one, or rows have a logsumexp of 0; None where that cannot be told from this look.
    values: a sample of the numbers, to count different ones.
    """

    finite: int = 0
    read: int = 0
    low: float = math.inf
    high: float = -math.inf
    mean: float = 0.0
    squares: float = 0.0
    zeros: int = 0
    fractions: bool = False
    rows: bool | None = None
    columns: bool | None = None
    logs: bool | None = None
    values: Values | None = None


def look_at(tensor: Tensor, sums: bool, values: bool, fractions: bool = True) -> Look | None:
    """The look at a tensor on the CPU, of any shape and dtype; None if it has no numbers to read. Inside `quiet()`.

    sums: whether sums of rows and columns are wanted; values: whether values are, to count different ones; fractions:
    whether it is wanted whether all are whole.
    """
    numbers = _numbers(tensor)
    if numbers.values is None or not numbers.count:
        return None
    found: Values = numbers.values.numpy().astype(np.float64)
    read = len(found)
    with np.errstate(over="ignore", invalid="ignore"):  # infinity less infinity
        total = found.sum()
    if not math.isfinite(total):
        found = found[np.isfinite(found)]
    look = Look(len(found), read)
    if len(found):
        look.low, look.high, look.mean = float(found.min()), float(found.max()), float(found.mean())
        with np.errstate(over="ignore"):  # float64 numbers beyond 1e154
            away = found - look.mean
            np.multiply(away, away, out=away)  # a product of vectors would start the threads of a BLAS
            look.squares = float(away.sum())
        look.zeros = len(found) - int(np.count_nonzero(found))
        look.fractions = fractions and bool((found != np.floor(found)).any())
        if values:
            look.values = found[:: -(-len(found) // DISTINCT_SAMPLE)]
    _add_stored_zeros(look, numbers)
    if sums and _has_rows(tensor):
        _look_at_sums(look, tensor)
    return look


def reduced(tensor: Tensor, sums: bool, values: bool) -> Tensor | None:
    """The same as one row of numbers on the tensor's own device, for `look_of`; None if there is nothing to read."""
    numbers = _numbers(tensor)
    if numbers.values is None or not numbers.values.numel():
        return None
    found = numbers.values.to(torch.float32 if tensor.device.type == "mps" else torch.float64)
    finite = found.isfinite()
    count = finite.sum()
    kept = torch.where(finite, found, 0.0)
    mean = kept.sum() / count
    # Counted along the row, not picked by a mask: a size that depends on numbers would be waited for.
    parts = [
        count.to(found.dtype),
        torch.full((), found.numel(), dtype=found.dtype, device=found.device),
        torch.where(finite, found, math.inf).amin(),
        torch.where(finite, found, -math.inf).amax(),
        mean,
        torch.where(finite, (found - mean).square(), 0.0).sum(),
        ((found == 0) & finite).sum().to(found.dtype),
        (kept != kept.floor()).any().to(found.dtype),
    ]
    unknown = torch.full((), math.nan, dtype=found.dtype, device=found.device)
    if sums and _has_rows(tensor):
        near = _NEAR.get(tensor.dtype, NEAR)
        rows, columns = _rows_of(tensor).to(found.dtype), _columns_of(tensor)
        parts.append(_verdict(_sum_to_one(rows, near), _usable(rows)))
        if columns is None:
            parts.append(torch.zeros_like(unknown))
        else:
            columns = columns.to(found.dtype)
            parts.append(_verdict(_sum_to_one(columns, near), _usable(columns)))
        shared = rows.exp()  # a sum within 1e-3 of 1 is a logsumexp within 1e-3 of 0
        parts.append(_verdict(_sum_to_one(shared, near), _usable(shared)))
    else:
        parts += [unknown, unknown, unknown]
    row = torch.stack(parts)
    return torch.cat([row, found[:: -(-len(found) // (DISTINCT_SAMPLE // 2))]]) if values else row


def look_of(row: Host) -> Look:
    """The look that `reduced` made a row of."""
    head = [float(number) for number in row[:_VALUES]]
    values = np.asarray(row[_VALUES:], np.float64)
    values = values[np.isfinite(values)]
    look = Look(int(head[_FINITE]), int(head[_READ]))
    if look.finite:
        look.low, look.high, look.mean, look.squares = head[_LOW : _SQUARES + 1]
        look.zeros, look.fractions = int(head[_ZEROS]), bool(head[_FRACTIONS])
        look.values = values if len(values) else None
    look.rows, look.columns, look.logs = (None if math.isnan(x) else bool(x) for x in head[_ROWS : _LOGS + 1])
    return look


def _add_stored_zeros(look: Look, numbers: Numbers) -> None:
    """Count what a sparse layout does not store."""
    if numbers.zeros:
        whole = look.finite + numbers.zeros
        look.squares += look.mean**2 * look.finite * numbers.zeros / whole
        look.mean *= look.finite / whole
        look.low, look.high = min(look.low, 0.0), max(look.high, 0.0)
        look.finite, look.read, look.zeros = whole, look.read + numbers.zeros, look.zeros + numbers.zeros
        look.values = np.append(look.values, 0.0) if look.values is not None else None


def _has_rows(tensor: Tensor) -> bool:
    """Rows of one column would sum to one by being it."""
    return (
        tensor.is_floating_point()
        and tensor.layout is torch.strided
        and tensor.dim() >= 2
        and tensor.shape[1] >= 2
        and tensor.numel() > 0
        and not hasattr(tensor, "to_local")
    )


def _numbers(tensor: Tensor) -> Numbers:
    """A sample of the numbers, always of the same places."""
    elements = tensor.numel() if not tensor.is_nested else 0
    if elements > SAMPLE and tensor.layout is torch.strided and tensor.is_contiguous() and not reason_against(tensor):
        length = SAMPLE // RUNS
        between = stride_for(elements - length, RUNS - 1)  # no multiple of a row or a plane, so none is always met
        runs = 1 + (elements - length) // between
        tensor = tensor.detach().as_strided((runs, length), (between, 1), tensor.storage_offset())
    return numbers_of(tensor, SAMPLE)


def _look_at_sums(look: Look, tensor: Tensor) -> None:
    """The range tells most of it: numbers above 1 or below 0 are no shares, and those above 0 no logarithms of any."""
    near = _NEAR.get(tensor.dtype, NEAR)
    shares = not look.finite or (look.high <= 1 + near and look.low >= 0)
    logs = not look.finite or look.high <= near
    look.rows = look.columns = look.logs = False
    rows = _rows_of(tensor).numpy() if shares or logs else None
    if rows is not None and shares:
        look.rows = _all_sum_to_one(rows, near)
        columns = _columns_of(tensor)
        look.columns = columns is not None and _all_sum_to_one(columns.numpy(), near)
    if rows is not None and logs:
        with np.errstate(over="ignore", invalid="ignore"):
            shared = np.exp(rows)
        look.logs = _all_sum_to_one(shared, near)


def _all_sum_to_one(rows: npt.NDArray[np.floating[Any]], near: float) -> bool | None:
    with np.errstate(over="ignore", invalid="ignore"):
        sums = rows.sum(1)
    if not np.isfinite(sums).all():
        return None
    return bool((np.abs(sums - 1) <= near).all() and rows.min() >= 0)


def _rows_of(tensor: Tensor) -> Tensor:
    """Some rows (r, C): along dimension 1, of the first samples and of places spread over the other dimensions."""
    size = tensor.shape[1]
    most = max(1, min(MOST_ROWS, MOST_IN_ROWS // size))
    rows = tensor.detach()
    if rows.dim() > 2:
        places = max(1, most // 8)
        rows = rows[: max(1, most // places)].flatten(2)
        rows = rows[:, :, :: -(-rows.shape[2] // places)].movedim(1, 2).reshape(-1, size)
    else:
        rows = rows[:most]
    return rows.to(torch.float32) if rows.dtype.itemsize < 4 else rows


def _columns_of(tensor: Tensor) -> Tensor | None:
    """Some columns (c, N), along dimension 0; None where there are fewer than two rows, or too many."""
    samples = tensor.shape[0]
    if not 2 <= samples <= MOST_IN_ROWS:
        return None
    columns = tensor.detach().flatten(1)
    columns = columns[:, :: -(-columns.shape[1] // max(1, min(MOST_ROWS, MOST_IN_ROWS // samples)))].T
    return columns.to(torch.float32) if columns.dtype.itemsize < 4 else columns


def _sum_to_one(rows: Tensor, near: float) -> Tensor:
    return ((rows.sum(1) - 1).abs() <= near).all() & (rows >= 0).all()


def _usable(rows: Tensor) -> Tensor:
    """A look with numbers that are not finite tells nothing of the sums."""
    return rows.isfinite().all()


def _verdict(holds: Tensor, told: Tensor) -> Tensor:
    """1 or 0, NaN where it cannot be told."""
    number = holds.to(torch.float32 if holds.device.type == "mps" else torch.float64)
    return torch.where(told, number, math.nan)
