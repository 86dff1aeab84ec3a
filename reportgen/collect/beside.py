"""Work on a CUDA device beside the training loop, which may be capturing a CUDA graph at that very moment.

While a graph is captured in torch's usual ("global") mode, CUDA refuses whatever could wait for a device, in every
thread of the process, and by the refusal the capture is lost: the user's training fails. A thread is exempt from that
once it has changed its own mode to "relaxed", and torch has no name for this call. What it does then must not touch the
stream that is captured, so it has a stream of its own: none of torch's pool, which hands the same 32 out in turn.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from reportgen.collect.quiet import capturing

_RELAXED = 2
_NON_BLOCKING = 1
# A tenth of the time of `torch.cuda.current_stream`, which makes an object.
_raw_stream = getattr(torch._C, "_cuda_getCurrentRawStream", None)


class Runtime:
    """The calls of the CUDA or HIP runtime that torch has no name for. They return a status, 0 for success."""

    def __init__(self, library: ctypes.CDLL, prefix: str) -> None:
        self._exchange = getattr(library, f"{prefix}ThreadExchangeStreamCaptureMode")
        self._create = getattr(library, f"{prefix}StreamCreateWithFlags")

    def exchange(self, mode: int) -> int:
        """Set the capture mode of this thread and return the one before. Raises RuntimeError when it is refused."""
        value = ctypes.c_int(mode)
        _check(self._exchange(ctypes.byref(value)))
        return value.value

    def stream(self) -> int:
        """A new stream on the current device, which waits for no other. Raises RuntimeError when it is refused."""
        made = ctypes.c_void_p()
        _check(self._create(ctypes.byref(made), ctypes.c_uint(_NON_BLOCKING)))
        return made.value or 0


@functools.cache
def runtime() -> Runtime | None:
    """The runtime torch has loaded, None where these calls are not found in it."""
    prefix, names = _libraries()
    for name in names:
        try:
            return Runtime(ctypes.CDLL(name), prefix)
        except (OSError, AttributeError):
            continue
    return None


def may_work(asked: bool) -> bool:
    """Whether devices may be worked on in this thread now.

    asked: by the user's own thread, which waits for it. Without the runtime's calls only such a thread may, since it is
    known whether it captures.
    """
    initialised = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    return not initialised or runtime() is not None or (asked and not capturing())


@contextmanager
def beside(device: torch.device) -> Iterator[None]:
    """Work on `device` in a stream of our own and without disturbing a capture. Nothing waits by itself for the loop's
    streams: wait for an event of theirs.
    """
    if device.type != "cuda":
        yield
        return
    calls = runtime()
    with torch.cuda.device(device):
        if calls is None:
            yield
            return
        before = calls.exchange(_RELAXED)
        try:
            with torch.cuda.stream(_stream(device)):
                yield
        finally:
            calls.exchange(before)


def stream_of(device: torch.device) -> int:
    """What tells the device's current stream from others: what is made on one cannot simply be used on another."""
    if device.type != "cuda":
        return 0
    if _raw_stream is not None:
        return int(_raw_stream(device.index))
    return int(torch.cuda.current_stream(device).cuda_stream)


@functools.cache
def _stream(device: torch.device) -> torch.cuda.Stream:
    calls = runtime()
    pointer = calls.stream() if calls is not None else 0
    return torch.cuda.ExternalStream(pointer, device=device)  # type: ignore[no-untyped-call]


def _libraries() -> tuple[str, list[str]]:
    """How names in the runtime begin, and what its library may be called."""
    hip = torch.version.hip
    if hip is not None:
        return "hip", [f"libamdhip64.so.{hip.partition('.')[0]}", "libamdhip64.so", "amdhip64.dll"]
    major = (torch.version.cuda or "").partition(".")[0]
    return "cuda", [f"libcudart.so.{major}", f"cudart64_{major}.dll"]


def _check(status: int) -> None:
    if status:
        raise RuntimeError(f"the device's runtime answered with status {status}")
