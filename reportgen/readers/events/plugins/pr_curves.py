"""Precision-recall curves: a table of six rows (TP, FP, TN, FN, precision, recall), a column a threshold."""

from __future__ import annotations

from array import array

from reportgen.readers.events.builder import Builder
from reportgen.readers.events.event import TENSOR, Value
from reportgen.readers.events.log import Log
from reportgen.readers.events.log_parts import Entry
from reportgen.readers.events.tensor import array as numbers
from reportgen.readers.events.tensor import read_tensor
from reportgen.readers.events.wire import Malformed
from reportgen.run.logged import PRCurve

ROWS = 6


def draft(log: Log, entry: Entry, value: Value, offset: int) -> None:
    """Draft a curve. Raises Malformed."""
    if value.kind != TENSOR:
        return
    table = numbers(read_tensor(value.data, value.start, value.end))
    if table.ndim != 2 or table.shape[0] != ROWS:
        raise Malformed("a precision-recall curve that is no table of six rows")
    entry.draft = [array("d", row.astype("f8").tobytes()) for row in table]


def make(entries: list[Entry], builder: Builder) -> None:
    """The records of curves."""
    for entry in entries:
        tp, fp, tn, fn, precision, recall = entry.draft
        count = len(tp)
        builder.add(
            "pr_curve",
            PRCurve(
                tag=builder.tag(entry.tag),
                stamp=builder.stamp(entry),
                thresholds=array("d", [at / max(1, count - 1) for at in range(count)]),
                true_positives=tp,
                false_positives=fp,
                true_negatives=tn,
                false_negatives=fn,
                precision=precision,
                recall=recall,
            ),
        )
