"""Weights, gradients and activations that hold NaN or infinities, from their distributions.

Source of the rule: SageMaker Debugger's ExplodingTensor; parameter and step are exact for the sampled steps.
"""

from __future__ import annotations

from dataclasses import replace

from reportgen.blocks.finding import Finding, Where
from reportgen.blocks.table import Column, Table
from reportgen.blocks.wording import count, counted
from reportgen.diagnose.reading.breakdown import broken_off, overflowed
from reportgen.diagnose.reading.losses import is_loss
from reportgen.diagnose.reading.places import module_of
from reportgen.diagnose.rule import Rule, Unchecked
from reportgen.diagnose.rules.numbers.non_finite import first_bad
from reportgen.diagnose.rules.numbers.non_finite_forward import deduced, seen
from reportgen.run.distribution import Distribution, DistributionSeries
from reportgen.run.records import Run
from reportgen.run.tags import parse_tag

SOURCE = "SageMaker Debugger, rule ExplodingTensor"
ROWS = 5
KINDS = {"weight": "the weights", "gradient": "the gradients", "activation": "the activations"}
CALL = "report.watch(model, optimizer)"

WHY = {
    "weight": "Every output these weights take part in is not finite either, and no further step can repair them.",
    "gradient": "An optimizer step taken with them makes the weights NaN as well.",
    "activation": "Everything computed from this output is not finite either.",
}
FIX = {
    "weight": "Go back to a checkpoint before this step, lower the learning rate, and clip the gradient norm.",
    "gradient": "Look for sqrt, norm, log or a division at zero in what this parameter feeds: add an epsilon inside. "
    "Masked rows need their mask before the operation, not after it.",
    "activation": "Look at what this module computes: exp of large numbers, log or division at zero. Clamp, or add an "
    "epsilon.",
}
CODE = {
    "weight": "torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)  # after backward(), before step()",
    "gradient": "torch.autograd.set_detect_anomaly(True)  # names the operation; slow, for one run",
    "activation": "",
}


OVERFLOWED = "Losses and weights had grown a thousandfold before: training diverged, and this is where it showed first."
OVERFLOWED_FIX = "Lower the learning rate: see what is said of the loss."
PASSING = "The loss and the weights stayed finite, so the steps that would have taken these gradients were skipped."
PASSING_FIX = "Nothing to do under GradScaler, which skips such steps and lowers its scale."


def _amount(snapshot: Distribution) -> int:
    return snapshot.nans + snapshot.positive_infinities + snapshot.negative_infinities


def _bad(series: DistributionSeries) -> list[int]:
    return [at for at, snapshot in enumerate(series.snapshots) if _amount(snapshot)]


def _judge(run: Run, kind: str) -> list[Finding] | Unchecked:
    found = _sampled(run, kind)
    exact = seen(run) if kind == "activation" else deduced(run) if kind == "gradient" else []
    if isinstance(found, Unchecked) or not found:
        found = exact or found
    elif exact and exact[0].since <= found[0].since:
        found = [replace(exact[0], evidence=found[0].evidence)]
    if isinstance(found, Unchecked) or not overflowed(run) or broken_off(run) is None:
        return found
    return [replace(one, severity="info", why=OVERFLOWED, fix=OVERFLOWED_FIX, code="") for one in found]


def _sampled(run: Run, kind: str) -> list[Finding] | Unchecked:
    known = run.distributions.get(kind, {})
    if not known:
        return Unchecked(f"No distributions of {KINDS[kind]} were recorded: call {CALL}.")
    found = [(series, bad) for series in known.values() if (bad := _bad(series))]
    if not found:
        return []
    first = min(_since(series, bad[0]) for series, bad in found)
    # Modules and parameters stand in registration order. What breaks first in the backward pass is the last of them.
    earliest = [series for series, bad in found if _since(series, bad[0]) == first]
    series = earliest[-1] if kind == "gradient" else earliest[0]
    at = _bad(series)[0]
    snapshot, step = series.snapshots[at], series.steps[at]
    passing = _passing(run, kind)
    return [
        Finding(
            id=f"nan_{kind}",
            tier="fact",
            severity="info" if passing else "error",
            title=_title(kind, series.name, step),
            why=PASSING if passing else WHY[kind],
            fix=PASSING_FIX if passing else FIX[kind],
            code="" if passing else CODE[kind],
            where=_where(kind, series.name, step),
            value=f"{count(_amount(snapshot))} of {count(snapshot.count)} numbers are not finite",
            limit="0",
            evidence=_evidence(kind, found),
            source=SOURCE,
            since=_since(series, at),
        )
    ]


def _passing(run: Run, kind: str) -> bool:
    """Whether losses and weights stayed finite all the same, as in a GradScaler's first steps."""
    if kind != "gradient":
        return False
    weights = run.distributions.get("weight", {})
    losses = [series for tag, series in run.scalars.items() if is_loss(parse_tag(tag).metric)]
    unharmed = all(first_bad(series) is None for series in losses)
    return bool(weights) and unharmed and not any(_bad(series) for series in weights.values())


def _since(series: DistributionSeries, at: int) -> int:
    return series.optimizer_steps[at] or series.steps[at]


def _title(kind: str, name: str, step: int) -> str:
    thing = {"weight": "", "gradient": "The gradient of ", "activation": "The output of "}[kind]
    return f"{thing}{name or 'the model'} is not finite at step {count(step)}"


def _where(kind: str, name: str, step: int) -> Where:
    if kind == "activation":
        return Where(module=name, step=step)
    return Where(module=module_of(name), parameter=name, step=step)


def _evidence(kind: str, found: list[tuple[DistributionSeries, list[int]]]) -> Table:
    ordered = sorted(found, key=lambda each: _since(each[0], each[1][0]))
    rows = tuple(
        (
            series.name,
            series.steps[bad[0]],
            _amount(series.snapshots[bad[0]]) / max(1, series.snapshots[bad[0]].count),
        )
        for series, bad in ordered[:ROWS]
    )
    return Table(
        columns=(
            Column("module" if kind == "activation" else "parameter", "code"),
            Column("first at step", "step"),
            Column("not finite", "percent"),
        ),
        rows=rows,
        total=len(found),
        caption=f"{counted(len(found), 'place')} in all; distributions are taken at sampled steps only.",
    )


RULES = (
    Rule(
        "nan_activation",
        "Every sampled activation is finite",
        "fact",
        lambda run: _judge(run, "activation"),
        worst="error",
        checks="A module's output holds NaN or infinity at a sampled step, or in the first forward whose output does; "
        "it names the first module in the order of calls.",
        source=SOURCE,
        remedy=FIX["activation"],
    ),
    Rule(
        "nan_gradient",
        "Every sampled gradient is finite",
        "fact",
        lambda run: _judge(run, "gradient"),
        worst="error",
        checks="A parameter's gradient holds NaN or infinity at a sampled step; a remark where losses and weights "
        "stayed finite, as under a GradScaler.",
        source=SOURCE,
        remedy=FIX["gradient"],
    ),
    Rule(
        "nan_weight",
        "Every sampled weight is finite",
        "fact",
        lambda run: _judge(run, "weight"),
        worst="error",
        checks="A parameter holds NaN or infinity at a sampled step; a remark where the loss had grown a thousandfold "
        "before, which is then told of the loss.",
        source=SOURCE,
        remedy=FIX["weight"],
    ),
)
