"""Numbers that are NaN or infinite: in the loss, in metrics, in weights, gradients and activations."""

import dataclasses
import math

import numpy as np

from reportgen.diagnose import findings
from reportgen.run.records import Run
from reportgen.testing import fake_run
from reportgen.testing.run import distribution_of
from tests.healthy import healthy

NAN, INF = math.nan, math.inf


def broken(run: Run, kind: str, name: str, snapshot: int, value: float = NAN) -> Run:
    """`run` with one number of a distribution broken from a snapshot on."""
    series = run.distributions[kind][name]
    bad = distribution_of(np.array([0.5, value, -0.25]))
    snapshots = tuple(bad if at >= snapshot else good for at, good in enumerate(series.snapshots))
    group = {**run.distributions[kind], name: dataclasses.replace(series, snapshots=snapshots)}
    return dataclasses.replace(run, distributions={**run.distributions, kind: group})


def test_a_loss_that_becomes_nan_is_an_error_at_its_first_step():
    (finding,) = findings(fake_run(scalars={"train/loss": [2.3, 2.2, NAN, NAN], "lr": [0.1] * 4}))

    assert (finding.id, finding.tier, finding.severity) == ("nan_loss", "fact", "error")
    assert finding.title == "train/loss is NaN from step 2 on"
    assert (finding.where.tag, finding.where.step) == ("train/loss", 2)
    assert "2 of 4" in finding.why
    assert "clip_grad_norm_" in finding.code
    assert finding.evidence.lines[0].x == (0.0, 1.0, 2.0, 3.0)


def test_a_loss_that_recovers_is_a_warning():
    (finding,) = findings(fake_run(scalars={"train/loss": [2.3, INF, 2.1]}))

    assert (finding.severity, finding.title) == ("warning", "train/loss is ∞ at step 1")


def test_a_best_so_far_that_begins_at_infinity_is_no_warning():
    (finding,) = findings(fake_run(scalars={"train/loss": [2.0, 1.0], "best/loss": [INF, 0.9]}))

    assert (finding.id, finding.severity) == ("nan_loss", "info")


def test_the_earliest_loss_is_named_and_the_others_are_listed():
    scalars = {"val/loss": [1.0, 1.0, NAN], "train/loss": [1.0, NAN, NAN], "aux_loss": [NAN, 1.0, 1.0]}

    (finding,) = findings(fake_run(scalars=scalars))

    assert finding.where.tag == "aux_loss"
    assert finding.also == ("train/loss and val/loss are not finite either",)


def test_evidence_of_a_long_series_stays_small_and_keeps_the_first_bad_value():
    values = [1.0] * 5000
    values[3001] = NAN

    (finding,) = findings(fake_run(scalars={"train/loss": values}))

    line = finding.evidence.lines[0]
    assert len(line.x) <= 160
    assert math.isnan(line.y[line.x.index(3001.0)])
    assert list(line.x) == sorted(line.x)


def test_other_metrics_are_warnings():
    (finding,) = findings(fake_run(scalars={"train/loss": [1.0, 0.5], "val/auc": [0.9, NAN]}))

    assert (finding.id, finding.severity, finding.where.step) == ("nan_metric", "warning", 1)


def test_nan_weights_fold_under_the_loss_that_broke_before_them():
    run = fake_run(steps=40, scalars={"train/loss": [2.0] * 3 + [NAN] * 37})
    run = broken(run, "weight", "conv1.weight", 10)

    (finding,) = findings(run)

    assert finding.id == "nan_loss"
    assert finding.also == (
        f"conv1.weight is not finite at step {run.distributions['weight']['conv1.weight'].steps[10]}",
    )


def test_weights_that_broke_before_the_loss_are_the_cause():
    run = fake_run(steps=100, scalars={"train/loss": [2.0] * 90 + [NAN] * 10})
    run = broken(run, "weight", "fc1.weight", 3, INF)

    (finding,) = findings(run)

    assert (finding.id, finding.severity) == ("nan_weight", "error")
    assert (finding.where.parameter, finding.where.module) == ("fc1.weight", "fc1")
    assert finding.value == "1 of 3 numbers are not finite"
    assert finding.also == ("train/loss is NaN from step 90 on",)


def test_the_first_gradient_to_break_is_the_last_in_registration_order():
    run = fake_run(steps=60, scalars={"train/loss": [2.0] * 50 + [NAN] * 10})
    for name in ("conv1.weight", "conv2.weight", "fc1.weight"):
        run = broken(run, "gradient", name, 4)

    (finding,) = findings(run)

    assert (finding.id, finding.where.parameter) == ("nan_gradient", "fc1.weight")
    assert finding.evidence.total == 3


def test_gradients_that_a_scaler_skipped_are_no_warning():
    run = broken(healthy(), "gradient", "conv1.weight", 9, INF)

    (finding,) = findings(run)

    assert (finding.id, finding.severity) == ("nan_gradient", "info")
    assert "GradScaler" in finding.fix


def test_an_activation_names_its_module():
    run = broken(healthy(), "activation", "conv2", 5)

    (finding,) = findings(run)

    assert (finding.id, finding.severity, finding.where.module) == ("nan_activation", "error", "conv2")
    assert finding.title.startswith("The output of conv2 is not finite at step ")
