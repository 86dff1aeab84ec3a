"""Learning rates that fall too early, schedulers in the wrong order, and loss scales that collapse."""

from __future__ import annotations

import math
import re

from reportgen.blocks.charts import LineChart
from reportgen.blocks.finding import Finding, Where
from reportgen.blocks.wording import count, counted, named, number, percent
from reportgen.diagnose.reading.curves import curve
from reportgen.diagnose.reading.lacking import few_steps
from reportgen.diagnose.reading.modules import model_of
from reportgen.diagnose.reading.outcome import outcome
from reportgen.diagnose.rule import Judgement, NotApplicable, Rule, Unchecked
from reportgen.diagnose.rules.wiring.gradients import never_stepped
from reportgen.run.evidence import SchedulerUse
from reportgen.run.records import Run
from reportgen.run.series import Series
from reportgen.run.tags import parse_tag

# What torch warns of (torch/optim/lr_scheduler.py).
ORDER = "Detected call of `lr_scheduler.step()` before `optimizer.step()`"
# A rate is as good as none below this share of its peak, and early is before this share of the steps.
GONE = 1e-3
EARLY = 0.5
FEWEST_STEPS = 20
# A scheduler that counts epochs and is stepped so many times its length.
TIMES = 3
HORIZON = re.compile(r"\bT_max=(\d+)")
LENGTH = re.compile(r"\b(?:T_max|T_0|step_size|total_iters)=(\d+)")
GAMMA = re.compile(r"\bgamma=([\d.eE+-]+)")
RATE = re.compile(r"(^|[/_. -])(lr|learning.?rate)([/_. -]|\d|$)", re.IGNORECASE)
# Scale below which a gradient is made smaller instead of greater.
LEAST_SCALE = 1.0
# How a scale is called where it is logged; and by how much it fell that fell at every step.
SCALE = re.compile(r"(^|[/_. -])(loss|grad|amp)?[/_. -]?scaler?$", re.IGNORECASE)
FALLEN = 8


def scheduler_before_optimizer(run: Run) -> Judgement:
    """A scheduler made its step before the optimizer made its first one."""
    early = [use for use in run.evidence.schedulers if use.before > 0]
    if early:
        return [_order(early[0])]
    # Under a GradScaler torch warns as well where the first step was left out: then nothing is wrong.
    warned = any(ORDER in warning.text for warning in run.evidence.warnings)
    if warned and not run.evidence.schedulers and not run.measures.get("loss_scale"):
        return [_order(None)]
    if not run.models and not run.evidence.schedulers:
        return Unchecked("No optimizer was watched: call report.watch(model, optimizer, scheduler=scheduler).")
    if not run.evidence.schedulers and not any(model.scheduler for model in run.models):
        return NotApplicable("No scheduler was seen.")
    return []


def _order(use: SchedulerUse | None) -> Finding:
    kind = use.type if use is not None else "The scheduler"
    each = use is not None and use.steps >= 0.9 * use.optimizer_steps
    return Finding(
        id="scheduler_before_optimizer",
        tier="fact",
        severity="warning",
        title=f"{kind} made a step before the optimizer made its first one",
        why="The first learning rate of the schedule is left out, and all others come "
        f"{'a step' if each else 'an epoch'} too early.",
        fix="Call scheduler.step() after optimizer.step(): once a batch or once an epoch, as the schedule counts.",
        code="- scheduler.step()\n  optimizer.step()\n+ scheduler.step()"
        if each
        else "  for epoch in range(epochs):\n-     scheduler.step()\n      train()\n+     scheduler.step()",
        where=Where(model=use.model if use is not None else "", step=0),
        value=counted(use.before, "step") + " before" if use is not None else "before",
        limit="0",
        source="torch.optim, How to adjust learning rate: scheduler.step() after optimizer.step()",
    )


def rates(run: Run) -> dict[str, Series]:
    """The learning rates known: of parameter groups as watched, else as logged."""
    watched = run.measures.get("learning_rate", {})
    if watched:
        return dict(watched)
    return {tag: series for tag, series in run.scalars.items() if RATE.search(parse_tag(tag).metric)}


def steps_of(run: Run) -> int:
    """The last optimizer step known; of a run without any, the last step logged."""
    known = [series.optimizer_steps[-1] for series in run.scalars.values() if len(series.optimizer_steps)]
    known += [series.steps[-1] for group in run.measures.values() for series in group.values() if len(series)]
    logged = [series.steps[-1] for series in run.scalars.values() if len(series)]
    return max(known, default=0) or max(logged, default=0)


