"""A loss that stays, stops early, or ends too high."""

import dataclasses

import numpy as np

from reportgen.diagnose.reading.outcome import outcome
from reportgen.run.predictions import PredictionSet
from reportgen.run.series import Stamp
from reportgen.testing import fake_run
from reportgen.testing.run import series_of
from tests.diagnose.unlearned import falling_loss, flat_loss, judged, unchecked, unlearned, why_not, with_measure
from tests.healthy import healthy


def stands(end=1.7, steps=450):
    """A loss that falls from 2.3 in the first tenth and stands at `end` from then on."""
    return falling_loss(2.3, end, steps=steps // 4) + flat_loss(end, 0.03, steps - steps // 4)


def poor(loss, right=25):
    """With predictions of which `right` of 100 are right in ten balanced classes."""
    rows = tuple(
        tuple(right if k == j else (100 - right) // 9 + (j == (k + 1) % 10) * ((100 - right) % 9) for j in range(10))
        for k in range(10)
    )
    said = PredictionSet("val", Stamp(449, 449), "classification", tuple("0123456789"), samples=1000, confusion=rows)
    return fake_run(scalars={"train/loss": loss}, predictions=(said,))


def test_a_loss_at_log_of_the_classes_is_named_with_its_baseline():
    (finding,) = judged(unlearned(), "loss_not_decreasing")

    assert (finding.severity, finding.tier, finding.where.tag) == ("warning", "statistics", "train/loss")
    assert "no better than always saying the same" in finding.title
    assert finding.limit == "below 2.3"
    assert finding.evidence is not None


def test_a_loss_of_an_unknown_kind_is_compared_with_its_own_start():
    run = unlearned({"train/loss": flat_loss(5.0)})
    run = dataclasses.replace(run, evidence=dataclasses.replace(run.evidence, losses=()))

    (finding,) = judged(run, "loss_not_decreasing")

    assert finding.limit == "down by 3 %"
    assert "did not fall" in finding.title


def test_a_slow_fall_beyond_its_noise_is_no_finding():
    drawn = np.random.default_rng(0).normal(0, 0.05, 450)
    run = unlearned({"train/loss": (np.linspace(2.3, 2.2, 450) + drawn).tolist()})

    assert judged(run, "loss_not_decreasing") == []


def test_healthy_runs_are_left_in_peace():
    for rule in ("loss_not_decreasing", "plateau", "underfitting"):
        assert judged(healthy(), rule) == []


def test_a_loss_that_stays_is_no_finding_where_the_metrics_are_good():
    run = fake_run(
        scalars={"train/loss": flat_loss(), "val/acc": series_of([0.3, 0.8, 0.95], [99, 299, 449])}, predictions=()
    )

    assert judged(run, "loss_not_decreasing") == []


def test_a_few_steps_and_a_warm_up_say_nothing():
    assert "optimizer steps were made" in unchecked(
        unlearned({"train/loss": flat_loss(steps=20)}), "loss_not_decreasing"
    )
    rates = series_of([k * 1e-5 for k in range(450)])
    warming = with_measure(unlearned(), "learning_rate", {"group 0": rates})
    assert "still rising" in unchecked(warming, "loss_not_decreasing")


def test_without_a_training_loss_it_is_said_what_to_log():
    for rule in ("loss_not_decreasing", "plateau", "underfitting"):
        assert 'report.log({"train/loss": loss})' in unchecked(unlearned({"val/loss": flat_loss()}), rule)


def test_a_loss_that_stands_far_from_its_end_is_a_plateau_and_no_fit():
    run = poor(stands(), right=15)

    (plateau,) = judged(run, "plateau")
    (underfitting,) = judged(run, "underfitting")

    assert (plateau.severity, underfitting.severity) == ("warning", "warning")
    assert plateau.where.tag == underfitting.where.tag == "train/loss"
    assert plateau.code.startswith("- lr=0.1\n+ lr=0.3")


def test_a_layer_narrower_than_the_outputs_explains_more():
    run = poor(stands(), right=30)
    (model,) = run.models
    narrow = [dataclasses.replace(p, shape=(2, 576)) if p.name == "fc1.weight" else p for p in model.parameters]
    bottleneck = dataclasses.replace(run, models=(dataclasses.replace(model, parameters=tuple(narrow)),))

    assert [one.severity for one in judged(run, "underfitting")] == ["info"]
    assert [one.severity for one in judged(bottleneck, "underfitting")] == ["warning"]


def test_a_loss_that_still_falls_is_no_plateau():
    run = poor(np.linspace(2.3, 1.7, 450).tolist(), right=15)

    assert judged(run, "plateau") == []
    assert judged(run, "underfitting") == []


def test_what_the_noise_of_a_task_may_be_is_a_remark():
    run = poor(stands(1.4), right=45)

    assert outcome(run).good is False
    assert [one.severity for one in judged(run, "underfitting")] == ["info"]
    assert [one.severity for one in judged(run, "plateau")] == ["info"]


def test_good_predictions_make_a_plateau_the_end_of_a_training():
    assert judged(poor(stands(), right=91), "plateau") == []


def test_a_loss_that_is_low_has_arrived():
    assert judged(poor(stands(0.3), right=15), "plateau") == []
    assert judged(poor(stands(0.3), right=15), "underfitting") == []


def test_a_single_layer_that_does_not_fit_its_training_rows_is_too_small_whatever_its_loss_did():
    """Its loss was near the baseline from the start, and ends no more than a little below it."""
    run = poor(flat_loss(2.22, 0.1), right=15)
    (val,) = run.predictions
    (only,) = [p for p in run.models[0].parameters if p.name == "fc2.weight"]
    single = dataclasses.replace(run, models=(dataclasses.replace(run.models[0], parameters=(only,)),))
    both = (val, dataclasses.replace(val, split="train"))

    (finding,) = judged(dataclasses.replace(single, predictions=both), "underfitting")

    assert (finding.id, finding.severity) == ("underfitting", "warning")
    assert judged(single, "underfitting") == []  # how it fits its training rows is not known
    assert judged(dataclasses.replace(run, predictions=both), "underfitting") == []  # nor that it is so small


def good(loss):
    """With an accuracy of val that ended well."""
    accuracy = series_of([0.3, 0.8, 0.95], [99, 299, 449])
    return fake_run(scalars={"train/loss": loss, "val/acc": accuracy}, predictions=())


def test_a_course_that_did_not_go_down_has_not_passed():
    rising = good(np.geomspace(0.7, 6.8e7, 450).tolist())
    flat = good(flat_loss())

    assert why_not(rising, "loss_not_decreasing").endswith(": it rose.")
    assert why_not(flat, "loss_not_decreasing").endswith(", but the run ended well.")
    for run in (rising, flat, unlearned()):
        assert why_not(run, "plateau").startswith("The training loss did not fall")
    for run in (rising, flat):
        assert why_not(run, "underfitting").startswith("The training loss did not fall")
    assert why_not(good(falling_loss()), "loss_not_decreasing") == why_not(healthy(), "underfitting") == ""


def test_a_loss_that_stood_still_in_a_good_run_is_told():
    why = why_not(good(stands()), "plateau")

    assert why.startswith("train/loss stood still at 1.7")
    assert why.endswith("but the run ended well in training.")
    assert why_not(good(falling_loss()), "plateau") == ""


def test_one_step_was_made():
    short = unlearned({"train/loss": series_of([2.3] * 12, [1] * 12)})

    assert unchecked(short, "plateau") == "1 optimizer step was made; 30 are needed."
