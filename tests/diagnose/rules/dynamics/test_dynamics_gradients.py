"""Gradients that explode, vanish, or are noise."""

import dataclasses

import pytest

from reportgen.testing import fake_run
from reportgen.testing.run import series_of
from tests.diagnose.unlearned import constant, flat_loss, judged, measuring, unchecked, unlearned, why_not, with_measure
from tests.healthy import healthy


def deep(**fields):
    return fake_run(scalars={"train/loss": flat_loss()}, predictions=(), layers=8, **fields)


def test_a_huge_gradient_at_the_start_is_named_with_the_layer_that_has_it():
    def values(name, series):
        return [2e4 if name == "conv2.weight" and k == 0 else 0.5 for k in range(len(series))]

    (finding,) = judged(measuring(unlearned(), "gradient_norm", values), "exploding_gradients")

    assert (finding.severity, finding.since) == ("warning", 0)
    assert (finding.where.module, finding.where.parameter) == ("conv2", "conv2.weight")
    assert "clip_grad_norm_" in finding.code


@pytest.mark.parametrize(("times", "found"), [(35, 0), (300, 1)])
def test_a_spike_is_compared_with_what_was_usual_before(times, found):
    def values(name, series):
        return [0.5 * (times if k == 11 else 1) for k in range(len(series))]

    findings = judged(measuring(unlearned(), "gradient_norm", values), "exploding_gradients")

    assert len(findings) == found
    assert [one.since > 0 for one in findings] == [True] * found


def test_a_good_run_may_have_had_a_spike():
    run = measuring(healthy(), "gradient_norm", lambda name, s: [1e5 if k == 0 else 0.5 for k in range(len(s))])

    assert judged(run, "exploding_gradients") == []


def test_gradients_that_fade_from_layer_to_layer_vanish():
    run = measuring(deep(), "gradient_norm", lambda name, s: [10.0 ** -(8 - int(name[2]))] * len(s))

    (finding,) = judged(run, "vanishing_gradients")

    assert (finding.severity, finding.where.parameter) == ("warning", "fc1.weight")
    assert len(finding.evidence.rows) <= 8


def test_a_gradient_that_one_layer_stops_does_not_vanish():
    run = measuring(deep(), "gradient_norm", lambda name, s: [1e-8 if int(name[2]) < 5 else 0.4] * len(s))

    assert judged(run, "vanishing_gradients") == []


def test_no_gradient_at_all_is_another_matter():
    run = measuring(deep(), "gradient_norm", lambda name, s: [0.0 if int(name[2]) < 5 else 0.4] * len(s))

    assert judged(run, "vanishing_gradients") == []


def test_a_mild_fall_over_the_layers_is_usual():
    run = measuring(deep(), "gradient_norm", lambda name, s: [2.0 ** -(8 - int(name[2]))] * len(s))

    assert judged(run, "vanishing_gradients") == []


def test_over_the_steps_of_a_recurrent_layer_it_vanishes_too():
    run = unlearned()
    (model,) = run.models
    types = {**model.modules, "conv1": "GRU"}
    run = dataclasses.replace(run, models=(dataclasses.replace(model, modules=types),))
    run = measuring(run, "gradient_norm", lambda name, s: [1e-9 if name.startswith("conv1") else 0.4] * len(s))

    assert [one.where.module for one in judged(run, "vanishing_gradients")] == ["conv1"]


def noisy(ratio, run=None):
    run = unlearned() if run is None else run
    names = [name for name in run.measures["gradient_norm"] if name.endswith("weight")]
    return with_measure(
        run, "gradient_snr", {name: series_of([0.5, ratio, ratio, ratio], [7, 15, 23, 31]) for name in names}
    )


@pytest.mark.parametrize(("ratio", "found"), [(0.36, ["info"]), (0.6, [])])
def test_gradients_without_a_common_direction_are_a_remark(ratio, found):
    assert [one.severity for one in judged(noisy(ratio), "low_gradient_snr")] == found


def test_a_run_that_learns_may_have_noisy_gradients():
    assert judged(noisy(0.36, healthy()), "low_gradient_snr") == []


def test_of_a_run_that_was_watched_it_is_not_said_to_watch_it():
    short = dataclasses.replace(unlearned(), measures={})

    assert "the run was too short" in unchecked(short, "low_gradient_snr")
    assert "report." not in unchecked(short, "low_gradient_snr")


def test_healthy_runs_are_left_in_peace():
    for rule in ("exploding_gradients", "vanishing_gradients", "low_gradient_snr"):
        assert judged(healthy(), rule) == []


def test_without_looks_it_is_said_what_to_watch():
    run = unlearned()
    bare = dataclasses.replace(run, models=(), measures={})

    for rule in ("exploding_gradients", "vanishing_gradients", "low_gradient_snr"):
        assert "report.watch(model, optimizer)" in unchecked(bare, rule)
    assert judged(measuring(run, "gradient_norm", constant(0.0)), "vanishing_gradients") == []


def test_gradients_of_a_good_run_are_told_and_not_passed():
    spike = measuring(healthy(), "gradient_norm", lambda name, s: [1e5 if k == 0 else 0.5 for k in range(len(s))])
    fading = dataclasses.replace(deep(), scalars={}, predictions=healthy().predictions)
    fading = measuring(fading, "gradient_norm", lambda name, s: [10.0 ** -(8 - int(name[2]))] * len(s))

    assert why_not(spike, "exploding_gradients").endswith(", but the run ended well.")
    assert why_not(fading, "vanishing_gradients").endswith(", but the run ended well in training.")
    assert why_not(healthy(), "exploding_gradients") == why_not(healthy(), "vanishing_gradients") == ""
