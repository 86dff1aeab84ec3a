from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn import metrics as judge

from reportgen.errors import InvalidArgumentError
from tests.collect.predictions.given import recorded

GENERATOR = np.random.default_rng(0)
TRUTH = GENERATOR.normal(size=(1000, 3)) * [1, 10, 0.1] + [1e6, 0, 5]
GUESS = TRUTH + GENERATOR.normal(size=(1000, 3)) * [0.5, 3, 0.02] + 0.1


@pytest.mark.parametrize("width", [1, 3])
def test_metrics_over_batches_agree_with_scikit_learn(width):
    truth, guess = TRUTH[:, :width], GUESS[:, :width]
    found = recorded((None, guess[:300], truth[:300]), (None, guess[300:], truth[300:]))
    assert (found.task, found.outputs_are) == ("regression", "values")
    expected = {
        "mae": judge.mean_absolute_error(truth, guess),
        "rmse": np.sqrt(judge.mean_squared_error(truth, guess)),
        "bias": (guess - truth).mean(),
        "r2": judge.r2_score(truth, guess),
    }
    assert found.metrics == pytest.approx(expected, rel=1e-9)


def test_points_are_pairs_of_the_batches_however_they_are_cut():
    pairs = set(zip(TRUTH[:, 1].tolist(), GUESS[:, 1].tolist(), strict=True))
    whole = recorded((None, torch.from_numpy(GUESS[:, 1]), torch.from_numpy(TRUTH[:, 1])))
    cut = recorded(*[(None, GUESS[at : at + 7, 1], TRUTH[at : at + 7, 1]) for at in range(0, 1000, 7)])
    assert whole.points == cut.points
    assert len(whole.points) == 400
    assert set(whole.points) <= pairs


def test_the_worst_samples_are_those_of_the_largest_squared_error():
    found = recorded((None, GUESS[:, 1], TRUTH[:, 1]))
    worst = np.argsort(-((GUESS[:, 1] - TRUTH[:, 1]) ** 2))[:16]
    assert [example.index for example in found.examples if example.kept == "worst"] == worst.tolist()
    assert found.examples[0].truth == f"{TRUTH[worst[0], 1]:.5g}"


def test_a_constant_truth_has_no_r2():
    found = recorded((None, [1.0, 2.5], [1.5, 1.5]), task="regression")
    assert set(found.metrics) == {"mae", "rmse", "bias"}


def test_nan_outputs_stay_nan_and_are_noted():
    found = recorded((None, [1.0, float("nan"), 2.0], [0.5, 1.5, 2.5]))
    assert np.isnan(found.metrics["mae"])
    assert found.points == ((0.5, 1.0), (2.5, 2.0))
    assert found.notes == ("1 samples hold NaN or infinities; so do the metrics.",)


def test_images_against_images_are_a_regression():
    found = recorded((None, torch.zeros(4, 3, 40, 40), torch.ones(4, 3, 40, 40)))
    assert (found.task, found.metrics["mae"], found.metrics["rmse"]) == ("regression", 1.0, 1.0)


def test_other_targets_than_outputs_are_refused():
    with pytest.raises(InvalidArgumentError, match=r"accepted: the shape of outputs, \(2, 1\)"):
        recorded((None, [1.0, 2.0], [[1.0, 2.0], [3.0, 4.0]]), task="regression")
