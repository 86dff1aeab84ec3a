"""What watching and logging do on a CUDA device: synchronisations, equality, captures, cost, times of modules.

Ends with status 77 where there is no such device.
"""

from __future__ import annotations

import copy
import os
import statistics
import sys
import tempfile
import threading
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # asked for by deterministic algorithms

import torch
from bench_watch import unhooked
from cuda_training import Training, batch_of, timed, watched
from torch import nn

import reportgen

NO_DEVICE = 77


@contextmanager
def synchronisations(found: Counter[str]) -> Iterator[None]:
    """Count torch's warnings of synchronisations, by thread and the line of ours that caused them."""
    shown = warnings.showwarning

    def count(message, category, filename, lineno, file=None, line=None) -> None:
        if "synchroniz" not in str(message):
            return
        frames = [f for f in traceback.extract_stack() if "reportgen" in f.filename and "bench_" not in f.filename]
        place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "the loop itself"
        thread = "loop" if threading.current_thread() is threading.main_thread() else "writing thread"
        found[f"{thread}, {place}"] += 1

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = count
        torch.cuda.set_sync_debug_mode("warn")
        try:
            yield
        finally:
            torch.cuda.set_sync_debug_mode("default")
            warnings.showwarning = shown


def synchronising(steps: int = 120) -> None:
    from torchvision.models import resnet18

    images, labels = batch_of(32, 64)
    for name, amp in (("float32", False), ("autocast with GradScaler", True)):
        plain: Counter[str] = Counter()
        ours: Counter[str] = Counter()
        training = Training(lambda: resnet18(num_classes=10), images, labels, amp)
        with synchronisations(plain):
            for _ in range(steps):
                training.step()
        training = Training(lambda: resnet18(num_classes=10), images, labels, amp)
        with watched(training, "synchronisations") as report, synchronisations(ours):
            for _ in range(steps):
                report.log({"train/loss": training.step()})
        loop = sum(times for what, times in ours.items() if what.startswith("loop"))
        print(
            f"synchronisations in the loop's thread over {steps} steps of a ResNet-18, {name}, log of a device tensor "
            f"each step: {loop} watched, {plain.total()} without"
        )
        for what, times in ours.most_common(12):
            print(f"  {what}: {times}")


def equal(steps: int = 60) -> None:
    from torchvision.models import resnet18

    torch.use_deterministic_algorithms(True)
    images, labels = batch_of(32, 64)
    for amp in (False, True):
        states = []
        for observe in (False, True, False):
            training = Training(lambda: resnet18(num_classes=10), images, labels, amp)
            if observe:
                with watched(training, "equal") as report:
                    for _ in range(steps):
                        report.log({"train/loss": training.step()})
                    report.snapshot()
            else:
                for _ in range(steps):
                    training.step()
            states.append(copy.deepcopy(training.model.state_dict()))
        same = all(torch.equal(states[0][k], states[1][k]) for k in states[0])
        again = all(torch.equal(states[0][k], states[2][k]) for k in states[0])
        print(
            f"weights and buffers after {steps} steps, amp {amp}: bit-equal watched {same}; without, run twice {again}"
        )
    torch.use_deterministic_algorithms(False)


def cost() -> None:
    from torchvision.models import resnet18, resnet50

    for name, make, size, side, steps in (
        ("ResNet-18", resnet18, 32, 64, 1000),
        ("ResNet-18", resnet18, 256, 128, 160),
        ("ResNet-50", resnet50, 64, 224, 160),
    ):
        images, labels = batch_of(size, side)
        plain = Training(partial(make, num_classes=10), images, labels)
        ours = Training(partial(make, num_classes=10), images, labels)
        for _ in range(5):
            plain.step()
        calm = [unwatched(plain) for _ in range(40)]
        timed(ours.step)
        taken: list[float] = []
        beside: list[float] = []
        costs: list[dict[str, float]] = []
        with watched(ours, "cost") as report:
            for _ in range(steps):
                beside.append(unwatched(plain))
                taken.append(timed(ours.step))
                costs.append(dict(report._recorder._costs))
            schedule = report._watcher._work.schedule
        modules = sum(1 for _ in ours.model.modules())
        step = statistics.median(calm)
        print(
            f"{name}, batch {size}, {side}x{side}, {modules} modules: a step is {step * 1e3:.1f} ms, the mean of 40 "
            f"{statistics.fmean(calm) / step - 1:.1%} above that; the captured one takes {taken[0] / step:.1f} steps; "
            f"promised below 50 ms: {40 + 2 * modules} us a step more"
        )
        for first, last in ((1, 32), (32, 160), (160, 1000)):
            if first >= steps:
                continue
            more = disturbed(taken[first:last], beside[first:last])
            number = len(taken[first:last])
            idle = statistics.median(taken[first:last]) - statistics.median(beside[first:last])
            end = costs[first + number - 1]
            parts = {what: (value - costs[first - 1].get(what, 0.0)) / number for what, value in end.items()}
            most = ", ".join(
                f"{what} {value * 1e6:.0f}" for what, value in sorted(parts.items(), key=lambda i: -i[1])[:4]
            )
            print(
                f"  steps {first} to {first + number - 1}: {more / step:+.1%} ({more * 1e6:+.0f} us) a step, of the "
                f"median {idle / step:+.1%} ({idle * 1e6:+.0f} us); us a step in collectors: {most}"
            )
        print(
            f"  of what is due, one in {schedule.thinning} is looked at up to step 32, "
            f"one in {schedule.stretch} from there on"
        )


