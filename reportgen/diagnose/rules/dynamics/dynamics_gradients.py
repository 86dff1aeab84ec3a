"""Gradients that blow up, fade on their way back, or are mostly noise.

Sources: AUTOTRAINER (ICSE 2021) for the ratio of the first to the last layer; Cockpit (NeurIPS 2021) for the signal in
gradients. Healthy small networks: largest total norm 5 to 35 times the median, first to last layer 0.16 to 4.5.
"""

from __future__ import annotations

import math
from itertools import pairwise
from statistics import median

from reportgen.blocks.finding import Finding, Where
from reportgen.blocks.table import Column, Table
from reportgen.blocks.wording import count, counted, named, number
from reportgen.diagnose.reading.curves import curve
from reportgen.diagnose.reading.lacking import NO_OPTIMIZER
from reportgen.diagnose.reading.layers import Weight, gradient_norms, weights
from reportgen.diagnose.reading.outcome import outcome
from reportgen.diagnose.reading.places import measured
from reportgen.diagnose.rule import Judgement, NotApplicable, Rule, Unchecked
from reportgen.run.records import Run

# Looks before a rule may speak, and before a spike.
FEWEST, BEFORE = 12, 8
SPIKE, AT_START = 100.0, 1e3
START_LOOKS = 3
FADED, FADED_SIZE = 1e-3, 1e-4
# Fading is a matter of many layers: of fewer, and where one step back takes most of it, something else blocks the way.
FEWEST_LAYERS, LARGEST_PART = 4, 0.6
RECURRENT = ("RNN", "LSTM", "GRU")
# Of eight steps of pure noise the mean is 1 / sqrt(7) of the deviation: the measure cannot tell less from nothing.
NOISE = 1 / math.sqrt(7)
NEAR_NOISE = 1.06 * NOISE
FEWEST_WINDOWS = 3
ROWS = 8
SOURCE = "AUTOTRAINER (ICSE 2021)"


def _lacks(run: Run, looks: int) -> Unchecked | None:
    if not any(model.optimizers for model in run.models):
        return NO_OPTIMIZER
    if looks < FEWEST:
        return Unchecked(f"Gradients were looked at in {counted(looks, 'step')}; {FEWEST} are needed.")
    return None


def exploding(run: Run) -> Judgement:
    """The norm of all gradients is above 1,000 at the start, or 100 times its running median; a bad run."""
    norms = gradient_norms(run)
    lacking = _lacks(run, len(norms))
    if lacking:
        return lacking
    steps = list(norms)
    values = [norms[step] for step in steps]
    begin = [value for value in values[:START_LOOKS] if math.isfinite(value)]
    at = 0
    limit = AT_START
    if not begin or max(begin) <= AT_START or steps[0] > START_LOOKS:
        at = _spike(values)
        if at < 0:
            return []
        limit = SPIKE * median(value for value in values[:at] if math.isfinite(value))
    else:
        at = values.index(max(begin))
    result = outcome(run)
    if not result.mediocre:
        return NotApplicable(
            f"At optimizer step {count(steps[at])} their norm was {number(values[at])}, {result.ended}."
        )
    worst = _largest(run, steps[at])
    where = Where(
        model=worst.model.name if worst else "",
        module=worst.module if worst else "",
        parameter=worst.name if worst else "",
        step=steps[at],
    )
    start = at < START_LOOKS
    return [
        Finding(
            id="exploding_gradients",
            tier="statistics",
            severity="warning",
            title=f"Gradients explode: their norm is {number(values[at])} at optimizer step {count(steps[at])}",
            why=(
                "That is in the first steps, before training could have led there"
                if start
                else f"The running median before was {number(limit / SPIKE)}"
            )
            + (f"; the largest part is {worst.name}'s." if worst else ".")
            + " One such step throws the weights far away from where they were.",
            fix="Clip the gradients' norm between backward() and step(), and look at the scale of initial weights, "
            "targets and learning rate.",
            code="  loss.backward()\n+ torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)\n"
            "  optimizer.step()",
            where=where,
            value=number(values[at]),
            limit=number(limit),
            evidence=curve("Norm of all gradients", "At the steps looked at.", {"gradient norm": norms}, log_y=True),
            source="new: 100 times the running median, or above 1,000 at the start; healthy runs reach 35 times",
            since=steps[at],
        )
    ]


def _spike(values: list[float]) -> int:
    """The first place whose value is more than 100 times the median of all before it; -1 without one."""
    for at in range(BEFORE, len(values)):
        before = [value for value in values[:at] if math.isfinite(value)]
        if before and math.isfinite(values[at]) and 0 < SPIKE * median(before) < values[at]:
            return at
    return -1


def _largest(run: Run, step: int) -> Weight | None:
    found: list[tuple[float, Weight]] = []
    for weight in weights(run):
        series = measured(run, "gradient_norm", weight.name)
        known = [v for at, v in zip(series.optimizer_steps, series.values, strict=True) if at == step]
        if known and math.isfinite(known[0]):
            found.append((known[0], weight))
    return max(found, key=lambda each: each[0])[1] if found else None


