"""Report.log of a Python float, against SummaryWriter.add_scalar in the same run."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter

import reportgen

BLOCKS, CALLS = 41, 1000
LIMIT = 1 / 10


def seconds_a_call(call: Callable[[float, int], object], first_step: int) -> float:
    started = time.perf_counter()
    for step in range(first_step, first_step + CALLS):
        call(0.5 + step * 1e-6, step)
    return (time.perf_counter() - started) / CALLS


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        report = reportgen.Report("log", folder=Path(folder, "ours"), strict=True)
        # Writing to disk falls on both threads: ours and the writer's own run on while the other is timed.
        with SummaryWriter(Path(folder, "theirs")) as writer:
            calls: dict[str, Callable[[float, int], object]] = {
                "report.log": lambda value, step: report.log({"train/loss": value}, step=step),
                "SummaryWriter.add_scalar": lambda value, step: writer.add_scalar("train/loss", value, step),
            }
            # Blocks in turn, so that a busy machine hits both alike; the median, so that one stall does not count.
            taken: dict[str, list[float]] = {name: [] for name in calls}
            for block in range(BLOCKS):
                for name, call in calls.items():
                    taken[name].append(seconds_a_call(call, block * CALLS))
        report.close()
    ours, theirs = (statistics.median(taken[name]) for name in calls)
    print("| one number | median us | quickest us |")
    print("|---|---|---|")
    for name, times in taken.items():
        print(f"| {name} | {statistics.median(times) * 1e6:.2f} | {min(times) * 1e6:.2f} |")
    print()
    verdict = "kept" if ours <= theirs * LIMIT else "MISSED"
    print(f"ratio 1/{theirs / ours:.1f}; limit 1/{1 / LIMIT:.0f}: {verdict}")


if __name__ == "__main__":
    main()
