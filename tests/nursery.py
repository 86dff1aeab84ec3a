"""Trains in many forked children at once and kills each with SIGKILL at a moment of its own. Run by test_kill.py.

    python -m tests.nursery PLAN.json OUT.json

Importing torch takes seconds, so it is imported once, here, and the children are forked. The plan is a list of
{"kind", "folder", "delay"}; a child writes a line `monotonic-time step` into <folder>.progress once `log` returned for
the step, and is killed `delay` seconds after its first line (kind "asleep": after it fell asleep). The moments of the
kills go to OUT.json.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import reportgen

ASLEEP_AFTER = 30
SLEEP = 5.0


def train(kind: str, folder: Path) -> None:
    """Train until killed."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    report = reportgen.Report("killed", folder=folder, config={"kind": kind}, strict=True)
    progress = os.open(f"{folder}.progress", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer=optimizer, criterion=criterion)
    inputs, labels = torch.randn(64, 8), torch.randint(0, 3, (64,))
    loader = DataLoader(TensorDataset(inputs, labels), batch_size=16, num_workers=2 if kind == "workers" else 0)
    step = 0
    while True:
        for batch, truth in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(batch), truth)
            loss.backward()
            if kind == "asleep" and step == ASLEEP_AFTER:
                time.sleep(SLEEP)
            optimizer.step()
            report.log({"train/loss": loss}, step=step)
            os.write(progress, f"{time.monotonic()} {step}\n".encode())
            step += 1
            time.sleep(0.004)


def ready(kind: str, progress: Path) -> bool:
    """Whether the child is so far that its delay begins."""
    lines = progress.read_bytes().count(b"\n") if progress.exists() else 0
    return lines >= (ASLEEP_AFTER if kind == "asleep" else 1)


def main(plan: list[dict]) -> list[dict]:
    """Fork a child for each entry of the plan, kill each in time, and give back when each was killed."""
    children = {}
    for number, entry in enumerate(plan):
        child = os.fork()
        if child == 0:
            # A session of its own, so that what a killed child leaves behind can be ended with it.
            os.setsid()
            try:
                train(entry["kind"], Path(entry["folder"]))
            finally:
                os._exit(70)
        children[number] = child
    begun: dict[int, float] = {}
    killed: dict[int, float] = {}
    deadline = time.monotonic() + 120
    while len(killed) < len(plan):
        now = time.monotonic()
        for number, entry in enumerate(plan):
            if number in killed:
                continue
            if number not in begun and ready(entry["kind"], Path(entry["folder"] + ".progress")):
                begun[number] = now
            late = now > deadline
            if late or (number in begun and now >= begun[number] + entry["delay"]):
                os.kill(children[number], signal.SIGKILL)
                killed[number] = time.monotonic()
        time.sleep(0.005)
    results = []
    for number, child in children.items():
        _, status = os.waitpid(child, 0)
        results.append({"killed": killed[number], "begun": number in begun, "signal": os.WTERMSIG(status)})
        try:
            os.killpg(child, signal.SIGKILL)  # DataLoader workers that have not noticed yet
        except ProcessLookupError:
            continue
    return results


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(json.dumps(main(json.loads(Path(sys.argv[1]).read_text()))))
