"""What a report with all collectors costs a training step: a ResNet-18 on the CPU and an MLP, in turn without it."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import nn
from torch.nn.modules import module as modules
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.optim import optimizer as optimizers
from torch.utils.data import DataLoader, TensorDataset

from reportgen import Report

FIRST = 32  # the step from which the mean is taken
LIMIT, MODULE = 40, 2  # microseconds a step, and a hooked module, of a step shorter than 50 ms


@contextmanager
def unhooked() -> Iterator[None]:
    """torch's global hooks put aside, so that steps without watching do not pay for its hooks."""
    tables = [
        modules._global_forward_pre_hooks,
        modules._global_forward_hooks,
        optimizers._global_optimizer_pre_hooks,
        optimizers._global_optimizer_post_hooks,
    ]
    kept = [dict(table) for table in tables]
    for table in tables:
        table.clear()
    yield
    for table, hooks in zip(tables, kept, strict=True):
        table.update(hooks)


def training_step(
    model: nn.Module, batches: Iterator[list[torch.Tensor]], report: Report | None
) -> tuple[Callable[[], None], torch.optim.Optimizer, nn.Module]:
    """One step of training, which logs its loss where there is a report."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    criterion = nn.CrossEntropyLoss()

    def step() -> None:
        batch, labels = next(batches)
        optimizer.zero_grad()
        loss = criterion(model(batch), labels)
        loss.backward()
        optimizer.step()
        if report is not None:
            report.log({"train/loss": loss})

    return step, optimizer, criterion


def passes(loader: DataLoader, report: Report | None) -> Iterator[list[torch.Tensor]]:
    while True:
        yield from report.track(loader, progress=False) if report is not None else loader


def compare(
    make: Callable[[], nn.Module], rows: torch.Tensor, labels: torch.Tensor, batch: int, steps: int, whole: bool = True
):
    """Seconds of each step with and without watching, the seconds the recorder counted by then, and by collector.

    whole: with the criterion, a tracked loader and a logged loss, and not the model and the optimizer alone.
    """
    torch.manual_seed(0)
    loader = DataLoader(TensorDataset(rows, labels), batch_size=batch, shuffle=True)
    with tempfile.TemporaryDirectory() as folder:
        report = Report("bench", folder=Path(folder) / "run")
        recorder = report._recorder
        watched, plain = make(), make()
        told = report if whole else None
        with_it, optimizer, criterion = training_step(watched, passes(loader, told), told)
        without, _, _ = training_step(plain, passes(loader, None), None)
        with unhooked():
            without()  # the first step of a process allocates
        began = sum(recorder._costs.values())
        report.watch(watched, optimizer, criterion if whole else None)
        taken: list[float] = []
        bare: list[float] = []
        counted: list[float] = []
        before: dict[str, float] = {}
        for number in range(steps):
            with unhooked():
                started = time.perf_counter()
                without()
                bare.append(time.perf_counter() - started)
            started = time.perf_counter()
            with_it()
            taken.append(time.perf_counter() - started)
            counted.append(sum(recorder._costs.values()) - began)
            if number == FIRST - 1:
                before = dict(recorder._costs)
        parts = {name: seconds - before.get(name, 0.0) for name, seconds in recorder._costs.items()}
        report.close()
    return taken, bare, counted, parts


def resnet(steps: int) -> None:
    from torchvision.models import resnet18

    rows, labels = torch.randn(640, 3, 64, 64), torch.randint(0, 10, (640,))
    taken, bare, counted, parts = compare(lambda: resnet18(num_classes=10), rows, labels, 32, steps)
    step = statistics.fmean(bare[FIRST:])  # a mean like what it is compared with
    later = (counted[-1] - counted[FIRST - 1]) / (steps - FIRST)
    measured = statistics.median(a / b for a, b in zip(taken[FIRST:], bare[FIRST:], strict=True)) - 1
    print(f"watch, ResNet-18, batch 32, 64x64: a step is {step * 1e3:.0f} ms without watching")
    print(
        f"  from step {FIRST} on, mean of {steps - FIRST}: {later / step:.2%} of a step spent in collectors "
        f"(goal 1 %, limit 2 %); the median step, where little is due, {measured:+.2%}"
    )
    first = (counted[FIRST - 1] - counted[0]) / (FIRST - 1)
    print(f"  the captured first step: {counted[0] / step:.0%}; steps 1 to {FIRST - 1}, mean: {first / step:.1%}")
    for name, seconds in sorted(parts.items(), key=lambda item: -item[1]):
        if seconds:
            print(f"  {name}: {seconds / (steps - FIRST) / step:.3%}")


def mlp(steps: int) -> None:
    rows, labels = torch.randn(6400, 20), torch.randint(0, 3, (6400,))
    make = lambda: nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 3))  # noqa: E731
    for whole in (False, True):
        taken, bare, counted, parts = compare(make, rows, labels, 64, steps, whole)
        later = slice(steps // 4, None)  # from where on forwards are only counted
        idle = statistics.median(a - b for a, b in zip(taken[later], bare[later], strict=True))
        looking = (counted[-1] - counted[FIRST - 1]) / (steps - FIRST)
        step = statistics.median(bare)
        told = ", a criterion, report.track and report.log" if whole else ""
        named = ", ".join(
            f"{name} {seconds / (steps - FIRST) * 1e6:.1f}"
            for name, seconds in sorted(parts.items(), key=lambda item: -item[1])[:4]
        )
        print(
            f"watch, MLP of 6 modules, model and optimizer{told}: a step is {step * 1e6:.0f} us; {idle * 1e6:.1f} us "
            f"more when nothing is due (limit {LIMIT + MODULE * (6 + whole)}); counted from step {FIRST} on, mean: "
            f"{looking * 1e6:.1f} us a step: {named}"
        )


def hooked(steps: int) -> None:
    """What torch takes for calling global hooks that do nothing."""
    rows, labels = torch.randn(64, 20), torch.randint(0, 3, (64,))
    model = nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 3))
    step, _, _ = training_step(model, iter(lambda: [rows, labels], None), None)
    taken: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(steps):
        for empty in (False, True):
            handles = []
            if empty:
                handles = [
                    register_module_forward_pre_hook(lambda module, args: None),
                    register_module_forward_hook(lambda module, args, *rest: None, with_kwargs=True, always_call=True),
                ]
            started = time.perf_counter()
            step()
            taken[empty].append(time.perf_counter() - started)
            for handle in handles:
                handle.remove()
    more = statistics.median(a - b for a, b in zip(taken[True], taken[False], strict=True))
    print(f"torch itself, for hooks that do nothing around these modules and the loss: {more * 1e6:.1f} us a step")


def main(resnet_steps: int = 160, mlp_steps: int = 4000) -> None:
    mlp(mlp_steps)
    hooked(mlp_steps)
    resnet(resnet_steps)


if __name__ == "__main__":
    main()
