"""How far the attempts before this one came, so that a resumed run that names no step goes on counting."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from reportgen.run.folder import JOURNAL

# The last lines are enough, and a snapshot's line of a large model is shorter than this.
TAIL = 4_000_000
COUNTING = frozenset({"scalars", "measures", "distributions"})


@dataclass(frozen=True, slots=True)
class Reached:
    """The last step, optimizer step and epoch that were recorded; step is None when nothing was."""

    step: int | None = None
    optimizer_step: int = 0
    epoch: float | None = None


def reached(folder: Path, attempt: int) -> Reached:
    """What the latest attempt before number `attempt` reached. Damaged lines are passed over. Raises OSError."""
    files = sorted(
        (int(match[1]), entry)
        for entry in folder.iterdir()
        if (match := JOURNAL.fullmatch(entry.name)) and int(match[1]) < attempt
    )
    for _, file in reversed(files):
        found = _last(file)
        if found.step is not None:
            return found
    return Reached()


def _last(file: Path) -> Reached:
    with file.open("rb") as opened:
        opened.seek(max(0, file.stat().st_size - TAIL))
        lines = opened.read().splitlines()
    for line in reversed(lines):
        try:
            entry = json.loads(line)
            if entry["k"] not in COUNTING:
                continue
            step, optimizer_step, epoch = entry["step"], entry.get("opt", 0), entry.get("epoch")
        except (ValueError, TypeError, LookupError, RecursionError):
            continue
        if type(step) is int and type(optimizer_step) is int and (epoch is None or type(epoch) in (int, float)):
            return Reached(step, optimizer_step, None if epoch is None else float(epoch))
    return Reached()
