"""Stand-ins for the CUDA runtime and torch's events, for machines without a device."""

from __future__ import annotations

import ctypes
from types import SimpleNamespace


class Runtime:
    """The library's functions. mode: the capture mode of this thread; modes: all that were set."""

    def __init__(self) -> None:
        self.mode = 0
        self.modes: list[int] = []
        self.status = 0
        self.streams = 0

    def cudaThreadExchangeStreamCaptureMode(self, mode) -> int:  # noqa: N802 - the library's name
        if self.status:
            return self.status
        given = mode._obj
        given.value, self.mode = self.mode, given.value
        self.modes.append(self.mode)
        return 0

    def cudaStreamCreateWithFlags(self, stream, flags: ctypes.c_uint) -> int:  # noqa: N802
        assert flags.value == 1  # it waits for no other
        self.streams += 1
        stream._obj.value = 1000 + self.streams
        return 0


class Event:
    """An event that the device has passed when it is told so."""

    device = SimpleNamespace(type="cpu")  # of the thread that asks: there is none to switch to

    def __init__(self, enable_timing: bool = False) -> None:
        self.passed = False

    def query(self) -> bool:
        return self.passed

    def synchronize(self) -> None:
        self.passed = True
