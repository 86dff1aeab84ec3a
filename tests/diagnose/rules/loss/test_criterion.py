"""Losses that are given probabilities, other shapes, other labels, or a minus."""

import dataclasses
import math

import pytest

from reportgen.diagnose import Unchecked
from reportgen.diagnose.rules.loss.criterion import labels_seen, loss_broadcasting, prob_to_nll
from reportgen.diagnose.rules.loss.criterion_sign import loss_sign
from reportgen.run.evidence import TensorFacts, TorchWarning
from reportgen.run.records import Failure
from reportgen.run.series import Stamp
from reportgen.testing import fake_run
from tests.diagnose.altered import ending_in, not_about, passed, the_one, unseen, with_evidence, with_loss
from tests.healthy import healthy

LOGS = TensorFacts("", (32, 10), "float32", 15, -9.0, -0.01, rows_logsumexp_zero=True)
SHARES = TensorFacts("", (32, 10), "float32", 15, 0.001, 0.98, rows_sum_to_one=True)
RAW = TensorFacts("", (32, 10), "float32", 15, -4.0, 5.0)


def nll(facts, run=None):
    return with_loss(healthy() if run is None else run, facts, kind="nll_loss", criterion="NLLLoss", first=-0.1)


def test_probabilities_to_nll_are_an_error():
    finding = the_one(prob_to_nll(nll(SHARES)))

    assert (finding.id, finding.tier, finding.severity) == ("prob_to_nll", "fact", "error")
    assert finding.title == "NLLLoss expects log-probabilities, but is given probabilities"
    assert finding.code == "- return torch.softmax(x, dim=1)\n+ return torch.log_softmax(x, dim=1)"
    assert (finding.value, finding.limit) == ("up to 0.98", "at most 0")
    assert "another check" in not_about(loss_sign(nll(SHARES)))  # that is why it is negative


def test_log_probabilities_are_what_nll_takes():
    assert passed(prob_to_nll(nll(LOGS)))
    assert not_about(prob_to_nll(healthy())) == "No NLLLoss was seen."
    assert isinstance(prob_to_nll(unseen(healthy())), Unchecked)


def test_raw_outputs_to_nll_are_found_where_they_come_from_a_layer():
    finding = the_one(prob_to_nll(nll(RAW)))

    assert "raw outputs" in finding.title
    assert finding.code.endswith("+ criterion = nn.CrossEntropyLoss()")
    # As a policy's log-probabilities times advantages do, numbers above 0 may come from elsewhere.
    assert passed(prob_to_nll(nll(RAW, ending_in(healthy(), "mul"))))


def distance(given, target, broadcast=True, **fields):
    facts = TensorFacts("", given, "float32", 15, -1.0, 1.0)
    wanted = None if target is None else TensorFacts("", target, "float32", 15, -1.0, 1.0)
    return with_loss(
        healthy(),
        facts,
        **{"criterion": "MSELoss", "kind": "mse_loss", "target": wanted, "broadcast": broadcast, **fields},
    )


@pytest.mark.parametrize(
    ("given", "target", "code"),
    [
        ((32, 1), (32,), "criterion(model(inputs).squeeze(1), targets)"),
        ((32,), (32, 1), "criterion(model(inputs), targets.squeeze(1))"),
    ],
)
def test_a_column_against_a_row_is_an_error(given, target, code):
    finding = the_one(loss_broadcasting(distance(given, target)))

    assert (finding.id, finding.severity, finding.where.model) == ("loss_broadcasting", "error", "Net")
    assert finding.title.endswith("they are broadcast to (32,32)")
    assert code in finding.code


def test_a_column_in_a_loss_written_by_hand_is_compared_with_a_row():
    run = distance((32, 1), None, seen="loss", criterion="")

    assert the_one(loss_broadcasting(run)).severity == "error"


def test_one_number_for_several_targets_is_a_warning():
    assert the_one(loss_broadcasting(distance((32, 1), (32, 4)))).severity == "warning"


@pytest.mark.parametrize(
    ("given", "target", "broadcast"),
    [((32, 1), (32, 1), False), ((32, 4), (), True), ((32, 4), (1,), True), ((32,), (1,), True), ((1, 1), (1,), True)],
)
def test_one_target_for_all_may_be_meant(given, target, broadcast):
    assert passed(loss_broadcasting(distance(given, target, broadcast)))


