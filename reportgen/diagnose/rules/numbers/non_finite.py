"""Logged numbers that are NaN or infinite.

Source of the rule: SageMaker Debugger's ExplodingTensor, which fires on any such value; the step is exact here.
"""

from __future__ import annotations

import math
from dataclasses import replace

from reportgen.blocks.charts import LineChart
from reportgen.blocks.finding import Finding, Where
from reportgen.blocks.wording import count, listed, named, number
from reportgen.diagnose.reading.breakdown import grew_to, outside
from reportgen.diagnose.reading.curves import curve
from reportgen.diagnose.reading.learning_rates import slower
from reportgen.diagnose.reading.losses import is_loss
from reportgen.diagnose.rule import Judgement, NotApplicable, Rule, Unchecked
from reportgen.run.records import Run
from reportgen.run.series import Series
from reportgen.run.tags import parse_tag

SOURCE = "SageMaker Debugger, rule ExplodingTensor"


def first_bad(series: Series) -> int | None:
    """The position of the first value that is not finite."""
    return next((at for at, value in enumerate(series.values) if not math.isfinite(value)), None)


def nan_loss(run: Run) -> list[Finding] | Unchecked:
    """A loss became NaN or infinite."""
    losses = {tag: series for tag, series in run.scalars.items() if is_loss(parse_tag(tag).metric)}
    if not losses:
        return Unchecked('No loss was logged: call report.log({"train/loss": loss}).')
    found = _found(losses, "nan_loss")
    return [_explained(run, finding, losses) for finding in found]


def _explained(run: Run, finding: Finding, losses: dict[str, Series]) -> Finding:
    """The finding with what else is known of how the loss broke."""
    if finding.severity == "info":
        return finding
    grown = next((most for series in losses.values() if (most := grew_to(series)) is not None), None)
    record = outside(run)
    if grown is not None:
        why = f"It grew to {number(grown)} before it overflowed: each step went too far. {finding.why}"
        return replace(
            finding, why=why, fix=f"Lower the learning rate to a tenth. {finding.fix}", code=slower(run) or finding.code
        )
    if record is None or finding.severity != "error":
        return finding
    since = min(finding.since, record.stamp.step)
    why = (
        f"The outputs of {record.model} were finite at step {count(record.stamp.step)}; the loss computed from them "
        f"was not, so it broke there: log(0), a division by 0, or exp of a large number. {finding.why}"
    )
    return replace(
        finding,
        why=why,
        fix="Use a loss of torch that takes logits (cross_entropy, binary_cross_entropy_with_logits), or clamp what "
        "goes into log, sqrt and divisions.",
        code="- torch.log(p)\n+ torch.log(p.clamp_min(1e-7))",
        since=since,
    )


def nan_metric(run: Run) -> Judgement:
    """Another logged number is NaN or infinite."""
    others = {tag: series for tag, series in run.scalars.items() if not is_loss(parse_tag(tag).metric)}
    if run.scalars and not others:
        return NotApplicable("No number but losses was logged.")
    if not others:
        return Unchecked('No other number was logged: call report.log({"val/acc": accuracy}).')
    return _found(others, "nan_metric")


def _found(scalars: dict[str, Series], rule: str) -> list[Finding]:
    """One finding for all tags: the earliest is its place, the others are named under it."""
    bad = [(tag, series, at) for tag, series in scalars.items() if (at := first_bad(series)) is not None]
    if not bad:
        return []
    bad.sort(key=lambda each: (_level(each[1], rule) == "info", _since(each[1], each[2])))
    tag, series, at = bad[0]
    amount = sum(not math.isfinite(value) for value in series.values)
    value = number(series.values[at])
    severity = _level(series, rule)
    others = [other for other, *_ in bad[1:]]
    return [
        Finding(
            id=rule,
            tier="fact",
            severity=severity,
            title=f"{named(tag)} is {value} {_when(series, at, amount)}",
            why=_why(series, rule, severity, amount),
            fix=_fix(rule, severity),
            code=_code(rule, severity),
            where=Where(tag=tag, step=series.steps[at]),
            value=value,
            limit="a finite number",
            evidence=_evidence(tag, series, at),
            also=(f"{listed(others)} {'is' if len(others) == 1 else 'are'} not finite either",) if others else (),
            source=SOURCE,
            since=_since(series, at),
        )
    ]


def _since(series: Series, at: int) -> int:
    return series.optimizer_steps[at] or series.steps[at] if at < len(series.optimizer_steps) else series.steps[at]


def _when(series: Series, at: int, amount: int) -> str:
    step = count(series.steps[at])
    if amount == len(series):
        return "at every step" if amount > 1 else f"at step {step}"
    if amount == 1:
        return f"at step {step}"
    return f"from step {step} on" if amount == len(series) - at else f"first at step {step}"


def _level(series: Series, rule: str) -> str:
    """Error for a loss that stays broken, warning where it recovers, info for a best-so-far that begins at infinity."""
    bad = [at for at, value in enumerate(series.values) if not math.isfinite(value)]
    leading = bad == list(range(len(bad))) and len(bad) < len(series)
    if leading and all(math.isinf(series.values[at]) for at in bad):
        return "info"
    if rule == "nan_loss" and not math.isfinite(series.last):
        return "error"
    return "warning"


def _why(series: Series, rule: str, severity: str, amount: int) -> str:
    share = f"{count(amount)} of {count(len(series))} values shown are not finite."
    if severity == "info":
        return f"It begins at infinity and is finite afterwards, as a value that keeps the best so far does. {share}"
    if rule == "nan_loss":
        rest = (
            "A loss that is not a finite number gives gradients that are not finite either, and after the next "
            "optimizer step every weight they reach is lost."
            if severity == "error"
            else "It became finite again, so the weights survived; the steps in between taught nothing."
        )
        return f"{rest} {share}"
    return f"A metric that is not finite is usually a division by zero, or what follows from a broken model. {share}"


def _fix(rule: str, severity: str) -> str:
    if severity == "info":
        return "Nothing to do, if it keeps a best value."
    if rule == "nan_loss":
        return (
            "Lower the learning rate, clip the gradient norm, and keep log, sqrt and divisions away from zero. "
            "torch.autograd.set_detect_anomaly(True) names the operation whose gradient breaks first."
        )
    return "Guard its denominator, and leave out batches for which it is undefined."


def _code(rule: str, severity: str) -> str:
    if rule != "nan_loss" or severity == "info":
        return ""
    return "torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)  # after backward(), before step()"


def _evidence(tag: str, series: Series, at: int) -> LineChart:
    """The series, with the first bad value and the last good one before it."""
    caption = f"The first value that is not finite: {number(series.values[at])} at step {count(series.steps[at])}."
    return curve(named(tag), caption, {named(tag, 40): series}, shown=(at - 1, at))


RULES = (
    Rule("nan_loss", "Every logged loss is finite", "fact", nan_loss),
    Rule("nan_metric", "Every other logged number is finite", "fact", nan_metric, worst="warning"),
)
