"""Dropout and norms in the wrong mode, and what is meant."""

import dataclasses

import pytest

from reportgen.diagnose import Unchecked
from reportgen.diagnose.rules.wiring.modes import eval_mode_in_train, train_mode_in_eval
from reportgen.run.evidence import ModeUse
from reportgen.run.records import Parameter
from tests.diagnose.altered import passed, the_one, unseen, with_evidence, with_model
from tests.healthy import healthy

TRAIN = ModeUse("Net", "train", "step", training=("drop",), forwards=100, last=99)
EVALUATED = ModeUse("Net", "evaluation", "no_grad", evaluating=("drop",), forwards=8, first=20, last=100)


def used(*modes, **kinds):
    run = with_evidence(healthy(), modes=modes)
    return with_model(run, modules={**run.models[0].modules, "drop": "Dropout", **kinds})


@pytest.mark.parametrize(
    ("told_by", "severity"), [("no_grad", "warning"), ("track", "error"), ("predictions", "error")]
)
def test_an_evaluation_with_dropout_on_names_it(told_by, severity):
    wrong = ModeUse("Net", "evaluation", told_by, training=("drop", "bn"), forwards=8, first=20, last=100)

    finding = the_one(train_mode_in_eval(used(TRAIN, wrong, bn="BatchNorm1d")))

    assert (finding.id, finding.tier, finding.severity) == ("train_mode_in_eval", "fact", severity)
    assert (finding.where.model, finding.where.module, finding.since) == ("Net", "drop", 20)
    assert finding.title == "Net was evaluated with drop and bn in train mode"
    assert "Dropout went on" in finding.why
    assert "running statistics" in finding.why
    assert "model.eval()" in finding.code
    assert finding.evidence.total == 2
    assert passed(eval_mode_in_train(used(TRAIN, wrong)))


def test_right_modes_pass():
    for rule in (train_mode_in_eval, eval_mode_in_train):
        assert passed(rule(healthy()))
        assert passed(rule(used(TRAIN, EVALUATED)))


@pytest.mark.parametrize(
    "use",
    [
        # The fakes of a generator, or pseudo-labels: from the first step on, as often as there are steps.
        ModeUse("Net", "evaluation", "no_grad", training=("drop",), forwards=99, first=0, last=99),
        ModeUse("Net", "evaluation", "no_grad", training=("drop",), forwards=500, first=1, last=99),
    ],
)
def test_forwards_that_belong_to_the_steps_are_no_evaluation(use):
    assert passed(train_mode_in_eval(used(TRAIN, use)))


def test_as_many_evaluations_that_begin_after_an_epoch_are_some():
    wrong = ModeUse("Net", "evaluation", "no_grad", training=("drop",), forwards=100, first=30, last=100)

    assert the_one(train_mode_in_eval(used(TRAIN, wrong))).severity == "warning"


def test_a_model_that_is_never_trained_may_be_in_any_mode():
    assert passed(train_mode_in_eval(used(ModeUse("Net", "evaluation", "no_grad", training=("drop",), forwards=50))))


def test_dropout_alone_in_train_mode_may_be_meant():
    use = ModeUse("Net", "evaluation", "track", training=("drop",), evaluating=("bn",), forwards=8, first=20, last=100)

    assert the_one(train_mode_in_eval(used(TRAIN, use, bn="BatchNorm1d"))).severity == "info"


def test_dropout_switched_on_after_training_may_be_meant():
    late = ModeUse("Net", "evaluation", "no_grad", training=("drop",), forwards=20, first=100, last=100)

    assert the_one(train_mode_in_eval(used(TRAIN, EVALUATED, late))).severity == "info"
    assert the_one(train_mode_in_eval(used(TRAIN, late))).severity == "warning"  # it never was in eval mode
    assert the_one(train_mode_in_eval(used(TRAIN, EVALUATED, late, drop="BatchNorm1d"))).severity == "warning"


