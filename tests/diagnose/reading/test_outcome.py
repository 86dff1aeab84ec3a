"""Whether a run learned: predictions before metrics before the training loss."""

import dataclasses
import weakref

import pytest

from reportgen.diagnose import diagnose
from reportgen.diagnose.reading import outcome as judging
from reportgen.diagnose.reading.outcome import outcome
from reportgen.diagnose.reading.training_loss import training_loss
from reportgen.run.predictions import ClassScore, PredictionSet
from reportgen.run.records import SCHEMA, Meta, Run
from reportgen.run.series import Stamp
from reportgen.testing import fake_run
from reportgen.testing.run import series_of
from tests.diagnose.unlearned import LOG_10, falling_loss, flat_loss, unlearned
from tests.healthy import healthy


def predicted(confusion, split="val", step=449, task="classification", **fields):
    total = sum(map(sum, confusion))
    return PredictionSet(
        split=split,
        stamp=Stamp(step, step),
        task=task,
        classes=tuple(map(str, range(len(confusion)))),
        samples=total,
        confusion=confusion,
        **fields,
    )


def regressed(r2, samples=200, **metrics):
    return PredictionSet("val", Stamp(449, 449), "regression", samples=samples, metrics={"r2": r2, **metrics})


def logged(**tags):
    scalars = {tag.replace("_", "/", 1): values for tag, values in tags.items()}
    return fake_run(scalars=scalars, predictions=())


def test_a_healthy_run_is_good_by_its_predictions():
    result = outcome(healthy())

    assert (result.learned, result.good, result.quantity, result.tag) == (True, True, "accuracy", "val predictions")
    assert not result.bad
    assert not result.mediocre


def test_an_empty_run_is_not_judged():
    result = outcome(Run(schema=SCHEMA, meta=Meta("empty", "finished", 0.0)))

    assert (result.learned, result.good, result.bad, result.quantity) == (None, None, False, "")


@pytest.mark.parametrize(
    ("confusion", "learned", "good"),
    [
        (((100, 0), (0, 100)), True, True),
        (((60, 40), (40, 60)), True, False),
        (((52, 48), (48, 52)), False, False),  # within two standard errors of always saying one
        (((100, 0), (100, 0)), False, False),
    ],
)
def test_accuracy_is_judged_against_the_majority(confusion, learned, good):
    result = outcome(fake_run(predictions=(predicted(confusion),)))

    assert (result.learned, result.good) == (learned, good)


def test_of_rare_classes_the_recalls_count():
    found = predicted(((930, 20), (5, 45)))  # 97.5 % right, where 95 % are of one class
    ignored = predicted(((950, 0), (50, 0)))

    assert outcome(fake_run(predictions=(found,))).good is True
    assert outcome(fake_run(predictions=(ignored,))).learned is False


@pytest.mark.parametrize(("r2", "learned", "good"), [(0.8, True, True), (0.3, True, False), (0.02, False, False)])
def test_regression_is_judged_by_r2(r2, learned, good):
    result = outcome(fake_run(predictions=(regressed(r2),)))

    assert (result.learned, result.good, result.quantity) == (learned, good, "R2")


def test_several_labels_are_judged_against_always_saying_the_more_frequent():
    def scores(hits):
        return (ClassScore("a", 40, 40, hits, None, None, None), ClassScore("b", 50, 50, hits, None, None, None))

    good = PredictionSet("val", Stamp(449, 449), "multilabel", ("a", "b"), samples=100, scores=scores(38))
    bad = dataclasses.replace(good, scores=scores(20))

    assert outcome(fake_run(predictions=(good,))).good is True
    assert outcome(fake_run(predictions=(bad,))).learned is False


def test_val_comes_before_test_and_both_before_train():
    sets = (
        predicted(((90, 10), (10, 90)), "train"),
        predicted(((100, 0), (100, 0)), "test"),
        predicted(((80, 20), (20, 80)), "val"),
    )

    assert outcome(fake_run(predictions=sets)).tag == "val predictions"
    assert outcome(fake_run(predictions=sets[:2])).tag == "test predictions"
    assert outcome(fake_run(predictions=sets[:1])).tag == "train predictions"


def test_predictions_of_the_first_half_say_nothing_of_the_end():
    early = predicted(((100, 0), (100, 0)), step=10)

    result = outcome(fake_run(predictions=(early,)))

    assert result.tag != "val predictions"
    assert not result.bad


def test_a_logged_accuracy_is_judged_against_the_known_classes():
    good, bad = logged(val_acc=[0.3, 0.8, 0.9]), logged(val_acc=[0.1, 0.11, 0.1])

    assert (outcome(good).good, outcome(good).tag) == (True, "val/acc")
    assert outcome(bad).learned is False


def test_percent_is_an_accuracy_too():
    assert outcome(logged(val_accuracy=[30.0, 80.0, 91.0])).last == pytest.approx(0.91)


