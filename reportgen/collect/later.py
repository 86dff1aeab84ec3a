"""Results that lie on an accelerator until the next flush, and those of the CPU, which are delivered at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from reportgen.collect.distribution import reduce_on_device, resolve
from reportgen.run.distribution import Distribution


@dataclass(slots=True)
class _Job:
    deliver: Callable[[], None]
    events: tuple[torch.cuda.Event, ...]


class Later:
    """Keeps what must not be waited for in a training step. `deliver` may run in another thread.

    hold: treat the CPU like an accelerator: its results too wait for `deliver`.
    """

    def __init__(self, hold: bool = False) -> None:
        self.hold = hold
        self._jobs: deque[_Job] = deque()

    def distributions(
        self, tensors: Sequence[Tensor], sample: int | None, write: Callable[[list[Distribution]], None]
    ) -> None:
        """Call `write` with the distributions of `tensors` as they are now, at once when they are on the CPU."""
        pending = reduce_on_device(tensors, sample, defer=self.hold)
        tables = [table for _, table in pending.tables]
        self._add(lambda: write(resolve(pending)), tables)

    def numbers(self, values: Sequence[Tensor], write: Callable[[list[float]], None]) -> None:
        """Call `write` with the numbers of tensors of one element each, now when they are on the CPU."""
        places: dict[torch.device, list[int]] = {}
        for index, value in enumerate(values):
            places.setdefault(value.device, []).append(index)
        stacked = [(at, torch.stack([values[i].reshape(()).to(torch.float32) for i in at])) for at in places.values()]

        def fetch() -> None:
            found = [0.0] * len(values)
            for at, table in stacked:
                for index, number in zip(at, table.tolist(), strict=True):
                    found[index] = number
            write(found)

        self._add(fetch, [table for _, table in stacked])

    def deliver(self) -> None:
        """Fetch and write all that is waiting."""
        while True:
            try:
                job = self._jobs.popleft()
            except IndexError:  # also when another thread took the last one
                return
            for event in job.events:
                event.synchronize()
            job.deliver()

    def _add(self, deliver: Callable[[], None], tables: Sequence[Tensor]) -> None:
        waiting = [table for table in tables if self.hold or table.device.type != "cpu"]
        if not waiting:
            deliver()
            return
        # The table is complete once the step's own stream has come this far; a flush may ask from another thread,
        # whose stream knows nothing of that one.
        events = []
        for device in {table.device for table in waiting if table.device.type == "cuda"}:
            event = torch.cuda.Event()  # type: ignore[no-untyped-call]
            event.record(torch.cuda.current_stream(device))
            events.append(event)
        self._jobs.append(_Job(deliver, tuple(events)))
