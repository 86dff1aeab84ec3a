"""How long a distribution takes, against SummaryWriter.add_histogram and against one pass over the memory.

add_histogram sorts. NumPy 2 sorts with AVX-512 or AVX2 where the processor has them, ten times as fast as without, so
the ratio says as much of the machine as of us: NPY_DISABLE_CPU_FEATURES="X86_V3 X86_V4 AVX512_ICL" shows it without.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable

import torch

from reportgen.collect.distribution import distributions_of


def interleaved(calls: dict[str, Callable[[], object]], rounds: int, settle: Callable[[], object]) -> dict[str, float]:
    """Best seconds of each call, all of them taken in turn so that a busy machine hits them alike.

    `settle` runs between them, untimed: it lets the writer's thread finish, which would else run in our time.
    """
    best = dict.fromkeys(calls, float("inf"))
    for _ in range(rounds):
        for name, call in calls.items():
            started = time.perf_counter()
            call()
            best[name] = min(best[name], time.perf_counter() - started)
            settle()
    return best


def main(rounds: int = 5) -> None:
    from torch.utils.tensorboard import SummaryWriter

    generator = torch.Generator().manual_seed(0)
    cases = {  # name: (tensors in one call, elements of each, rounds, the limit)
        "10,000,000 elements": (1, 10_000_000, rounds, 30),
        "100,000 elements": (1, 100_000, rounds * 4, 40),
        "62 x 1,000 elements in one call": (62, 1_000, rounds * 4, 60),
        "1,000 elements": (1, 1_000, rounds * 20, 5),
    }
    with tempfile.TemporaryDirectory() as folder, SummaryWriter(folder) as writer:
        for name, (tensors, elements, turns, limit) in cases.items():
            given = [torch.randn(elements, generator=generator) * 0.02 for _ in range(tensors)]

            def theirs(given: list[torch.Tensor] = given) -> None:
                for tensor in given:
                    writer.add_histogram("x", tensor)

            def pass_over(given: list[torch.Tensor] = given) -> None:
                for tensor in given:
                    tensor.sum()

            def floor(given: list[torch.Tensor] = given) -> None:
                for tensor in given:
                    torch.bincount(tensor.view(torch.int32) >> 20 & 4095)

            taken = interleaved(
                {
                    "theirs": theirs,
                    "ours": lambda given=given: distributions_of(given),
                    "sum": pass_over,
                    "floor": floor,
                },
                turns,
                writer.flush,
            )
            print(
                f"distribution, {name}: {taken['ours'] * 1e6:,.0f} us; add_histogram {taken['theirs'] * 1e6:,.0f} us: "
                f"1/{taken['theirs'] / taken['ours']:.0f} of it (at most 1/{limit} is wanted); "
                f"{taken['ours'] / taken['sum']:.1f} times tensor.sum(); a shift and a count alone: "
                f"1/{taken['theirs'] / taken['floor']:.0f}"
            )


if __name__ == "__main__":
    main()