def test_torchs_own_warning_tells_of_sizes_too():
    text = (
        "Using a target size (torch.Size([32])) that is different to the input size (torch.Size([32, 1])). This will "
        "likely lead to incorrect results due to broadcasting."
    )
    run = with_evidence(unseen(healthy()), warnings=(TorchWarning("UserWarning", text, "train.py", 9),))

    assert the_one(loss_broadcasting(run)).value == "(32,1)"
    assert isinstance(loss_broadcasting(unseen(healthy())), Unchecked)


@pytest.mark.parametrize(("lowest", "highest", "found"), [(0, 9, False), (1, 10, True), (-1, 9, True)])
def test_labels_have_to_be_classes(lowest, highest, found):
    judged = labels_seen(with_loss(healthy(), lowest=lowest, highest=highest))

    assert passed(judged) != found
    if found:
        finding = the_one(judged)
        assert (finding.id, finding.severity) == ("labels_out_of_range", "error")
        assert finding.limit == "0 to 9"


def test_binary_targets_are_probabilities():
    target = TensorFacts("", (32, 1), "float32", 15, 1.0, 2.0)
    run = with_loss(healthy(), kind="binary_cross_entropy_with_logits", criterion="BCEWithLogitsLoss", target=target)

    finding = the_one(labels_seen(run))

    assert (finding.id, finding.value, finding.limit) == ("labels_out_of_range", "1 to 2", "0 to 1")
    assert "another check" in not_about(loss_sign(with_loss(run, first=-3.0)))
    assert passed(labels_seen(with_loss(run, target=dataclasses.replace(target, minimum=0.0, maximum=1.0))))


def test_an_exception_about_labels_is_not_told_twice():
    run = with_loss(healthy(), lowest=1, highest=10)
    run = dataclasses.replace(run, failure=Failure("IndexError", "Target 10 is out of bounds.", Stamp(1)))

    assert not_about(labels_seen(run)) == "The exception that ended the run tells of it."
    assert isinstance(labels_seen(unseen(healthy())), Unchecked)


FALLING = [-0.5 * step for step in range(1, 101)]


def test_a_minus_before_the_criterion_is_seen_in_what_was_logged():
    run = with_loss(fake_run(scalars={"train/loss": [-2.3, *FALLING]}), first=2.3, last=40.0)

    finding = the_one(loss_sign(run))

    assert (finding.id, finding.tier, finding.severity) == ("loss_sign", "fact", "error")
    assert finding.title == "train/loss is minus CrossEntropyLoss: training makes that greater"
    assert finding.where.tag == "train/loss"
    assert "+ loss = criterion(model(inputs), targets)" in finding.code


def test_another_negative_term_is_no_minus():
    """An entropy that is rewarded takes the sum below 0, and is not minus what the criterion gave."""
    assert passed(loss_sign(with_loss(fake_run(scalars={"train/loss": [-1.9, *FALLING]}), first=2.3)))


def test_a_criterion_below_zero_has_targets_that_are_none():
    finding = the_one(loss_sign(with_loss(healthy(), first=2.3, last=-0.4)))

    assert (finding.severity, finding.value) == ("error", "\u22120.4")


def test_a_likelihood_that_falls_while_predictions_stay_bad_is_a_warning():
    run = unseen(fake_run(scalars={"train/loss": FALLING, "val/acc": [0.1] * 8}, predictions=()))
    bad = with_evidence(run, losses=())
    classes = dataclasses.replace(bad, predictions=tuple(map(hopeless, healthy().predictions)))

    finding = the_one(loss_sign(classes))

    assert (finding.tier, finding.severity, finding.where.tag) == ("statistics", "warning", "train/loss")


def hopeless(predictions):
    """All samples are predicted as the first class."""
    confusion = tuple((sum(row), *[0] * (len(row) - 1)) for row in predictions.confusion)
    return dataclasses.replace(predictions, confusion=confusion, metrics={}, scores=(), examples=())


def test_a_likelihood_that_falls_below_zero_and_learns_is_right():
    """The density of a continuous target may be above 1."""
    assert passed(loss_sign(unseen(fake_run(scalars={"train/loss": FALLING}))))
    assert passed(loss_sign(healthy()))


def test_without_a_loss_its_sign_is_not_known():
    assert isinstance(loss_sign(unseen(fake_run(scalars={"val/acc": [0.5]}))), Unchecked)
    assert passed(loss_sign(fake_run(scalars={"train/loss": [math.nan] * 12})))
