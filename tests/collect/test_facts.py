"""Facts of tensors: what is true of them over all looks, on the CPU at once and on a device when it is delivered."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from reportgen.collect.evidence.facts import Facts
from reportgen.collect.later import Later


@pytest.fixture(params=["host", "device"])
def facts_of(request):
    """Takes tensors one after another; on "device" results of the CPU wait like those of an accelerator."""

    def take(*tensors):
        later = Later(hold=request.param == "device")
        facts = Facts(later)
        for tensor in tensors:
            facts.take("x", tensor)
        later.deliver()
        (one,) = facts.facts()
        return one

    return take


def test_range_mean_and_deviation_are_of_all_looks_together(facts_of):
    looks = [torch.randn(7, 5) * 3 + 10, torch.randn(40) - 100, torch.zeros(3, dtype=torch.float64)]
    numbers = np.concatenate([look.double().flatten().numpy() for look in looks])
    facts = facts_of(*looks)
    assert (facts.name, facts.looks, facts.shape, facts.dtype) == ("x", 3, (3,), "float64")
    assert facts.minimum == pytest.approx(numbers.min())
    assert facts.maximum == pytest.approx(numbers.max())
    assert facts.mean == pytest.approx(numbers.mean())
    assert facts.deviation == pytest.approx(numbers.std())
    assert facts.zeros == pytest.approx(3 / 78)
    assert not facts.whole


def test_numbers_that_are_not_finite_are_counted_and_left_out(facts_of):
    facts = facts_of(torch.tensor([[1.0, math.nan], [math.inf, 3.0]]))
    assert (facts.non_finite, facts.minimum, facts.maximum, facts.mean) == (2, 1.0, 3.0, 2.0)
    nothing = facts_of(torch.full((4,), math.nan))
    assert (nothing.non_finite, nothing.minimum, nothing.mean, nothing.whole) == (4, None, None, False)


def test_integers_have_a_range_and_different_values(facts_of):
    facts = facts_of(torch.tensor([3, 0, 3, 7]), torch.tensor([9, 0]))
    assert (facts.minimum, facts.maximum, facts.distinct, facts.whole) == (0.0, 9.0, 4, True)
    assert facts_of(torch.tensor([True, False])).distinct == 2
    assert facts_of(torch.tensor([[0.0, 1.0], [1.0, 0.0]])).whole
    assert not facts_of(torch.tensor([1.0, 2.5])).whole


def test_more_than_a_thousand_different_values_are_a_thousand(facts_of):
    assert facts_of(*torch.randn(4, 600)).distinct == 1000


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (lambda x: x.softmax(1), (True, False, False)),
        (lambda x: x.softmax(0), (False, True, False)),
        (lambda x: x.log_softmax(1), (False, False, True)),
        (lambda x: x, (False, False, False)),
        (lambda x: x.sigmoid(), (False, False, False)),
        (lambda x: -x.abs(), (False, False, False)),
    ],
)
def test_sums_of_rows_and_columns(facts_of, made, expected, dtype):
    torch.manual_seed(0)
    looks = [made(torch.randn(9, 5)).to(dtype) for _ in range(2)]
    facts = facts_of(*looks)
    assert (facts.rows_sum_to_one, facts.columns_sum_to_one, facts.rows_logsumexp_zero) == expected


def test_what_does_not_hold_in_one_look_does_not_hold(facts_of):
    shares = torch.randn(9, 5).softmax(1)
    assert facts_of(shares, shares).rows_sum_to_one
    assert not facts_of(shares, shares * 0.9).rows_sum_to_one
    assert not facts_of(shares * 0.9, shares).rows_sum_to_one
    assert not facts_of(shares, shares[0]).rows_sum_to_one


def test_a_look_at_numbers_that_are_not_finite_does_not_judge_sums(facts_of):
    shares = torch.randn(4, 3).softmax(1)
    broken = torch.full((4, 3), math.nan)
    assert facts_of(shares, broken).rows_sum_to_one
    assert not facts_of(broken).rows_sum_to_one


def test_certain_rows_of_log_probabilities_count(facts_of):
    assert facts_of(torch.tensor([[0.0, -math.inf], [-math.log(2), -math.log(2)]])).rows_logsumexp_zero


def test_rows_of_one_column_sum_to_nothing(facts_of):
    facts = facts_of(torch.ones(8, 1))
    assert not facts.rows_sum_to_one
    assert not facts.columns_sum_to_one
    assert not facts_of(torch.ones(1, 1)).columns_sum_to_one


def test_classes_of_images_lie_in_dimension_1(facts_of):
    maps = torch.randn(3, 4, 16, 16)
    assert facts_of(maps.softmax(1)).rows_sum_to_one
    assert not facts_of(maps.softmax(3)).rows_sum_to_one
    assert not facts_of(maps.softmax(1).movedim(1, 3)).rows_sum_to_one


def test_of_a_large_tensor_a_sample_is_read(facts_of):
    torch.manual_seed(0)
    large = torch.rand(64, 3, 100, 100)
    facts = facts_of(large)
    assert facts.mean == pytest.approx(0.5, abs=0.02)
    assert facts.deviation == pytest.approx(math.sqrt(1 / 12), abs=0.02)
    planes = torch.arange(3.0).reshape(1, 3, 1, 1).expand(64, 3, 100, 100).contiguous()
    assert facts_of(planes).mean == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize(
    "tensor",
    [
        torch.zeros(0, 3),
        torch.zeros(3, device="meta"),
        torch.tensor(2.0),
        torch.eye(4).to_sparse(),
        torch.randn(3, 3, dtype=torch.complex64),
        torch.randn(4, 6)[:, ::2].T,
        torch.randn(4, 5).conj(),
        torch.randn(2, 3, requires_grad=True),
        torch.nested.nested_tensor([torch.ones(2), torch.ones(3)], layout=torch.jagged),
    ],
    ids=lambda tensor: f"{tensor.layout}-{tensor.dtype}-{tensor.device}",
)
def test_any_tensor_is_taken(facts_of, tensor):
    before = tensor.requires_grad
    facts = facts_of(tensor)
    assert facts.looks == 1
    assert facts.dtype == str(tensor.dtype).removeprefix("torch.")
    assert facts.requires_grad is before


def test_sparse_zeros_are_zeros():
    facts = Facts(Later())
    facts.take("x", torch.eye(4).to_sparse())
    (one,) = facts.facts()
    assert (one.mean, one.zeros, one.minimum, one.distinct) == (0.25, 0.75, 0.0, 2)
    assert one.deviation == pytest.approx(torch.eye(4).std(correction=0).item())


def test_names_are_kept_apart_in_the_order_met():
    facts = Facts(Later())
    facts.take("b", torch.ones(2))
    facts.take("a", torch.zeros(2))
    assert [(one.name, one.mean) for one in facts.facts()] == [("b", 1.0), ("a", 0.0)]


def test_what_waits_on_a_device_is_the_reduced_row_and_not_the_tensor():
    later = Later(hold=True)
    facts = Facts(later)
    tensor = torch.ones(100, 100)
    facts.take("x", tensor)
    tensor.fill_(7.0)  # theirs is changed before it is fetched
    later.deliver()
    (one,) = facts.facts()
    assert (one.minimum, one.maximum) == (1.0, 1.0)


def test_a_mode_of_the_users_sees_nothing_of_it():
    from torch.utils._python_dispatch import TorchDispatchMode

    class Seen(TorchDispatchMode):
        calls = 0

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            Seen.calls += 1
            return func(*args, **(kwargs or {}))

    tensor = torch.randn(4, 4).softmax(1)
    with Seen():
        Facts(Later()).take("x", tensor)
    assert Seen.calls == 0
