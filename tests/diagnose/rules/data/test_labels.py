"""Rare classes, classes that are never found, and targets on another scale."""

from dataclasses import replace

import pytest

from reportgen.diagnose.rule import Unchecked
from reportgen.diagnose.rules.data.labels import class_imbalance, minority_class_ignored
from reportgen.diagnose.rules.data.labels_scale import target_not_normalized
from reportgen.run.evidence import DataSplit, FeatureFacts, LossUse, ModelUse, TensorFacts
from reportgen.run.predictions import PredictionSet
from reportgen.run.records import Run
from reportgen.run.series import Stamp
from reportgen.testing import fake_run
from reportgen.testing.run import series_of
from tests.diagnose.altered import not_about
from tests.healthy import healthy


def classified(confusion: list[list[int]], task: str = "classification") -> PredictionSet:
    names = tuple("abcdefghij"[: len(confusion)])
    total = sum(map(sum, confusion))
    return PredictionSet("val", Stamp(440, 440), task, names, samples=total, confusion=tuple(map(tuple, confusion)))


def trained_on(counts: dict[str, int], *sets: PredictionSet) -> Run:
    split = DataSplit("train", "data", sum(counts.values()), targets="classes", class_counts=counts)
    return replace(healthy(), predictions=sets, evidence=replace(healthy().evidence, data=(split,)))


def test_a_rare_class_that_is_missed_is_a_warning_with_weights():
    (finding,) = class_imbalance(trained_on({"a": 950, "b": 50}, classified([[190, 0], [9, 1]])))

    assert (finding.id, finding.severity, finding.where.tag) == ("class_imbalance", "warning", "train data")
    assert finding.title == "Class b has 50 rows to train on, class a 950, and 10.0\u00a0% of it is found"
    assert "weight=torch.tensor([0.526, 10])" in finding.code
    assert finding.evidence.rows == (("b", 50, 0.1), ("a", 950, 1.0))


def test_a_rare_class_that_is_found_is_only_told():
    (finding,) = class_imbalance(trained_on({"0": 950, "1": 50}, classified([[190, 0], [4, 6]])))

    assert finding.severity == "info"


@pytest.mark.parametrize(
    "confusion",
    [
        [[190, 0], [5, 4]],  # too few to tell
        [[50, 140], [6, 4]],  # the other is not found more often
    ],
)
def test_it_is_no_warning_where_rareness_is_not_the_reason(confusion):
    (finding,) = class_imbalance(trained_on({"a": 950, "b": 50}, classified(confusion)))

    assert finding.severity == "info"


@pytest.mark.parametrize("counts", [{"a": 500, "b": 50}, {"a": 40, "b": 1}, {"a": 500, "b": 480}])
def test_ten_times_and_few_rows_are_no_imbalance(counts):
    assert class_imbalance(trained_on(counts)) == []


def test_the_targets_of_the_loss_tell_where_no_data_was_read():
    use = LossUse("Net", kind="cross_entropy", class_counts=(460, 2, 430))
    run = replace(healthy(), evidence=replace(healthy().evidence, data=(), losses=(use,)))

    (finding,) = class_imbalance(run)

    assert (finding.where.tag, finding.severity) == ("targets of the loss", "info")
    words = replace(run.evidence, models=(ModelUse("Net", outputs=(TensorFacts(shape=(8, 20, 3)),)),))
    assert isinstance(class_imbalance(replace(run, evidence=words)), Unchecked)


def test_without_classes_it_is_not_judged():
    nothing = replace(healthy(), evidence=replace(healthy().evidence, data=(), losses=()))

    assert isinstance(class_imbalance(nothing), Unchecked)
    assert isinstance(minority_class_ignored(replace(nothing, predictions=())), Unchecked)
    assert class_imbalance(healthy()) == []
    assert minority_class_ignored(healthy()) == []


def test_a_class_that_is_never_found_is_named_with_what_it_is_taken_for():
    (finding,) = minority_class_ignored(
        trained_on({"a": 200, "b": 200, "c": 20}, classified([[90, 10, 0], [10, 90, 0], [2, 18, 0]]))
    )

    assert (finding.severity, finding.where.tag, finding.since) == ("warning", "val predictions", 440)
    assert finding.title == "None of the 20 val samples of class c is found"
    assert finding.evidence.rows == (("c", 20, "b", 0.9),)


@pytest.mark.parametrize(
    "confusion",
    [
        [[90, 10, 0], [10, 90, 0], [1, 8, 0]],  # 9 samples
        [[30, 70, 0], [70, 30, 0], [2, 18, 0]],  # nothing was learned
        [[60, 0], [50, 0]],  # one class is all that is said: constant predictions
    ],
)
def test_few_samples_and_models_that_learned_nothing_ignore_no_class(confusion):
    assert minority_class_ignored(trained_on({"a": 100, "b": 100}, classified(confusion))) == []


