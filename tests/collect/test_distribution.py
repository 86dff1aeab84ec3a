from __future__ import annotations

import math
from collections import Counter
from contextlib import nullcontext

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode

from reportgen.collect import quiet
from reportgen.collect.distribution import device, distributions_of, reduce_on_device, resolve
from reportgen.collect.distribution.pieces import PIECE
from reportgen.collect.distribution.reduction import SMALL
from reportgen.collect.distribution.sheet import WIDTH
from reportgen.collect.distribution.together import BATCH_TENSORS
from reportgen.run.distribution import Distribution, bin_of


def check(made: Distribution, numbers: list[float], relative: float = 1e-5) -> None:
    finite = [value for value in numbers if math.isfinite(value)]
    assert made.count == len(numbers)
    assert dict(zip(made.bins, made.counts, strict=True)) == dict(sorted(Counter(map(bin_of, finite)).items()))
    assert list(made.bins) == sorted(made.bins)
    assert made.zeros == sum(value == 0 for value in finite)
    assert made.nans == sum(math.isnan(value) for value in numbers)
    assert made.positive_infinities == numbers.count(math.inf)
    assert made.negative_infinities == numbers.count(-math.inf)
    if finite:
        assert (made.minimum, made.maximum) == (min(finite), max(finite))
        scale = math.fsum(map(abs, finite))
        assert made.total == pytest.approx(math.fsum(finite), abs=relative * scale)
        assert made.squares == pytest.approx(math.fsum(value * value for value in finite), rel=relative)
    else:
        assert math.isnan(made.minimum)
        assert math.isnan(made.maximum)


def both_ways(tensors: list[torch.Tensor]) -> list[list[Distribution]]:
    """As on the CPU, and as on an accelerator, whose operations all run on the CPU too."""
    return [distributions_of(tensors), resolve(reduce_on_device(tensors, defer=True))]


def cases() -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    normal = torch.randn(1000, generator=generator)
    return [
        normal,
        torch.relu(normal),
        normal * 1e-25,
        normal * 1e30,
        -normal.abs(),
        torch.tensor([0.0, -0.0, math.nan, math.inf, -math.inf, 1e-40, -1e-45, 2**-129, 3.4028235e38]),
        torch.full((3,), math.nan),
        torch.tensor([math.inf, math.inf]),
        torch.tensor(3.5),
        normal.double() * 1e60,
        torch.cat([normal, torch.tensor([math.inf, math.nan])]).double(),
        normal.bfloat16(),
        normal.half(),
        normal.to(torch.float8_e4m3fn),
        normal.reshape(10, 100).t()[::3],
        normal[:1].expand(7),
        torch.arange(-5, 2**40, 2**38),
        torch.tensor([True, False, True]),
        normal.clone().requires_grad_(),
        torch.nn.Parameter(normal),
    ]


def test_small_tensors_of_every_kind_are_counted_exactly():
    tensors = cases()
    for made in both_ways(tensors):
        for tensor, one in zip(tensors, made, strict=True):
            check(one, tensor.detach().double().flatten().tolist())
            assert one.elements == tensor.numel()


def test_nothing_is_raised_where_the_user_has_numpy_raise():
    tiny = torch.tensor([1e-300, 5e-324, 1e300, -1e-40], dtype=torch.float64)
    big = torch.cat([torch.randn(PIECE), torch.tensor([math.nan, math.inf, 1e-45, 3.4e38])])
    with np.errstate(all="raise"):
        for made in both_ways([*cases(), tiny, big]):
            assert made[-2].count == 4
            assert (made[-1].nans, made[-1].positive_infinities) == (1, 1)