def lr_decayed_early(run: Run) -> Judgement:
    """The learning rate fell to almost nothing long before the end, while the loss was still high."""
    known = {name: series for name, series in rates(run).items() if len(series) > 2}
    if not known:
        return Unchecked(
            "No learning rate is known: call report.watch(model, optimizer), or log it: "
            'report.log({"lr": scheduler.get_last_lr()[0]}).'
        )
    total = steps_of(run)
    if total < FEWEST_STEPS:
        return few_steps(total, FEWEST_STEPS, "step")
    epochs = _counts_epochs(run)
    if epochs is not None:
        return [_epochs(run, *epochs)]
    if any("ReduceLROnPlateau" in use.type for use in run.evidence.schedulers):
        return NotApplicable("ReduceLROnPlateau follows the loss, whenever it lowers the rate.")
    came = outcome(run)
    if not came.bad or (came.loss is not None and came.loss.good):
        return []
    for name, series in known.items():
        at = _gone(series)
        if at is not None and _step(series, at) < EARLY * total:
            return [_early(run, name, series, at, total, came.why)]
    return []


def _step(series: Series, at: int) -> int:
    """The optimizer step of a position, as the total counts; the step itself where none are known."""
    return (series.optimizer_steps[at] if any(series.optimizer_steps) else 0) or series.steps[at]


def _gone(series: Series) -> int | None:
    """The position from which on the rate is below GONE of its peak for good."""
    values = [value if math.isfinite(value) else 0.0 for value in series.values]
    peak = max(values)
    if peak <= 0 or values[-1] >= GONE * peak:
        return None
    return max(at for at, value in enumerate(values) if value >= GONE * peak) + 1


def _early(run: Run, name: str, series: Series, at: int, total: int, why: str) -> Finding:
    peak, step = max(series.values), _step(series, at)
    use = _scheduler_of(run, name)
    each = use is not None and _for_epochs(run, use)
    kind = use.type if use is not None else "the schedule"
    return Finding(
        id="lr_decayed_early",
        tier="statistics",
        severity="warning",
        title=f"The learning rate is gone after {percent(step / total)} of the steps: below {number(GONE * peak)} from "
        f"step {count(step)} on",
        why=f"It fell from {number(peak)} to {number(series.values[at])}, and steps of that size change nothing. {why}"
        + (f" {kind} made a step for each batch; its settings are made for epochs." if each else ""),
        fix="Step the scheduler once an epoch, or give it the number of all batches."
        if each
        else "Let the schedule last as long as the training.",
        code="  for epoch in range(epochs):\n      for batch in loader:\n          optimizer.step()\n"
        "-         scheduler.step()\n+     scheduler.step()"
        if each
        else "",
        where=Where(model=use.model if use is not None else "", tag=name, step=step),
        value=f"{number(series.values[at] / peak)} of the peak at step {count(step)}",
        limit=f"{number(GONE)} of it, not before step {count(round(EARLY * total))}",
        evidence=_chart(name, series),
        source="new; torch.optim.lr_scheduler: most schedules count calls of step(), whatever a call is made for",
        since=step,
    )


def _scheduler_of(run: Run, name: str) -> SchedulerUse | None:
    """The scheduler of the model that a rate is named after; of several models none stands for another."""
    if len(run.models) > 1:
        return next((use for use in run.evidence.schedulers if use.model and name.startswith(f"{use.model}/")), None)
    return next(iter(run.evidence.schedulers), None)


def _passes(run: Run) -> int:
    return max((use.passes for use in run.evidence.loaders if use.split.startswith("train")), default=0)


def _for_epochs(run: Run, use: SchedulerUse) -> bool:
    """Whether it made a step for each batch although its settings are for epochs, as far as its numbers show it.

    Its length is at most the number of epochs, or its factor, taken once an epoch, would have left a rate at the end.
    """
    passes, model = _passes(run), model_of(run, use.model)
    if model is None or use.steps < 0.9 * use.optimizer_steps or not 0 < TIMES * passes < use.optimizer_steps:
        return False
    length, gamma = LENGTH.search(model.scheduler), GAMMA.search(model.scheduler)
    if length is not None:
        return 1 < int(length.group(1)) <= passes
    return gamma is not None and GONE <= float(gamma.group(1)) ** (passes - 1) < 1


def _counts_epochs(run: Run) -> tuple[SchedulerUse, int, int] | None:
    """A scheduler whose length is the number of epochs, and that was stepped for each batch; with both numbers."""
    passes = _passes(run)
    for use in run.evidence.schedulers:
        model = model_of(run, use.model)
        length = HORIZON.search(model.scheduler) if model is not None else None
        if length is None or passes < TIMES or use.steps < 0.9 * use.optimizer_steps:
            continue
        if abs(int(length.group(1)) - passes) <= 1 and use.optimizer_steps > TIMES * passes:
            return use, int(length.group(1)), passes
    return None


