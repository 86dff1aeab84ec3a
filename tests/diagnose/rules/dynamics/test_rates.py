"""Steps that move the weights too far, or hardly at all."""

import dataclasses
import math

import pytest

from reportgen.testing import fake_run
from reportgen.testing.run import series_of
from tests.diagnose.unlearned import (
    constant,
    falling_loss,
    flat_loss,
    judged,
    measuring,
    unchecked,
    unlearned,
    with_measure,
)
from tests.healthy import healthy


def stepping(ratio, **fields):
    return measuring(unlearned(**fields), "update_ratio", constant(ratio))


@pytest.mark.parametrize("ratio", [0.04, 0.5])
def test_long_steps_with_a_loss_that_stays_are_too_long(ratio):
    (finding,) = judged(stepping(ratio), "lr_too_high")

    assert (finding.id, finding.severity) == ("lr_too_high", "warning")
    assert finding.where.model == "Net"
    assert finding.where.parameter.endswith(".weight")


@pytest.mark.parametrize(("ratio", "rate"), [(0.031, "0.01"), (0.06, "0.005"), (0.5, "5e-4"), (400.0, "1e-4")])
def test_where_the_loss_never_fell_the_rate_is_divided_until_steps_are_usual(ratio, rate):
    (finding,) = judged(stepping(ratio), "lr_too_high")

    assert finding.code == f"- lr=0.1\n+ lr={rate}"


def test_the_layer_that_moves_most_is_quoted_and_drawn_with_the_limit():
    run = measuring(unlearned(), "update_ratio", lambda name, s: [0.2 if name == "fc1.weight" else 0.05] * len(s))

    (finding,) = judged(run, "lr_too_high")

    layer, limit = finding.evidence.lines
    assert (finding.where.parameter, finding.value, finding.limit) == ("fc1.weight", "update / weight 0.2", "0.03")
    assert (layer.name, limit.name, finding.evidence.log_y) == ("fc1.weight", "limit", True)
    assert set(layer.y) == {0.2}
    assert set(limit.y) == {0.03}
    assert (limit.x[0], limit.x[-1]) == (layer.x[0], layer.x[-1])


@pytest.mark.parametrize("ratio", [2e-2, 2.9e-2])
def test_steps_of_small_networks_are_usual(ratio):
    assert judged(stepping(ratio), "lr_too_high") == []


def test_long_steps_are_no_finding_where_the_run_is_good():
    run = measuring(healthy(), "update_ratio", constant(0.2))

    assert judged(run, "lr_too_high") == []


def test_very_long_steps_of_a_run_that_learned_little_are_named_by_their_ratio():
    scores = series_of([0.15, 0.2, 0.25], [99, 299, 449])
    run = fake_run(scalars={"train/loss": falling_loss(2.3, 1.9), "val/acc": scores}, predictions=())

    (finding,) = judged(measuring(run, "update_ratio", constant(0.15)), "lr_too_high")
    assert finding.id == "update_ratio_high"
    assert finding.code == "- lr=0.1\n+ lr=0.002"
    assert judged(measuring(run, "update_ratio", constant(0.05)), "lr_too_high") == []


def test_leaps_at_the_start_are_found_though_nothing_moves_after_them():
    def leaping(name, series):
        return [0.9 if k < 4 else 0.0 for k in range(len(series))]

    (finding,) = judged(measuring(unlearned(), "update_ratio", leaping), "lr_too_high")

    assert (finding.id, finding.since) == ("lr_too_high", 0)


def test_biases_do_not_count():
    run = measuring(unlearned(), "update_ratio", lambda name, s: [5.0 if "bias" in name else 1e-3] * len(s))

    assert judged(run, "lr_too_high") == []


def test_short_steps_with_a_loss_that_stays_are_too_short():
    (finding,) = judged(stepping(2e-6), "lr_too_low")

    assert (finding.id, finding.severity) == ("lr_too_low", "warning")
    assert finding.code == "- lr=0.1\n+ lr=10"


def test_where_the_last_layer_moves_it_is_not_the_rate():
    run = measuring(unlearned(), "update_ratio", lambda name, s: [5e-4 if "fc2" in name else 1e-6] * len(s))

    (finding,) = judged(run, "lr_too_low")

    assert (finding.id, finding.code) == ("update_ratio_low", "")
    assert finding.evidence.rows[0][1] == pytest.approx(1e-6)


def test_short_steps_are_no_finding_where_the_loss_fell():
    run = measuring(unlearned({"train/loss": falling_loss(2.3, 2.0)}), "update_ratio", constant(2e-6))

    assert judged(run, "lr_too_low") == []
    assert judged(stepping(2e-4), "lr_too_low") == []


def test_steps_that_together_lead_nowhere_are_too_short():
    (finding,) = judged(stepping(2e-5), "lr_too_low")

    assert (finding.id, finding.limit) == ("lr_too_low", "1e-4")
    assert "in one direction would move it by 0.9" in finding.why
    assert judged(measuring(healthy(), "update_ratio", constant(2e-5)), "lr_too_low") == []


def test_the_same_steps_in_a_long_run_are_usual():
    """450 looks at steps of 90,000: they may have moved a layer by all of its size."""
    run = measuring(unlearned(), "update_ratio", lambda name, s: series_of([2e-5] * 30, range(0, 90000, 3000)))

    assert judged(run, "lr_too_low") == []


def test_a_single_layer_whose_loss_stays_below_its_baseline_is_at_its_minimum():
    """Its weights are best near 0, beside which any step is long."""
    flat = [2.1 + 0.03 * math.sin(7 * k) for k in range(450)]
    scores = series_of([0.15, 0.2, 0.15], [99, 299, 449])
    run = fake_run(scalars={"train/loss": flat, "val/acc": scores}, predictions=())
    (only,) = [p for p in run.models[0].parameters if p.name == "fc2.weight"]
    single = dataclasses.replace(run, models=(dataclasses.replace(run.models[0], parameters=(only,)),))

    def leaping(run):
        return judged(measuring(run, "update_ratio", lambda name, s: [0.4] * len(s)), "lr_too_high")

    assert leaping(single) == []
    assert [one.id for one in leaping(run)] == ["lr_too_high"]


def test_short_steps_are_no_finding_where_a_schedule_has_ended():
    def decayed(name, series):
        return [3e-3 if step < 40 else 1e-8 for step in series.optimizer_steps]

    run = measuring(unlearned(), "update_ratio", decayed)
    rates = series_of([0.1 if k < 40 else 1e-7 for k in range(450)])

    assert judged(with_measure(run, "learning_rate", {"group 0": rates}), "lr_too_low") == []


def test_what_moved_first_and_then_stood_still_is_not_too_slow():
    run = measuring(unlearned(), "update_ratio", lambda name, s: [0.2, 0.2] + [1e-7] * (len(s) - 2))

    assert judged(run, "lr_too_low") == []


def test_without_an_optimizer_it_is_said_what_to_watch():
    run = unlearned()
    bare = dataclasses.replace(run, models=(dataclasses.replace(run.models[0], optimizers=()),))

    for rule in ("lr_too_high", "lr_too_low"):
        assert "report.watch(model, optimizer)" in unchecked(bare, rule)
        assert "looked at" in unchecked(unlearned({"train/loss": flat_loss(steps=12)}, steps=12), rule)
