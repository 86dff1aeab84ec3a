"""Columns of a precision-recall curve that follow from the others: not written where they do, made again when read."""

from __future__ import annotations

from array import array
from dataclasses import replace
from typing import Any

from reportgen.run.logged import PRCurve

# Keeps the divisions below defined where nothing was counted, as in torch's writer.
LEAST = 1e-7
# Says in the plain form that the columns follow from true and false positives.
COUNTED = "counted"


def even_thresholds(count: int) -> array[float]:
    """`count` thresholds from 0 to 1."""
    return array("d", [place / max(1, count - 1) for place in range(count)])


def shortened(plain: dict[str, Any], curve: PRCurve) -> dict[str, Any]:
    """The plain form of `curve` without the columns that `lengthened` gives again, bit for bit."""
    if not curve.true_positives or len(curve.true_positives) != len(curve.false_positives):
        return plain
    derived = _derived(curve)
    if any(getattr(curve, name).tobytes() != column.tobytes() for name, column in derived.items()):
        return plain
    return {name: value for name, value in plain.items() if name not in derived} | {COUNTED: True}


def lengthened(plain: Any, curve: PRCurve) -> PRCurve:
    """`curve` as it was decoded of `plain`, with the columns that were left out."""
    if not isinstance(plain, dict) or plain.get(COUNTED) is not True:
        return curve
    if len(curve.true_positives) != len(curve.false_positives) or not curve.true_positives:
        raise ValueError("PRCurve: as many true as false positives were expected")
    return replace(curve, **_derived(curve))


def _derived(curve: PRCurve) -> dict[str, Any]:
    hits, alarms = curve.true_positives, curve.false_positives
    missed = array("d", [hits[0] - hit for hit in hits])
    return {
        "thresholds": even_thresholds(len(hits)),
        "true_negatives": array("d", [alarms[0] - alarm for alarm in alarms]),
        "false_negatives": missed,
        "precision": array("d", [hit / max(LEAST, hit + alarm) for hit, alarm in zip(hits, alarms, strict=True)]),
        "recall": array("d", [hit / max(LEAST, hit + miss) for hit, miss in zip(hits, missed, strict=True)]),
    }
