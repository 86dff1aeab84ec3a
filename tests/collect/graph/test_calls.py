"""What functions of torch.nn.functional and modules that nobody watches were called with when they raised."""

import pytest
import torch
from torch import nn

from reportgen.collect.graph.calls import call_of, unwatched_fault
from reportgen.run.graph import TensorSpec

F = nn.functional


def raised(function, *args, **kwargs):
    try:
        function(*args, **kwargs)
    except Exception as error:
        return error
    raise AssertionError("it did not raise")


LOGITS, CLASSES = torch.zeros(4, 3), torch.tensor([0, 1, 2, 5])


def test_a_loss_is_told_with_its_tensors_and_the_range_of_its_targets():
    for loss in (nn.CrossEntropyLoss(), F.cross_entropy):
        call = call_of(raised(loss, LOGITS, CLASSES))
        assert call.type == "cross_entropy"
        assert call.got == (TensorSpec((4, 3), "float32", "input"), TensorSpec((4,), "int64", "target"))
        assert call.expected == "targets from 0 to 2; they are 0 to 5"
    nll = call_of(raised(F.nll_loss, LOGITS, CLASSES - 2))
    assert nll.expected == "targets from 0 to 2; they are -2 to 3"


def test_targets_within_their_range_are_not_to_blame():
    call = call_of(raised(F.cross_entropy, LOGITS, CLASSES[:3]))
    assert (call.expected, call.got[1].shape) == ("", (3,))


@pytest.mark.parametrize(
    ("inputs", "targets", "expected"),
    [
        ([0.5, 1.5], [0.0, 1.0], "inputs from 0 to 1; they are 0.5 to 1.5"),
        ([0.5, 0.5], [-1.0, 1.0], "targets from 0 to 1; they are -1 to 1"),
        ([0.5, torch.nan], [0.0, 1.0], "inputs from 0 to 1; some are NaN"),
    ],
)
def test_binary_cross_entropy_is_told_what_is_outside(inputs, targets, expected):
    error = raised(F.binary_cross_entropy, torch.tensor(inputs), torch.tensor(targets))
    assert call_of(error).expected == expected


def test_what_cannot_be_read_is_told_without_numbers():
    sparse = torch.tensor([0.5, 2.0]).to_sparse()
    call = call_of(raised(F.binary_cross_entropy, sparse, torch.zeros(2)))
    assert (call.type, call.expected) == ("binary_cross_entropy", "")
    assert call_of(ValueError("elsewhere")) is None


class Outer(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 4), nn.Linear(5, 2))

    def forward(self, x):
        return self.body(x)


def test_a_module_is_named_from_the_outermost_one_on():
    fault = unwatched_fault(raised(Outer(), torch.ones(1, 4)))
    assert (fault.module, fault.code) == ("body.1", "nn.Linear(4, 2)")
    assert unwatched_fault(ValueError("elsewhere")) is None
