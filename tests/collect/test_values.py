import warnings
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import torch

from reportgen.collect.values import flatten, read
from reportgen.errors import InvalidArgumentError


def refuse(error):
    raise AssertionError(f"rejected: {error}")


class Metric:
    def __init__(self, value):
        self.value, self.resets = value, 0

    def update(self):
        pass

    def reset(self):
        self.resets += 1

    def compute(self):
        if isinstance(self.value, Exception):
            raise self.value
        return self.value


def quantised(number):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # torch is about to retire them, and still has them
        return torch.quantize_per_tensor(torch.tensor([number]), 0.1, 0, torch.qint8)


GOOD = {
    "float": (0.5, 0.5),
    "int": (3, 3.0),
    "bool": (True, 1.0),
    "decimal": (Decimal("0.5"), 0.5),
    "fraction": (Fraction(1, 2), 0.5),
    "numpy float32": (np.float32(0.5), 0.5),
    "numpy int": (np.int64(3), 3.0),
    "numpy bool": (np.bool_(True), 1.0),
    "0-dimensional array": (np.array(0.5), 0.5),
    "array of one": (np.array([[0.5]]), 0.5),
    "float32 tensor": (torch.tensor(0.5), 0.5),
    "tensor that needs a gradient": (torch.tensor(0.5, requires_grad=True) * 1, 0.5),
    "parameter": (torch.nn.Parameter(torch.tensor(0.5)), 0.5),
    "tensor of shape (1, 1)": (torch.tensor([[0.5]]), 0.5),
    "float64 tensor": (torch.tensor(1e300, dtype=torch.float64), 1e300),
    "float16 tensor": (torch.tensor(0.5).half(), 0.5),
    "bfloat16 tensor": (torch.tensor(0.5).bfloat16(), 0.5),
    "float8 tensor": (torch.tensor(0.5).to(torch.float8_e4m3fn), 0.5),
    "int tensor": (torch.tensor(3), 3.0),
    "bool tensor": (torch.tensor(True), 1.0),
    "quantised tensor": (quantised(0.5), 0.5),
    "sparse tensor": (torch.tensor([0.5]).to_sparse(), 0.5),
    "metric": (Metric(torch.tensor(0.5)), 0.5),
}


@pytest.mark.parametrize("name", GOOD)
def test_every_kind_of_one_number_is_taken(name):
    value, number = GOOD[name]
    (found,) = flatten({"x": value}, "values", refuse).values()
    assert read(found) == pytest.approx(number, rel=1e-6)
    assert type(read(found)) is float


def test_nested_mappings_are_joined_by_slashes():
    found = flatten({"train": {"loss": 1.0, "top": {1: 0.5}}, "lr": 0.1, 7: 2.0}, "values", refuse)
    assert found == {"train/loss": 1.0, "train/top/1": 0.5, "lr": 0.1, "7": 2.0}


def test_a_metric_of_several_numbers_is_flattened_and_never_reset():
    metric = Metric({"f1": torch.tensor(0.5), "auc": 0.25})
    assert {k: read(v) for k, v in flatten({"val": metric}, "values", refuse).items()} == {
        "val/f1": 0.5,
        "val/auc": 0.25,
    }
    assert metric.resets == 0


BAD = {
    "None": (None, "None"),
    "text": ("0.3", "'0.3'"),
    "two elements": (torch.tensor([0.1, 0.2]), "2 elements"),
    "no elements": (torch.empty(0), "0 elements"),
    "complex": (torch.tensor(1j), "complex"),
    "python's complex": (1j, "1j"),
    "meta": (torch.empty((), device="meta"), "meta device"),
    "array of two": (np.zeros(2), "2 elements"),
    "array of text": (np.array("x"), "dtype"),
    "list": ([1.0], "[1.0]"),
    "huge integer": (10**400, "1000"),
    "huge decimal": (Decimal("-sNaN"), "sNaN"),
    "broken metric": (Metric(RuntimeError("no update")), "no update"),
    "metric of two": (Metric(torch.zeros(2)), "2 elements"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_number_is_named_and_the_rest_is_kept(name):
    value, shown = BAD[name]
    rejected = []
    found = flatten({"before": 1.0, "x": {"y": value}, "after": 2.0}, "values", rejected.append)
    assert found == {"before": 1.0, "after": 2.0}
    (error,) = rejected
    assert isinstance(error, InvalidArgumentError)
    assert error.argument == "values['x/y']"
    assert shown in str(error)
    assert "accepted" in str(error)


@pytest.mark.parametrize("values", [None, "train/loss", 3.0, [("a", 1.0)]])
def test_what_is_no_mapping_is_refused(values):
    with pytest.raises(InvalidArgumentError, match=r"values is .*accepted: a mapping"):
        flatten(values, "values", refuse)


def test_a_mapping_that_holds_itself_ends_there():
    values = {"a": 1.0}
    values["self"] = {"again": values}
    rejected = []
    found = flatten(values, "values", rejected.append)
    assert found["a"] == 1.0
    assert "holds itself" in str(rejected[0])
