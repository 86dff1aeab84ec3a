"""Training rows against others."""

import dataclasses

import numpy as np
import pytest

from reportgen.testing import fake_run
from reportgen.testing.run import series_of
from tests.diagnose.unlearned import falling_loss, flat_loss, judged, unchecked
from tests.healthy import healthy

EVERY = list(range(9, 450, 45))


def both(val_loss, train_acc=None, val_acc=None, train_loss=None, **fields):
    scalars = {
        "train/loss": series_of(falling_loss() if train_loss is None else train_loss),
        "val/loss": series_of(val_loss, EVERY[: len(val_loss)]),
    }
    if train_acc is not None:
        scalars["train/acc"] = series_of([train_acc] * 10, EVERY)
    if val_acc is not None:
        scalars["val/acc"] = series_of([val_acc] * 10, EVERY)
    return fake_run(scalars=scalars, predictions=(), **fields)


RISES = [1.5, 1.1, 1.0, 1.02, 1.1, 1.2, 1.35, 1.5, 1.6, 1.8]
FALLS = [1.5, 1.1, 1.0, 0.9, 0.8, 0.75, 0.7, 0.66, 0.62, 0.6]


def test_a_validation_loss_that_rises_while_training_goes_on_is_dated_by_its_lowest():
    (finding,) = judged(both(RISES, val_acc=0.5), "overfitting")

    assert (finding.severity, finding.where.tag) == ("warning", "val/loss")
    assert finding.where.step == finding.since == EVERY[2]
    assert "torch.save" in finding.code


def test_accuracies_that_lie_apart_are_overfitting():
    (finding,) = judged(both(FALLS, train_acc=1.0, val_acc=0.6), "overfitting")

    assert finding.severity == "warning"
    assert "100\u00a0%" in finding.title
    assert finding.value == "0.4"


@pytest.mark.parametrize(("train", "val"), [(0.95, 0.9), (0.7, 0.62), (0.8, 0.85)])
def test_a_usual_distance_is_none(train, val):
    assert judged(both(FALLS, train_acc=train, val_acc=val), "overfitting") == []


def test_a_good_model_may_be_better_on_its_training_rows():
    assert judged(both(FALLS, train_acc=1.0, val_acc=0.92), "overfitting") == []
    assert [one.severity for one in judged(both(RISES, val_acc=0.96), "overfitting")] == ["info"]


def test_at_chance_on_other_rows_it_is_more_than_overfitting():
    found = judged(both(RISES, train_acc=1.0, val_acc=0.1), "overfitting")

    assert [one.severity for one in found] == ["info"]


def test_noise_and_one_bad_evaluation_do_not_rise():
    rng = np.random.default_rng(0)
    noisy = (1.0 + 0.15 * rng.normal(size=10)).tolist()

    assert judged(both(noisy, val_acc=0.5), "overfitting") == []
    assert judged(both([*FALLS[:9], 3.0], val_acc=0.5), "overfitting") == []


def test_without_a_training_that_goes_on_nothing_is_learned_by_heart():
    assert judged(both(RISES, val_acc=0.1, train_loss=flat_loss()), "overfitting") == []


def test_recorded_predictions_of_both_splits_do_as_well():
    sets = healthy().predictions
    train = dataclasses.replace(sets[-1], split="train", metrics={**sets[-1].metrics, "accuracy": 1.0})
    val = dataclasses.replace(sets[-1], metrics={**sets[-1].metrics, "accuracy": 0.6})
    run = fake_run(scalars={"train/loss": falling_loss()}, predictions=(train, val))

    assert len(judged(run, "overfitting")) == 1


def test_many_numbers_for_few_rows_are_a_remark_where_there_is_a_gap():
    run = both(FALLS, train_acc=1.0, val_acc=0.6)
    few = tuple(dataclasses.replace(split, rows=40, total=40) for split in run.evidence.data)
    small = dataclasses.replace(run, evidence=dataclasses.replace(run.evidence, data=few))

    assert [one.severity for one in judged(small, "small_dataset")] == ["info"]
    level = both(FALLS, train_acc=0.9, val_acc=0.9)
    assert judged(dataclasses.replace(level, evidence=small.evidence), "small_dataset") == []


@pytest.mark.parametrize(("train", "val", "found"), [(0.6, 0.9, 1), (0.85, 0.9, 0), (0.9, 0.6, 0)])
def test_a_validation_that_is_clearly_better_is_a_remark(train, val, found):
    findings = judged(both(FALLS, train_acc=train, val_acc=val), "val_better_than_train")

    assert [one.severity for one in findings] == ["info"] * found


def test_dropout_explains_a_better_validation():
    run = both(FALLS, train_acc=0.6, val_acc=0.9)
    (model,) = run.models
    dropping = dataclasses.replace(model, modules={**model.modules, "drop": "Dropout"})

    assert judged(dataclasses.replace(run, models=(dropping,)), "val_better_than_train") == []


def test_losses_tell_it_without_accuracies():
    assert len(judged(both([0.5] * 10, train_loss=falling_loss(2.3, 1.5)), "val_better_than_train")) == 1
    assert judged(both([1.3] * 10, train_loss=falling_loss(2.3, 1.5)), "val_better_than_train") == []


def test_healthy_runs_are_left_in_peace():
    for rule in ("overfitting", "small_dataset", "val_better_than_train"):
        assert judged(healthy(), rule) == []


def test_without_both_splits_it_is_said_what_to_log():
    run = fake_run(scalars={"train/loss": falling_loss()}, predictions=())

    assert '"val/loss"' in unchecked(run, "overfitting")
    assert '"val/loss"' in unchecked(run, "val_better_than_train")
    bare = dataclasses.replace(run, evidence=dataclasses.replace(run.evidence, data=(), loaders=()))
    assert 'report.data("train"' in unchecked(bare, "small_dataset")
