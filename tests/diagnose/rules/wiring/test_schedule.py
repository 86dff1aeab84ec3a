"""Schedules that end too early or begin too late, loss scales, and clipping that never rests."""

import dataclasses
import math

import pytest

from reportgen.diagnose import Unchecked, diagnose
from reportgen.diagnose.rules.wiring.clipping import grad_clip_always_active, total_norms
from reportgen.diagnose.rules.wiring.schedule import amp_scale_collapse, lr_decayed_early, scheduler_before_optimizer
from reportgen.run.evidence import SchedulerUse, TorchWarning
from reportgen.testing import fake_run
from reportgen.testing.run import series_of
from tests.diagnose.altered import (
    not_about,
    passed,
    rated,
    the_one,
    unfound,
    unseen,
    with_evidence,
    with_measure,
    with_model,
    with_use,
)
from tests.healthy import healthy

ORDER = (
    "Detected call of `lr_scheduler.step()` before `optimizer.step()`. In PyTorch 1.1.0 and later, you should call "
    "them in the opposite order"
)


@pytest.mark.parametrize(
    ("steps", "line"), [(450, "- scheduler.step()\n  optimizer.step()"), (10, "  for epoch in range(epochs):")]
)
def test_a_scheduler_that_steps_first_is_a_warning(steps, line):
    run = with_evidence(healthy(), schedulers=(SchedulerUse("Net", "StepLR", 1, steps, 450),))

    finding = the_one(scheduler_before_optimizer(run))

    assert (finding.id, finding.tier, finding.severity) == ("scheduler_before_optimizer", "fact", "warning")
    assert finding.title == "StepLR made a step before the optimizer made its first one"
    assert finding.code.startswith(line)


def test_torchs_warning_tells_where_nothing_else_does():
    warning = TorchWarning("UserWarning", ORDER, "train.py", 30)
    run = with_evidence(healthy(), warnings=(warning,), schedulers=())

    assert the_one(scheduler_before_optimizer(run)).severity == "warning"
    # A GradScaler leaves out its first step, and torch warns all the same.
    assert unfound(scheduler_before_optimizer(with_measure(run, "loss_scale", {"scaler": [65536.0, 32768.0]})))
    assert passed(scheduler_before_optimizer(with_evidence(healthy(), warnings=(warning,))))
    assert passed(scheduler_before_optimizer(healthy()))
    assert isinstance(scheduler_before_optimizer(dataclasses.replace(unseen(healthy()), models=())), Unchecked)


GONE = [0.1 * 0.5**k for k in range(200)]


def test_a_rate_that_is_gone_before_half_of_the_steps_is_a_warning():
    run = with_evidence(rated(GONE), schedulers=(SchedulerUse("Net", "ExponentialLR", 0, 200, 200),))
    run = with_model(run, scheduler="ExponentialLR(gamma=0.5)")

    finding = the_one(lr_decayed_early(run))

    assert (finding.id, finding.tier, finding.severity) == ("lr_decayed_early", "statistics", "warning")
    assert finding.since == 10  # 0.1 / 2**10 is the first below a thousandth of 0.1
    assert "ExponentialLR made a step for each batch" in finding.why
    assert "+     scheduler.step()" in finding.code


@pytest.mark.parametrize(
    ("settings", "each"),
    [
        ("ExponentialLR(gamma=0.5)", True),  # once an epoch it would have left 0.2 % of the rate in the tenth
        ("ExponentialLR(gamma=0.3)", False),  # it is too small for epochs as well
        ("StepLR(gamma=0.1, step_size=3)", True),
        ("StepLR(gamma=0.1, step_size=50)", False),
        ("LambdaLR()", False),
    ],
)
def test_a_schedule_is_said_to_be_for_epochs_where_its_numbers_show_it(settings, each):
    run = with_evidence(rated(GONE), schedulers=(SchedulerUse("Net", "StepLR", 0, 200, 200),))

    finding = the_one(lr_decayed_early(with_model(run, scheduler=settings)))

    assert ("settings are made for epochs" in finding.why, bool(finding.code)) == (each, each)