@pytest.mark.parametrize("size", [SMALL, SMALL + 1, PIECE + 1, 3 * PIECE])
def test_big_tensors_are_counted_exactly(size):
    tensor = torch.randn(size, generator=torch.Generator().manual_seed(size))
    tensor[::7] = 0
    check(distributions_of([tensor])[0], tensor.double().tolist())
    tensor[5], tensor[-1], tensor[-2] = math.nan, math.inf, -math.inf
    check(distributions_of([tensor])[0], tensor.double().tolist())


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.floats(width=32, allow_subnormal=True), max_size=9), max_size=6))
def test_any_numbers_in_any_batch(rows):
    tensors = [torch.tensor(row, dtype=torch.float32) for row in rows]
    for made in both_ways(tensors):
        for row, one in zip(rows, made, strict=True):
            check(one, row)


def test_many_tensors_more_than_one_batch():
    tensors = [torch.full((index % 50 + 1,), float(index - 9)) for index in range(3 * BATCH_TENSORS + 1)]
    for index, one in enumerate(distributions_of(tensors)):
        check(one, [float(index - 9)] * (index % 50 + 1))


def test_on_an_accelerator_sheets_and_tables_are_of_bounded_size(monkeypatch):
    monkeypatch.setattr(device, "MOST_ROWS", 3)
    monkeypatch.setattr(device, "MOST_TENSORS", 4)
    generator = torch.Generator().manual_seed(1)
    sizes = [1, WIDTH, WIDTH + 1, 7 * WIDTH, 2 * WIDTH, 5, 3 * WIDTH, 10 * WIDTH - 1, 4]
    tensors = [torch.randn(size, generator=generator) for size in sizes]
    tensors[3][::100], tensors[3][1], tensors[7][-1] = 0.0, math.nan, math.inf
    pending = reduce_on_device(tensors, defer=True)
    assert [len(one.places) for one in pending.counted] == [4, 4, 1]
    for tensor, made in zip(tensors, resolve(pending), strict=True):
        check(made, tensor.double().tolist())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_on_an_accelerator_a_sample_is_counted_as_on_the_host(dtype):
    generator = torch.Generator().manual_seed(2)
    tensors = [
        torch.randn(300, 400, generator=generator).to(dtype),
        torch.randn(8, 6, 50, 50, generator=generator).to(dtype).to(memory_format=torch.channels_last),
        torch.nn.Parameter(torch.randn(70, generator=generator).to(dtype)),
        torch.randn(100, 90, generator=generator).to(dtype).t(),
    ]
    host, counted = distributions_of(tensors, sample=5000), resolve(reduce_on_device(tensors, 5000, defer=True))
    for one, other in zip(host, counted, strict=True):
        assert (one.count, one.elements, one.bins, one.counts, one.minimum, one.maximum, one.zeros) == (
            other.count, other.elements, other.bins, other.counts, other.minimum, other.maximum, other.zeros,
        )  # fmt: skip
        assert one.total == pytest.approx(other.total, rel=1e-6, abs=1e-4)
        assert one.squares == pytest.approx(other.squares, rel=1e-6)


@pytest.mark.parametrize("defer", [False, True])
def test_what_carries_a_loss_scale_is_divided_by_it(defer):
    tensors = [torch.randn(30) * 1024, torch.randn(20_000, dtype=torch.float64) * 1024]
    made = resolve(reduce_on_device(tensors, defer=defer, scale=torch.tensor(1024.0)))
    for tensor, one in zip(tensors, made, strict=True):
        check(one, (tensor / 1024).tolist())
    assert tensors[0].abs().max() > 100  # theirs are as they were


def test_on_an_accelerator_more_tensors_take_no_more_operations(monkeypatch):
    # The modes of the user's are set aside for what is ours; here one is to see it.
    monkeypatch.setattr(quiet, "_disable_current_modes", nullcontext)
    few, many = (operations_of([torch.randn(50 + index) for index in range(number)]) for number in (3, 90))
    assert few == many
    assert few.total() <= 30
    assert few["aten.scatter_add_.default"] == 1


