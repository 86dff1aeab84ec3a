"""Inputs that hold NaN or infinities.

Source: UMLAUT's check of NaN in inputs (Schoop et al., CHI 2021); exact for the batches and rows read.
"""

from __future__ import annotations

from reportgen.blocks.finding import Finding, Where
from reportgen.blocks.table import Column, Table
from reportgen.blocks.wording import count, counted, listed
from reportgen.diagnose.rule import Rule, Unchecked
from reportgen.run.evidence import DataSplit, NonFinite
from reportgen.run.records import Run

SOURCE = "exact: the batches that a model was given, and the rows read of the data"
ROWS = 8
FIX = "Drop these rows or fill the gaps when the data is read, and guard divisions that make a column."
CODE = "+ assert torch.isfinite(inputs).all()\n  outputs = model(inputs)"


def nan_input(run: Run) -> list[Finding] | Unchecked:
    """A model was given NaN or infinity and gave some, or rows of the data hold some."""
    first = [one for one in run.evidence.non_finite if one.inputs or _given(run, one)]
    odd = [split for split in run.evidence.data if split.odd_rows]
    if first:
        return [_broke(min(first, key=lambda one: one.stamp.optimizer_step), odd)]
    if odd:
        return [_held(odd)]
    if not run.evidence.models and not run.evidence.data:
        return Unchecked(
            "No inputs were seen: call report.watch(model, optimizer), or pass the data: "
            'report.data("train", train_set).'
        )
    return []


def _given(run: Run, one: NonFinite) -> bool:
    """Whether batches looked at held some. Nothing but weights was odd when the outputs were: an input had made these
    so.

    Minus infinity is no mask then: with it the outputs had been finite.
    """
    use = run.evidence.model(one.model)
    return bool(one.parameters) and use is not None and any(facts.non_finite for facts in use.inputs)


def _columns(one: NonFinite | None, odd: list[DataSplit]) -> tuple[str, ...]:
    if one is not None and one.columns:
        return one.columns
    return next((split.odd_columns for split in odd if split.odd_columns), ())


def _broke(one: NonFinite, odd: list[DataSplit]) -> Finding:
    columns = _columns(one, odd)
    # What came of the input was seen in the weights of the step after.
    since = one.stamp.step if one.inputs else max(0, one.stamp.step - 1)
    batch = f"{count(one.rows)} of {counted(one.samples, 'row')} of the batch" if one.rows else "Some of the numbers"
    where = f", in {'column' if len(columns) == 1 else 'columns'} {listed(columns)}" if columns else ""
    total = "".join(
        f" Of {counted(split.rows, 'row')} read of {split.split}, {_hold(split)} some." for split in odd[:2]
    )
    return Finding(
        id="nan_input",
        tier="fact",
        severity="error",
        title=f"{one.model} was given NaN or infinity at step {count(since)}{where}",
        why=f"{batch} {'are' if one.rows != 1 else 'is'} not finite, and what the model makes of it is not either: "
        f"loss and gradients follow, and after one step the weights are lost.{total}",
        fix=FIX,
        code=CODE,
        where=Where(model=one.model, step=since),
        value=f"{counted(one.rows, 'row')} not finite" if one.rows else "not finite",
        limit="0",
        evidence=_table(odd) if odd else None,
        source=SOURCE,
        since=since,
    )


def _held(odd: list[DataSplit]) -> Finding:
    worst = max(odd, key=lambda split: split.odd_rows)
    columns = _columns(None, odd)
    return Finding(
        id="nan_input",
        tier="fact",
        severity="info",
        title=f"Of {counted(worst.rows, 'row')} read of {worst.split}, {_hold(worst)} NaN or infinity",
        why="No output of a watched model was seen that is not finite, so they may be masked or filled before the "
        "model gets them." + (f" They are in {listed(columns)}." if columns else ""),
        fix="Nothing to do, if they are. Else drop or fill them when the data is read.",
        where=Where(tag=worst.split),
        value=counted(worst.odd_rows, "row"),
        limit="0",
        evidence=_table(odd),
        source=SOURCE,
    )


def _hold(split: DataSplit) -> str:
    return f"{count(split.odd_rows)} {'holds' if split.odd_rows == 1 else 'hold'}"


def _table(odd: list[DataSplit]) -> Table:
    return Table(
        columns=(
            Column("split"),
            Column("rows read", "count"),
            Column("not finite", "count"),
            Column("columns", "code"),
        ),
        rows=tuple(
            (split.split, split.rows, split.odd_rows, listed(split.odd_columns, 6) or None) for split in odd[:ROWS]
        ),
        total=len(odd),
    )


RULES = (Rule("nan_input", "Every input is finite", "fact", nan_input),)