def test_of_two_models_the_scheduler_of_the_one_whose_rate_is_gone_is_named():
    run = rated([0.1] * 200)
    critic = dataclasses.replace(run.models[0], name="Critic", scheduler="StepLR(gamma=0.1, step_size=3)")
    run = with_measure(run, "learning_rate", {"Net/group 0": [0.1] * 200, "Critic/group 0": GONE})
    uses = (SchedulerUse("Net", "LinearLR", 0, 200, 200), SchedulerUse("Critic", "StepLR", 0, 200, 200))
    run = with_evidence(dataclasses.replace(run, models=(*run.models, critic)), schedulers=uses)

    finding = the_one(lr_decayed_early(run))

    assert (finding.where.model, finding.where.tag) == ("Critic", "Critic/group 0")
    assert "StepLR made a step for each batch" in finding.why


def without_optimizer_steps(run):
    scalars = {
        tag: dataclasses.replace(series, optimizer_steps=type(series.optimizer_steps)("q", [0] * len(series)))
        for tag, series in run.scalars.items()
    }
    return dataclasses.replace(run, scalars=scalars)


@pytest.mark.parametrize("steps", [200, 19])
def test_the_steps_logged_count_where_no_optimizer_is_watched(steps):
    losses = [2.3 + 0.05 * math.sin(7 * k) for k in range(steps)]
    run = fake_run(steps=steps, scalars={"train/loss": losses, "train/lr": GONE[:steps]}, predictions=(), measures={})

    judged = lr_decayed_early(without_optimizer_steps(unseen(run)))

    if steps < 20:
        assert isinstance(judged, Unchecked)
        assert judged.why == "18 steps were made; 20 are needed."
    else:
        assert the_one(judged).where.step == 10


@pytest.mark.parametrize(
    "run",
    [
        rated(GONE, [2.3 * 0.97**k for k in range(200)]),  # it learned all the same
        rated([0.1 * 0.5 ** (k / 12) for k in range(200)]),  # below it in the second half only
        rated(
            [0.1 * 0.5 ** (k % 50) for k in range(200)]
        ),  # warm restarts: it is not gone for good until the last of them
        rated([0.1] * 200),
        rated([0.0] * 200),
        healthy(),
    ],
)
def test_other_rates_pass(run):
    assert passed(lr_decayed_early(run))


def test_a_schedule_that_follows_the_loss_may_lower_the_rate_early():
    plateau = SchedulerUse("Net", "ReduceLROnPlateau", 0, 200, 200)
    judged = lr_decayed_early(with_evidence(rated(GONE), schedulers=(plateau,)))
    assert not_about(judged).startswith("ReduceLROnPlateau follows the loss")


def test_a_cosine_over_epochs_that_is_stepped_by_batch_goes_up_and_down():
    rates = [0.05 * (1 + math.cos(math.pi * k / 10)) for k in range(200)]
    run = with_model(rated(rates), scheduler="CosineAnnealingLR(T_max=10, eta_min=0)")
    run = with_evidence(run, schedulers=(SchedulerUse("Net", "CosineAnnealingLR", 0, 200, 200),))

    finding = the_one(lr_decayed_early(run))

    assert finding.title.endswith("one for each batch, but its T_max of 10 counts epochs")
    assert "T_max=10 * len(train_loader)" in finding.code
    by_epoch = with_evidence(run, schedulers=(SchedulerUse("Net", "CosineAnnealingLR", 0, 10, 200),))
    assert passed(lr_decayed_early(by_epoch))


def test_logged_rates_count_where_none_are_watched():
    scalars = {"train/loss": [2.3 + 0.05 * math.sin(7 * k) for k in range(200)], "train/lr": GONE}
    run = unseen(fake_run(steps=200, scalars=scalars, predictions=(), measures={}))

    assert the_one(lr_decayed_early(run)).where.tag == "train/lr"
    assert isinstance(lr_decayed_early(fake_run(scalars={"train/loss": [1.0] * 9}, measures={})), Unchecked)


