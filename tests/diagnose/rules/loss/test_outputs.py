"""Outputs that cannot reach the targets."""

import dataclasses

import pytest

from reportgen.diagnose import Unchecked
from reportgen.diagnose.reading.flow import made_by
from reportgen.diagnose.rules.loss.outputs import output_range_mismatch, relu_on_output
from reportgen.run.evidence import TensorFacts
from tests.diagnose.altered import ending_in, passed, rated, rewired, the_one, unseen, with_loss, with_use
from tests.healthy import healthy

TARGET = TensorFacts("", (32, 10), "float32", 15, -2.6, 2.6, 0.0, 1.0)


def outputs(low, high, zeros=0.0, **more):
    return TensorFacts("", (32, 10), "float32", 15, low, high, 0.2, 0.3, zeros, **more)


def regression(facts, *operations, target=TARGET):
    run = ending_in(healthy(), *operations)
    return with_loss(run, facts, kind="mse_loss", criterion="MSELoss", target=target, classes=None)


def classification(facts, *operations, **fields):
    return with_loss(ending_in(healthy(), *operations), facts, **fields)


def test_a_relu_at_the_end_cuts_what_is_below_zero():
    finding = the_one(relu_on_output(regression(outputs(0.0, 2.2, 0.4), "relu")))

    assert (finding.id, finding.tier, finding.severity) == ("relu_on_output", "fact", "error")
    assert finding.title == "The outputs of Net are cut at 0: 40.0\u00a0% of them are exactly 0"
    assert finding.limit == "targets from \u22122.6"
    assert finding.code.startswith("- return torch.relu(")
    assert passed(output_range_mismatch(regression(outputs(0.0, 2.2, 0.4), "relu")))


@pytest.mark.parametrize("kind", ["mse_loss", "cross_entropy"])
def test_where_nothing_shows_the_relu_outputs_at_zero_tell_only_of_a_bad_run(kind):
    facts = outputs(0.0, 2.2, 0.4)

    def unknown(run):
        run = dataclasses.replace(run, graphs=())
        target = TARGET if kind == "mse_loss" else None
        return with_loss(run, facts, kind=kind, criterion="", target=target)

    finding = the_one(relu_on_output(unknown(rated([0.1] * 200))))

    assert (finding.tier, finding.severity) == ("statistics", "warning")
    assert passed(relu_on_output(unknown(healthy())))


def test_amounts_may_end_in_a_relu():
    target = dataclasses.replace(TARGET, minimum=0.0, mean=1.0)

    assert passed(relu_on_output(regression(outputs(0.0, 2.2, 0.4), "relu", target=target)))


def test_a_few_targets_out_of_reach_are_a_remark():
    target = dataclasses.replace(TARGET, minimum=-0.3, mean=2.0)

    assert the_one(relu_on_output(regression(outputs(0.0, 2.2, 0.4), "relu", target=target))).severity == "info"


@pytest.mark.parametrize(("zeros", "found"), [(0.43, True), (0.15, False)])
def test_logits_are_cut_where_many_are_exactly_zero(zeros, found):
    judged = relu_on_output(classification(outputs(0.0, 7.0, zeros), "relu"))

    assert passed(judged) != found
    if found:
        assert the_one(judged).severity == "error"


def test_a_module_that_cuts_is_named():
    graph = healthy().graphs[0]
    run = rewired(healthy(), graph.edges, fc2={"type": "ReLU"})

    assert the_one(relu_on_output(with_loss(run, outputs(0.0, 7.0, 0.4)))).where.module == "fc2"


def test_probabilities_are_not_cut():
    assert passed(relu_on_output(classification(outputs(0.0, 1.0, 0.4, rows_sum_to_one=True), "softmax")))


@pytest.mark.parametrize(
    ("operation", "low", "high", "said"),
    [
        ("sigmoid", 0.02, 0.9, "between 0 and 1"),
        ("tanh", -0.7, 0.8, "between \u22121 and 1"),
        ("softplus", 0.1, 3.0, "above 0"),
    ],
)
def test_targets_beyond_an_activation_are_out_of_reach(operation, low, high, said):
    finding = the_one(output_range_mismatch(regression(outputs(low, high), operation)))

    assert (finding.id, finding.tier, finding.severity) == ("output_range_mismatch", "fact", "error")
    assert finding.limit == said
    assert finding.value == "targets \u22122.6 to 2.6"
    assert f"torch.{operation}(" in finding.code


