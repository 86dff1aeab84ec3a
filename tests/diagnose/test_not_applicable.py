"""What is counted as found well had something to look at: checks of what a run does not have are told apart."""

import dataclasses
import math

import pytest

from reportgen.diagnose import RULES, Check, NotApplicable, Rule, diagnose
from reportgen.run.evidence import ModeUse, SchedulerUse
from reportgen.run.predictions import PredictionSet
from reportgen.run.records import SCHEMA, Meta, Run
from reportgen.run.series import Stamp
from reportgen.testing import fake_run
from reportgen.testing.run import series_of
from tests.diagnose.altered import (
    ending_in,
    passed,
    unseen,
    with_evidence,
    with_loss,
    with_measure,
    with_model,
)
from tests.healthy import healthy

EMPTY = Run(schema=SCHEMA, meta=Meta("empty", "finished", 0.0))
FALLING = [2.3 * 0.98**k for k in range(200)]
# Rules that judge the course of training by numbers that a NaN at the end makes meaningless.
BY_COURSE = (
    "worse_than_baseline",
    "loss_not_decreasing",
    "overfitting",
    "divergence",
    "oscillation",
    "underfitting",
    "plateau",
    "constant_predictions",
)


def mlp():
    return fake_run(layers=3)


def regression():
    numbers = PredictionSet("val", Stamp(440, 440), "regression", samples=100, metrics={"r2": 0.9, "rmse": 1.0})
    run = with_loss(fake_run(predictions=(numbers,)), kind="mse_loss", criterion="MSELoss", class_counts=(), classes=10)
    return with_model(run, criterion="MSELoss()")


def ending(last):
    """A run that learned until its loss ended in `last`."""
    return fake_run(scalars={"train/loss": [*FALLING, last], "val/loss": FALLING, "val/acc": [0.5] * 40})


def without_relu():
    run = with_measure(healthy(), "constant_units", {"fc1": [0.0] * 9})
    (graph,) = run.graphs
    plain = dataclasses.replace(graph, edges=tuple(dataclasses.replace(edge, via=()) for edge in graph.edges))
    return dataclasses.replace(run, graphs=(plain,), measures={**run.measures, "dead_share": {}})


def reasons(run):
    return {check.id: check.why for check in diagnose(run).not_applicable}


def judged(run, rule):
    return next(one for one in RULES if one.id == rule).judge(run)


def test_a_plain_network_with_cross_entropy_passes_no_check_of_what_it_does_not_have():
    diagnosis = diagnose(mlp())
    without = {check.id: check.why for check in diagnosis.not_applicable}

    assert diagnosis.findings == ()
    assert without["logits_to_bce"] == "No BCELoss was seen."
    assert without["prob_to_nll"] == "No NLLLoss was seen."
    assert without["bn_small_batch"] == "No batch norm was seen."
    assert without["dropout_too_high"] == "No dropout is used."
    assert without["dead_embedding_rows"] == "No embedding is used."
    assert without["amp_scale_collapse"] == "No loss scale was seen."
    assert without["weight_decay_too_high"] == "No weight decay is used."
    assert {"nan_loss", "softmax_before_ce", "loss_not_decreasing"} <= {check.id for check in diagnosis.passed}


@pytest.mark.parametrize("last", [math.nan, math.inf])
def test_where_a_loss_ends_in_no_number_its_course_has_not_passed(last):
    diagnosis = diagnose(ending(last))
    whys = {check.id: check.why for check in diagnosis.unchecked}

    assert "nan_loss" in {finding.id for finding in diagnosis.findings}
    assert {check.id for check in diagnosis.passed}.isdisjoint(BY_COURSE)
    assert "the numbers before it are no outcome" in whys["loss_not_decreasing"]
    assert "the numbers before it are no outcome" in whys["overfitting"]


def test_a_loss_that_recovers_is_judged_to_its_end():
    run = fake_run(scalars={"train/loss": [*FALLING[:50], math.nan, *FALLING[50:]]})

    assert "loss_not_decreasing" in {check.id for check in diagnose(run).passed}


def test_a_finding_is_told_also_where_a_loss_ends_in_no_number():
    run = fake_run(scalars={"train/loss": [*FALLING[:50], math.nan]})
    finding = dataclasses.replace(diagnose(ending(math.nan)).findings[0], id="mine")
    course = Rule("mine", "Mine holds", "statistics", lambda run: [finding], course=True)

    diagnosis = diagnose(run, (course,))

    assert ([one.id for one in diagnosis.findings], diagnosis.unchecked) == (["mine"], ())


