"""Precision over recall."""

import math
from array import array

import numpy as np
import pytest

from reportgen.diagnose import diagnose
from reportgen.run.logged import PRCurve
from reportgen.run.series import Stamp
from reportgen.sections import pr_curves
from reportgen.sections.pr_curves import average_precision, points
from reportgen.testing import fake_run
from reportgen.testing.logged import pr_curve


def curve(thresholds, hits, wrong, missed, **columns) -> PRCurve:
    return PRCurve(
        "x",
        Stamp(3),
        array("d", thresholds),
        array("d", hits),
        array("d", wrong),
        array("d", [0.0] * len(hits)),
        array("d", missed),
        **columns,
    )


def test_average_precision_is_the_sum_over_thresholds():
    # Thresholds from low to high, as they are recorded: recall 1, 0.5, 0 with precision 0.5, 1 and none.
    one = curve([0.0, 0.5, 1.0], [2, 1, 0], [2, 0, 0], [0, 1, 2])

    assert points(one) == [(0.5, 0.5, 1.0), (0.0, 1.0, 0.5)]
    assert average_precision(one) == pytest.approx(0.5 * 1.0 + 0.5 * 0.5)


def test_average_precision_agrees_with_scikit_learn():
    from sklearn.metrics import average_precision_score

    rng = np.random.default_rng(0)
    truth, scores = rng.random(200) < 0.4, rng.random(200)
    at = np.sort(scores)
    called = scores[None, :] >= at[:, None]
    hits = (called & truth).sum(axis=1)
    one = curve(at, hits, (called & ~truth).sum(axis=1), truth.sum() - hits)

    assert average_precision(one) == pytest.approx(average_precision_score(truth, scores))


def test_recorded_precision_and_recall_go_before_counts():
    one = curve([0.5], [1], [1], [1], precision=array("d", [0.7]), recall=array("d", [0.3]))

    assert points(one) == [(0.5, 0.3, 0.7)]


def test_the_last_curve_is_told_with_its_thresholds_and_the_first_beside_it():
    rng = np.random.default_rng(1)
    known = tuple(pr_curve("val/digits", Stamp(step), 1.0 + step / 100, rng) for step in (200, 0, 100))
    run = fake_run(pr_curves=known, moments={"pr_curves": {"val/digits": 90}})
    view = pr_curves.build(run, diagnose(run))
    (chart,) = view.blocks

    assert [one.name.split(",")[0] for one in chart.curves] == ["step 0", "step 100", "step 200"]
    assert chart.caption.startswith(f"AP {average_precision(known[0]):.3g} at step 200, ")
    assert "3 of 90 steps are kept" in chart.caption
    assert chart.numbers.title == "Thresholds at step 200"
    assert len(chart.numbers.rows) == 41
    assert chart.numbers.total == 51
    assert chart.numbers.rows[0][:2] == (0.0, known[0].precision[0])
    assert "Rₙ" in view.how


def test_an_empty_curve_has_no_number_and_no_error():
    run = fake_run(pr_curves=(PRCurve("empty", Stamp(0)),))
    (chart,) = pr_curves.build(run, diagnose(run)).blocks

    assert chart.curves[0].x == ()
    assert math.isnan(average_precision(run.pr_curves[0]))
    assert chart.caption == "AP NaN at step 0."
