"""Why checks could not be made of a run that ended before its first step."""

import dataclasses

import pytest

from reportgen.diagnose import Unchecked, diagnose
from reportgen.diagnose.reasons import BEFORE_STEP, true_reason
from reportgen.run.evidence import Evidence
from reportgen.run.records import Failure
from reportgen.run.series import Stamp
from reportgen.testing import fake_run
from tests.healthy import healthy

WATCH = Unchecked("No model was watched: call report.watch(model, optimizer).")
DATA = Unchecked('The training data was not looked at: call report.data("train", train_set).')
NO_CALL = Unchecked("Gradients were looked at in 3 steps; 12 are needed.")


def crashed(step=0, **fields):
    failure = Failure("RuntimeError", "mat1 and mat2 shapes cannot be multiplied", Stamp(step, step))
    run = fake_run(status="failed", scalars={}, predictions=(), steps=2)
    given = {"measures": {}, "distributions": {}, "evidence": Evidence(), "failure": failure}
    return dataclasses.replace(run, **{**given, **fields})


def test_a_crash_before_the_first_step_is_the_reason_and_no_call_is_asked_for():
    whys = {check.id: check.why for check in diagnose(crashed()).unchecked}

    for rule in (
        "nan_loss",
        "missing_zero_grad",
        "eval_mode_in_train",
        "train_mode_in_eval",
        "not_shuffled",
        "low_gradient_snr",
    ):
        assert "report." not in whys[rule]
        assert "No model was watched" not in whys[rule]
    assert whys["missing_zero_grad"] == whys["nan_loss"] == BEFORE_STEP
    assert "report.data(" in whys["train_val_leakage"]  # which a script may call before it trains


@pytest.mark.parametrize(
    "calls", [WATCH, Unchecked("No loss: call report.log({...})."), Unchecked("X: call report.track(a).")]
)
def test_what_is_recorded_in_training_was_not_reached(calls):
    assert true_reason(crashed(), calls).why == BEFORE_STEP
    assert true_reason(crashed(failure=None), calls).why == BEFORE_STEP


@pytest.mark.parametrize(
    "run",
    [
        healthy(),
        crashed(step=3),
        crashed(models=()),
        crashed(scalars=healthy().scalars),
        crashed(measures=healthy().measures),
    ],
)
def test_of_other_runs_it_is_asked_for_what_is_missing(run):
    assert true_reason(run, WATCH) is WATCH


def test_an_optimizer_that_was_not_watched_is_still_asked_for():
    alone = tuple(dataclasses.replace(model, optimizers=()) for model in crashed().models)
    lacking = Unchecked("No optimizer was watched: call report.watch(model, optimizer).")

    assert true_reason(crashed(models=alone), lacking) is lacking
    assert true_reason(crashed(), lacking).why == BEFORE_STEP


def test_other_reasons_stay():
    assert true_reason(crashed(), DATA) is DATA
    assert true_reason(crashed(), NO_CALL) is NO_CALL
