"""Gradients that are not cleared between optimizer steps.

Source: torch.autograd accumulates into .grad. Exact: a step counts if no backward since had been preceded by clearing.
"""

from __future__ import annotations

from reportgen.blocks.finding import Finding, Where
from reportgen.blocks.table import Column, Table
from reportgen.blocks.wording import count, counted
from reportgen.diagnose.reading.lacking import NO_FORWARD, NO_MODEL
from reportgen.diagnose.rule import Rule, Unchecked
from reportgen.run.evidence import ModelUse
from reportgen.run.records import Run

# Steps in a row after which gradients were kept: fewer may be meant, such as one more step with the same gradient.
FEWEST = 4
SOURCE = "exact: the .grad of three parameters at the next backward; torch.optim.Optimizer.zero_grad"


def missing_zero_grad(run: Run) -> list[Finding] | Unchecked:
    """Gradients of earlier optimizer steps were still there when the next backward began, step after step."""
    if not run.evidence.models:
        return NO_FORWARD if run.models else NO_MODEL
    if not any(use.checked for use in run.evidence.models):
        return Unchecked(
            "No backward was seen to follow an optimizer step: call report.watch(model, optimizer) before training."
        )
    return [_kept(run, use) for use in run.evidence.models if use.longest >= FEWEST]


def _kept(run: Run, use: ModelUse) -> Finding:
    return Finding(
        id="missing_zero_grad",
        tier="fact",
        severity="error",
        title=f"Gradients of {use.model} are never cleared: each step adds to those before"
        if use.kept == use.checked
        else f"Gradients of {use.model} were kept after {count(use.kept)} of {counted(use.checked, 'checked step')}",
        why=f"After {count(use.kept)} of {counted(use.checked, 'optimizer step')} that were checked, "
        f"{count(use.longest)} of them in a row, the next backward began with the gradients that the step had used. "
        "So each step goes along the sum of all gradients so far: old ones count as much as the newest, and the sum "
        "grows.",
        fix="Clear gradients once for each optimizer step. Where gradients of several batches are added up on purpose, "
        "clear them after the step.",
        code="+ optimizer.zero_grad()\n  loss.backward()\n  optimizer.step()",
        where=Where(model=use.model, step=use.kept_since),
        value=f"kept after {counted(use.longest, 'step')} in a row",
        limit=f"at most {FEWEST - 1}",
        evidence=_table(run),
        source=SOURCE,
        since=use.kept_since,
    )


def _table(run: Run) -> Table:
    return Table(
        columns=(
            Column("model", "code"),
            Column("steps checked", "count"),
            Column("gradients kept", "count"),
            Column("most in a row", "count"),
            Column("first after step", "step"),
        ),
        rows=tuple(
            (use.model, use.checked, use.kept, use.longest, use.kept_since if use.kept else None)
            for use in run.evidence.models[:8]
        ),
        total=len(run.evidence.models),
    )


RULES = (Rule("missing_zero_grad", "Gradients are cleared between steps", "fact", missing_zero_grad),)
