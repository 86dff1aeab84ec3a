"""Why checks could not be made of a run that was watched: it ended too early, or its model was in eval mode."""

import dataclasses

import pytest

from reportgen.diagnose import Unchecked, diagnose
from reportgen.diagnose.reading.trained import NOT_HELD
from reportgen.diagnose.reasons import BEFORE_STEP, COMPILED, FEW_FORWARDS, FEW_STEPS, IN_EVAL_MODE, true_reason
from reportgen.run.evidence import Evidence, ModeUse
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


ACTIVATIONS = Unchecked("No distributions of the activations were recorded: call report.watch(model, optimizer).")
LAYERS = Unchecked("No output of a layer was looked at in the first step: call report.watch(model, optimizer).")
UNITS = Unchecked("Outputs of the layers were looked at fewer than 4 times in this run.")
MEMORY = Unchecked("Memory was not looked at: call report.watch(model, optimizer) before 50 steps of training.")


def trained(*modes, **fields):
    """A healthy run whose training forwards were made with the model itself in these modes."""
    uses = tuple(ModeUse("net", "train", root=root, forwards=9, first=at) for at, root in enumerate(modes))
    run = healthy()
    return dataclasses.replace(run, evidence=dataclasses.replace(run.evidence, modes=uses), **fields)


@pytest.mark.parametrize("asked", [ACTIVATIONS, LAYERS, UNITS])
def test_a_model_in_eval_mode_whenever_it_trained_is_the_reason_for_missing_activations(asked):
    why = true_reason(trained(False, False), asked).why
    assert why == f"{asked.why.partition(':')[0].rstrip('.')}: {IN_EVAL_MODE}."


def test_activations_of_a_model_that_trained_in_train_mode_were_too_few():
    assert true_reason(trained(False, True), ACTIVATIONS).why.endswith(f" recorded: {FEW_FORWARDS}.")
    assert true_reason(trained(), LAYERS).why.endswith(f": {FEW_FORWARDS}.")
    assert true_reason(trained(True), UNITS) is UNITS
    compiled = tuple(dataclasses.replace(model, compiled=True) for model in healthy().models)
    assert true_reason(trained(True, models=compiled), ACTIVATIONS).why.endswith(f": {COMPILED}.")


def test_the_mode_is_no_reason_for_what_is_not_seen_in_forwards():
    assert true_reason(trained(False), MEMORY).why == f"Memory was not looked at: {FEW_STEPS}."
    gradients = Unchecked("No distributions of the gradients were recorded: call report.watch(model, optimizer).")
    assert true_reason(trained(False), gradients).why.endswith(f": {FEW_STEPS}.")
    assert true_reason(trained(False), DATA) is DATA


def test_what_was_not_watched_is_still_asked_for():
    alone = tuple(dataclasses.replace(model, optimizers=()) for model in healthy().models)
    assert true_reason(trained(False, models=()), ACTIVATIONS) is ACTIVATIONS
    assert true_reason(trained(False, models=alone), MEMORY) is MEMORY


def test_no_check_asks_to_watch_what_was_watched_in_eval_mode():
    run = trained(False)
    kept = {quantity: series for quantity, series in run.measures.items() if not quantity.endswith("_share")}
    for quantity in ("constant_units", "live_graphs", "memory"):
        kept.pop(quantity, None)
    weights = {kind: known for kind, known in run.distributions.items() if kind != "activation"}
    run = dataclasses.replace(run, measures=kept, distributions=weights)
    whys = {check.id: check.why for check in diagnose(run).unchecked}

    assert [why for why in whys.values() if "call report.watch(" in why] == []
    for rule in ("nan_activation", "exploding_activations", "dead_relu"):
        assert whys[rule].endswith(f": {IN_EVAL_MODE}.")
    assert whys["memory_leak"].endswith(f": {FEW_STEPS}.")


def of_another_model():
    """A run whose optimizer holds no parameter of its model, so that nothing of it was measured at steps."""
    run = fake_run(scalars={"train/loss": [1.3 + 0.01 * (k % 3) for k in range(60)]}, predictions=())
    (model,) = run.models
    free = tuple(dataclasses.replace(one, group=None) for one in model.parameters)
    stepless = {"measures": {}, "distributions": {}, "models": (dataclasses.replace(model, parameters=free),)}
    return dataclasses.replace(run, **stepless)


def test_of_a_model_that_no_step_was_made_with_the_steps_are_not_counted():
    diagnosis = diagnose(of_another_model())
    whys = {check.id: check.why for check in diagnosis.unchecked}

    assert "not_updated" in {finding.id for finding in diagnosis.findings}
    for rule in ("no_gradient", "lr_too_high", "grad_clip_always_active", "plateau", "underfitting"):
        assert whys[rule] == NOT_HELD.why
    assert "plateau" not in {check.id for check in diagnosis.passed}


def test_a_model_that_another_optimizer_moves_was_trained():
    measures = {"update_ratio": healthy().measures["update_ratio"]}
    run = dataclasses.replace(of_another_model(), measures=measures)

    assert true_reason(run, NO_CALL) is NO_CALL
    assert true_reason(of_another_model(), NO_CALL) is NOT_HELD


def test_a_fault_that_was_found_is_not_left_open_by_another_rule():
    diagnosis = diagnose(of_another_model())
    lists = (diagnosis.passed, diagnosis.unchecked, diagnosis.not_applicable)

    assert {finding.id for finding in diagnosis.findings}.isdisjoint(check.id for each in lists for check in each)
