"""Work on a device beside a loop that may be capturing a CUDA graph."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
import torch

from reportgen.collect import beside as module
from reportgen.collect.beside import Runtime, beside, may_work
from tests.collect import cuda

DEVICE = torch.device("cuda", 0)


@pytest.fixture
def library(monkeypatch):
    """A runtime that is found, and a torch that takes any stream; entered: what was current, in order."""
    library = cuda.Runtime()
    library.entered = []

    @contextmanager
    def entered(thing):
        library.entered.append((thing, library.mode))
        yield

    monkeypatch.setattr(module, "runtime", lambda: Runtime(library, "cuda"))
    monkeypatch.setattr(torch.cuda, "device", entered)
    monkeypatch.setattr(torch.cuda, "stream", entered)
    monkeypatch.setattr(torch.cuda, "ExternalStream", lambda pointer, device: ("stream", pointer))
    module._stream.cache_clear()
    yield library
    module._stream.cache_clear()


def test_a_thread_is_relaxed_while_it_works_and_then_as_it_was(library):
    with beside(DEVICE):
        assert library.mode == 2
    assert library.mode == 0
    with pytest.raises(ValueError, match="ours"), beside(DEVICE):
        raise ValueError("ours")
    assert library.modes == [2, 0, 2, 0]


def test_the_stream_is_our_own_always_the_same_and_current_once_the_thread_is_relaxed(library):
    for _ in range(2):
        with beside(DEVICE):
            pass
    assert library.entered == [(DEVICE, 0), (("stream", 1001), 2)] * 2
    assert library.streams == 1


def test_a_refusal_of_the_runtime_is_an_error_and_not_silence(library):
    library.status = 3
    with pytest.raises(RuntimeError, match="status 3"), beside(DEVICE):
        pass


def test_nothing_happens_for_the_cpu(library):
    with beside(torch.device("cpu")):
        assert library.modes == library.entered == []


@pytest.mark.parametrize(
    ("found", "asked", "captures", "may"),
    [
        (True, False, False, True),
        (True, False, True, True),
        (False, False, False, False),  # another thread may be capturing
        (False, True, False, True),
        (False, True, True, False),
    ],
)
def test_without_the_runtimes_calls_only_a_thread_that_is_known_not_to_capture_works(
    monkeypatch, found, asked, captures, may
):
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(module, "runtime", lambda: object() if found else None)
    monkeypatch.setattr(module, "capturing", lambda: captures)
    assert may_work(asked) is may


def test_where_no_device_is_in_use_there_is_nothing_to_wait_for():
    assert may_work(asked=False)


@pytest.mark.parametrize(
    ("cuda_version", "hip", "prefix", "first"),
    [("13.0", None, "cuda", "libcudart.so.13"), (None, "6.2.41133", "hip", "libamdhip64.so.6")],
)
def test_the_runtime_is_the_one_torch_was_built_for(monkeypatch, cuda_version, hip, prefix, first):
    monkeypatch.setattr(torch.version, "cuda", cuda_version)
    monkeypatch.setattr(torch.version, "hip", hip)
    begins, names = module._libraries()
    assert (begins, names[0]) == (prefix, first)


def test_a_library_that_is_missing_or_lacks_the_calls_is_none(monkeypatch):
    def load(name):
        if name.startswith("libcudart"):
            raise OSError(name)
        return object()

    monkeypatch.setattr(module.ctypes, "CDLL", load)
    module.runtime.cache_clear()
    assert module.runtime() is None
    module.runtime.cache_clear()