@pytest.mark.parametrize(
    "run",
    [
        EMPTY,
        healthy(),
        mlp(),
        regression(),
        ending(math.nan),
        unseen(healthy()),
        fake_run(status="failed", steps=2),
        fake_run(hostile=True),
    ],
)
def test_each_rule_says_one_thing_of_a_run(run):
    diagnosis = diagnose(run)
    lists = [[check.id for check in each] for each in (diagnosis.passed, diagnosis.unchecked, diagnosis.not_applicable)]
    told = [one for each in lists for one in each]

    assert len(set(told)) == len(told)
    # What is in none of them found something.
    others = [rule for rule in RULES if rule.id not in told]
    assert all(len(list(rule.judge(run))) > 0 for rule in others)
    assert all(check.why for check in (*diagnosis.unchecked, *diagnosis.not_applicable))


def test_of_a_run_of_which_nothing_is_known_hardly_anything_is_known_not_to_be():
    assert set(reasons(EMPTY)) == {"logits_to_bce", "last_batch_size_1", "amp_scale_collapse", "no_validation"}


@pytest.mark.parametrize(
    ("run", "rule", "why"),
    [
        (fake_run(scalars={"train/loss": FALLING}), "nan_metric", "No number but losses was logged."),
        (regression(), "softmax_before_ce", "No CrossEntropyLoss was seen."),
        (regression(), "log_softmax_before_ce", "No CrossEntropyLoss was seen."),
        (regression(), "init_loss_wrong", "No CrossEntropyLoss or NLLLoss was seen."),
        (regression(), "minority_class_ignored", "This is a regression, which has no classes."),
        (regression(), "calibration_off", "The predictions have no probabilities."),
        (healthy(), "loss_broadcasting", "No loss was seen that compares outputs with numbers."),
        (healthy(), "softmax_wrong_dim", "No softmax was seen."),
        (healthy(), "saturated_activation", "No sigmoid or tanh was seen."),
        (without_relu(), "dead_relu", "No ReLU was seen."),
        (with_evidence(healthy(), schedulers=()), "scheduler_before_optimizer", "No scheduler was seen."),
        (fake_run(layers=1), "missing_nonlinearity", "No model has two linear layers."),
    ],
)
def test_what_is_not_there_is_named(run, rule, why):
    assert reasons(run).get(rule) == why


@pytest.mark.parametrize("rule", ["train_mode_in_eval", "eval_mode_in_train"])
def test_a_model_that_does_the_same_in_both_modes_has_no_wrong_one(rule):
    uses = (ModeUse("Net", "train", forwards=400), ModeUse("Net", "evaluation", "no_grad", root=False, forwards=40))

    assert judged(with_evidence(healthy(), modes=uses), rule) == NotApplicable(
        "No dropout or normalisation was seen that depends on the mode."
    )


def test_a_model_that_has_it_is_checked():
    dropping = ModeUse("Net", "train", training=("drop",), forwards=400)
    scheduled = SchedulerUse("Net", "StepLR", 0, 10, 450)

    assert passed(judged(with_evidence(healthy(), modes=(dropping,)), "eval_mode_in_train"))
    assert passed(judged(with_evidence(healthy(), schedulers=(scheduled,)), "scheduler_before_optimizer"))
    shares = dataclasses.replace(healthy().evidence.losses[0].input, rows_sum_to_one=True)
    assert passed(judged(with_loss(ending_in(healthy(), "softmax"), shares), "softmax_wrong_dim"))
    assert passed(judged(with_loss(healthy(), kind="binary_cross_entropy", criterion="BCELoss"), "logits_to_bce"))
    assert passed(judged(with_measure(healthy(), "loss_scale", {"scaler": [65536.0] * 4}), "amp_scale_collapse"))
    embedding = with_model(healthy(), modules={**healthy().models[0].modules, "words": "Embedding"})
    looked = with_measure(embedding, "seen_rows", {"words": [0.9] * 4})
    assert passed(judged(looked, "dead_embedding_rows"))


def test_predictions_of_another_kind_are_not_asked_for_again():
    boxes = PredictionSet("val", Stamp(440, 440), "detection", samples=100)
    run = fake_run(predictions=(boxes,), scalars={"train/loss": series_of(FALLING)})

    for rule in ("constant_predictions", "minority_class_ignored", "worse_than_baseline"):
        assert judged(run, rule) == NotApplicable("The predictions are boxes.")
    assert judged(run, "calibration_off") == NotApplicable("The predictions have no probabilities.")


def test_many_classes_are_no_other_kind_of_predictions():
    many = PredictionSet("val", Stamp(440, 440), "classification", samples=100, confidence=(0,) * 15)
    judgement = judged(fake_run(predictions=(many,)), "constant_predictions")

    assert "very many classes" in judgement.why
    assert not isinstance(judgement, NotApplicable)


def test_a_rule_that_does_not_apply_has_a_list_of_its_own():
    rule = Rule("mine", "Mine holds", "fact", lambda run: NotApplicable("There is none."))

    diagnosis = diagnose(healthy(), (rule,))

    assert diagnosis.not_applicable == (Check("mine", "Mine holds", "There is none."),)
    assert (diagnosis.findings, diagnosis.passed, diagnosis.unchecked) == ((), (), ())
