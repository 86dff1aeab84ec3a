"""What collecting cost the training loop."""

from __future__ import annotations

from reportgen.run.records import Run
from reportgen.sections.pace import duration

# Counted by the recorder too, but done before the loop, after it, or when a page is asked for.
OUTSIDE = ("build", "close", "failure", "folder", "git", "open", "report")


def in_loop(run: Run) -> dict[str, float]:
    """Seconds by collector, of those that run between the steps of a training."""
    return {name: spent for name, spent in run.meta.cost.by_collector.items() if name not in OUTSIDE and spent > 0}


def share_of_run(run: Run) -> float | None:
    """The seconds of `in_loop` over the run's; None where that says nothing.

    A drop-in writer that watches no model does only what it is called for: its program may do nothing else, so that its
    share tells nothing of what a training would lose. More than the whole was not spent in the loop alone.
    """
    total, spent = sum(in_loop(run).values()), duration(run)
    if not spent or not 0 < total <= spent or (run.meta.recorder and not run.models):
        return None
    return total / spent