def unwatched(training: Training) -> float:
    """Seconds of a step without watching."""
    with unhooked():
        return timed(training.step)


def disturbed(taken: list[float], beside: list[float], window: int = 32) -> float:
    """Seconds that watching takes of a step: what watched steps, and those beside them, take above the median of the
    latter. Our thread may disturb either. Medians are of few steps, since such a machine is not equally fast for long.
    For the limits of the schedule it is as if steps took twice as long.
    """
    extra = 0.0
    for first in range(0, len(taken), window):
        both = taken[first : first + window], beside[first : first + window]
        extra += sum(both[0]) + sum(both[1]) - 2 * len(both[0]) * statistics.median(both[1])
    return extra / len(taken)


def launches() -> None:
    """Kernels of ours in a step in which everything is looked at, and in one in which norms are."""
    from torch.profiler import ProfilerActivity, profile
    from torchvision.models import resnet18

    def kernels(training: Training) -> int:
        with profile(activities=[ProfilerActivity.CUDA]) as seen:
            training.step()
            torch.cuda.synchronize()
        return sum(event.device_type == torch.autograd.DeviceType.CUDA for event in seen.events())

    images, labels = batch_of(32, 64)
    training = Training(lambda: resnet18(num_classes=10), images, labels)
    training.step()
    kernels(training)
    plain = kernels(training)
    with watched(training, "launches"):
        for _ in range(7):
            training.step()
        whole = kernels(training) - plain
        for _ in range(9):
            training.step()
        norms = kernels(training) - plain  # of step 17; the forwards whose modules are timed are over
        print(
            f"kernels and copies of a ResNet-18's step: {plain}; more where all is looked at: {whole}, norms: {norms}"
        )


def clocks() -> None:
    """Our times of modules beside those of events around each call, behind a device kept busy until all was queued."""
    from torchvision.models import resnet18

    for size, side, waits in ((64, 224, False), (64, 224, True), (8, 64, True)):
        images, labels = batch_of(size, side)
        training = Training(lambda: resnet18(num_classes=10), images, labels)
        names = ["conv1", "layer1.0", "layer2.0.conv1", "layer4.1", "fc", ""]
        modules = dict(training.model.named_modules())
        with tempfile.TemporaryDirectory() as folder:
            report = reportgen.Report("clocks", folder=Path(folder) / "run", strict=True)
            report.watch(training.model, training.optimizer)
            for _ in range(24):
                loss = training.step()
                if waits:
                    loss.item()
            report.build()
            report.close()
            graph = reportgen.load(Path(folder) / "run").graph
        ours = {node.path: node.seconds for node in graph.nodes if node.kind == "module" and node.call == 1}
        found = []
        for name in names:
            events: list[tuple[torch.cuda.Event, torch.cuda.Event]] = []

            def before(module: nn.Module, args: object, events: list = events) -> None:
                events.append((torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)))
                events[-1][0].record()

            def after(module: nn.Module, args: object, output: object, events: list = events) -> None:
                events[-1][1].record()

            handles = [modules[name].register_forward_pre_hook(before), modules[name].register_forward_hook(after)]
            for _ in range(6):
                torch.cuda._sleep(40_000_000)
                training.step()
            torch.cuda.synchronize()
            for handle in handles:
                handle.remove()
            theirs = statistics.median(a.elapsed_time(b) for a, b in events[1:]) * 1e-3
            mine = ours.get(name)
            told = "none" if mine is None else f"{mine * 1e6:.0f}"
            found.append(f"{name or 'the whole model'} {told} against {theirs * 1e6:.0f}")
        known = sum(seconds is not None for seconds in ours.values())
        print(
            f"times of modules in us, batch {size}, {side}x{side}, {'a loss' if waits else 'nothing'} read each step, "
            f"{known} of {len(ours)} known: {', '.join(found)}"
        )