@pytest.mark.parametrize(
    ("operations", "target"),
    [
        (("sigmoid",), dataclasses.replace(TARGET, minimum=0.0, maximum=1.0, mean=0.3, deviation=0.3)),
        (("tanh",), dataclasses.replace(TARGET, minimum=-1.02, maximum=1.0, deviation=0.5)),
        (("sigmoid", "mul"), TARGET),  # scaled afterwards
        ((), TARGET),
    ],
)
def test_targets_in_reach_pass(operations, target):
    assert passed(output_range_mismatch(regression(outputs(0.02, 0.9), *operations, target=target)))


def test_what_the_loss_is_given_has_to_be_the_output():
    """Outputs below 0 do not come from a sigmoid: they were changed between the model and the loss."""
    assert passed(output_range_mismatch(regression(outputs(-3.0, 3.0), "sigmoid")))


@pytest.mark.parametrize(
    ("operation", "kind", "floor"),
    [("sigmoid", "cross_entropy", "1.46"), ("sigmoid", "binary_cross_entropy_with_logits", "0.313")],
)
def test_logits_squeezed_into_a_range_are_an_error(operation, kind, floor):
    finding = the_one(output_range_mismatch(classification(outputs(0.1, 0.9), operation, kind=kind, criterion="")))

    assert (finding.severity, finding.limit) == ("error", "any number")
    assert f"cannot fall below {floor}" in finding.why


def test_targets_of_the_data_tell_where_the_loss_does_not():
    run = regression(outputs(0.02, 0.9), "sigmoid", target=None)
    train, *others = run.evidence.data
    facts = dataclasses.replace(train.whole, minimum=-2.0, maximum=2.0)
    train = dataclasses.replace(train, targets="numbers", target=facts)
    known = dataclasses.replace(run, evidence=dataclasses.replace(run.evidence, data=(train, *others)))

    assert passed(output_range_mismatch(run))
    assert the_one(output_range_mismatch(known)).value == "targets \u22122 to 2"


def test_without_a_loss_outputs_cannot_be_judged():
    assert isinstance(relu_on_output(unseen(healthy())), Unchecked)
    assert isinstance(output_range_mismatch(unseen(healthy())), Unchecked)
    assert passed(relu_on_output(healthy()))
    assert passed(output_range_mismatch(healthy()))


def test_the_operation_that_gives_an_output_is_found_past_views():
    facts = TensorFacts("", (32, 10), "float32", 1)

    assert made_by(healthy(), "Net", facts) == ("Linear", "fc2")
    assert made_by(ending_in(healthy(), "sigmoid", "squeeze", "view"), "Net", facts) == ("sigmoid", "")
    assert made_by(ending_in(healthy(), "view"), "Net", facts) == ("Linear", "fc2")
    assert made_by(healthy(), "Other", facts) == ("", "")


def clamped(facts, run=None, operation="", raw=None, **fields):
    run = rated([0.1] * 200) if run is None else run
    run = ending_in(run, operation) if operation else run
    given = {"kind": "binary_cross_entropy", "criterion": "BCELoss", "classes": None, "target": None, "last": 40.0}
    run = with_loss(run, facts, **{**given, **fields})
    return with_use(run, outputs=(raw or facts,))


@pytest.mark.parametrize(("zeros", "share"), [(0.4, "40.0\u00a0%"), (0.0, "28.0\u00a0%")])
def test_probabilities_cut_off_at_zero_and_one_reach_no_gradient(zeros, share):
    raw = outputs(-3.0, 8.0)

    finding = the_one(output_range_mismatch(clamped(outputs(0.0, 1.0, zeros), raw=raw)))

    assert (finding.id, finding.severity, finding.value) == ("output_range_mismatch", "warning", share)
    assert "BCEWithLogitsLoss" in finding.code


@pytest.mark.parametrize(
    ("facts", "changes"),
    [
        (outputs(0.0, 1.0, 0.4), {"last": 0.3, "first": 0.7}),  # zeros of a mask, where the target is 0 as well
        (outputs(0.0, 1.0, 0.4), {"operation": "sigmoid"}),
        (outputs(0.0, 1.0, 0.4), {"raw": outputs(-300.0, 90.0)}),  # what a sigmoid rounds to 0
        (outputs(0.0, 1.0, 0.05), {"raw": outputs(-3.0, 90.0)}),
        (outputs(0.0, 1.0, 0.4), {"run": healthy()}),
    ],
)
def test_probabilities_that_a_sigmoid_or_a_mask_gives_are_not_cut_off(facts, changes):
    assert passed(output_range_mismatch(clamped(facts, **changes)))
