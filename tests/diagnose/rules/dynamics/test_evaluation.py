"""Predictions that do not depend on inputs, probabilities that are off, and what needs no model."""

from dataclasses import replace

import pytest

from reportgen.diagnose.rule import Unchecked
from reportgen.diagnose.rules.data.labels import minority_class_ignored
from reportgen.diagnose.rules.dynamics.baseline import worse_than_baseline
from reportgen.diagnose.rules.dynamics.evaluation import calibration_off, constant_predictions
from reportgen.run.evidence import DataSplit
from reportgen.run.predictions import PredictionSet
from reportgen.run.records import Run
from reportgen.run.series import Series, Stamp
from reportgen.testing.run import series_of
from tests.diagnose.altered import not_about
from tests.healthy import healthy


def classified(confusion: list[list[int]]) -> PredictionSet:
    names = tuple("abcdefgh"[: len(confusion)])
    total = sum(map(sum, confusion))
    return PredictionSet(
        "val", Stamp(440, 440), "classification", names, samples=total, confusion=tuple(map(tuple, confusion))
    )


def of(*sets: PredictionSet, **fields) -> Run:
    return replace(healthy(), predictions=sets, **fields)


def test_one_class_for_all_is_named():
    (finding,) = constant_predictions(of(classified([[0, 40], [0, 60]])))

    assert (finding.id, finding.severity, finding.since) == ("constant_predictions", "warning", 440)
    assert finding.title == "100\u00a0% of val predictions are class b, which is the truth of 60.0\u00a0%"
    assert finding.evidence.rows == (("b", 1.0, 0.6), ("a", 0.0, 0.4))


@pytest.mark.parametrize(
    "confusion",
    [
        [[1, 39], [0, 60]],  # 99 % of the predictions
        [[20, 20], [20, 40]],
    ],
)
def test_predictions_as_varied_as_the_truth_are_well(confusion):
    assert constant_predictions(of(classified(confusion))) == []


def test_where_one_class_is_most_of_the_truth_it_may_be_said_of_all():
    assert "most of the truth" in not_about(constant_predictions(of(classified([[0, 15], [0, 85]]))))


def test_few_predictions_are_not_judged_by_their_variety():
    few = constant_predictions(of(classified([[0, 20], [0, 29]])))
    assert few == Unchecked("49 predictions were recorded; 50 are needed.")
    one = constant_predictions(of(classified([[0, 0], [0, 1]])))
    assert one == Unchecked("1 prediction was recorded; 50 are needed.")


def numbers(spread: float, r2: float = 0.0, samples: int = 60) -> PredictionSet:
    points = tuple((float(k % 10), 4.5 + spread * (k % 10)) for k in range(samples))
    metrics = {"r2": r2, "rmse": 2.9}
    return PredictionSet("val", Stamp(440, 440), "regression", samples=samples, metrics=metrics, points=points)


@pytest.mark.parametrize(("spread", "found"), [(0.0, 1), (0.04, 1), (0.06, 0), (1.0, 0)])
def test_numbers_that_hardly_vary(spread, found):
    findings = constant_predictions(of(numbers(spread)))

    assert len(findings) == found
    assert all("hardly vary: all are about 4." in finding.title for finding in findings)


