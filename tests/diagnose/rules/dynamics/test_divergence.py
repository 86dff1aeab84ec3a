"""A loss that runs away or swings."""

import math

import numpy as np

from reportgen.testing import fake_run
from reportgen.testing.run import series_of
from tests.diagnose.unlearned import falling_loss, flat_loss, judged, unchecked, unlearned, why_not
from tests.healthy import healthy

RNG = np.random.default_rng(3)


def test_a_loss_that_rises_for_good_diverges():
    (finding,) = judged(unlearned({"train/loss": np.geomspace(2.3, 500, 300).tolist()}), "divergence")

    assert (finding.severity, finding.where.tag) == ("warning", "train/loss")
    assert "from 2.99" in finding.title
    assert finding.code == "- lr=0.1\n+ lr=0.01"


def test_it_is_dated_by_its_lowest_level():
    loss = np.concatenate([np.linspace(2.3, 1.0, 200), np.geomspace(1.0, 80, 100)])

    (finding,) = judged(unlearned({"train/loss": loss.tolist()}), "divergence")

    assert 150 <= finding.since <= 220


def test_noise_and_a_rise_of_a_third_are_no_divergence():
    assert judged(unlearned(), "divergence") == []
    assert judged(unlearned({"train/loss": np.linspace(2.3, 3.0, 300).tolist()}), "divergence") == []


def test_a_loss_near_zero_may_multiply():
    loss = falling_loss(2.3, 1e-4, steps=300) + flat_loss(1e-3, 1e-4, 100)

    assert judged(unlearned({"train/loss": loss}), "divergence") == []


def test_a_rising_loss_is_no_finding_where_the_metrics_are_good():
    rising = np.geomspace(2.3, 500, 300).tolist()
    run = fake_run(
        scalars={"train/loss": rising, "val/acc": series_of([0.2, 0.7, 0.96], [99, 199, 299])}, predictions=()
    )

    assert judged(run, "divergence") == []


def test_an_infinite_loss_diverges():
    loss = flat_loss()
    loss[300] = math.inf

    assert [one.id for one in judged(unlearned({"train/loss": loss}), "divergence")] == ["divergence"]


def swinging(evaluations):
    loss = (2.4 * np.exp(RNG.normal(0, 0.6, 300))).tolist()
    return fake_run(
        scalars={"train/loss": loss, "val/acc": series_of(evaluations, list(range(7, 300, 8))[: len(evaluations)])},
        predictions=(),
    )


def test_a_loss_that_swings_with_its_evaluations_oscillates():
    (finding,) = judged(swinging([0.08, 0.14] * 18), "oscillation")

    assert (finding.severity, finding.where.tag) == ("warning", "train/loss")


def test_noise_of_batches_alone_does_not_oscillate():
    assert judged(swinging([0.1] * 36), "oscillation") == []
    assert judged(unlearned({"train/loss": flat_loss(steps=300)}), "oscillation") == []


def test_a_good_run_may_swing():
    assert judged(swinging([0.90, 0.96] * 18), "oscillation") == []
    assert judged(healthy(), "oscillation") == []
    assert judged(healthy(), "divergence") == []


def test_without_a_training_loss_it_is_said_what_to_log():
    for rule in ("divergence", "oscillation"):
        assert "report.log(" in unchecked(unlearned({"other": [1.0] * 50}), rule)
    assert "are needed" in unchecked(unlearned({"train/loss": flat_loss(steps=20)}), "oscillation")


def test_what_is_spared_for_a_good_end_is_told():
    scores = {"val/acc": series_of([0.2, 0.7, 0.96], [99, 199, 299])}
    rising = fake_run(scalars={"train/loss": np.geomspace(2.3, 500, 300).tolist(), **scores}, predictions=())
    swinging = fake_run(scalars={"train/loss": (2 + np.sin(np.arange(300) * 2.2)).tolist(), **scores}, predictions=())

    assert why_not(rising, "divergence").startswith("train/loss rose from 2.99 to ")
    assert why_not(rising, "divergence").endswith(", but the run ended well.")
    assert "of its mean, but the run ended well in training." in why_not(swinging, "oscillation")
    assert why_not(healthy(), "divergence") == why_not(healthy(), "oscillation") == ""
