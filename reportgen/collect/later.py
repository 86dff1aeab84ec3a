"""Results that lie on an accelerator until the next flush, and those of the CPU, which are delivered at once."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from reportgen.collect.beside import beside, may_work
from reportgen.collect.distribution import finished, reduce_on_device
from reportgen.collect.distribution.sheet import Host
from reportgen.collect.quiet import quiet
from reportgen.run.distribution import Distribution

# Elements up to which tensors are joined before they are fetched.
SMALL = 4096
# The thread that writes rests so many times as long as it worked after each job, so that a loop which only hands work
# to a device finds the interpreter free; and no longer than so many seconds a flush in all, two seconds being promised.
REST, MOST_REST = 3.0, 0.5
_HOST = torch.device("cpu")


@dataclass(slots=True)
class _Job:
    tensors: list[Tensor]
    write: Callable[[list[Host]], None]
    events: tuple[torch.cuda.Event, ...]
    period: int


class Later:
    """Keeps what must not be waited for in a training step. `write` may run in another thread.

    hold: treat the CPU like an accelerator: its results too wait for `deliver`.
    busy: whether what was kept is being delivered. seconds: what delivering took of the thread that writes, without
    what was kept before `forget_costs` was called last.
    """

    def __init__(self, hold: bool = False) -> None:
        self.hold = hold
        self.busy = False
        self.seconds = 0.0
        self._jobs: deque[_Job] = deque()
        self._period = 0

    def distributions(
        self,
        tensors: Sequence[Tensor],
        sample: int | None,
        write: Callable[[list[Distribution]], None],
        scale: Tensor | None = None,
    ) -> None:
        """Call `write` with the distributions of `tensors` (divided by `scale`) as they are now.

        At once when all are on the CPU.
        """
        pending = reduce_on_device(tensors, sample, defer=self.hold, scale=scale)
        self._add(pending.tensors, lambda host: write(finished(pending, host)))

    def arrays(self, tensors: Sequence[Tensor], write: Callable[[list[Host]], None]) -> None:
        """Call `write` with the numbers of `tensors` (ours: nobody else writes to them) as arrays of their shapes.

        At once when all are on the CPU.
        """
        self._add(list(tensors), write)

    def deliver(self, asked: bool = True) -> None:
        """Fetch and write what is waiting. asked: by a thread of the user's, which waits for all of it.

        Otherwise no device is waited for, and what it has not come to is left for the next time.
        """
        if not self._jobs or not may_work(asked):
            return
        self.busy = True
        try:
            jobs = self._ready(asked)
            if jobs:
                self._write(jobs, asked)
        finally:
            self.busy = False

    def forget_costs(self) -> None:
        """Count no longer what is waiting now: it was collected when less was known of its cost."""
        self._period += 1

    def _ready(self, asked: bool) -> deque[_Job]:
        """Take the jobs that the devices are past, in order; all of them if `asked`."""
        jobs: deque[_Job] = deque()
        events = [event for job in tuple(self._jobs) for event in job.events]
        with beside(events[0].device if events else _HOST):
            while self._jobs:
                try:
                    job = self._jobs.popleft()
                except IndexError:  # another thread took the last one
                    break
                if asked:
                    for event in job.events:
                        event.synchronize()
                elif not all(event.query() for event in job.events):  # type: ignore[no-untyped-call]
                    self._jobs.appendleft(job)
                    break
                jobs.append(job)
        return jobs

    def _write(self, jobs: deque[_Job], asked: bool) -> None:
        failure: Exception | None = None
        try:
            small = _fetched_together([t for job in jobs for t in job.tensors if t.numel() <= SMALL])
        except Exception:
            self._jobs.extendleft(reversed(jobs))
            raise
        rested = 0.0
        while jobs:
            job, began = jobs.popleft(), time.thread_time()
            try:
                job.write([small[id(t)] if id(t) in small else _fetched(t) for t in job.tensors])
            except Exception as error:  # noqa: BLE001 - raised when the others are written
                failure = failure or error
            if not asked:
                took = time.thread_time() - began
                self.seconds += took if job.period == self._period else 0.0
                rest = min(REST * took, (MOST_REST - rested) / (len(jobs) + 1))
                rested += rest
                time.sleep(rest)
        if failure is not None:
            raise failure

    def _add(self, tensors: list[Tensor], write: Callable[[list[Host]], None]) -> None:
        waiting = [tensor for tensor in tensors if self.hold or not tensor.is_cpu]
        if not waiting:
            with quiet():
                host: list[Host] = [tensor.numpy() for tensor in tensors]
            write(host)
            return
        # The numbers are there once the loop's own stream has come this far, of which another stream knows nothing.
        events = []
        for device in {tensor.device for tensor in waiting if tensor.is_cuda}:
            event = torch.cuda.Event()  # type: ignore[no-untyped-call]
            event.record(torch.cuda.current_stream(device))
            events.append(event)
        self._jobs.append(_Job(tensors, write, tuple(events), self._period))


def _fetched(tensor: Tensor) -> Host:
    with beside(tensor.device), quiet():
        host: Host = tensor.cpu().numpy()
        return host


def _fetched_together(tensors: Sequence[Tensor]) -> dict[int, Host]:
    """Each by its id: one copy for all of a device and dtype."""
    groups: dict[tuple[torch.device, torch.dtype], list[Tensor]] = {}
    for tensor in tensors:
        groups.setdefault((tensor.device, tensor.dtype), []).append(tensor)
    found: dict[int, Host] = {}
    for (device, _), group in groups.items():
        with beside(device), quiet():
            joined = torch.cat([tensor.reshape(-1) for tensor in group]).cpu().numpy()
        start = 0
        for tensor in group:
            end = start + tensor.numel()
            found[id(tensor)] = joined[start:end].reshape(tuple(tensor.shape))
            start = end
    return found