def test_without_an_evaluation_its_mode_is_not_known():
    assert isinstance(train_mode_in_eval(used(TRAIN)), Unchecked)
    assert isinstance(eval_mode_in_train(used(EVALUATED)), Unchecked)
    assert isinstance(train_mode_in_eval(unseen(healthy())), Unchecked)


def test_training_in_eval_mode_after_the_first_evaluation_is_an_error():
    right = ModeUse("Net", "train", "step", training=("drop",), forwards=20, last=19)
    wrong = ModeUse("Net", "train", "step", evaluating=("drop",), forwards=80, first=20, last=99)

    finding = the_one(eval_mode_in_train(used(right, EVALUATED, wrong)))

    assert (finding.id, finding.severity, finding.since) == ("eval_mode_in_train", "error", 20)
    assert finding.where.module == "drop"
    assert "In 80 of 100 training forwards" in finding.why
    assert finding.code.endswith("+     model.train()")


def test_norms_frozen_late_may_be_meant():
    right = ModeUse("Net", "train", "step", training=("bn",), forwards=60, last=59)
    late = ModeUse("Net", "train", "step", evaluating=("bn",), forwards=40, first=60, last=99)
    evaluated = ModeUse("Net", "evaluation", "no_grad", evaluating=("bn",), forwards=8, first=20, last=100)

    assert the_one(eval_mode_in_train(used(right, evaluated, late, bn="BatchNorm2d"))).severity == "info"


def test_frozen_parts_are_a_remark_where_nothing_else_depends_on_the_mode():
    frozen = ModeUse("Net", "train", "step", evaluating=("bn",), frozen=("bn",), forwards=100, last=99)
    both = ModeUse(
        "Net", "train", "step", training=("drop",), evaluating=("bn",), frozen=("bn",), forwards=100, last=99
    )

    finding = the_one(eval_mode_in_train(used(frozen, bn="BatchNorm2d")))
    assert (finding.severity, finding.where.module) == ("info", "bn")
    assert passed(eval_mode_in_train(used(both, bn="BatchNorm2d")))


NEVER = ModeUse("Net", "train", "step", evaluating=("drop",), frozen=("drop",), root=False, forwards=80, last=99)


def test_a_model_that_never_was_in_train_mode_is_a_warning():
    finding = the_one(eval_mode_in_train(used(NEVER, EVALUATED)))

    assert (finding.id, finding.tier, finding.severity) == ("eval_mode_in_train", "fact", "warning")
    assert (finding.where.module, finding.value) == ("drop", "80 of 80 forwards")
    assert finding.title == "Net was trained in eval mode: drop did not do what it does in training"
    assert finding.code.endswith("+     model.train()")


def test_norms_of_a_model_in_eval_mode_tell_by_whether_their_parameters_train():
    norm = dataclasses.replace(NEVER, evaluating=("bn",), frozen=("bn",))

    def with_norm(trainable):
        run = used(norm, bn="BatchNorm2d")
        weight = Parameter("bn.weight", (8,), "float32", "cpu", trainable, group=0)
        return with_model(run, parameters=(*run.models[0].parameters, weight))

    assert the_one(eval_mode_in_train(with_norm(True))).severity == "warning"
    assert the_one(eval_mode_in_train(with_norm(False))).severity == "info"


def test_a_model_put_into_eval_mode_after_training_is_an_error():
    right = ModeUse("Net", "train", "step", training=("drop",), forwards=20, last=19)

    assert the_one(eval_mode_in_train(used(right, dataclasses.replace(NEVER, first=20)))).severity == "error"


def test_forwards_are_counted_by_what_shows_that_they_evaluate():
    wrong = [
        ModeUse("Net", "evaluation", told_by, training=("0",), forwards=6, first=20, last=100)
        for told_by in ("no_grad", "predictions")
    ]

    finding = the_one(train_mode_in_eval(used(TRAIN, *wrong, **{"0": "Dropout"})))

    assert finding.why.startswith("12 of 12 forwards in evaluation had Dropout 0 in train mode: ")
    assert "6 under torch.no_grad() and 6 whose outputs went to report.predictions()." in finding.why
