"""Numbers that are still on a device: copied there at once, fetched together later."""

from __future__ import annotations

import threading

import torch
from torch import Tensor

from reportgen.collect.beside import beside, stream_of
from reportgen.collect.quiet import quiet

SLOTS = 256

Buffers = dict[int, list[float]]  # by id: the numbers of device buffers that were fetched


class DeviceNumbers:
    """Holds single numbers of one device until they are fetched in one copy.

    `put` copies a one-element tensor into a buffer on its own device: no value is read back, no reference is kept (the
    loop may change the tensor in place), and nothing waits. `fetch` is the only place that waits for the device.
    """

    def __init__(self, device: torch.device) -> None:
        # float64 keeps an int32 or float32 exactly; MPS has none.
        self._dtype = torch.float32 if device.type == "mps" else torch.float64
        self._device = device
        self._buffer: Tensor | None = None
        self._free: list[Tensor] = []  # views of the buffer's elements, the next one last
        self._cuda = device.type == "cuda"
        self._written: dict[int, tuple[torch.cuda.Stream, torch.cuda.Event]] = {}  # by stream: after the last `put`
        self._lock = threading.Lock()

    def put(self, value: Tensor) -> Slot:
        """Take the number of `value` (one element, on this device)."""
        with self._lock:
            buffer = self._buffer
            if buffer is None or not self._free:
                buffer = self._new()
            place = SLOTS - len(self._free)
            free = self._free.pop()
            if type(value) is Tensor and not value.dim() and not _modes():
                grad = torch.is_grad_enabled()  # the usual case: the rest of `quiet` would take as long as the copy
                torch._C._set_grad_enabled(False)
                try:
                    free.copy_(value, non_blocking=True)
                finally:
                    torch._C._set_grad_enabled(grad)
            else:
                with quiet():
                    free.copy_(value.reshape(()), non_blocking=True)
            if self._cuda:
                self._mark()
            return Slot(self, buffer, place)

    def fetch(self, buffer: Tensor) -> list[float]:
        """All numbers of one buffer, in one copy. Waits for the work that was queued before the last `put`."""
        with self._lock:
            if buffer is self._buffer:  # later numbers go into a new one
                self._buffer = None
            written = list(self._written.values())
        with beside(self._device):
            if self._cuda:
                own = torch.cuda.current_stream(self._device)
                for _, event in written:
                    own.wait_event(event)
            return [float(number) for number in buffer.cpu().tolist()]

    def _new(self) -> Tensor:
        # One made in inference mode, where many validate, could not be written to outside of it.
        with torch.inference_mode(False), quiet():
            buffer = self._buffer = torch.empty(SLOTS, dtype=self._dtype, device=self._device)
            self._free = list(reversed(buffer.unbind()))
        return buffer

    def _mark(self) -> None:
        at = stream_of(self._device)  # the number's device need not be the current one
        known = self._written.get(at)
        if known is None:
            stream, event = torch.cuda.current_stream(self._device), torch.cuda.Event()  # type: ignore[no-untyped-call]
            known = self._written[at] = (stream, event)
        known[1].record(known[0])


def _modes() -> bool:
    return bool(torch._C._len_torch_function_stack() or torch._C._len_torch_dispatch_stack())


class Slot:
    """One number on a device."""

    __slots__ = ("buffer", "numbers", "place")

    def __init__(self, numbers: DeviceNumbers, buffer: Tensor, place: int) -> None:
        self.numbers = numbers
        self.buffer = buffer
        self.place = place

    def read(self, buffers: Buffers) -> float:
        """The number. buffers: what was fetched for other slots, to which this one's buffer is added."""
        fetched = buffers.get(id(self.buffer))
        if fetched is None:
            fetched = buffers[id(self.buffer)] = self.numbers.fetch(self.buffer)
        return fetched[self.place]
