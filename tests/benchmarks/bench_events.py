"""Reading event files: 100,000 scalars against EventAccumulator, and a folder of 1 GB, with and without fast checksums.

python tests/benchmarks/bench_events.py [megabytes of the large folder]
"""

from __future__ import annotations

import json
import os
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import google_crc32c
import numpy as np
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import histogram, image, scalar

import reportgen

SCALARS, TAGS, REPEATS = 100_000, 10, 5
LIMIT, GOAL = 6, 10
MEGABYTES = 1000
LIMIT_SECONDS, LIMIT_MEGABYTES = 180, 500

# Run in a process of its own, whose peak of memory is then that of reading alone.
READING = """
import json, resource, sys, time
if sys.argv[2] == "without":
    sys.modules["google_crc32c"] = None
started = time.perf_counter()
if sys.argv[3] == "load":
    from reportgen.readers.load import load_all
    runs = load_all(sys.argv[1])
    points = sum(len(series) for run in runs for series in run.scalars.values())
else:
    from reportgen.cli.main import main
    main(["build", "--quiet", sys.argv[1], "-o", sys.argv[4]])
    points = 0
seconds, kilobytes = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:  # the peak above counts the process that started this one as well
    with open("/proc/self/status") as status:
        kilobytes = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
except OSError:
    pass
print(json.dumps([seconds, kilobytes, points]))
"""


def quickest(call: Callable[[], object]) -> tuple[float, float]:
    taken = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        call()
        taken.append(time.perf_counter() - started)
    return min(taken), statistics.median(taken)


def scalars(folder: Path) -> None:
    with SummaryWriter(folder) as writer:
        for step in range(SCALARS // TAGS):
            for tag in range(TAGS):
                writer.add_scalar(f"train/metric {tag}", 1 / (step + 1), step)

    def theirs() -> None:
        accumulator = EventAccumulator(str(folder), size_guidance={"scalars": 0})
        accumulator.Reload()
        assert sum(len(accumulator.Scalars(f"train/metric {tag}")) for tag in range(TAGS)) == SCALARS

    def ours() -> None:
        assert sum(len(series) for series in reportgen.load(folder).scalars.values()) == SCALARS

    peer, mine = quickest(theirs), quickest(ours)
    print(f"| read {SCALARS:,} scalars | median s | quickest s |")
    print("|---|---|---|")
    print(f"| EventAccumulator(scalars=0) | {peer[1]:.3f} | {peer[0]:.3f} |")
    print(f"| reportgen.load | {mine[1]:.3f} | {mine[0]:.3f} |")
    print()
    ratio = peer[1] / mine[1]
    verdict = "kept" if ratio >= LIMIT else "MISSED"
    print(f"{ratio:.1f} times as fast; limit {LIMIT}: {verdict}; goal {GOAL}: {'kept' if ratio >= GOAL else 'missed'}")


def masked(data: bytes) -> bytes:
    crc = google_crc32c.value(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def record(summary: bytes, step: int) -> bytes:
    """A framed event around a summary as the writer serialises it."""
    event = (
        b"\x09" + struct.pack("<d", 1.7e9 + step) + b"\x10" + varint(step) + b"\x2a" + varint(len(summary)) + summary
    )
    length = struct.pack("<Q", len(event))
    return length + masked(length) + event + masked(event)


def large(folder: Path, megabytes: int) -> dict[str, int]:
    """A log of four runs: by bytes two tenths scalars, four tenths histograms, four tenths pictures."""
    generator = np.random.default_rng(0)
    pictures = [
        image(
            "samples", generator.integers(0, 256, (3, 128, 128), dtype=np.uint8), dataformats="CHW"
        ).SerializeToString()
        for _ in range(8)
    ]
    histograms = [
        histogram(
            f"weights/{layer}", generator.normal(0, 0.02, 100_000), "auto" if layer % 2 else 500
        ).SerializeToString()
        for layer in range(16)
    ]
    numbers = [scalar(f"train/metric {tag}", 0.5 + tag).SerializeToString() for tag in range(20)]
    counts = {"scalars": 0, "histograms": 0, "pictures": 0}
    for run in range(4):
        place = folder / f"run-{run}"
        place.mkdir()
        share = megabytes * 1_000_000 // 4
        written = dict.fromkeys(counts, 0)
        wanted = {"scalars": 0.2, "histograms": 0.4, "pictures": 0.4}
        with (place / "events.out.tfevents.1700000000.host.1.0").open("wb") as file:
            step = 0
            while sum(written.values()) < share:
                step += 1
                for kind, summaries, each in (
                    ("scalars", numbers, 20),
                    ("histograms", histograms, 16),
                    ("pictures", pictures, 1),
                ):
                    while written[kind] <= wanted[kind] * (sum(written.values()) + 1):
                        data = b"".join(record(summaries[n % len(summaries)], step) for n in range(each))
                        written[kind] += file.write(data)
                        counts[kind] += each
                        if kind == "scalars":
                            step += 1
    return counts


def read(folder: Path, checksums: str, what: str, out: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(reportgen.__file__).parents[1])}
    ran = subprocess.run(
        [sys.executable, "-c", READING, folder, checksums, what, out],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env=environment,
    )
    seconds, kilobytes, _ = json.loads(ran.stdout.splitlines()[-1])
    memory = kilobytes * 1024 / 1e6
    kept = "kept" if seconds <= LIMIT_SECONDS and memory <= LIMIT_MEGABYTES else "MISSED"
    named = {"load": "reportgen.load_all", "build": "reportgen build"}[what]
    print(f"| {named}, {checksums} google-crc32c | {seconds:.1f} | {memory:.0f} | {kept} |", flush=True)


def main() -> None:
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else MEGABYTES
    with tempfile.TemporaryDirectory() as name:
        scalars(Path(name, "scalars"))
        folder = Path(name, "large")
        folder.mkdir()
        counts = large(folder, megabytes)
        print()
        told = ", ".join(f"{count:,} {kind}" for kind, count in counts.items())
        print(f"| {megabytes:,} MB in 4 runs: {told} | s | peak MB | {LIMIT_SECONDS} s, {LIMIT_MEGABYTES} MB |")
        print("|---|---|---|---|")
        for what in ("build", "load"):
            for checksums in ("with", "without"):
                read(folder, checksums, what, Path(name, "report.html"))


if __name__ == "__main__":
    main()