def calibrated(error: float, samples: int = 300) -> PredictionSet:
    confidence = (0,) * 13 + (0, samples)
    return PredictionSet(
        "val",
        Stamp(440, 440),
        "classification",
        ("a", "b"),
        samples=samples,
        metrics={"calibration error": error},
        confidence=confidence,
        correct=(0,) * 14 + (samples * 3 // 4,),
    )


def test_overconfidence_is_told():
    (finding,) = calibration_off(of(calibrated(0.22)))

    assert (finding.severity, finding.value, finding.limit) == ("info", "0.22", "0.1")
    assert finding.title.startswith("The model is surer than it is right")
    assert finding.evidence.rows == (("0.93 to 1.00", 300, 0.75),)


def test_a_small_error_is_well_and_few_samples_are_not_judged():
    assert calibration_off(of(calibrated(0.09))) == []
    assert isinstance(calibration_off(of(calibrated(0.3, samples=199))), Unchecked)


@pytest.mark.parametrize("rule", [constant_predictions, calibration_off, worse_than_baseline])
def test_a_healthy_run_is_well_and_one_without_predictions_is_not_judged(rule):
    assert rule(healthy()) == []
    judged = rule(replace(healthy(), predictions=(), scalars={}))
    assert isinstance(judged, Unchecked)
    assert "report.predictions(inputs, outputs, targets)" in judged.why


def test_numbers_no_better_than_their_mean():
    (finding,) = worse_than_baseline(of(numbers(0.0, r2=-0.2)))

    assert finding.title == "val R² ended at −0.2, no better than always saying the mean"
    (chance,) = worse_than_baseline(of(numbers(1.0, r2=0.05)))
    assert chance.title == "val R² ended at 0.05, no better than always saying the mean beyond chance"
    assert chance.limit == "above 0.129"  # 1 / sqrt(60)
    assert worse_than_baseline(of(numbers(1.0, r2=0.14))) == []
    assert isinstance(worse_than_baseline(of(numbers(0.0, r2=-0.2, samples=40))), Unchecked)


def test_accuracy_given_away_for_the_recall_of_a_rare_class_is_well():
    assert worse_than_baseline(of(classified([[170, 20], [1, 9]]))) == []
    assert len(worse_than_baseline(of(classified([[180, 10], [9, 1]])))) == 1


@pytest.mark.parametrize(("last", "found"), [(0.55, 1), (0.66, 1), (0.68, 0), (55.0, 1)])
def test_a_logged_accuracy_is_held_against_the_rows_of_the_split(last, found):
    split = DataSplit("val", "data", 200, targets="classes", class_counts={"a": 120, "b": 80})
    evidence = replace(healthy().evidence, data=(split,))

    findings = worse_than_baseline(of(scalars={"val/acc": series_of([last])}, evidence=evidence))

    assert [finding.where.tag for finding in findings] == ["val/acc"] * found


def test_classes_of_train_stand_for_those_of_val_with_a_margin():
    split = DataSplit("train", "data", 200, targets="classes", class_counts={"a": 120, "b": 80})
    evidence = replace(healthy().evidence, data=(split,))

    assert worse_than_baseline(of(scalars={"val/acc": series_of([0.59])}, evidence=evidence)) == []
    assert len(worse_than_baseline(of(scalars={"val/acc": series_of([0.57])}, evidence=evidence))) == 1


def test_an_accuracy_of_something_else_and_rare_classes_decide_nothing():
    split = DataSplit("val", "data", 200, targets="classes", class_counts={"a": 120, "b": 80})
    rare = replace(split, class_counts={"a": 180, "b": 20})
    other = of(scalars={"val/domain_acc": series_of([0.2])}, evidence=replace(healthy().evidence, data=(split,)))
    weighted = of(scalars={"val/acc": series_of([0.85])}, evidence=replace(healthy().evidence, data=(rare,)))

    assert isinstance(worse_than_baseline(other), Unchecked)
    assert isinstance(worse_than_baseline(weighted), Unchecked)


JUDGES = [
    (constant_predictions, classified([[0, 40], [0, 60]])),
    (worse_than_baseline, classified([[0, 40], [0, 60]])),
    (calibration_off, calibrated(0.22)),
    (minority_class_ignored, classified([[50, 0, 0], [0, 50, 0], [20, 20, 0]])),
]


@pytest.mark.parametrize(("rule", "given"), JUDGES)
def test_what_was_predicted_in_the_first_half_says_nothing_of_the_end(rule, given):
    assert len(rule(of(given, scalars={"train/loss": healthy().scalars["train/loss"]}))) == 1

    early = rule(of(replace(given, stamp=Stamp(0, 0)), scalars={"train/loss": healthy().scalars["train/loss"]}))

    assert isinstance(early, Unchecked)
    assert early.why.startswith("Predictions were recorded in the first half of the run only: call report.predictions(")


def unwatched(values: list[float]) -> Series:
    """A number of each of 100 steps, of a run whose optimizer is not watched."""
    series = series_of(values)
    return replace(series, optimizer_steps=type(series.optimizer_steps)("q", [0] * len(values)))


def test_without_optimizer_steps_the_steps_of_the_split_tell_what_is_early():
    scalars = {"val/acc": unwatched([0.1 + 0.0087 * k for k in range(101)])}
    poor = replace(classified([[0, 50], [0, 50]]), stamp=Stamp(0, 0))

    assert isinstance(constant_predictions(of(poor, scalars=scalars)), Unchecked)
    assert len(constant_predictions(of(replace(poor, stamp=Stamp(90, 0)), scalars=scalars))) == 1


def test_a_logged_accuracy_of_the_end_counts_where_predictions_are_of_the_beginning():
    split = DataSplit("val", "data", 200, targets="classes", class_counts={"a": 100, "b": 100})
    evidence = replace(healthy().evidence, data=(split,))
    early = replace(classified([[0, 50], [0, 50]]), stamp=Stamp(0, 0))

    scalars = {"val/acc": series_of([0.5] * 40 + [0.97] * 40)}

    assert worse_than_baseline(of(early, scalars=scalars, evidence=evidence)) == []


@pytest.mark.parametrize(("steps", "found"), [(29, False), (31, True)])
def test_chance_is_told_from_thirty_steps_on(steps, found):
    given = replace(classified([[0, 40], [0, 60]]), stamp=Stamp(steps, steps))

    judged = worse_than_baseline(of(given, scalars={}, measures={}))

    assert isinstance(judged, Unchecked) != found
    if not found:
        assert judged.why == "29 optimizer steps were made; 30 are needed."


def test_an_accuracy_before_the_first_step_is_of_a_model_that_was_not_trained():
    split = DataSplit("val", "data", 200, targets="classes", class_counts={"a": 100, "b": 100})
    run = of(scalars={"val/acc": series_of([0.5])}, measures={}, evidence=replace(healthy().evidence, data=(split,)))

    assert worse_than_baseline(run).why == "0 optimizer steps were made; 30 are needed."
    # Without a watched optimizer nobody knows how many were made.
    assert len(worse_than_baseline(replace(run, models=()))) == 1


def test_an_accuracy_is_better_than_chance_by_two_standard_errors():
    """Of 100 rows with 60 of one class 0.6 has an error of 0.049."""
    (finding,) = worse_than_baseline(of(classified([[5, 35], [0, 60]])))

    assert finding.tier == "statistics"
    assert finding.title == "val accuracy ended at 65.0\u00a0%, no better than always saying one class beyond chance"
    assert finding.limit == "above 69.8\u00a0%"
    pixels = replace(classified([[5, 35], [0, 60]]), task="segmentation", samples=4)
    assert worse_than_baseline(of(pixels)) == []
    assert worse_than_baseline(of(classified([[10, 30], [0, 60]]))) == []