def logging() -> None:
    value = torch.tensor(0.5, device="cuda")
    with tempfile.TemporaryDirectory() as folder:
        report = reportgen.Report("log", folder=Path(folder) / "run", strict=True)
        for step in range(200):
            report.log({"loss": value}, step)
        torch.cuda.synchronize()
        started = time.perf_counter()
        for step in range(200, 2200):
            report.log({"loss": value}, step)
        took = (time.perf_counter() - started) / 2000
        report.close()
        read = reportgen.load(Path(folder) / "run").scalars["loss"]
    print(
        f"report.log of a number on the device: {took * 1e6:.1f} us in a loop of nothing else; read back {len(read)} "
        f"of 2200, all 0.5: {set(read.values) == {0.5}}"
    )
    values = torch.randn(10_000_000, device="cuda")
    with tempfile.TemporaryDirectory() as folder:
        report = reportgen.Report("histogram", folder=Path(folder) / "run", strict=True)
        report.histogram("h", values, 0)
        torch.cuda.synchronize()
        started = time.perf_counter()
        for step in range(1, 6):
            report.histogram("h", values, step)
        took = (time.perf_counter() - started) / 5
        report.histogram("h", values.cpu(), 7)
        report.close()
        shots = reportgen.load(Path(folder) / "run").distributions["histogram"]["h"].snapshots
    same = (
        shots[0].bins == shots[-1].bins
        and shots[0].counts == shots[-1].counts
        and shots[0].maximum == shots[-1].maximum
    )
    print(
        f"report.histogram of 10,000,000 numbers on the device: {took * 1e3:.2f} ms; counts equal those of the host: "
        f"{same}"
    )


def captured_graphs() -> None:
    """A training step in a CUDA graph, while numbers and distributions wait to be written by our thread."""
    data, target = torch.randn(64, 256, device="cuda"), torch.randint(0, 10, (64,), device="cuda")
    states, notes, failed, captures = [], [], 0, 0
    for observe in (False, True):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10)).cuda()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)

        def step(model: nn.Module = model, optimizer: torch.optim.Optimizer = optimizer) -> torch.Tensor:
            optimizer.zero_grad(set_to_none=True)
            loss = nn.functional.cross_entropy(model(data), target)
            loss.backward()
            optimizer.step()
            return loss.detach()

        with tempfile.TemporaryDirectory() as folder:
            report = reportgen.Report("graphs", folder=Path(folder) / "run")
            if observe:
                report.watch(model, optimizer)
            side = torch.cuda.Stream()
            side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(side):
                for _ in range(40):
                    loss = step()
                    if observe:
                        report.log({"loss": loss})
            torch.cuda.current_stream().wait_stream(side)
            for number in range(400):
                if observe:
                    for _ in range(70):
                        report.log({"loss": loss})  # over 64 lines: the thread writes during the capture
                    report.snapshot()
                graph = torch.cuda.CUDAGraph()
                try:
                    with torch.cuda.graph(graph):
                        inside = step()
                        if observe and number == 1:
                            report.log({"inside": inside})
                    graph.replay()
                    captures += observe
                    loss = inside.clone()
                except RuntimeError as error:
                    failed += 1
                    print(f"  capture failed: {str(error).splitlines()[0][:200]}")
                    if failed > 2:
                        break
            torch.cuda.synchronize()
            report.close()
            run = reportgen.load(Path(folder) / "run")
        notes = [note.what for note in run.notes]
        read = len(run.scalars["loss"]) if observe else 0
        states.append(copy.deepcopy(model.state_dict()))
    same = all(torch.equal(states[0][k], states[1][k]) for k in states[0])
    print(
        f"captures of a watched training step as a CUDA graph: {captures} good, {failed} failed; weights after as many "
        f"replays bit-equal {same}; numbers read {read} of {40 + 400 * 70}; notes: {notes}"
    )


def small() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 32, 3), nn.BatchNorm2d(32), nn.ReLU(), nn.Flatten(), nn.Linear(32 * 900, 10)
    )  # fmt: skip


def compiled() -> None:
    torch.use_deterministic_algorithms(True)
    images, labels = batch_of(32, 32)
    states = []
    for observe in (False, True, False):
        torch._dynamo.reset()
        training = Training(small, images, labels)
        training.call = torch.compile(training.model)
        if observe:
            with watched(training, "compiled") as report:
                for _ in range(30):
                    report.log({"train/loss": training.step()})
        else:
            for _ in range(30):
                training.step()
        states.append(copy.deepcopy(training.model.state_dict()))
    same, again = (all(torch.equal(states[0][k], other[k]) for k in states[0]) for other in states[1:])
    torch.use_deterministic_algorithms(False)
    print(f"compiled by inductor, 30 steps: bit-equal watched {same}; without, run twice {again}")


def main() -> int:
    if not torch.cuda.is_available():
        print("no CUDA device")
        return NO_DEVICE
    from reportgen.collect.beside import runtime

    found = "found" if runtime() is not None else "missing"
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}; the runtime's calls for captures are {found}")
    failed = 0
    # The last one's profiler slows down whatever comes after it.
    for part in (cost, clocks, logging, synchronising, equal, captured_graphs, compiled, launches):
        began = time.perf_counter()
        try:
            part()
        except Exception:  # the other parts are worth as much: time on a device is short
            failed += 1
            traceback.print_exc()
        print(f"({part.__name__}: {time.perf_counter() - began:.0f} s)", file=sys.stderr)
        sys.stdout.flush()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
