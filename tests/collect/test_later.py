"""Results that wait on an accelerator for the flush."""

from __future__ import annotations

import pytest
import torch

from reportgen.collect import later as module
from reportgen.collect.later import MOST_REST, REST, Later
from tests.collect import cuda


@pytest.fixture
def later():
    return Later(hold=True)


def put(later, *numbers, into):
    for number in numbers:
        later.arrays([torch.full((2,), number)], lambda host: into.append(host[0].tolist()))


def test_results_of_the_cpu_are_written_at_once():
    written = []
    put(Later(), 1.0, into=written)
    assert written == [[1.0, 1.0]]


def test_what_is_small_is_fetched_together_and_written_in_order(later, monkeypatch):
    written, fetched = [], []
    monkeypatch.setattr(module, "_fetched", lambda tensor: fetched.append(tensor) or tensor.numpy())
    put(later, 1.0, 2.0, into=written)
    later.arrays(
        [torch.ones(3, 2), torch.zeros(module.SMALL + 1)], lambda host: written.append([h.shape for h in host])
    )
    later.deliver()
    assert written == [[1.0, 1.0], [2.0, 2.0], [(3, 2), (module.SMALL + 1,)]]
    assert [tensor.numel() for tensor in fetched] == [module.SMALL + 1]


def test_the_thread_that_writes_leaves_what_a_device_has_not_come_to(later, monkeypatch):
    written = []
    put(later, 1.0, 2.0, 3.0, into=written)
    events = [cuda.Event() for _ in later._jobs]
    for job, event in zip(later._jobs, events, strict=True):
        job.events = (event,)
    events[0].passed = True
    later.deliver(asked=False)
    assert written == [[1.0, 1.0]]
    later.deliver(asked=False)
    assert written == [[1.0, 1.0]]
    assert not later.busy
    later.deliver(asked=True)  # waits
    assert written == [[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]]


def test_a_failure_in_writing_one_costs_no_other(later):
    written = []

    def fail(host):
        raise ValueError("odd")

    put(later, 1.0, into=written)
    later.arrays([torch.ones(1)], fail)
    put(later, 2.0, into=written)
    with pytest.raises(ValueError, match="odd"):
        later.deliver()
    assert written == [[1.0, 1.0], [2.0, 2.0]]
    later.deliver()
    assert len(written) == 2


def test_what_could_not_be_fetched_is_tried_again(later, monkeypatch):
    written = []
    put(later, 1.0, 2.0, into=written)

    def out_of_memory(tensors):
        raise RuntimeError("CUDA out of memory")

    with monkeypatch.context() as patch:
        patch.setattr(module, "_fetched_together", out_of_memory)
        with pytest.raises(RuntimeError, match="out of memory"):
            later.deliver()
    later.deliver()
    assert written == [[1.0, 1.0], [2.0, 2.0]]


def test_where_a_capture_could_be_disturbed_nothing_is_fetched(later, monkeypatch):
    written = []
    put(later, 1.0, into=written)
    monkeypatch.setattr(module, "may_work", lambda asked: asked)
    later.deliver(asked=False)
    assert written == []
    later.deliver(asked=True)
    assert written == [[1.0, 1.0]]


@pytest.mark.parametrize(("took", "rest"), [(0.01, REST * 0.01), (0.05, MOST_REST / 6)])
def test_the_thread_that_writes_rests_between_jobs_but_not_for_long(later, monkeypatch, took, rest):
    rests, clock = [], iter(range(100))
    monkeypatch.setattr(module.time, "sleep", rests.append)
    monkeypatch.setattr(module.time, "thread_time", lambda: next(clock) * took)
    put(later, *range(6), into=[])
    later.deliver(asked=False)
    assert rests == pytest.approx([rest] * 6)
    assert later.seconds == pytest.approx(6 * took)
    put(later, 7.0, into=[])
    later.deliver(asked=True)
    assert len(rests) == 6  # who asked does not wait longer than it takes


def test_what_was_collected_before_costs_were_forgotten_counts_no_longer(later, monkeypatch):
    monkeypatch.setattr(module.time, "sleep", lambda seconds: None)
    clock = iter(range(100))
    monkeypatch.setattr(module.time, "thread_time", lambda: float(next(clock)))
    put(later, 1.0, into=[])
    later.forget_costs()
    put(later, 2.0, into=[])
    later.deliver(asked=False)
    assert later.seconds == 1.0


def test_no_tensor_is_kept_once_it_was_written(later):
    import gc
    import weakref

    tensor = torch.ones(4)
    reference = weakref.ref(tensor)
    later.arrays([tensor], lambda host: None)
    del tensor
    assert reference() is not None
    later.deliver()
    gc.collect()
    assert reference() is None