@pytest.mark.parametrize(("scale", "found"), [(0.25, True), (1.0, False)])
def test_a_loss_scale_below_one_has_collapsed(scale, found):
    judged = amp_scale_collapse(with_measure(healthy(), "loss_scale", {"scaler": [65536.0, 4.0, scale, 2.0]}))

    assert passed(judged) != found
    if found:
        finding = the_one(judged)
        assert (finding.id, finding.severity, finding.where.step) == ("amp_scale_collapse", "warning", 2)
        assert finding.title == "The loss scale fell from 65,536 to 0.25"
    assert not_about(amp_scale_collapse(healthy())) == "No loss scale was seen."


def clipped(looks, at=0.01, run=None, free=0):
    """Gradients of two parameters whose norm together is `at`, but for `free` looks."""
    first = [at * math.sin(k) if k >= free else 5.0 + k for k in range(looks)]
    second = [at * abs(math.cos(k)) if k >= free else 1.0 for k in range(looks)]
    values = {"fc1.weight": list(map(abs, first)), "fc2.weight": second}
    return with_measure(healthy() if run is None else run, "gradient_norm", values)


def test_a_norm_that_never_changes_is_clipped():
    run = rated([0.1] * 200)

    finding = the_one(grad_clip_always_active(clipped(30, run=run)))

    assert (finding.id, finding.tier, finding.severity) == ("grad_clip_always_active", "statistics", "warning")
    assert finding.title.startswith("The gradient's norm is 0.01 in 100\u00a0% of the steps")
    assert finding.code.startswith("- clip_grad_norm_(model.parameters(), 0.01)")
    assert "0.01 in 30 steps, but the run ended well" in not_about(grad_clip_always_active(clipped(30)))


def test_clipping_of_outliers_passes():
    assert passed(grad_clip_always_active(clipped(40, free=5)))
    held_back = [min(0.1 + 0.05 * k, 1.0) for k in range(30)]
    assert passed(grad_clip_always_active(with_measure(healthy(), "gradient_norm", {"fc1.weight": held_back})))


def test_where_no_gradient_is_clipped_there_is_nothing_to_say_of_clipping():
    free = {"fc1.weight": [0.1 + 0.05 * k for k in range(30)]}

    for run in (healthy(), with_measure(healthy(), "gradient_norm", free)):
        assert "No gradient was seen to be clipped" in not_about(grad_clip_always_active(run))


def test_few_steps_do_not_tell_whether_a_norm_is_constant():
    assert isinstance(grad_clip_always_active(clipped(19)), Unchecked)
    assert isinstance(grad_clip_always_active(with_measure(healthy(), "gradient_norm", {})), Unchecked)


def test_the_norm_of_all_gradients_is_of_steps_at_which_all_were_looked_at():
    run = with_measure(healthy(), "gradient_norm", {"fc1.weight": [3.0, 3.0], "fc2.weight": [4.0]})

    assert total_norms(run, run.models[0]) == {0: 5.0}


def stepless(run):
    """Backward passes, and not one step: nothing was measured of weights."""
    measures = {quantity: {} for quantity in ("weight_norm", "update_ratio", "gradient_norm")}
    return with_evidence(with_use(run, backwards=40), modes=()), measures


@pytest.mark.parametrize("tag", ["scale", "train/loss_scale", "amp/grad_scale"])
def test_a_scale_that_halves_while_no_step_is_made_is_an_error(tag):
    halving = [65536.0 * 0.5**k for k in range(8)]
    run, measures = stepless(healthy())
    scalars = {**run.scalars, tag: series_of(halving)}
    never = dataclasses.replace(run, scalars=scalars, measures={**run.measures, **measures})

    finding = the_one(amp_scale_collapse(never))

    assert (finding.id, finding.severity, finding.where.tag) == ("amp_scale_collapse", "error", tag)
    assert finding.title == "Every step was left out, and the loss scale fell from 65,536 to 512"
    assert passed(amp_scale_collapse(dataclasses.replace(run, scalars=scalars)))  # steps were made
    assert [one.id for one in diagnose(never).findings if one.severity == "error"] == ["amp_scale_collapse"]


def test_a_logged_scale_that_is_none_of_a_scaler_does_not_count():
    run, measures = stepless(healthy())
    scalars = {**run.scalars, "scale": series_of([1.2 - 0.1 * k for k in range(8)])}

    assert passed(amp_scale_collapse(dataclasses.replace(run, scalars=scalars, measures={**run.measures, **measures})))
