from __future__ import annotations

import numpy as np
import pytest
import torch

from reportgen.collect.predictions.arrays import as_values, length_of, take, to_array
from reportgen.collect.predictions.deciding import decide_task, scale_of_rows, scale_of_values
from reportgen.errors import InvalidArgumentError

FLOAT, LONG = torch.float32, torch.int64


@pytest.mark.parametrize(
    ("outputs", "targets", "task"),
    [
        (torch.randn(8, 3), torch.arange(8) % 3, "classification"),
        (torch.randn(8, 3), torch.arange(8)[:, None] % 3, "classification"),
        (torch.randn(8, 3), (torch.arange(8) % 3).float(), "classification"),
        (torch.randn(8, 3), torch.eye(3)[torch.arange(8) % 3], "classification"),
        (torch.randn(8, 3), torch.full((8, 3), 1 / 3), "classification"),
        (torch.arange(8), torch.arange(8), "classification"),
        (torch.randn(8), torch.arange(8) % 2, "binary"),
        (torch.randn(8, 1), (torch.arange(8) % 2).float(), "binary"),
        (torch.randn(8, 1), torch.arange(8)[:, None] % 2 > 0, "binary"),
        (torch.randn(8, 3), (torch.arange(24).reshape(8, 3) % 2).float(), "multilabel"),
        (torch.randn(8), torch.arange(8), "regression"),
        (torch.randn(8, 3), torch.randn(8, 3), "regression"),
        (torch.randn(8, 1), torch.randn(8), "regression"),
        (torch.randn(2, 3, 8, 8), torch.randn(2, 3, 8, 8), "regression"),
        (torch.randn(2, 3, 8, 8), torch.zeros(2, 8, 8, dtype=LONG), "segmentation"),
        (torch.randn(2, 3, 8, 8), torch.zeros(2, 1, 8, 8), "segmentation"),
        (torch.zeros(2, 8, 8, dtype=LONG), torch.zeros(2, 8, 8, dtype=LONG), "segmentation"),
    ],
)
def test_shapes_and_dtypes_decide_the_task(outputs, targets, task):
    assert decide_task(outputs, targets) == task
    assert decide_task(outputs.numpy(), targets.numpy()) == task


@pytest.mark.parametrize(
    ("outputs", "targets"),
    [
        (torch.randn(8, 3), torch.randn(8)),
        (torch.randn(8, 3), torch.randn(8, 4)),
        (torch.randn(8, 3, 5), torch.zeros(8, 5, dtype=LONG)),
    ],
)
def test_what_fits_no_task_is_refused_with_both_shapes(outputs, targets):
    with pytest.raises(InvalidArgumentError, match=r"outputs \(8, 3.*with targets \(8.*accepted: outputs \(N, C\)"):
        decide_task(outputs, targets)


def test_scales():
    logits = np.random.default_rng(0).normal(size=(50, 1000)).astype(np.float16)
    shares = torch.from_numpy(logits).float().softmax(1).half().numpy()
    assert scale_of_rows(logits)[0] == "logits"
    assert scale_of_rows(shares)[0] == "probabilities"
    assert scale_of_rows(torch.from_numpy(logits).float().log_softmax(1).numpy())[0] == "log-probabilities"
    assert scale_of_rows(np.full((3, 4), np.nan)) == ("logits", "no row without NaN was there to judge by")
    assert scale_of_rows(np.array([[0.5, 0.5], [np.nan, 1.0]]))[0] == "probabilities"
    assert scale_of_values(np.array([0.0, 1.0, np.nan]))[0] == "probabilities"
    assert scale_of_values(np.array([0.0, 1.5])) == ("logits", "values lie outside [0, 1]")
    assert scale_of_values(np.zeros(3))[0] == "logits"


@pytest.mark.parametrize(
    "value",
    [
        None,
        "text",
        {"a": 1},
        [[1], [2, 3]],
        [object()],
        torch.zeros(2, dtype=torch.complex64),
        torch.zeros(2, device="meta"),
    ],
)
def test_what_holds_no_real_numbers_is_refused(value):
    with pytest.raises(InvalidArgumentError, match=r"^outputs is .*accepted: a tensor, a numpy array or a list"):
        as_values(value, "outputs")


def test_tensors_of_any_kind_become_arrays():
    exact = torch.tensor([[1.0, -2.0], [0.0, 4.0]])
    kinds = [
        exact.bfloat16(),
        exact.to(torch.float8_e4m3fn),
        exact.to_sparse(),
        exact.clone().requires_grad_(),
        torch.complex(exact, -exact).conj().imag,
        [exact[0], exact[1]],
    ]
    for kind in kinds:
        assert to_array(as_values(kind, "outputs")).tolist() == exact.tolist()


def test_only_the_wanted_rows_are_taken():
    assert [row.tolist() for row in take(torch.arange(6).reshape(3, 2), [2, 0])] == [[4, 5], [0, 1]]
    assert take(["a", "b", "c"], [1]) == ["b"]
    (row,) = take({"ids": torch.arange(6).reshape(3, 2), "name": ["x", "y", "z"]}, [1])
    assert (row["ids"].tolist(), row["name"]) == ([2, 3], "y")


def test_lengths():
    assert length_of({"ids": torch.zeros(3, 2)}, "inputs") == 3
    for value in (torch.tensor(1.0), 5, np.float64(1)):
        with pytest.raises(InvalidArgumentError, match=r"inputs is .*samples along the first dimension"):
            length_of(value, "inputs")