def vanishing(run: Run) -> Judgement:
    """The gradient fades from layer to layer to less than 1/1000 and below 1e-4, and nothing is learned."""
    lacking = _lacks(run, len(gradient_norms(run)))
    if lacking:
        return lacking
    found = []
    for weight in weights(run):
        values = [v for v in measured(run, "gradient_norm", weight.name).values if math.isfinite(v)]
        if values and weight.type != "Embedding":
            found.append((weight, median(values)))
    if len(found) < 2:
        return NotApplicable("No model has two layers for gradients to pass.")
    last = max(size for _, size in found)
    faded = [(weight, size) for weight, size in found if 0 < size < min(FADED_SIZE, FADED * last)]
    if not faded or not _gradually([size for _, size in found], [weight for weight, _ in found]):
        return []
    worst, least = min(faded, key=lambda each: each[1])
    result = outcome(run)
    if not result.untrained:
        got = f"{worst.called} got gradients of {number(least)}, the largest layer {number(last)}"
        return NotApplicable(f"{got}, {result.ended} in training.")
    return [
        Finding(
            id="vanishing_gradients",
            tier="statistics",
            severity="warning",
            title=f"Gradients vanish: {worst.called} gets {number(least)}, the largest layer {number(last)}",
            why=f"From layer to layer less of the gradient arrives; {counted(len(faded), 'weight')} of {len(found)} "
            f"{'gets' if len(faded) == 1 else 'get'} less than a thousandth of the largest, and hardly learn.",
            fix="Use ReLU or GELU instead of sigmoid or tanh, residual connections or normalisation between layers, "
            "and He or Xavier initialisation; in recurrent networks LSTM or GRU, or fewer steps.",
            code="- nn.Linear(n, n), nn.Sigmoid()\n+ nn.Linear(n, n), nn.LayerNorm(n), nn.ReLU()",
            where=Where(model=worst.model.name, module=worst.module, parameter=worst.name),
            value=number(least),
            limit=number(min(FADED_SIZE, FADED * last)),
            evidence=_table(found),
            source=SOURCE + ": first to last layer below 1e-3, and the first below 1e-4",
        )
    ]


def _gradually(sizes: list[float], layers: list[Weight]) -> bool:
    """Whether the norms fall over several layers, or over the steps of a recurrent one."""
    if any(weight.type in RECURRENT for weight in layers):
        return True
    logs = [math.log(size) for size in sizes if size > 0]
    if len(logs) < FEWEST_LAYERS:
        return False
    fall = max(logs) - min(logs)
    ordered = sorted(logs)
    return max(after - before for before, after in pairwise(ordered)) < LARGEST_PART * fall


def _table(found: list[tuple[Weight, float]]) -> Table:
    every = max(1, -(-len(found) // ROWS))
    rows = found if len(found) <= ROWS else [*found[::every][: ROWS - 1], found[-1]]
    return Table(
        columns=(Column("weight", "code"), Column("gradient norm", "number")),
        rows=tuple((named(weight.name, 60), size) for weight, size in rows),
        total=len(found),
        caption="Median over the steps looked at, from the first layer to the last.",
    )


def noisy(run: Run) -> Judgement:
    """Over eight steps the gradients of most weights show no more of a common direction than noise would."""
    snr = run.measures.get("gradient_snr", {})
    known = {
        weight.name: snr[weight.name] for weight in weights(run) if len(snr.get(weight.name, ())) >= FEWEST_WINDOWS
    }
    if not known:
        few = f"The signal in gradients is known of fewer than {FEWEST_WINDOWS} windows of eight steps"
        if any(model.optimizers for model in run.models):
            return Unchecked(f"{few}: the run was too short for it.")
        return Unchecked(f"{few}: call report.watch(model, optimizer).")
    medians = {name: median(series.values[1:]) for name, series in known.items()}  # the first window holds the start
    lost = [name for name, value in medians.items() if value <= NEAR_NOISE]
    if 2 * len(lost) <= len(medians):
        return []
    value = median(medians.values())
    result = outcome(run)
    if not result.bad:
        return NotApplicable(f"{len(lost)} of {len(medians)} weights had gradients of mostly noise, {result.ended}.")
    return [
        Finding(
            id="low_gradient_snr",
            tier="statistics",
            severity="info",
            title="The gradient of a single step is mostly noise",
            why=f"Over eight steps the mean gradient is {number(value)} of its deviation; noise alone gives "
            f"{number(NOISE)}. {len(lost)} of {len(medians)} weights show no direction that the steps have in common.",
            fix="Take larger batches, accumulate gradients, or lower the learning rate so that steps average.",
            code="loader = DataLoader(data, batch_size=4 * batch_size, shuffle=True)",
            where=Where(parameter=lost[0]),
            value=f"mean / deviation {number(value)}",
            limit=number(NEAR_NOISE),
            source="Cockpit (NeurIPS 2021): gradient signal to noise; the limit is what noise gives over eight steps",
        )
    ]


RULES = (
    Rule(
        "exploding_gradients", "Gradients stay within 100 times their usual norm", "statistics", exploding, course=True
    ),
    Rule("vanishing_gradients", "Gradients reach the first layers", "statistics", vanishing),
    Rule("low_gradient_snr", "Gradients of successive steps agree in part", "statistics", noisy),
)
