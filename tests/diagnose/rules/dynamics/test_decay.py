"""Weight decay that takes the weights away."""

import dataclasses

import pytest

from tests.diagnose.unlearned import judged, measuring, unchecked, unlearned
from tests.healthy import healthy


def decaying(decay, left, run=None):
    run = unlearned() if run is None else run
    (model,) = run.models
    groups = ({**model.groups[0], "weight_decay": decay},)
    run = dataclasses.replace(run, models=(dataclasses.replace(model, groups=groups),))
    return measuring(run, "weight_norm", lambda name, s: [1 + (left - 1) * k / (len(s) - 1) for k in range(len(s))])


@pytest.mark.parametrize(
    ("decay", "left", "found"),
    [
        (0.5, 0.05, 1),
        (0.01, 0.1, 1),
        (0.5, 0.4, 1),  # rate x decay x steps is 22
        (0.01, 0.4, 0),
        (0.5, 0.9, 0),
        (0.0, 0.05, 0),
    ],
)
def test_norms_that_fell_by_decay_are_found(decay, left, found):
    findings = judged(decaying(decay, left), "weight_decay_too_high")

    assert len(findings) == found
    for one in findings:
        assert (one.severity, one.where.model) == ("warning", "Net")
        assert one.code.startswith(f"- weight_decay={decay}")


def test_a_run_that_learns_may_shrink_its_weights():
    assert judged(decaying(0.5, 0.05, healthy()), "weight_decay_too_high") == []
    assert judged(healthy(), "weight_decay_too_high") == []


def test_without_an_optimizer_it_is_said_what_to_watch():
    assert "report.watch(" in unchecked(dataclasses.replace(unlearned(), models=()), "weight_decay_too_high")
