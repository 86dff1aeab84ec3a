import pytest
import torch

from reportgen.collect.device import SLOTS, DeviceNumbers, Slot


@pytest.fixture
def numbers():
    """The way of an accelerator's numbers, on the CPU."""
    return DeviceNumbers(torch.device("cpu"))


def resolve(slots):
    buffers = {}
    return [slot.read(buffers) for slot in slots]


def test_a_number_is_copied_at_once_and_no_reference_is_kept(numbers):
    loss = torch.tensor(0.5)
    slot = numbers.put(loss)
    loss.fill_(99.0)
    assert resolve([slot]) == [0.5]


def test_a_slot_is_no_part_of_the_users_graph(numbers):
    weight = torch.tensor(2.0, requires_grad=True)
    slot = numbers.put(weight * 3)
    assert not slot.buffer.requires_grad
    assert weight.grad is None
    assert resolve([slot]) == [6.0]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64, torch.int64, torch.bool])
def test_any_dtype_and_shape_of_one_element_fits(numbers, dtype):
    assert resolve([numbers.put(torch.ones((1, 1), dtype=dtype))]) == [1.0]


def test_more_numbers_than_a_buffer_holds_take_one_copy_a_buffer(numbers, monkeypatch):
    slots = [numbers.put(torch.tensor(float(k))) for k in range(2 * SLOTS + 3)]
    fetched = []
    fetch = DeviceNumbers.fetch
    monkeypatch.setattr(DeviceNumbers, "fetch", lambda self, buffer: (fetched.append(1), fetch(self, buffer))[1])
    assert resolve(slots) == [float(k) for k in range(2 * SLOTS + 3)]
    assert len(fetched) == 3


def test_numbers_put_while_others_are_fetched_are_not_lost(numbers):
    first = numbers.put(torch.tensor(1.0))
    assert resolve([first]) == [1.0]
    second = numbers.put(torch.tensor(2.0))
    assert second.buffer is not first.buffer
    assert resolve([second]) == [2.0]
    assert isinstance(second, Slot)


def test_numbers_of_inference_mode_and_of_training_share_a_buffer(numbers):
    with torch.inference_mode():
        first = numbers.put(torch.tensor(1.0))
    second = numbers.put(torch.tensor(2.0))
    with torch.inference_mode():
        third = numbers.put(torch.tensor(3.0))
    assert resolve([first, second, third]) == [1.0, 2.0, 3.0]
