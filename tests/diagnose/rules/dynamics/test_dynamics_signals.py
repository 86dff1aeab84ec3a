"""The scale at which weights, outputs and the loss begin."""

import dataclasses
import math

import numpy as np
import pytest

from reportgen.run.records import Attempt
from reportgen.testing import fake_run
from reportgen.testing.run import distribution_of
from tests.diagnose.unlearned import falling_loss, flat_loss, judged, unchecked, unlearned, why_not
from tests.healthy import healthy

RNG = np.random.default_rng(0)


def beginning(run, kind, deviations):
    """`run` whose first distributions of a kind have the given deviations by name."""
    group = dict(run.distributions[kind])
    for name, deviation in deviations.items():
        first = distribution_of(RNG.normal(0, deviation, 4096))
        group[name] = dataclasses.replace(group[name], snapshots=(first, *group[name].snapshots[1:]))
    return dataclasses.replace(run, distributions={**run.distributions, kind: group})


def usual(run):
    """With weights that begin at 1 / sqrt(fan in)."""
    return beginning(
        run,
        "weight",
        {p.name: 1 / math.sqrt(math.prod(p.shape[1:])) for p in run.models[0].parameters if len(p.shape) > 1},
    )


def deep(**fields):
    return fake_run(scalars={"train/loss": flat_loss()}, predictions=(), layers=5, **fields)


def test_weights_of_ten_times_the_usual_scale_are_named():
    (finding,) = judged(beginning(usual(unlearned()), "weight", {"fc1.weight": 1.0}), "bad_init")

    assert (finding.severity, finding.where.module, finding.where.parameter) == ("warning", "fc1", "fc1.weight")
    assert finding.where.step == 0
    assert "far too large" in finding.title
    assert finding.code == "torch.nn.init.kaiming_normal_(model.fc1.weight)"


@pytest.mark.parametrize("times", [0.2, 0.577, 1.41, 8.0])
def test_the_usual_initialisations_are_no_finding(times):
    run = usual(unlearned())
    run = beginning(run, "weight", {"fc1.weight": times / math.sqrt(576), "conv1.weight": times / 3})

    assert judged(run, "bad_init") == []


def test_weights_that_are_far_too_small_count_only_in_most_layers():
    run = usual(deep())
    few, most = {"fc2.weight": 1e-4}, {f"fc{k}.weight": 1e-4 for k in (1, 2, 3, 4)}

    assert judged(beginning(run, "weight", few), "bad_init") == []
    (finding,) = judged(beginning(run, "weight", most), "bad_init")
    assert "far too small" in finding.title


def test_large_weights_are_no_finding_where_the_run_is_good():
    assert judged(beginning(healthy(), "weight", {"fc1.weight": 1.0}), "bad_init") == []


def test_a_module_in_a_list_has_its_index_in_the_code():
    run = usual(unlearned(layers=("net.0", "net.2")))

    (finding,) = judged(beginning(run, "weight", {"net.0.weight": 2.0}), "bad_init")

    assert finding.code == "torch.nn.init.kaiming_normal_(model.net[0].weight)"


def test_outputs_that_grow_tenfold_twice_explode():
    run = beginning(deep(), "activation", {f"fc{k}": 15.0 ** (k - 1) for k in range(1, 6)})

    (finding,) = judged(run, "exploding_activations")

    assert (finding.severity, finding.where.module, finding.where.step) == ("warning", "fc3", 0)


def test_outputs_above_a_thousand_explode_at_once():
    run = beginning(deep(), "activation", {"fc1": 1.0, "fc2": 5e3, "fc3": 9e3, "fc4": 9e3, "fc5": 9e3})

    assert [one.where.module for one in judged(run, "exploding_activations")] == ["fc2"]


def test_one_layer_that_grows_may_undo_another():
    run = beginning(deep(), "activation", {"fc1": 0.05, "fc2": 1.0, "fc3": 2.0, "fc4": 1.0, "fc5": 3.0})

    assert judged(run, "exploding_activations") == []


def begun(first, run=None, **changes):
    run = unlearned() if run is None else run
    (use,) = run.evidence.losses
    use = dataclasses.replace(use, first=first, **changes)
    return dataclasses.replace(run, evidence=dataclasses.replace(run.evidence, losses=(use,)))


@pytest.mark.parametrize(("first", "found"), [(2.3, []), (3.2, []), (4.5, ["info"]), (24.0, ["warning"])])
def test_the_first_loss_is_compared_with_the_log_of_the_classes(first, found):
    assert [one.severity for one in judged(begun(first), "init_loss_wrong")] == found


def test_a_good_run_may_have_begun_anywhere():
    run = begun(24.0, fake_run(scalars={"train/loss": falling_loss()}))

    assert judged(run, "init_loss_wrong") == []


@pytest.mark.parametrize(
    "changes",
    [{"weighted": True}, {"reduction": "sum"}, {"class_counts": (900, *[10] * 9)}, {"classes": None}],
)
def test_losses_that_begin_elsewhere_are_not_compared(changes):
    assert judged(begun(24.0, **changes), "init_loss_wrong") == []


def test_a_resumed_run_begins_where_it_was():
    run = begun(24.0)
    resumed = dataclasses.replace(run.meta, attempts=(Attempt(0, 0.0), Attempt(1, 1.0, resumed_from=10)))

    assert judged(dataclasses.replace(run, meta=resumed), "init_loss_wrong") == []


def test_healthy_runs_are_left_in_peace():
    for rule in ("bad_init", "exploding_activations", "init_loss_wrong"):
        assert judged(healthy(), rule) == []


def test_without_looks_it_is_said_what_to_watch():
    bare = dataclasses.replace(unlearned(), distributions={})

    assert "report.watch(model, optimizer)" in unchecked(bare, "bad_init")
    assert "report.watch(model, optimizer)" in unchecked(bare, "exploding_activations")
    bare = dataclasses.replace(bare, evidence=dataclasses.replace(bare.evidence, losses=()))
    assert "criterion" in unchecked(bare, "init_loss_wrong")


def test_what_was_first_seen_later_is_no_start():
    run = unlearned()
    late = {
        name: dataclasses.replace(series, optimizer_steps=type(series.steps)("q", [s + 500 for s in series.steps]))
        for name, series in run.distributions["weight"].items()
    }
    run = dataclasses.replace(run, distributions={**run.distributions, "weight": late})

    assert "before training" in unchecked(run, "bad_init")


def test_a_scale_that_a_good_run_overcame_is_told_and_not_passed():
    large = beginning(usual(healthy()), "weight", {"fc1.weight": 1.0})

    assert why_not(large, "bad_init") == "fc1.weight began with 23.9 times the usual deviation, but the run ended well."
    assert why_not(usual(healthy()), "bad_init") == ""


def test_a_cross_entropy_that_is_a_part_of_a_loss_was_seen_all_the_same():
    run = healthy()
    part = dataclasses.replace(run.evidence.losses[0], first=None)
    run = dataclasses.replace(run, evidence=dataclasses.replace(run.evidence, losses=(part,)))

    assert unchecked(run, "init_loss_wrong").startswith("The first value of the cross-entropy is not known")
