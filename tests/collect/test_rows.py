from __future__ import annotations

import enum
import math
from decimal import Decimal

import numpy as np
import pytest
import torch

from reportgen.collect.rows import table_of
from reportgen.errors import InvalidArgumentError


class Level(enum.IntEnum):
    LOW = 3


class Frame:
    """Behaves as a pandas data frame does where it is looked at."""

    columns = ("a", "b")

    def to_dict(self, orient: str) -> dict[str, list[object]]:
        assert orient == "list"
        return {"a": [1, 2], "b": ["x", "y"]}


@pytest.mark.parametrize(
    ("rows", "columns", "cells"),
    [
        ([{"a": 1, "b": "x"}, {"b": "y", "c": True}], ("a", "b", "c"), ((1, "x", None), (None, "y", True))),
        ([[1, 2], (3,)], ("0", "1"), ((1, 2), (3, None))),
        ({"a": [1, 2], "b": np.array([0.5, 1.5])}, ("a", "b"), ((1, 0.5), (2, 1.5))),
        (np.arange(4).reshape(2, 2), ("0", "1"), ((0, 1), (2, 3))),
        (torch.eye(2), ("0", "1"), ((1.0, 0.0), (0.0, 1.0))),
        (Frame(), ("a", "b"), ((1, "x"), (2, "y"))),
        ({1: [1]}, ("1",), ((1,),)),
        ([], (), ()),
        ({}, (), ()),
        ([[], []], (), ((), ())),
    ],
)
def test_common_forms_of_a_table(rows, columns, cells):
    found = table_of("t", rows)
    assert (found.columns, found.rows, found.total) == (columns, cells, len(cells))


def test_cells_become_plain_values():
    cells = [np.float32(0.5), np.int64(2), np.True_, torch.tensor(3), torch.tensor([1.0, 2.0]), Level.LOW,
             Decimal("1.5"), None, math.inf, np.longdouble(2), np.array([1, 2]), "x" * 900]  # fmt: skip
    (row,) = table_of("t", [cells]).rows
    assert row[:11] == (0.5, 2, True, 3, "tensor([1., 2.])", 3, "1.5", None, math.inf, "2.0", "[1 2]")
    assert {type(cell) for cell in row} == {float, int, bool, str, type(None)}
    assert len(str(row[11])) == 500


def test_long_and_wide_tables_are_cut_and_the_total_is_said():
    found = table_of("t", {str(column): range(5000) for column in range(300)})
    assert (len(found.rows), len(found.columns), len(found.rows[0]), found.total) == (1000, 100, 100, 5000)
    assert table_of("t", [[1]] * 2000).total == 2000


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("text", "rows is 'text'; accepted: a list of dicts"),
        (5, "rows is 5"),
        (None, "rows is None"),
        ([1, 2], r"rows\[0\] is 1"),
        ([[1], {"a": 1}], r"rows\[1\] is"),
        ({"a": [1, 2], "b": [1]}, r"rows is \{'a': 2, 'b': 1\}; accepted: columns of one length"),
        ({"a": 5}, r"rows\['a'\] is 5"),
    ],
)
def test_what_is_no_table_is_named(rows, message):
    with pytest.raises(InvalidArgumentError, match=message):
        table_of("t", rows)
