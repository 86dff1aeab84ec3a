"""Numbers that are still on a device: copied there at once, fetched together later."""

from __future__ import annotations

import threading

import torch
from torch import Tensor

SLOTS = 256


class DeviceNumbers:
    """Holds single numbers of one device until they are fetched in one copy.

    `put` copies a one-element tensor into a buffer on its own device: no value is read back, no reference is kept (the
    loop may change the tensor in place), and nothing waits. `fetch` is the only place that waits for the device.
    """

    def __init__(self, device: torch.device) -> None:
        # float64 keeps an int32 or float32 exactly; MPS has none.
        self._dtype = torch.float32 if device.type == "mps" else torch.float64
        self._device = device
        self._full: list[Tensor] = []
        self._buffer: Tensor | None = None
        self._used = 0
        self._event = torch.cuda.Event() if device.type == "cuda" else None  # type: ignore[no-untyped-call]  # torch has no types here
        self._lock = threading.Lock()

    def put(self, value: Tensor) -> Slot:
        """Take the number of `value` (one element, on this device)."""
        # A buffer made in inference mode, where many validate, could not be written to outside of it.
        with self._lock, torch.inference_mode(False), torch.no_grad():
            if self._buffer is None or self._used == SLOTS:
                if self._buffer is not None:
                    self._full.append(self._buffer)
                self._buffer = torch.empty(SLOTS, dtype=self._dtype, device=self._device)
                self._used = 0
            self._buffer[self._used].copy_(value.detach().reshape(()), non_blocking=True)
            self._used += 1
            if self._event is not None:
                self._event.record(torch.cuda.current_stream(self._device))  # its own, not the current device's
            return Slot(self, self._buffer, self._used - 1)

    def fetch(self, buffer: Tensor) -> list[float]:
        """All numbers of one buffer, in one copy. Waits for the work that was queued before the last `put`."""
        with self._lock:
            if buffer is self._buffer:  # later numbers go into a new one
                self._buffer = None
        if self._event is not None:
            # The thread that flushes has a stream of its own, which knows nothing of the loop's.
            torch.cuda.current_stream(self._device).wait_event(self._event)
        return [float(number) for number in buffer.cpu().tolist()]


class Slot:
    """One number on a device; `values` are shared by all numbers of its buffer once they were fetched."""

    __slots__ = ("buffer", "numbers", "place")

    def __init__(self, numbers: DeviceNumbers, buffer: Tensor, place: int) -> None:
        self.numbers = numbers
        self.buffer = buffer
        self.place = place


def resolve(slots: list[Slot]) -> list[float]:
    """The numbers of `slots`, one copy a buffer."""
    fetched: dict[int, list[float]] = {}
    for slot in slots:
        if id(slot.buffer) not in fetched:
            fetched[id(slot.buffer)] = slot.numbers.fetch(slot.buffer)
    return [fetched[id(slot.buffer)][slot.place] for slot in slots]
