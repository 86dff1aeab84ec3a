"""A model in training on a CUDA device, for the benchmarks of watching it there."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import nn

import reportgen


def batch_of(size: int, side: int, classes: int = 10) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator(device="cuda").manual_seed(1)
    images = torch.randn(size, 3, side, side, device="cuda", generator=generator)
    return images, torch.randint(0, classes, (size,), device="cuda", generator=generator)


class Training:
    """A model on the device, and one step of its training."""

    def __init__(self, make: Callable[[], nn.Module], images: torch.Tensor, labels: torch.Tensor, amp: bool = False):
        torch.manual_seed(0)
        self.model = make().cuda()
        self.call: nn.Module = self.model
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.01, momentum=0.9)
        self.scaler = torch.amp.GradScaler("cuda", enabled=amp)
        self.images, self.labels, self.amp = images, labels, amp

    def step(self) -> torch.Tensor:
        self.optimizer.zero_grad()
        with torch.autocast("cuda", enabled=self.amp):
            loss = nn.functional.cross_entropy(self.call(self.images), self.labels)
        self.scaler.scale(loss).backward()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return loss


@contextmanager
def watched(training: Training, title: str) -> Iterator[reportgen.Report]:
    with tempfile.TemporaryDirectory() as folder:
        report = reportgen.Report(title, folder=Path(folder) / "run", strict=True)
        report.watch(training.model, training.optimizer, scaler=training.scaler if training.amp else None)
        yield report
        report.close()


def timed(step: Callable[[], object]) -> float:
    torch.cuda.synchronize()
    started = time.perf_counter()
    step()
    torch.cuda.synchronize()
    return time.perf_counter() - started
