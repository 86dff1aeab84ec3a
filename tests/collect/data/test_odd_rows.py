"""Rows and batches of unusual size and kind."""

from __future__ import annotations

import gc
import random
import weakref

import numpy as np
import pytest
import torch
from torch.utils.data import Dataset, IterableDataset

from reportgen.collect.data import reading
from reportgen.collect.data.reading import read
from reportgen.collect.data.record import record_of
from reportgen.errors import InvalidArgumentError
from tests.collect.data.reading import ended, loader, splits

NUMBERS = 100_000


class Volumes(Dataset):
    """Large rows; counts how many are alive at once."""

    def __init__(self):
        self.alive, self.most = weakref.WeakSet(), 0

    def __len__(self):
        return 60

    def __getitem__(self, index):
        row = torch.full((NUMBERS,), float(index))
        self.alive.add(row)
        self.most = max(self.most, len(self.alive))
        return row, index % 2


class Stream(Volumes, IterableDataset):
    def __iter__(self):
        return (self[index] for index in range(60))


@pytest.mark.parametrize("kind", [Volumes, Stream])
def test_few_large_rows_are_held_at_once(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(reading, "GROUP_BYTES", 10 * 4 * NUMBERS)
    dataset = kind()
    gc.disable()
    try:
        found = splits(tmp_path / "run", train=dataset)["train"]
    finally:
        gc.enable()
    assert found.rows == 60
    assert found.shape == (NUMBERS,)
    assert dataset.most <= 13


def test_time_is_up_between_large_rows_too(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "GROUP_BYTES", 1)
    monkeypatch.setattr(reading, "SECONDS", 0.0)
    assert splits(tmp_path / "run", train=Volumes())["train"].rows <= 1


class Drawing(Dataset):
    """Draws from generators that lie in dicts in lists."""

    def __init__(self):
        self.settings = [
            {"numbers": np.random.RandomState(1), "python": random.Random(2)},
            {"torch": torch.Generator()},
        ]

    def __len__(self):
        return 10

    def __getitem__(self, index):
        first, second = self.settings
        drawn = first["numbers"].rand() + first["python"].random() + torch.rand((), generator=second["torch"])
        return torch.full((3,), float(drawn))


def test_generators_in_dicts_are_put_back(tmp_path):
    read, untouched = Drawing(), Drawing()
    splits(tmp_path / "run", train=read)
    assert torch.equal(read[0], untouched[0])


class Flat(np.ndarray):
    """Stays of two dimensions whatever is asked of it, as a matrix of numpy's does."""

    def __getitem__(self, index):
        found = super().__getitem__(index)
        return found[None] if isinstance(found, Flat) and found.ndim == 1 else found


def test_arrays_of_other_classes_are_read_as_arrays(tmp_path):
    masked = np.ma.masked_array(np.arange(10.0).reshape(5, 2), mask=True)
    found = splits(tmp_path / "run", train=masked, val=(np.array([[1.5, 2], [3, 4]]).view(Flat), [0, 1]))
    assert found["train"].shape == found["val"].shape == (2,)
    assert (found["train"].rows, found["val"].rows) == (5, 2)


def test_a_nested_tensor_is_rejected(report):
    nested = torch.nested.nested_tensor([torch.ones(2), torch.ones(3)], layout=torch.jagged)
    with pytest.raises(InvalidArgumentError, match="nested tensor"):
        report.data("train", nested)


@pytest.mark.parametrize(
    "batch",
    [
        torch.nested.nested_tensor([torch.ones(2), torch.ones(3)], layout=torch.jagged),
        (torch.ones(2, 2).to_sparse(), torch.ones(2)),
        (torch.ones(2, 2, device="meta"), torch.ones(2)),
        ([torch.ones(2), torch.ones(3)], [{"boxes": torch.ones(2, 4)}]),
        torch.tensor(1.0),
        (torch.ones(0, 3), torch.ones(0)),
        object(),
        None,
    ],
)
def test_unusual_batches_are_given_on_and_counted(report, batch):
    given = list(report.track([batch] * 3, progress=False))
    assert all(one is batch for one in given)
    assert loader(ended(report)).batches == 3


def test_rows_of_unusual_tensors_do_not_keep_others_from_being_read(tmp_path):
    rows = [(torch.ones(2), 0), (torch.eye(2).to_sparse(), 1), (torch.ones(2, device="meta"), 1), (torch.ones(2), 1)]
    assert splits(tmp_path / "run", train=rows)["train"].rows == 4


@pytest.mark.parametrize(
    "given",
    [
        [[1, 2], [], [3, float("nan")], [4]],
        [[1, 2], [3, 4], [5, 6, float("nan")]],
        [[1, 2], [3, float("nan")], [5, 6]],
    ],
)
def test_whole_rows_before_others_with_fractions_are_numbers(given):
    rows, failures = read("train", given)
    record = record_of(rows)

    assert (record.rows, failures.count) == (3, 0)
    assert (record.inputs, record.odd_rows, record.padding) == ("numbers", 1, 0.0)
    assert record.dtype.startswith("float")


def test_an_empty_row_does_not_make_numbers_of_tokens():
    record = record_of(read("train", [torch.tensor(row) for row in ([1, 2], [1, 1, 4], [])])[0])
    assert (record.rows, record.inputs, record.padding) == (3, "tokens", 0.6)


def test_unsigned_tokens_are_counted():
    record = record_of(read("train", np.array([[1, 2], [1, 1]], np.uint64))[0])
    assert (record.inputs, record.padding) == ("tokens", 0.75)