def _epochs(run: Run, use: SchedulerUse, length: int, passes: int) -> Finding:
    name, series = next(iter(rates(run).items()))
    bad = outcome(run).bad
    return Finding(
        id="lr_decayed_early",
        tier="fact",
        severity="warning" if bad else "info",
        title=f"{use.type} made {counted(use.steps, 'step')}, one for each batch, but its T_max of {count(length)} "
        "counts epochs",
        why=f"There were {counted(passes, 'epoch')}. So the learning rate falls to its least value within "
        f"{counted(length, 'batch', 'batches')}, and then goes up and down again and again.",
        fix="Step it once an epoch, or let T_max be the number of all batches.",
        code=f"- CosineAnnealingLR(optimizer, T_max={length})\n"
        f"+ CosineAnnealingLR(optimizer, T_max={length} * len(train_loader))",
        where=Where(model=use.model, tag=name, step=length),
        value=counted(use.steps, "step"),
        limit=counted(length, "step"),
        evidence=_chart(name, series),
        source="torch.optim.lr_scheduler.CosineAnnealingLR: T_max, the maximum number of iterations",
        since=length,
    )


def _chart(name: str, series: Series) -> LineChart:
    return curve(
        f"learning rate ({named(name, 40)})",
        f"From {number(series.values[0])} to {number(series.last)}.",
        {named(name, 40): series},
        log_y=all(value > 0 for value in series.values),
    )


def amp_scale_collapse(run: Run) -> Judgement:
    """The loss scale of mixed precision fell below 1, or fell by halves while no optimizer ever made a step."""
    never = bool(run.models) and all(never_stepped(run, model) for model in run.models)
    found = []
    for name, series in run.measures.get("loss_scale", {}).items():
        at = _below(series)
        if at is not None:
            found.append(_collapsed(name, series, at, never))
    if found:
        return found
    for tag, series in run.scalars.items():
        if SCALE.search(parse_tag(tag).metric) and _halves(series):
            at = _below(series)
            if at is not None or (never and series.last <= series.values[0] / FALLEN):
                return [_collapsed(tag, series, len(series) - 1 if at is None else at, never)]
    scaled = run.measures.get("loss_scale") or any(SCALE.search(parse_tag(tag).metric) for tag in run.scalars)
    return [] if scaled else NotApplicable("No loss scale was seen.")


def _below(series: Series) -> int | None:
    return next((at for at, value in enumerate(series.values) if value < LEAST_SCALE), None)


def _halves(series: Series) -> bool:
    """Whether it begins above 1 and changes by powers of two alone, as the scale of a GradScaler does."""
    values = list(series.values)
    if len(values) < 2 or not all(math.isfinite(value) and value > 0 for value in values) or values[0] <= LEAST_SCALE:
        return False
    ratios = [math.log2(value / values[0]) for value in values]
    return min(ratios) < 0 and all(abs(ratio - round(ratio)) < 1e-3 for ratio in ratios)


def _collapsed(name: str, series: Series, at: int, never: bool) -> Finding:
    """never: no optimizer ever made a step, since all of them were left out."""
    step = series.steps[at]
    least = number(min(series.values))
    return Finding(
        id="amp_scale_collapse",
        tier="fact",
        severity="error" if never else "warning",
        title=("Every step was left out, and the" if never else "The")
        + (
            f" loss scale fell from {number(series.values[0])} to {least}"
            if len(series) > 1
            else f" loss scale fell to {least}"
        ),
        why="GradScaler halves its scale and leaves the step out whenever a gradient is not finite. Below 1 gradients "
        "are not finite at any scale: it is no overflow of half precision, but NaN in the loss or in backward().",
        fix="Find what gives NaN in float32 (autocast(enabled=False)), or use bfloat16, which needs no scale. Call "
        "scaler.unscale_(optimizer) before clipping.",
        code='- torch.autocast("cuda", dtype=torch.float16)\n+ torch.autocast("cuda", dtype=torch.bfloat16)',
        where=Where(tag=name, step=step),
        value=number(min(series.values)),
        limit=f"at least {number(LEAST_SCALE)}",
        evidence=_chart(name, series),
        source="torch.amp.GradScaler: backoff_factor and steps left out",
        since=series.optimizer_steps[at] if at < len(series.optimizer_steps) else step,
    )


RULES = (
    Rule("scheduler_before_optimizer", "Schedulers step after optimizers", "fact", scheduler_before_optimizer),
    Rule("lr_decayed_early", "The learning rate lasts as long as the training", "statistics", lr_decayed_early),
    Rule(
        "amp_scale_collapse",
        "The loss scale stays above 1",
        "fact",
        amp_scale_collapse,
        needs="report.watch(model, optimizer, scaler=scaler)",
    ),
)
