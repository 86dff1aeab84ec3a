"""One set-up, trained and judged in a process of its own."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch._dynamo  # once, before the forks: torch.optim imports it

import reportgen
from reportgen.diagnose import diagnose
from reportgen.run.thin import thin
from tests.faults.published import PUBLISHED
from tests.faults.setup import Setup

ATTENTION = ("error", "warning")
SLOWEST = 60.0


@dataclass(frozen=True, slots=True)
class Fired:
    """A finding that leads a card: what it says and where."""

    id: str
    severity: str
    place: str


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of one set-up with one seed. published: rule set -> ids that it fired. crashed: of our own code."""

    setup: Setup
    seed: int
    fired: tuple[Fired, ...]
    published: dict[str, list[str]]
    score: float | None
    seconds: float
    crashed: str = ""

    @property
    def poor(self) -> bool:
        """Whether a healthy set-up did not become good, so that nothing can be said with it."""
        least = self.setup.least
        return least is not None and (self.score is None or not self.score >= least)


def judged(jobs: Sequence[tuple[Setup, int]], processes: int = 2) -> Iterator[Judged]:
    """Train each set-up with its seed in a forked process, `processes` at a time, in order of completion."""
    torch.set_num_threads(1)
    waiting = list(reversed(jobs))
    running: dict[int, tuple[Setup, int, int]] = {}
    while waiting or running:
        while waiting and len(running) < processes:
            setup, seed = waiting.pop()
            reader, writer = os.pipe()
            sys.stdout.flush()
            child = os.fork()
            if not child:
                os.close(reader)
                os._exit(_child(setup, seed, writer))
            os.close(writer)
            running[child] = (setup, seed, reader)
        child, _ = os.wait()
        setup, seed, reader = running.pop(child)
        with os.fdopen(reader) as pipe:
            text = pipe.read()
        yield _of(setup, seed, text)


def _of(setup: Setup, seed: int, text: str) -> Judged:
    if not text:
        return Judged(setup, seed, (), {}, None, 0.0, "the process died")
    told = json.loads(text)
    fired = tuple(Fired(*each) for each in told["fired"])
    return Judged(setup, seed, fired, told["published"], told["score"], told["seconds"], told["crashed"])


def _child(setup: Setup, seed: int, writer: int) -> int:
    warnings.simplefilter("ignore")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    started = time.perf_counter()
    told: dict[str, object] = {"fired": [], "published": {}, "score": None, "crashed": ""}
    try:
        with tempfile.TemporaryDirectory() as folder:
            told["score"] = _trained(setup, seed, f"{folder}/run")
            run = reportgen.load(Path(folder) / "run")
            found = diagnose(thin(run)).findings
            told["fired"] = [(each.id, each.severity, _place(each.where)) for each in found]
            told["published"] = {name: rules(run) for name, rules in PUBLISHED.items()}
    except BaseException as error:
        told["crashed"] = f"{type(error).__name__}: {error}"[:200]
    told["seconds"] = time.perf_counter() - started
    with os.fdopen(writer, "w") as pipe:
        json.dump(told, pipe)
    return 0


def _trained(setup: Setup, seed: int, folder: str) -> float | None:
    """Train as a script does that ends after `report.build()`, or in an exception; no page is built."""
    report = reportgen.Report("run", folder=folder)
    score = None
    try:
        score = setup.train(report, seed)
    except Exception as error:
        report._record_failure(error)
    else:
        report._end("finished")
    report.close()
    return score


def _place(where: object) -> str:
    return " ".join(str(part) for part in (where.model, where.module, where.parameter, where.tag) if part)  # type: ignore[attr-defined]
