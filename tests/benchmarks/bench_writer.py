"""Each call of SummaryWriter beside torch's: time in the calling thread, bytes on disk, time to read it back.

Calls of both writers come in turn, so that a busy machine hits both alike. Pictures and sounds are encoded beside the
calling thread; "and written" is the time of a call with its share of the flush that follows each block. Arguments:
names of calls ("add_scalar" ...) to measure these alone.
"""

from __future__ import annotations

import contextlib
import io
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import nn
from torch.utils.tensorboard import SummaryWriter as Peer

from reportgen import SummaryWriter, load

# add_scalar may take this share of the time torch's takes.
SCALAR_LIMIT = 1 / 10
EVERYTHING = {"scalars": 0, "images": 0, "audio": 0, "histograms": 0, "tensors": 0, "compressedHistograms": 0}


@dataclass(frozen=True)
class Call:
    """What is called with a writer and a step, in `blocks` blocks of `calls` each."""

    name: str
    make: Callable[[Any, int], object]
    calls: int = 5
    blocks: int = 5
    note: str = ""


def calls() -> list[Call]:
    generator = torch.Generator().manual_seed(0)
    one, three = torch.tensor(0.5, requires_grad=True), {"a": 0.1, "b": 0.2, "c": 0.3}
    small, large = torch.randn(1000, generator=generator), torch.randn(100_000, generator=generator)
    noise = torch.rand(64, 3, 32, 32, generator=generator)
    smooth = torch.linspace(0, 1, 480 * 640).reshape(1, 480, 640).expand(3, 480, 640).contiguous()
    boxes = torch.tensor([[10.0, 10.0, 100.0, 100.0], [50.0, 60.0, 300.0, 200.0]])
    figure = Figure(figsize=(6.4, 4.8), dpi=100)
    figure.add_subplot().plot([1, 2, 3])
    sound = torch.sin(torch.arange(44100) / 20)[None]
    video = torch.rand(1, 16, 3, 64, 64, generator=generator)
    labels, scores = torch.randint(0, 2, (10_000,)), torch.rand(10_000, generator=generator)
    matrix, names = torch.randn(1000, 64, generator=generator), [str(row % 10) for row in range(1000)]
    vertices, faces = torch.rand(1, 1000, 3), torch.randint(0, 1000, (1, 2000, 3))
    model = nn.Sequential(nn.Conv2d(3, 16, 3), nn.BatchNorm2d(16), nn.ReLU(), nn.Flatten(), nn.Linear(16 * 900, 10))
    batch = torch.rand(8, 3, 32, 32)
    counts, limits = np.histogram(small.numpy(), bins=64)
    raw = (float(small.min()), float(small.max()), 1000, float(small.sum()), float(small.square().sum()))
    return [
        Call("add_scalar", lambda w, step: w.add_scalar("train/loss", 0.5 + step * 1e-6, step), 1000, 21),
        Call("add_scalar, tensor", lambda w, step: w.add_scalar("train/loss", one, step), 1000, 11),
        Call("add_scalars, 3 keys", lambda w, step: w.add_scalars("group", three, step), 300, 11),
        Call("add_hparams", lambda w, step: w.add_hparams({"lr": 0.1, "name": "adam"}, {"hp/acc": 0.5}), 1),
        Call("add_histogram, 1,000", lambda w, step: w.add_histogram("h", small, step), 20, 11),
        Call("add_histogram, 100,000", lambda w, step: w.add_histogram("h", large, step), 5, 11),
        Call("add_histogram_raw", lambda w, step: w.add_histogram_raw("r", *raw, limits[1:], counts, step), 20, 11),
        Call("add_image, 640x480", lambda w, step: w.add_image("i", smooth, step), 1),
        Call("add_images, 64x3x32x32 noise", lambda w, step: w.add_images("b", noise + step * 1e-6, step), 1),
        Call("add_image_with_boxes, 640x480", lambda w, step: w.add_image_with_boxes("x", smooth, boxes, step), 1),
        Call("add_figure, 640x480", lambda w, step: w.add_figure("f", figure, step, close=False), 1),
        Call(
            "add_video, 16 frames 64x64", lambda w, step: w.add_video("v", video, step), 1, note="torch's stores none"
        ),
        Call("add_audio, 1 s", lambda w, step: w.add_audio("s", sound, step), 1),
        Call("add_text", lambda w, step: w.add_text("t", f"text *{step}*", step), 100),
        Call("add_tensor, 1,000", lambda w, step: w.add_tensor("x", small + step, step), 5),
        Call("add_graph", lambda w, step: w.add_graph(model, batch), 1),
        Call("add_embedding, 1000x64", lambda w, step: w.add_embedding(matrix + step, names, None, step), 1),
        Call("add_pr_curve, 10,000", lambda w, step: w.add_pr_curve("p", labels, scores, step), 5),
        Call("add_mesh, 1,000 points", lambda w, step: w.add_mesh("m", vertices, None, faces, None, step), 1),
        Call("add_custom_scalars", lambda w, step: w.add_custom_scalars({"a": {"b": ["Multiline", ["x"]]}}), 20),
    ]


