"""Precision-recall curves in their plain form."""

from __future__ import annotations

import json
from array import array
from dataclasses import replace

import pytest

from reportgen.run.codec import from_plain, to_plain
from reportgen.run.curve_columns import LEAST, even_thresholds
from reportgen.run.logged import PRCurve
from reportgen.run.series import Stamp

HITS, ALARMS = [30.0, 20.5, 7.0, 0.0], [70.0, 10.0, 1.0, 0.0]


def curve(hits: list[float] = HITS, alarms: list[float] = ALARMS) -> PRCurve:
    return PRCurve(
        "pr",
        Stamp(1),
        even_thresholds(len(hits)),
        array("d", hits),
        array("d", alarms),
        array("d", [alarms[0] - alarm for alarm in alarms]),
        array("d", [hits[0] - hit for hit in hits]),
        array("d", [hit / max(LEAST, hit + alarm) for hit, alarm in zip(hits, alarms, strict=True)]),
        array("d", [hit / max(LEAST, hits[0]) for hit in hits]),
    )


@pytest.mark.parametrize("hits", [HITS, [0.0] * 4, [1 / 3, 0.1, 1e-9, 0.0], [float("nan")] * 4])
def test_what_follows_from_the_counts_is_not_written_and_comes_back_bit_for_bit(hits):
    given = curve(hits)
    plain = json.loads(json.dumps(to_plain(given)))
    assert set(plain) == {"tag", "stamp", "true_positives", "false_positives", "counted"}
    again = from_plain(PRCurve, plain)
    for name in ("thresholds", "true_negatives", "false_negatives", "precision", "recall"):
        assert getattr(again, name).tobytes() == getattr(given, name).tobytes()


@pytest.mark.parametrize("name", ["thresholds", "true_negatives", "false_negatives", "precision", "recall"])
def test_a_curve_of_which_one_column_was_counted_otherwise_is_written_whole(name):
    given = curve()
    other = array("d", getattr(given, name))
    other[2] += 1e-12
    for changed in (replace(given, **{name: other}), replace(given, **{name: array("d")})):
        plain = to_plain(changed)
        assert "counted" not in plain
        assert from_plain(PRCurve, json.loads(json.dumps(plain))) == changed


def test_a_curve_without_thresholds_stays_one():
    assert from_plain(PRCurve, to_plain(PRCurve("pr", Stamp(1)))) == PRCurve("pr", Stamp(1))


@pytest.mark.parametrize("columns", [{}, {"true_positives": [1, 2], "false_positives": [1]}])
def test_a_damaged_curve_is_named(columns):
    with pytest.raises(ValueError, match="PRCurve"):
        from_plain(PRCurve, {"tag": "pr", "stamp": {"step": 1}, "counted": True, **columns})
