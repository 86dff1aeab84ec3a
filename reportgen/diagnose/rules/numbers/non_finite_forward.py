"""Where numbers ceased to be finite, from the first forward that gave some, looked at module by module."""

from __future__ import annotations

import math

from reportgen.blocks.finding import Finding, Where
from reportgen.blocks.wording import count, counted
from reportgen.diagnose.reading.losses import is_loss
from reportgen.diagnose.reading.places import measured, module_of
from reportgen.run.evidence import NonFinite
from reportgen.run.records import Run
from reportgen.run.series import Series
from reportgen.run.tags import parse_tag

ELSE = "Look at what this module computes: exp of large numbers, log or division at zero. Clamp, or add an epsilon."
GRADIENT = (
    "Look for sqrt, norm, log or a division at zero in what the loss computes, whose value is finite and whose "
    "gradient is not: add an epsilon inside. Masked rows need their mask before the operation, not after it."
)
DETECT = "torch.autograd.set_detect_anomaly(True)  # names the operation; slow, for one run"
_GUARDS = {
    "div": "- x / x.norm(dim=1, keepdim=True)\n+ x / x.norm(dim=1, keepdim=True).clamp_min(1e-6)",
    "sqrt": "- torch.sqrt(x)\n+ torch.sqrt(x.clamp_min(0) + 1e-6)",
    "log": "- torch.log(x)\n+ torch.log(x.clamp_min(1e-7))",
    "exp": "- torch.exp(x)\n+ torch.exp(x.clamp_max(80))",
    "pow": "- x ** p\n+ x.clamp_min(1e-6) ** p",
}
_REASONS = {
    "div": "A division by 0: clamp the divisor from below.",
    "sqrt": "The root of a number below 0, which rounding makes of a difference that is 0: clamp it, and add an "
    "epsilon, since its gradient at 0 is infinite.",
    "log": "The logarithm of 0 or less: clamp it from below.",
    "exp": "exp of a large number (above 88 in float32): clamp it, or subtract the maximum first.",
    "pow": "A power of 0 or less that is none: clamp the base.",
}


def seen(run: Run) -> list[Finding]:
    """The module whose output was the first to be odd, of the first forward that gave something odd."""
    records = [one for one in run.evidence.non_finite if one.module or (one.operation and not one.outside)]
    if not records or any(one.inputs for one in run.evidence.non_finite):
        return []
    one = min(records, key=lambda each: each.stamp.step)
    place = one.module or one.model
    operation = f"{one.operation} in {place}" if one.operation else place
    return [
        Finding(
            id="nan_activation",
            tier="fact",
            severity="error",
            title=f"{operation} gave NaN or infinity at step {count(one.stamp.step)}, of finite inputs",
            why="It is the first in the forward to do so: its inputs and all parameters were finite. Everything "
            "computed from this output is not finite either, nor are the gradients.",
            fix=_guard(one),
            code=_GUARDS.get(one.operation, ""),
            where=Where(model=one.model, module=one.module, step=one.stamp.step),
            value="not finite",
            limit="a finite number",
            source="exact: the forward of this step, looked at module by module",
            since=one.stamp.step,
        )
    ]


def _guard(one: NonFinite) -> str:
    return _REASONS.get(one.operation, ELSE)


def deduced(run: Run) -> list[Finding]:
    """Weights that all were finite, and small, are not after a step whose loss was finite: its gradients were not."""
    for one in run.evidence.non_finite:
        if not one.parameters or one.inputs or not _first_gradient(run, one):
            continue
        last = one.stamp.step - 1
        name = one.parameters[-1]
        return [
            Finding(
                id="nan_gradient",
                tier="fact",
                severity="error",
                title=f"The step {count(last)} made {counted(one.amount, 'parameter')} NaN, though loss and weights "
                "were finite: its gradients were not",
                why="Loss and weights were finite and of usual size before this step, and the weights were not after "
                "it. " + "An optimizer step taken with them makes the weights NaN as well.",
                fix=GRADIENT,
                code=DETECT,
                where=Where(model=one.model, module=module_of(name), parameter=name, step=last),
                value=f"{counted(one.amount, 'parameter')} not finite",
                limit="0",
                source="exact: losses and weights before the step, and the weights after it",
                since=last,
            )
        ]
    return []


def _first_gradient(run: Run, one: NonFinite) -> bool:
    """Whether the loss was finite up to the step before the weights were found broken, and weights were not before."""
    step = one.stamp.step
    losses = [series for tag, series in run.scalars.items() if is_loss(parse_tag(tag).metric)]
    before = [value for series in losses for forward, value in _forwards(series) if forward < step]
    norms = [value for name in one.parameters for at, value in _looks(measured(run, "weight_norm", name)) if at < step]
    return step > 0 and bool(before) and all(map(math.isfinite, (*before, *norms)))


def _forwards(series: Series) -> list[tuple[int, float]]:
    """The values with the optimizer steps made before the forward each is of.

    A loss that is logged after the optimizer's step has a stamp that counts this one, too: then the first does.
    """
    steps = series.optimizer_steps or series.steps
    late = int(bool(series.optimizer_steps) and series.optimizer_steps[0] > 0)
    return [(step - late, value) for step, value in zip(steps, series.values, strict=False)]


def _looks(series: Series) -> list[tuple[int, float]]:
    return list(zip(series.steps, series.values, strict=False))
