"""Moments on a CUDA stream, and whether the device was at work without a pause between them."""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch

from reportgen.collect.beside import stream_of
from reportgen.collect.quiet import capturing

# The longest time a device is kept waiting at the beginning of a forward. It bounds what timing costs: a few times as
# much in a run.
MOST_DELAY = 0.02
# Cycles a second by which that is counted; a slower device waits a little longer.
CYCLES = 2e9


# Moments with nothing between them, which tell what a moment itself takes of the device's time.
BLANKS = 4


@dataclass(slots=True)
class Marks:
    """Moments in their order, the first BLANKS of them empty. pauses: how often, up to each, the device may have had
    nothing to do.
    """

    events: list[torch.cuda.Event]
    pauses: list[int]

    def seconds(self, start: int, end: int) -> float | None:
        """The time between two moments which the device is past, without that of the moments between them.

        None where it may not all have been work.
        """
        between = end - start - 1
        if self.pauses[start] != self.pauses[end] or (between and self.pauses[BLANKS]):
            return None
        took = self._elapsed(start, end)
        return max(0.0, took - between * self._elapsed(0, BLANKS) / BLANKS) if between else took

    def _elapsed(self, start: int, end: int) -> float:
        return float(self.events[start].elapsed_time(self.events[end])) / 1000


class DeviceClock:
    """Puts moments into the stream that is current when a forward begins.

    A device that is faster than the loop waits for it, and its clock does not tell this from work. So at each moment it
    is asked whether the one before has been reached: if not, all that was queued between them follows without a pause.
    delay: seconds that the device is kept waiting first, so that the loop gets ahead of it.
    """

    def __init__(self, device: torch.device, spare: list[torch.cuda.Event], delay: float) -> None:
        self.marks = Marks([], [])
        self._device = device
        self._spare = spare
        self._stream = torch.cuda.current_stream(device)
        self._number = stream_of(device)
        self._began = time.perf_counter()
        if delay:
            with torch.cuda.device(device):
                torch.cuda._sleep(int(delay * CYCLES))  # type: ignore[no-untyped-call]
        for _ in range(BLANKS):
            self.mark()

    def mark(self) -> int | None:
        """Put a moment into the stream; its place among the marks, None where another stream works or one captures."""
        if stream_of(self._device) != self._number or capturing():
            return None
        events, pauses = self.marks.events, self.marks.pauses
        paused = bool(events) and events[-1].query()  # type: ignore[no-untyped-call]
        event = self._spare.pop() if self._spare else torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        event.record(self._stream)
        events.append(event)
        pauses.append((pauses[-1] if pauses else 0) + paused)
        return len(events) - 1

    def better_delay(self, delay: float) -> float:
        """How long the device should be kept waiting when it was with `delay` and the loop was too slow still."""
        return min(MOST_DELAY, max(2 * delay, 1.2 * (time.perf_counter() - self._began)))


def only_device(parameters: list[torch.nn.Parameter]) -> torch.device | None:
    """Where all of them lie; the CPU for none. None when they lie in several places."""
    devices = {parameter.device for parameter in parameters}
    return devices.pop() if len(devices) == 1 else None if devices else torch.device("cpu")