def test_pixels_of_a_class_may_be_missed():
    (finding,) = minority_class_ignored(trained_on({}, classified([[9000, 0], [80, 0]], "segmentation")))

    assert finding.severity == "info"


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("binary_cross_entropy", "nn.BCELoss(weight=torch.where(y > 0.5, 19, 1.0))"),
        ("binary_cross_entropy_with_logits", "nn.BCEWithLogitsLoss(pos_weight=torch.tensor(19))"),
        ("nll_loss", "nn.NLLLoss(weight=torch.tensor([0.526, 10]))"),
        ("cross_entropy", "nn.CrossEntropyLoss(weight=torch.tensor([0.526, 10]))"),
    ],
)
def test_weights_are_given_to_the_loss_in_use(kind, told):
    run = trained_on({"0": 950, "1": 50}, classified([[190, 0], [10, 0]]))
    evidence = replace(run.evidence, losses=(LossUse("Net", kind=kind),))
    run = replace(run, evidence=evidence, models=(replace(run.models[0], criterion=""),))

    for rule in (class_imbalance, minority_class_ignored):
        (finding,) = rule(run)
        assert told in finding.code


def test_several_labels_each_are_no_regression():
    split = DataSplit("train", "data", 800, targets="several")
    evidence = replace(healthy().evidence, data=(split,), losses=(LossUse("Net", kind="mse_loss"),))
    numbers = replace(healthy(), evidence=evidence, models=(), predictions=())
    logits = (LossUse("Net", kind="binary_cross_entropy_with_logits"),)
    labels = replace(numbers, evidence=replace(evidence, losses=logits))

    assert not_about(class_imbalance(labels)) == "Targets are several labels each, not one class of several."
    assert not_about(class_imbalance(numbers)) == "This is a regression, which has no classes."


# -- the scale of targets ------------------------------------------------------------------------------------------


def aimed(mean: float, deviation: float, kind: str = "mse_loss", learned: bool = False) -> Run:
    facts = TensorFacts(
        shape=(32, 1),
        dtype="float32",
        looks=15,
        minimum=mean - 3 * deviation,
        maximum=mean + 3 * deviation,
        mean=mean,
        deviation=deviation,
    )
    loss = mean**2 + deviation**2  # of a model that still says 0
    run = (
        healthy() if learned else fake_run(scalars={"train/loss": series_of([loss, 1.01 * loss] * 100)}, predictions=())
    )
    evidence = replace(run.evidence, losses=(LossUse("Net", kind=kind, target=facts),), data=(), models=())
    return replace(run, evidence=evidence)


@pytest.mark.parametrize(("mean", "deviation"), [(152.0, 77.0), (0.0, 0.01), (300.0, 20.0)])
def test_targets_far_from_a_fresh_models_reach(mean, deviation):
    (finding,) = target_not_normalized(aimed(mean, deviation))

    assert (finding.id, finding.severity) == ("target_not_normalized", "warning")
    assert f"(y - {mean:.4g}) / {deviation:.4g}" in finding.code


def test_a_run_that_learned_bears_its_targets():
    (finding,) = target_not_normalized(aimed(152.0, 77.0, learned=True))

    assert finding.severity == "info"


@pytest.mark.parametrize(("mean", "deviation"), [(0.0, 49.0), (0.0, 0.03), (90.0, 10.0), (1.0, 0.05)])
def test_targets_within_reach_are_well(mean, deviation):
    assert target_not_normalized(aimed(mean, deviation)) == []


def test_a_few_targets_that_lie_far_out_are_told_as_such():
    run = aimed(180.0, 2100.0)
    (use,) = run.evidence.losses
    far = replace(use, target=replace(use.target, minimum=-2.0, maximum=34000.0))

    (finding,) = target_not_normalized(replace(run, evidence=replace(run.evidence, losses=(far,))))

    assert finding.severity == "info"
    assert "far from all others" in finding.why


def test_likelihoods_of_counts_take_targets_as_they_are():
    no_distance = "No loss was seen that compares outputs with numbers."
    assert not_about(target_not_normalized(aimed(152.0, 77.0, kind="poisson_nll_loss"))) == no_distance
    assert not_about(target_not_normalized(healthy())) == no_distance


def regression(truth: float, scale: float) -> PredictionSet:
    points = tuple((truth + 90.0 * (k % 7), scale * (k % 5)) for k in range(60))
    return PredictionSet("val", Stamp(9, 9), "regression", samples=60, metrics={"r2": -8.0}, points=points)


def test_recorded_truth_tells_where_predictions_are_the_outputs_themselves():
    run = aimed(0.0, 1.0)
    outputs = TensorFacts(shape=(32,), dtype="float32", minimum=-1.0, maximum=4.0, deviation=1.0)
    evidence = replace(run.evidence, losses=(), models=(ModelUse("Net", outputs=(outputs,)),))
    run = replace(run, evidence=evidence)

    (finding,) = target_not_normalized(replace(run, predictions=(regression(2e5, 1.0),)))

    assert (finding.where.tag, finding.severity) == ("val predictions", "warning")
    rescaled = target_not_normalized(replace(run, predictions=(regression(2e5, 5e4),)))
    assert not_about(rescaled) == "Predictions are on another scale than the model's outputs."


def test_the_data_tells_where_the_loss_is_not_known():
    run = aimed(0.0, 1.0)
    target = FeatureFacts("target", 2e5, 6e4, 1e4, 5e5)
    split = DataSplit("train", "data", 500, inputs="numbers", targets="numbers", target=target)

    (finding,) = target_not_normalized(replace(run, evidence=replace(run.evidence, losses=(), data=(split,))))

    assert finding.where.tag == "train data"
    assert isinstance(target_not_normalized(replace(run, evidence=replace(run.evidence, losses=()))), Unchecked)