@dataclass(frozen=True)
class Measured:
    """Median seconds a call, the same with a flush after each block, bytes a call and seconds to read all back."""

    seconds: float
    written: float
    size: float
    reading: float


def measure(call: Call, folder: Path) -> tuple[Measured, Measured]:
    """Ours and torch's."""
    places = (folder / "ours", folder / "theirs")
    writers: tuple[Any, Any] = (SummaryWriter(places[0], strict=True), Peer(places[1]))
    before = [size_of(place) for place in places]
    taken: tuple[list[float], list[float]] = ([], [])
    written: tuple[list[float], list[float]] = ([], [])
    for block in range(call.blocks):
        for writer, times, whole in zip(writers, taken, written, strict=True):
            with contextlib.redirect_stdout(io.StringIO()):  # torch's writer prints
                started = time.perf_counter()
                for step in range(block * call.calls, (block + 1) * call.calls):
                    call.make(writer, step)
                times.append((time.perf_counter() - started) / call.calls)
                writer.flush()  # so that nothing of one writer is left to do in the time of the other
                whole.append((time.perf_counter() - started) / call.calls)
    writers[0]._report.close()  # without a page: bench_build measures that
    writers[1].close()
    reading = [timed(lambda: load(places[0])), timed(lambda: read_events(places[1]))]
    total = call.calls * call.blocks
    sizes = [(size_of(place) - least) / total for place, least in zip(places, before, strict=True)]
    ours, theirs = (
        Measured(statistics.median(times), statistics.median(whole), size, seconds)
        for times, whole, size, seconds in zip(taken, written, sizes, reading, strict=True)
    )
    return ours, theirs


def read_events(folder: Path) -> None:
    """All of every event file below `folder`, as TensorBoard's own reader reads it."""
    for place in {file.parent for file in folder.rglob("events.out.tfevents*")}:
        EventAccumulator(str(place), size_guidance=EVERYTHING).Reload()


def timed(read: Callable[[], object]) -> float:
    started = time.perf_counter()
    read()
    return time.perf_counter() - started


def size_of(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def duration(seconds: float) -> str:
    return f"{seconds * 1e6:,.1f} us" if seconds < 1e-3 else f"{seconds * 1e3:,.1f} ms"


def main() -> None:
    warnings.simplefilter("ignore")  # of torch's tracing
    wanted = sys.argv[1:]
    rows: dict[str, tuple[Measured, Measured]] = {}
    print(
        "| call | ours | torch's | ratio | and written, ours | torch's | bytes a call, ours | torch's "
        "| reading back, ours | torch's |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for call in calls():
        if wanted and call.name not in wanted:
            continue
        with tempfile.TemporaryDirectory() as folder:
            ours, theirs = rows[call.name] = measure(call, Path(folder))
        name = f"{call.name} ({call.note})" if call.note else call.name
        print(
            f"| {name} | {duration(ours.seconds)} | {duration(theirs.seconds)} | 1/{theirs.seconds / ours.seconds:.1f} "
            f"| {duration(ours.written)} | {duration(theirs.written)} "
            f"| {ours.size:,.0f} | {theirs.size:,.0f} | {duration(ours.reading)} | {duration(theirs.reading)} |",
            flush=True,
        )
    if "add_scalar" in rows:
        ours, theirs = rows["add_scalar"]
        verdict = "kept" if ours.seconds <= theirs.seconds * SCALAR_LIMIT else "MISSED"
        print(f"\nadd_scalar 1/{theirs.seconds / ours.seconds:.1f}; limit 1/{1 / SCALAR_LIMIT:.0f}: {verdict}")


if __name__ == "__main__":
    main()
