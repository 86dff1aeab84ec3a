"""Time that training spends waiting.

Sources: SageMaker Debugger's profiler and Lightning warn of a loader that keeps the loop waiting; StalledTrainingRule.
"""

from __future__ import annotations

from itertools import pairwise
from statistics import median

from reportgen.blocks.finding import Finding, Where
from reportgen.blocks.table import Column, Table
from reportgen.blocks.wording import counted, named, number, percent, seconds
from reportgen.diagnose.reading.places import measured
from reportgen.diagnose.rule import Rule, Unchecked
from reportgen.run.records import Run
from reportgen.run.series import Series

WAIT, SOME_WAIT, LEAST_WAIT = 0.5, 0.3, 2e-3
# Steps after those in which workers start and caches fill; in a single pass so many that their start hardly counts.
WARM, LONG = 5, 100
LATE, LEAST_LATE = 10.0, 60.0
FEWEST_STEPS = 20
ROWS = 8
OPEN_ENDS = ("ended without build()", "no end recorded", "running")


def dataloader_bottleneck(run: Run) -> list[Finding] | Unchecked:
    """The loop waits for its next batch for more than half of its time, and for more than 2 ms a batch.

    At least 5 steps after the first pass are needed; of a single pass a short one says nothing, and one of fewer than
    100 steps is only told.
    """
    share, step = measured(run, "data_wait", "train"), measured(run, "step_seconds", "train")
    passes = list(zip(share.values, step.values, strict=False))
    if not passes:
        return Unchecked("The wait for batches was not measured: call for batch in report.track(loader).")
    use = next((use for use in run.evidence.loaders if use.split == "train"), None)
    steps = use.batches // max(use.passes, 1) if use is not None else 0
    # Workers start in the first pass, for which a single one has its first step; half of the passes have to agree.
    later = passes[1:] or passes
    if (steps * len(later) if len(passes) > 1 else steps - 1) < WARM:
        return Unchecked(f"Passes over the loader were too short: {WARM} steps after the start are needed.")
    told = len(passes) > 1 or steps >= LONG
    wait, each = median(one for one, _ in later), median(one * time for one, time in later)
    if wait <= SOME_WAIT or each <= LEAST_WAIT:
        return []
    workers = use.workers if use is not None else None
    return [
        Finding(
            id="dataloader_bottleneck",
            tier="statistics",
            severity="warning" if wait > WAIT and told else "info",
            title=f"Training waits for data {percent(wait)} of its time",
            why=f"In the {'median' if len(passes) > 1 else 'only'} pass the next batch takes {seconds(each)} to come"
            + (f", with {counted(workers, 'worker process', 'worker processes')}" if workers is not None else "")
            + ". The model stands idle meanwhile.",
            fix="Load in worker processes, keep decoded rows in memory, or move work from __getitem__ to before "
            "the training.",
            code=f"- DataLoader(data, batch_size=...)\n+ DataLoader(data, batch_size=..., "
            f"num_workers={max(2 * (workers or 0), 4)}, pin_memory=True, persistent_workers=True)",
            where=Where(tag="train"),
            value=f"{percent(wait)}, {seconds(each)} a batch",
            limit=f"{percent(WAIT)}, {seconds(LEAST_WAIT)}",
            evidence=Table(
                columns=(Column("pass", "count"), Column("waiting", "percent"), Column("time a step", "seconds")),
                rows=tuple((k + 1, one, time) for k, (one, time) in enumerate(passes[:ROWS])),
                total=len(passes),
            ),
            source="SageMaker Debugger, Dataloader rule; Lightning's advice on num_workers",
        )
    ]


def stalled(run: Run) -> list[Finding] | Unchecked:
    """A run without an end was recorded for long after its last step."""
    longest = max(run.scalars.values(), key=len, default=Series())
    times = [time for time in longest.times if time > 0]
    if len(times) < FEWEST_STEPS:
        return Unchecked(f"Fewer than {FEWEST_STEPS} values of any tag were logged.")
    end = run.meta.ended or run.meta.last_record
    if run.meta.status not in OPEN_ENDS or end is None:
        return []
    usual = median(after - before for before, after in pairwise(times))
    since = end - max(times)
    if usual <= 0 or since <= max(LATE * usual, LEAST_LATE):
        return []
    tag = next(tag for tag, series in run.scalars.items() if series is longest)
    return [
        Finding(
            id="stalled",
            tier="statistics",
            severity="info",
            title=f"Nothing was logged in the last {seconds(since)} of the run",
            why=f"Before that {named(tag, 40)} came every {seconds(usual)}. The loop may have waited for something: "
            "a worker of a loader, another rank, a disk.",
            fix="Look where the process stands.",
            code="py-spy dump --pid <process>",
            where=Where(tag=tag, step=longest.steps[-1]),
            value=seconds(since),
            limit=f"{number(LATE)} × {seconds(usual)}",
            source="SageMaker Debugger, StalledTrainingRule, against the run's own pace",
        )
    ]


RULES = (
    Rule("dataloader_bottleneck", "Training does not wait for data", "statistics", dataloader_bottleneck),
    Rule("stalled", "Training went on until the end", "statistics", stalled),
)