def test_an_accuracy_of_unknown_classes_is_judged_only_if_it_is_high():
    run = Run(schema=SCHEMA, meta=Meta("log", "imported", 0.0))

    high = dataclasses.replace(run, scalars={"val/acc": series_of([0.5, 0.9])})
    low = dataclasses.replace(run, scalars={"val/acc": series_of([0.02, 0.3])})

    assert outcome(high).good is True
    assert outcome(low).learned is None


def test_of_several_metrics_the_one_that_speaks_best_for_the_run_counts():
    rare = {"a": 950, "b": 50}
    run = fake_run(scalars={"val/acc": [0.95, 0.95], "val/auc": [0.7, 0.97]}, predictions=())
    split = dataclasses.replace(run.evidence.data[1], split="val", class_counts=rare)
    run = dataclasses.replace(run, evidence=dataclasses.replace(run.evidence, data=(split,)))

    assert outcome(run).quantity == "AUC"
    assert outcome(run).good is True


def test_without_metrics_the_loss_counts():
    assert outcome(fake_run(scalars={"train/loss": falling_loss()}, predictions=())).good is True
    result = outcome(unlearned())
    assert (result.learned, result.good, result.quantity) == (False, False, "loss")
    assert result.untrained


def test_a_loss_that_fell_a_little_is_neither_good_nor_bad():
    result = outcome(unlearned({"train/loss": falling_loss(2.3, 1.7)}))

    assert (result.learned, result.good, result.bad) == (True, None, False)


def test_what_began_far_below_its_baseline_was_learned_before():
    result = outcome(unlearned({"train/loss": flat_loss(0.4)}))

    assert (result.learned, result.bad) == (True, False)


def test_a_metric_that_improved_is_learning_even_if_the_loss_stays():
    run = unlearned({"train/loss": flat_loss(), "val/map": [0.1 + 0.05 * k for k in range(10)]})

    assert outcome(run).learned is True


def test_overfitting_is_bad_but_not_untrained():
    run = fake_run(scalars={"train/loss": falling_loss()}, predictions=(predicted(((60, 40), (40, 60))),))

    assert outcome(run).bad
    assert not outcome(run).untrained


@pytest.mark.parametrize(
    "tags",
    [
        ("d_loss", "g_loss"),
        ("loss/policy", "loss/value"),
        ("train/loss", "episode_reward"),
        ("train/reg_loss",),
        ("val/loss",),
    ],
)
def test_where_it_is_not_known_what_is_minimised_there_is_no_training_loss(tags):
    assert training_loss(unlearned({tag: flat_loss() for tag in tags})) is None


@pytest.mark.parametrize(
    ("tags", "chosen"),
    [
        (("train/loss", "train/loss_cls", "train/loss_box"), "train/loss"),
        (("loss/total", "loss/cls"), "loss/total"),
        (("train/loss", "val/loss"), "train/loss"),
        (("loss", "val_loss"), "loss"),
        (("train/mse", "train/mae"), "train/mse"),
    ],
)
def test_the_whole_comes_before_its_parts(tags, chosen):
    assert training_loss(unlearned({tag: flat_loss() for tag in tags})).tag == chosen


def test_the_baseline_of_cross_entropy_is_the_entropy_of_the_classes():
    assert training_loss(unlearned()).baseline == pytest.approx(LOG_10, rel=1e-3)


def test_the_baseline_of_a_squared_error_is_the_targets_variance():
    run = unlearned()
    (use,) = run.evidence.losses
    use = dataclasses.replace(use, kind="mse_loss", target=None, classes=None, class_counts=())
    run = dataclasses.replace(
        run, evidence=dataclasses.replace(run.evidence, losses=(use,)), predictions=(regressed(0.75, rmse=2.0),)
    )

    assert training_loss(run).baseline == pytest.approx(16.0)


def test_weighted_or_summed_losses_have_no_baseline():
    run = unlearned()
    (use,) = run.evidence.losses
    summed = dataclasses.replace(use, reduction="sum")

    assert (
        training_loss(dataclasses.replace(run, evidence=dataclasses.replace(run.evidence, losses=(summed,)))).baseline
        is None
    )


def test_a_diagnosis_works_the_outcome_out_once_and_forgets_the_run(monkeypatch):
    class Referable(Run):  # a Run has no slot for weak references
        pass

    asked = []
    monkeypatch.setattr(judging, "training_loss", lambda run: asked.append(run.meta.title) or training_loss(run))
    fields = {field.name: getattr(healthy(), field.name) for field in dataclasses.fields(Run)}
    run, other = Referable(**fields), dataclasses.replace(unlearned(), meta=Meta("other", "finished", 0.0))

    with judging.outcome_once(run):
        assert outcome(run) is outcome(run)
        assert outcome(other) == outcome(other) != outcome(run)
    assert asked == [run.meta.title, "other", "other"]

    asked.clear()
    diagnose(run)
    assert asked == [run.meta.title]

    gone = weakref.ref(run)
    del run
    assert gone() is None
