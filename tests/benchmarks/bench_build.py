"""`reportgen build` of 10,000 steps with 20 metrics, ResNet-18's 62 parameters x 50 snapshots, 25 images, the graph."""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import tempfile
import time
from array import array
from pathlib import Path

import torch
from torch.nn.functional import cross_entropy
from torchvision.models import resnet18

import reportgen
from reportgen.collect.distribution import distributions_of
from reportgen.demo.data import load_digits
from reportgen.run.distribution import Distribution
from reportgen.testing import ReportDoc

STEPS, METRICS, SNAPSHOTS, IMAGES = 10_000, 20, 50, 25
ROUNDS = 5
# Seconds, bytes, bytes: limit and goal.
LIMITS = {"seconds": (2.0, 1.5), "bytes": (700_000, 500_000), "data block": (300_000, 300_000)}


def write_run(folder: Path) -> None:
    """The run, recorded as a training script records it, but for the 50 snapshots, which are made without training."""
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    report = reportgen.Report("ResNet-18, 10,000 steps", folder=folder, config={"lr": 0.1, "batch": 32}, strict=True)
    model = resnet18(num_classes=10)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    report.watch(model, optimizer=optimizer)
    loss = cross_entropy(model(torch.rand(2, 3, 64, 64)), torch.tensor([0, 1]))  # one real step: graph and model
    loss.backward()
    optimizer.step()

    noise = torch.randn(STEPS, METRICS, generator=generator)
    trend = 2.3 * torch.exp(-torch.arange(STEPS) / 2500)[:, None] + torch.linspace(0.05, 0.6, METRICS)
    metrics = (trend + 0.15 * noise).tolist()
    tags = [f"{split}/metric {number:02d}" for number in range(METRICS // 2) for split in ("train", "val")]
    for step in range(2, STEPS + 2):
        report.log(dict(zip(tags, metrics[step - 2], strict=True)), step=step)

    parameters = dict(model.named_parameters())
    noisy = [torch.randn(parameter.shape, generator=generator) for parameter in parameters.values()]
    recorder = report._recorder  # what watch writes to at a snapshot
    for number in range(SNAPSHOTS):
        drift = number / SNAPSHOTS
        drifted = [p.detach() + 0.02 * drift * n for p, n in zip(parameters.values(), noisy, strict=True)]
        gradients = [1e-3 * (1.1 - drift) * n.roll(number) for n in noisy]
        by_kind: dict[str, dict[str, Distribution]] = {
            "weight": dict(zip(parameters, distributions_of(drifted), strict=True)),
            "gradient": dict(zip(parameters, distributions_of(gradients), strict=True)),
        }
        norms = {kind: {name: found.norm for name, found in group.items()} for kind, group in by_kind.items()}
        ratios = {name: 0.1 * norms["gradient"][name] / max(norms["weight"][name], 1e-6) for name in parameters}
        stamp = recorder.stamp((number + 1) * STEPS // SNAPSHOTS)
        recorder.distributions(by_kind, stamp)
        recorder.measures(
            {"update_ratio": ratios, "gradient_norm": norms["gradient"], "weight_norm": norms["weight"]}, stamp
        )
    images, labels = (column[:IMAGES] for column in load_digits(mnist_folders=()).val.tensors)
    logits = 4 * torch.nn.functional.one_hot(labels, 10) + 2 * torch.randn(IMAGES, 10, generator=generator)
    report.predictions(images, logits, labels, step=STEPS)
    report.close()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        run, page = Path(folder, "run"), Path(folder, "report.html")
        write_run(run)
        journal = sum(path.stat().st_size for path in run.glob("*.jsonl"))
        times = array("d")
        for _ in range(ROUNDS):
            started = time.perf_counter()
            subprocess.run(
                [sys.executable, "-m", "reportgen", "build", run, "-o", page], check=True, capture_output=True
            )
            times.append(time.perf_counter() - started)
        text = page.read_text(encoding="utf-8")
    block = re.search(r'<script[^>]*type="application/json"[^>]*>(.*?)</script>', text, re.DOTALL)
    found = {
        "seconds": statistics.median(times),
        "bytes": len(text.encode()),
        "data block": len(block[1].encode()) if block else 0,
    }
    print("| what | found | limit | goal | |")
    print("|---|---|---|---|---|")
    for name, (limit, goal) in LIMITS.items():
        verdict = "goal" if found[name] <= goal else "limit" if found[name] <= limit else "MISSED"
        print(f"| {name} | {found[name]:,.2f} | {limit:,} | {goal:,} | {verdict} |".replace(".00 ", " "))
    print()
    print(f"process start to file: median of {ROUNDS}, quickest {min(times):.2f} s; journal {journal:,} bytes")
    rows = max(len(table) for table in ReportDoc(text).tables())
    print(f"longest table of numbers: {rows - 1} rows below its heading")


if __name__ == "__main__":
    main()
