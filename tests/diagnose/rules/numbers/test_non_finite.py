"""Numbers that are NaN or infinite: in the loss, in metrics, in weights, gradients and activations."""

import dataclasses
import math

import numpy as np
import pytest

from reportgen.diagnose import Unchecked, findings
from reportgen.diagnose.reading.curves import POINTS
from reportgen.diagnose.rules.numbers.non_finite_forward import deduced
from reportgen.diagnose.rules.numbers.non_finite_input import nan_input
from reportgen.run.evidence import NonFinite
from reportgen.run.records import SCHEMA, Run
from reportgen.run.series import Stamp
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
    assert len(line.x) <= POINTS + 3
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


def stamped(step):
    return Stamp(step, step)


def examined(run: Run, **fields: object) -> Run:
    """`run` with a record of the first forward that gave something odd."""
    record = NonFinite("Net", **{"stamp": stamped(6), **fields})
    return dataclasses.replace(run, evidence=dataclasses.replace(run.evidence, non_finite=(record,)))


def lost(steps: int = 60, at: int = 7) -> Run:
    return fake_run(steps=steps, scalars={"train/loss": [2.0] * at + [NAN] * (steps - at)})


def test_inputs_that_are_not_finite_are_the_cause_and_their_columns_are_named():
    run = examined(lost(), inputs=True, rows=3, samples=32, columns=("4", "6"))

    (finding,) = [one for one in findings(run) if one.severity != "info"]

    assert (finding.id, finding.tier, finding.severity) == ("nan_input", "fact", "error")
    assert finding.title == "Net was given NaN or infinity at step 6, in columns 4 and 6"
    assert "3 of 32 rows of the batch" in finding.why
    assert (finding.where.model, finding.where.step) == ("Net", 6)
    assert finding.also == ("train/loss is NaN from step 7 on",)


def test_an_input_that_only_the_gradient_shows_is_found_in_the_looks():
    """An infinity that tanh makes finite is one in the gradient of the weights all the same."""
    run = examined(lost(), parameters=("conv1.weight",), amount=1)
    (use,) = run.evidence.models
    given = dataclasses.replace(use.inputs[0], non_finite=3)
    use = dataclasses.replace(use, inputs=(given,))
    run = dataclasses.replace(run, evidence=dataclasses.replace(run.evidence, models=(use,)))

    (finding,) = nan_input(run)

    assert (finding.severity, finding.since) == ("error", 5)


def test_rows_that_are_not_finite_and_do_no_harm_are_a_remark():
    run = healthy()
    train, val = run.evidence.data
    train = dataclasses.replace(train, odd_rows=12, odd_columns=("3",))
    run = dataclasses.replace(run, evidence=dataclasses.replace(run.evidence, data=(train, val)))

    (finding,) = nan_input(run)

    assert (finding.severity, finding.where.tag) == ("info", "train")
    assert nan_input(healthy()) == []
    assert isinstance(nan_input(Run(schema=SCHEMA, meta=healthy().meta)), Unchecked)


@pytest.mark.parametrize(
    ("operation", "line"),
    [("div", ".clamp_min(1e-6)"), ("sqrt", "torch.sqrt(x.clamp_min(0) + 1e-6)"), ("", "")],
)
def test_the_first_module_that_gave_something_odd_is_named(operation, line):
    (finding,) = findings(examined(lost(), module="norm", operation=operation))

    assert (finding.id, finding.severity, finding.where.module) == ("nan_activation", "error", "norm")
    assert finding.title.startswith(f"{operation} in norm gave" if operation else "norm gave")
    assert line in finding.code


def test_what_was_looked_at_module_by_module_is_surer_than_samples():
    run = examined(broken(lost(), "activation", "fc2", 6), module="conv2", operation="exp")

    (finding,) = findings(run)

    assert finding.where.module == "conv2"
    assert finding.evidence.rows[0][0] == "fc2"


def test_a_loss_that_broke_while_outputs_were_finite_is_the_cause():
    run = examined(broken(lost(), "gradient", "fc2.weight", 6), outside=True)

    (finding,) = [one for one in findings(run) if one.severity == "error"]

    assert (finding.id, finding.since) == ("nan_loss", 6)
    assert finding.why.startswith("The outputs of Net were finite at step 6")
    assert "p.clamp_min(1e-7)" in finding.code


def test_a_loss_that_grew_until_it_overflowed_tells_of_the_rate():
    values = [1.0, 50.0, 3e5, 2e12, 4e30, *[NAN] * 55]
    run = examined(fake_run(steps=60, scalars={"train/loss": values}), module="conv2", stamp=stamped(5))

    (finding,) = [one for one in findings(run) if one.severity == "error"]

    assert finding.id == "nan_loss"
    assert finding.why.startswith("It grew to 4e30 before it overflowed")
    assert finding.code == "- lr=0.1\n+ lr=0.01"


def test_weights_that_broke_though_all_before_was_finite_had_a_gradient_that_was_not():
    run = fake_run(steps=300, scalars={"train/loss": [2.0] * 280 + [NAN] * 20}, distributions={})
    run = examined(run, stamp=stamped(280), parameters=("conv1.weight", "fc2.weight"), amount=2)

    (finding,) = deduced(run)

    assert (finding.id, finding.tier, finding.where.parameter) == ("nan_gradient", "fact", "fc2.weight")
    assert finding.since == 279
    assert "set_detect_anomaly" in finding.code


def test_nothing_is_deduced_where_the_loss_was_broken_before():
    run = fake_run(steps=300, scalars={"train/loss": [2.0] * 200 + [NAN] * 100})

    assert deduced(examined(run, stamp=stamped(280), parameters=("fc2.weight",), amount=1)) == []
