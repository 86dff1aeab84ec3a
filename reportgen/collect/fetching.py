"""Logged numbers between the device they lie on and the line they are written in."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from reportgen.collect.beside import may_work
from reportgen.collect.device import Buffers, DeviceNumbers, Slot
from reportgen.collect.lines import SCALARS, Entry
from reportgen.collect.quiet import capturing
from reportgen.errors import InvalidArgumentError


class Fetching:
    """Takes numbers on their devices and fetches them when lines are made.

    failed: told what went wrong and at which step when numbers could not be fetched; the others are written.
    """

    def __init__(self, failed: Callable[[str, int], None]) -> None:
        self._failed = failed
        self._devices: dict[torch.device, DeviceNumbers] = {}
        self._waiting: list[Entry] = []  # numbers that the thread which writes must not fetch

    @staticmethod
    def concerns(value: Tensor) -> bool:
        """Whether a number lies on a device, where reading it would wait."""
        return not value.is_cpu

    def take(self, tag: str, value: Tensor) -> Slot:
        """Copy a number on its device. Raises InvalidArgumentError while a CUDA graph is captured: it is none yet."""
        if capturing():
            what = "a number of a CUDA graph that is being captured"
            raise InvalidArgumentError(f"values[{tag[:80]!r}]", what, "one that is there: log it after replay()")
        numbers = self._devices.get(value.device)
        if numbers is None:
            numbers = self._devices[value.device] = DeviceNumbers(value.device)
        return numbers.put(value)

    def ready(self, entries: list[Entry], asked: bool) -> list[Entry]:
        """The entries that can be written now, with their numbers on the host. asked: see `beside.may_work`."""
        if self._waiting or not may_work(asked):
            entries, waiting = _apart(entries, bool(self._waiting))
            self._waiting += waiting
        return self._on_host(entries)

    def late(self) -> list[Entry]:
        """The entries that were left waiting, with their numbers, for a thread of the user's that asked for a flush."""
        if not self._waiting or not may_work(asked=True):
            return []
        waiting, self._waiting = self._waiting, []
        return self._on_host(waiting)

    def _on_host(self, entries: list[Entry]) -> list[Entry]:
        try:
            return _fetched(entries)
        except Exception as error:  # noqa: BLE001 - whatever a device raises, what is on the host is still written
            self._failed(f"numbers on the device could not be read: {error}", entries[0][1])
            return _without_devices(entries)


def _fetched(entries: list[Entry]) -> list[Entry]:
    """The entries with every number on the host: one copy a device buffer. Raises what torch does when that fails."""
    buffers: Buffers = {}
    for entry in entries:
        if entry[0] == SCALARS:
            payload = entry[5]
            for tag, value in payload.items():
                if type(value) is Slot:
                    payload[tag] = value.read(buffers)
    return entries


def _without_devices(entries: list[Entry]) -> list[Entry]:
    """The entries without the numbers that lie on a device."""
    return [
        (*entry[:5], {tag: value for tag, value in entry[5].items() if type(value) is not Slot})
        if entry[0] == SCALARS
        else entry
        for entry in entries
        if entry[0] != SCALARS or any(type(value) is not Slot for value in entry[5].values())
    ]


def _apart(entries: list[Entry], after: bool) -> tuple[list[Entry], list[Entry]]:
    """What can be written now, and the numbers that wait for a device, with all that come after these.

    after: whether such numbers came before.
    """
    now: list[Entry] = []
    waiting: list[Entry] = []
    for entry in entries:
        after |= entry[0] == SCALARS and any(type(value) is Slot for value in entry[5].values())
        (waiting if after and entry[0] == SCALARS else now).append(entry)
    return now, waiting
