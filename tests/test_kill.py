"""After kill -9 at any moment there is a report, with everything up to two seconds before."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from reportgen import pipeline
from reportgen.readers.load import load
from reportgen.testing import ReportDoc

KINDS = ("plain",) * 14 + ("asleep",) * 3 + ("workers",) * 3
PROMISED = 2.0


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """Twenty runs that were killed: their kinds, folders, moments, and what the loop had logged by when."""
    base = tmp_path_factory.mktemp("killed")
    seed = int.from_bytes(os.urandom(4), "big")
    chance = random.Random(seed)
    plan = []
    for number, kind in enumerate(KINDS):
        low, high = (2.2, 4.8) if kind == "asleep" else (0.0, 4.0)
        plan.append({"kind": kind, "folder": str(base / f"run-{number:02d}"), "delay": chance.uniform(low, high)})
    (base / "plan.json").write_text(json.dumps(plan))
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    with (base / "said.txt").open("wb") as said:
        done = subprocess.run(
            [sys.executable, "-m", "tests.nursery", str(base / "plan.json"), str(base / "out.json")],
            cwd=Path(__file__).parent.parent,
            env={**os.environ, **dict.fromkeys(names, "1")},
            stdout=said,
            stderr=said,
            timeout=180,
            check=False,
        )
    assert done.returncode == 0, (base / "said.txt").read_text(errors="replace")[-3000:]
    for entry, result in zip(plan, json.loads((base / "out.json").read_text()), strict=True):
        entry |= result
        entry["seed"] = seed
        assert entry["begun"], f"{entry} never trained: " + (base / "said.txt").read_text(errors="replace")[-3000:]
        assert entry["signal"] == 9
        lines = Path(entry["folder"] + ".progress").read_text().split("\n")[:-1]
        entry["progress"] = [(float(moment), int(step)) for moment, step in map(str.split, lines)]
    return plan


@pytest.mark.parametrize("number", range(len(KINDS)))
def test_a_killed_run_has_a_report_with_all_but_the_last_two_seconds(killed, number):
    entry = killed[number]
    safe = [step for moment, step in entry["progress"] if moment <= entry["killed"] - PROMISED]
    logged = [step for _, step in entry["progress"]]
    result = pipeline.build(entry["folder"])
    run = load(entry["folder"])
    recorded = list(run.scalars["train/loss"].steps) if "train/loss" in run.scalars else []
    assert recorded == list(range(len(recorded))), f"a hole in what was recorded: {entry['kind']}, seed {entry['seed']}"
    assert len(recorded) >= len(safe), f"lost {len(safe) - len(recorded)} steps: {entry['kind']}, seed {entry['seed']}"
    # A step is recorded just before the loop writes it down, so one more may be there.
    assert len(recorded) <= len(logged) + 1
    if entry["kind"] == "asleep":
        assert safe, "the loop slept for longer than two seconds, so all it logged before is safe"
    doc = ReportDoc(result.path).check()
    assert "no end recorded" in doc.text
