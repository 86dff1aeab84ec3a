"""Run set-ups without judging them: that each works, how long it takes, and what its score is.

python -m tests.faults.check [known|blind|second] [names ...]
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
import traceback
import warnings

import torch
import torch._dynamo  # once, before the forks: torch.optim imports it

from reportgen import Report
from tests.faults.setup import PARTS, Setup, setups


def main(words: list[str]) -> int:
    """Print a line for each set-up; 1 if one of them does not do what it says."""
    torch.set_num_threads(1)
    wrong = 0
    for setup in setups(*(part for part in PARTS if part in words)).values():
        if words and setup.part not in words and setup.name not in words:
            continue
        for seed in (0, 1):
            sys.stdout.flush()
            child = os.fork()
            if not child:
                os._exit(_one(setup, seed))
            wrong += bool(os.waitpid(child, 0)[1])
    print(f"{wrong} wrong")
    return 1 if wrong else 0


def _one(setup: Setup, seed: int) -> int:
    warnings.simplefilter("ignore")
    started, score, said = time.perf_counter(), None, ""
    try:
        with tempfile.TemporaryDirectory() as folder:
            report = Report("run", folder=f"{folder}/run")
            score = setup.train(report, seed)
            report.close()
    except Exception:
        said = traceback.format_exc().strip().splitlines()[-1]
    seconds = time.perf_counter() - started
    poor = setup.healthy and (score is None or setup.least is None or not score >= setup.least)
    slow = seconds > 3
    print(f"{setup.name:45} seed {seed} {seconds:5.2f} s  score {score}  {said[:90]} {'POOR' * poor} {'SLOW' * slow}")
    sys.stdout.flush()
    return int(poor or slow)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
