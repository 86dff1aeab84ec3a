"""Memory that grows with every step.

Source: torch's FAQ, "My model reports out of memory" (do not accumulate history across the training loop).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from reportgen.blocks.charts import LineChart
from reportgen.blocks.finding import Finding, Where
from reportgen.blocks.wording import NO_BREAK, count, counted, number, percent, scaled
from reportgen.diagnose.reading.curves import curve
from reportgen.diagnose.rule import Rule, Unchecked
from reportgen.run.records import Run
from reportgen.run.series import Series

# Looks at what is alive, and how many outputs more there have to be at the last than at the first; the collector
# remembers 256 outputs, so that the number stops growing near there.
FEWEST_LOOKS = 3
MORE = 32
# Of two looks alone: outputs more for each step between them.
EACH_STEP = 0.5
# Of a single look in the third pass over the data or later: how many outputs of all that are old enough, of which the
# collector remembers 256 with those that are not, and how many these have to be.
OLD, REMEMBERED, NEARLY_ALL, FEWEST_OLD, LATER_PASS = 32, 224, 0.9, 16, 2
# Looks at memory after the first epoch, how straight it has to rise, and by how much.
FEWEST_POINTS = 8
STRAIGHT = 0.9
SHARE = 0.05
LEAST = 50e6
# Of all growth, what the last half of the steps has to bring: caches that fill up slow down.
LATE = 0.3
# The share of looks that are left out where epochs are not known.
FIRST = 0.25
# Steps between looks, in the first of a run.
EVERY = 50
SOURCE = "torch FAQ: do not accumulate history across your training loop"


def memory_leak(run: Run) -> list[Finding] | Unchecked:
    """Graphs of steps that are over stay alive, or memory rises in a straight line."""
    alive, taken = run.measures.get("live_graphs", {}), run.measures.get("memory", {})
    if not alive and not taken:
        return Unchecked("Memory was not looked at: call report.watch(model, optimizer) before 50 steps of training.")
    for name, series in alive.items():
        if _grows(series):
            return [_graphs(name, series)]
    for name, series in taken.items():
        line = _line(series)
        if line is not None:
            return [_rises(name, series, line)]
    return []


def _grows(series: Series) -> bool:
    looks = list(zip(series.optimizer_steps, series.epochs, series.values, strict=True))
    values, steps = list(series.values), list(series.steps)
    if len(values) > 1 and values[-1] < values[-2]:
        looks.pop()  # at the end of the run what its function held may be gone
    if looks and _all_of_them(*looks[-1]):
        return True
    if len(values) == 2:
        return values[1] >= values[0] + EACH_STEP * (steps[1] - steps[0]) and values[1] >= MORE
    if len(values) > FEWEST_LOOKS and values[-1] < values[-2]:
        values.pop()
    if len(values) < FEWEST_LOOKS or values[-1] < values[0] + MORE:
        return False
    return all(after >= before for before, after in pairwise(values))


def _all_of_them(step: int, epoch: float, value: float) -> bool:
    """Whether the outputs of earlier passes over the data are alive, all of them: no list of one epoch holds these."""
    return epoch >= LATER_PASS and value >= max(FEWEST_OLD, NEARLY_ALL * min(step - OLD, REMEMBERED))


def _graphs(name: str, series: Series) -> Finding:
    most = max(series.values)
    at = len(series) - 1 - list(reversed(series.values)).index(most)
    return Finding(
        id="memory_leak",
        tier="fact",
        severity="warning",
        title=f"Graphs of past steps are kept alive: {number(most)} outputs of {name} by step "
        f"{count(series.steps[at])}",
        why="Outputs of training forwards more than 32 steps old, with the graph they came of, were "
        f"{number(series.values[0])} at step {count(series.steps[0])}"
        + (" and have only become more" if at else ", all that there ever were")
        + ". Something holds "
        "their losses or outputs: a list, or a running sum of tensors. Memory grows with each step until it runs out.",
        fix="Keep numbers, not tensors that have a graph: loss.item(), or loss.detach().",
        code="- total_loss += loss\n+ total_loss += loss.item()",
        where=Where(model=name, step=series.steps[0]),
        value=f"{number(most)} outputs",
        limit="0",
        evidence=_chart(f"old outputs of {name} that are alive", series, "number"),
        source=SOURCE,
        since=series.steps[0],
    )


@dataclass(frozen=True, slots=True)
class _Line:
    """A straight line through a series from position `begin` on: how well it fits, and the growth along it in bytes.

    warm: the first epoch, in which caches fill, was over at `begin`.
    """

    begin: int
    warm: bool
    fit: float
    growth: float


def _line(series: Series) -> _Line | None:
    begin = next((at for at, epoch in enumerate(series.epochs) if epoch >= 1), None)
    warm = begin is not None
    begin = round(FIRST * len(series)) if begin is None else begin
    xs, ys = list(map(float, series.steps[begin:])), list(series.values[begin:])
    if len(xs) < FEWEST_POINTS or xs[0] == xs[-1]:
        return None
    fit, slope = _fitted(xs, ys)
    growth = slope * (xs[-1] - xs[0])
    half = bisect_left(xs, (xs[0] + xs[-1]) / 2)  # looks are rarer later
    late = ys[-1] - ys[half] >= LATE * (ys[-1] - ys[0])
    if fit < STRAIGHT or growth < max(LEAST, SHARE * ys[0]) or not late:
        return None
    return _Line(begin, warm, fit, growth)


def _fitted(xs: Sequence[float], ys: Sequence[float]) -> tuple[float, float]:
    """R² and slope of the least-squares line."""
    n = len(xs)
    mean_x, mean_y = sum(xs) / n, sum(ys) / n
    xx = sum((x - mean_x) ** 2 for x in xs)
    xy = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True))
    yy = sum((y - mean_y) ** 2 for y in ys)
    return (xy * xy / (xx * yy), xy / xx) if xx and yy else (0.0, 0.0)


def _rises(name: str, series: Series, line: _Line) -> Finding:
    where = "of the process" if name == "resident" else "of the accelerator"
    first, last = series.values[line.begin], series.last
    steps = series.steps[-1] - series.steps[line.begin]
    return Finding(
        id="memory_leak",
        tier="statistics",
        severity="warning" if line.warm else "info",
        title=f"Memory {where} rises in a straight line: by {scaled(line.growth, 'B')} in {counted(steps, 'step')}",
        why=f"It went from {scaled(first, 'B')} to {scaled(last, 'B')} "
        f"{'after the first epoch' if line.warm else f'from step {count(series.steps[line.begin])} on'}, "
        f"{scaled(line.growth / steps, 'B')} a step, and a line explains {percent(line.fit)} of it. "
        + (
            "Nothing of a step should outlive it."
            if line.warm
            else "No second epoch was seen: it may be data that are read for the first time and kept, as a cache does."
        ),
        fix="Look for lists and sums of tensors that keep their graph (use loss.item()), for caches without a limit, "
        "and for figures that are not closed.",
        code="- history.append(loss)\n+ history.append(loss.item())",
        where=Where(tag=f"memory {where}", step=series.steps[line.begin]),
        value=f"{scaled(line.growth, 'B')}, R²{NO_BREAK}{number(line.fit)}",
        limit=f"{scaled(max(LEAST, SHARE * first), 'B')}, R²{NO_BREAK}{number(STRAIGHT)}",
        evidence=_chart(f"memory {where}", series, "bytes"),
        source=f"SageMaker Debugger, rule GPUMemoryIncrease (5 %); {SOURCE}",
        since=series.steps[line.begin],
    )


def _chart(title: str, series: Series, kind: str) -> LineChart:
    far = max((after - before for before, after in pairwise(series.steps)), default=0) > EVERY
    often = f"one every {EVERY} optimizer steps{', and later fewer' if far else ''}"
    caption = f"At {counted(len(series), 'look')}, {often}."
    return curve(title, caption, {title: series}, y_format=kind)


RULES = (Rule("memory_leak", "Memory does not grow with every step", "fact", memory_leak),)