def operations_of(tensors: list[torch.Tensor]) -> Counter[str]:
    """What is computed, by operation; views cost a device nothing."""
    found: Counter[str] = Counter()

    class Counting(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            if not any(alias.alias_info and not alias.alias_info.is_write for alias in function._schema.arguments):
                found[str(function)] += 1
            return function(*args, **(kwargs or {}))

    reduce_on_device(tensors, defer=True)  # the layout is made once
    with Counting():
        reduce_on_device(tensors, defer=True)
    return found


def test_a_sample_is_spread_over_all_rows_and_columns_and_is_the_same_each_time():
    tensor = torch.arange(64 * 64.0).reshape(64, 64)
    first, again = distributions_of([tensor, tensor], sample=512)
    assert first == again
    assert 256 < first.count <= 512
    assert first.elements == 4096
    assert first.norm == pytest.approx(tensor.norm().item(), rel=0.05)
    columns = {(index * (4096 // 512 + 1)) % 64 for index in range(first.count)}
    assert len(columns) == 64


def test_channels_last_memory_is_read_in_place():
    tensor = torch.randn(2, 3, 5, 7).to(memory_format=torch.channels_last)
    check(distributions_of([tensor])[0], tensor.flatten().double().tolist())


@pytest.mark.filterwarnings("ignore:Sparse")  # torch's own, about the tensors made here
def test_sparse_tensors_count_the_zeros_they_do_not_store():
    dense = torch.tensor([[0.0, 2.0, 0.0], [0.0, 0.0, -3.0]])
    twice = torch.sparse_coo_tensor([[0, 0], [1, 1]], [1.0, 1.0], (2, 3))  # uncoalesced: it holds 2 at one place
    kinds = [dense.to_sparse(), dense.to_sparse_csr(), twice, torch.sparse_coo_tensor(size=(4, 5))]
    for made in both_ways(kinds):
        for tensor, one in zip(kinds, made, strict=True):
            check(one, tensor.to_dense().flatten().double().tolist())


@pytest.mark.filterwarnings("ignore")  # torch says that eager quantisation will move to another package
def test_quantised_tensors_are_read_as_the_numbers_they_stand_for():
    tensor = torch.quantize_per_tensor(torch.tensor([0.0, 0.5, 1.0]), 0.5, 0, torch.qint8)
    check(distributions_of([tensor])[0], [0.0, 0.5, 1.0])


def test_complex_numbers_are_read_as_their_magnitude():
    check(distributions_of([torch.tensor([3 + 4j, 0j])])[0], [5.0, 0.0])


def test_what_holds_no_numbers_has_count_zero_and_known_size():
    made = distributions_of([torch.zeros(3, 4, device="meta"), torch.zeros(0), torch.zeros(5, 0)])
    assert [(one.count, one.elements) for one in made] == [(0, 12), (0, 0), (0, 0)]
    assert all(math.isnan(one.minimum) for one in made)


def test_nothing_of_the_users_is_touched():
    from torch.utils.flop_counter import FlopCounterMode

    tensor = torch.randn(100_000, requires_grad=True)
    before = tensor.detach().clone(), tensor._version, torch.get_rng_state()
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        made = distributions_of([tensor, tensor[:50]])
    assert made[0].count == 100_000
    assert made[1].count == 50
    assert counter.get_total_flops() == 0
    assert torch.equal(tensor.detach(), before[0])
    assert tensor._version == before[1]
    assert torch.equal(torch.get_rng_state(), before[2])
    assert torch.is_grad_enabled()


def test_under_a_function_transform_numbers_are_left_out():
    seen = []

    def inner(x):
        seen.extend(distributions_of([x]))
        return x * 2

    torch.vmap(inner)(torch.randn(3, 4))
    assert [one.count for one in seen] == [0]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int32])
@pytest.mark.parametrize("elements", [100, 200_000])
def test_the_tensor_that_is_looked_at_stays_as_it_is(dtype, elements):
    tensor = (torch.randn(elements, generator=torch.Generator().manual_seed(0)) * 30).to(dtype)
    before = tensor.clone()
    distributions_of([tensor])
    assert torch.equal(tensor, before)
