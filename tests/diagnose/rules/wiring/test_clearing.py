"""Gradients that are kept, and those that never flow."""

import dataclasses

import pytest

from reportgen.diagnose import Unchecked
from reportgen.diagnose.rules.wiring.clearing import missing_zero_grad
from reportgen.diagnose.rules.wiring.detached import detached_output
from reportgen.diagnose.rules.wiring.gradients import not_updated
from reportgen.run.evidence import TensorFacts
from reportgen.run.records import Failure
from reportgen.run.series import Stamp
from tests.diagnose.altered import (
    not_about,
    passed,
    the_one,
    unseen,
    with_evidence,
    with_loss,
    with_measure,
    with_model,
    with_use,
)
from tests.healthy import healthy


def test_gradients_that_are_kept_step_after_step_are_an_error():
    finding = the_one(missing_zero_grad(with_use(healthy(), checked=15, kept=15, longest=15, kept_since=1)))

    assert (finding.id, finding.severity, finding.since) == ("missing_zero_grad", "error", 1)
    assert finding.title == "Gradients of Net are never cleared: each step adds to those before"
    assert finding.code.startswith("+ optimizer.zero_grad()")
    assert finding.where.model == "Net"


@pytest.mark.parametrize(("longest", "found"), [(3, False), (4, True)])
def test_three_steps_in_a_row_may_be_meant(longest, found):
    judged = missing_zero_grad(with_use(healthy(), checked=15, kept=longest, longest=longest))

    assert passed(judged) != found


def test_whether_gradients_are_cleared_is_not_known_without_a_second_backward():
    assert isinstance(missing_zero_grad(with_use(healthy(), checked=0)), Unchecked)
    assert isinstance(missing_zero_grad(unseen(healthy())), Unchecked)


def silent(run):
    """`run` in which no gradient arrived and nothing moved."""
    names = [p.name for p in run.models[0].parameters]
    run = with_measure(run, "gradient_norm", {})
    return with_measure(run, "update_ratio", {name: [0.0] * 15 for name in names})


def test_a_loss_without_a_graph_is_cut_off():
    run = with_use(silent(healthy()), backwards=0)

    finding = the_one(detached_output(run))

    assert (finding.id, finding.severity, finding.where.model) == ("detached_graph", "error", "Net")
    assert "did carry a graph, so it is cut after that" in finding.why
    assert "criterion(model(inputs), targets)" in finding.code


def test_a_loss_that_is_given_numbers_is_cut_before_it():
    run = with_loss(with_use(silent(healthy()), backwards=0))
    loss = run.evidence.losses[0]
    loss = dataclasses.replace(loss, input=dataclasses.replace(loss.input, requires_grad=False))

    finding = the_one(detached_output(with_evidence(run, losses=(loss,))))

    assert "was given a tensor without a graph" in finding.why


def test_a_forward_that_detaches_is_told_apart():
    finding = the_one(detached_output(with_use(silent(healthy()), backwards=0, without_graph=15)))

    assert finding.title == "The outputs of Net carry no graph, so nothing can be learned from them"
    assert finding.code == "- return outputs.detach()\n+ return outputs"


@pytest.mark.parametrize(
    "run",
    [
        healthy(),
        with_use(healthy(), backwards=0),  # gradients came by another way, as with a compiled backward
        with_use(silent(healthy()), backwards=3),
        with_measure(with_use(silent(healthy()), backwards=0), "weight_norm", {}),  # no step was made
    ],
)
def test_other_runs_are_not_cut_off(run):
    assert passed(detached_output(run))


@pytest.mark.parametrize(
    "run",
    [
        with_use(silent(healthy()), backwards=0, looks=2),
        with_model(with_use(silent(healthy()), backwards=0), optimizers=()),
    ],
)
def test_where_few_steps_of_an_optimizer_were_looked_at_nothing_is_said(run):
    judged = detached_output(run)
    assert isinstance(judged, Unchecked)
    assert judged.why.startswith("Fewer than 3 training forwards")


def test_what_the_exception_tells_is_not_told_twice():
    text = "element 0 of tensors does not require grad and does not have a grad_fn"
    run = with_use(silent(healthy()), backwards=0)
    run = dataclasses.replace(run, failure=Failure("RuntimeError", text, Stamp(1)))

    assert not_about(detached_output(run)) == "The exception that ended the run tells of it."


def test_unwatched_models_cannot_be_asked():
    assert isinstance(detached_output(unseen(healthy())), Unchecked)


def unstepped(run):
    for quantity in ("weight_norm", "update_ratio", "gradient_norm"):
        run = with_measure(run, quantity, {})
    modes = tuple(use for use in run.evidence.modes if use.phase != "train")
    return with_evidence(run, modes=modes)


def test_backward_without_a_step_updates_nothing():
    finding = the_one(not_updated(with_use(unstepped(healthy()), backwards=64)))

    assert (finding.id, finding.severity) == ("not_updated", "error")
    assert finding.title == "No optimizer ever made a step: Net keeps its first weights"
    assert finding.code == "  loss.backward()\n+ optimizer.step()"


def test_a_few_backwards_before_the_first_step_may_add_up_gradients():
    assert isinstance(not_updated(with_use(unstepped(healthy()), backwards=16)), Unchecked)
    assert passed(not_updated(with_use(healthy(), backwards=64)))


def test_a_schedule_that_sets_the_rate_to_zero_is_named():
    names = [p.name for p in healthy().models[0].parameters]
    run = with_measure(healthy(), "update_ratio", {name: [0.0] * 15 for name in names})
    run = with_model(with_measure(run, "learning_rate", {"group 0": [0.0] * 15}), scheduler="LambdaLR()")

    finding = the_one(not_updated(run))

    assert "The scheduler sets it" in finding.why
    assert "(step + 1) / warm_up" in finding.code


def test_facts_of_an_output_without_a_name_are_shown():
    run = with_use(silent(healthy()), backwards=0, outputs=(TensorFacts("logits", (32, 10), "float32", 15),))

    assert the_one(detached_output(run)).evidence.rows[0] == ("output logits", "32×10", "no")
