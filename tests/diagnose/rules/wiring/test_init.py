"""Weights that keep units alike, weights of zeros, rows never looked up."""

import dataclasses

import numpy as np
import pytest

from reportgen.diagnose import Unchecked
from reportgen.diagnose.rules.wiring.init import dead_embedding_rows, symmetric_units, zero_weights
from reportgen.run.records import Run
from reportgen.testing.run import distribution_of
from tests.diagnose.altered import not_about, passed, the_one, unseen, with_measure, with_model
from tests.healthy import healthy

WEIGHTS = [p.name for p in healthy().models[0].parameters if len(p.shape) > 1]


def alike(run: Run, **values):
    return with_measure(run, "identical_units", {name: values.get(name.split(".")[0], [0.0, 0.0]) for name in WEIGHTS})


def filled(run: Run, value: float, *modules: str, snapshots: int | None = None) -> Run:
    """`run` in which weights of modules are all `value` in the first snapshots (default: all)."""
    group = dict(run.distributions["weight"])
    for module in modules:
        series = group[f"{module}.weight"]
        end = len(series.snapshots) if snapshots is None else snapshots
        same = distribution_of(np.full(64, value))
        shown = tuple(same if at < end else one for at, one in enumerate(series.snapshots))
        group[f"{module}.weight"] = dataclasses.replace(series, snapshots=shown)
    return dataclasses.replace(run, distributions={**run.distributions, "weight": group})


def test_units_that_stay_alike_are_an_error():
    finding = the_one(symmetric_units(alike(healthy(), conv2=[0.97, 0.97], fc1=[0.99, 0.99])))

    assert (finding.id, finding.tier, finding.severity) == ("symmetric_units", "fact", "error")
    assert (finding.where.module, finding.where.parameter) == ("conv2", "conv2.weight")
    assert "training did not tell them apart" in finding.title
    assert "conv2 and fc1" in finding.why
    assert "+ nn.init.kaiming_uniform_(model.conv2.weight)" in finding.code
    assert finding.evidence.rows == (("conv2.weight", 0.97, 0.97), ("fc1.weight", 0.99, 0.99))


@pytest.mark.parametrize("values", [[0.97, 0.0], [0.5, 0.5], [0.0, 0.0]])
def test_units_that_part_pass(values):
    assert passed(symmetric_units(alike(healthy(), fc1=values)))


def test_units_that_do_not_train_may_be_alike():
    run = alike(healthy(), fc1=[0.97, 0.97])
    still = {**{name: [0.0] * 15 for name in WEIGHTS}, "fc2.weight": [1e-3] * 15}

    assert passed(symmetric_units(with_measure(run, "update_ratio", still)))


def test_where_training_was_cut_short_constant_layers_in_a_row_tell():
    run = alike(healthy(), conv2=[0.97], fc1=[0.97])

    finding = the_one(symmetric_units(filled(run, 0.01, "conv2", "fc1")))

    assert (finding.severity, finding.where.module) == ("warning", "conv2")
    assert passed(symmetric_units(filled(alike(healthy(), fc1=[0.97]), 0.01, "fc1")))  # what follows parts them


def test_weights_that_stay_zero_are_a_warning():
    finding = the_one(zero_weights(filled(healthy(), 0.0, "conv2", "fc1")))

    assert (finding.id, finding.severity, finding.where.module) == ("zero_weights", "warning", "conv2")
    assert finding.title == "All weights of conv2 and fc1 are 0 and stay 0"
    assert finding.evidence.rows[0] == (
        "conv2.weight",
        len(healthy().distributions["weight"]["conv2.weight"].snapshots),
        0.0,
    )


def test_weights_that_begin_at_zero_are_a_remark():
    finding = the_one(zero_weights(filled(healthy(), 0.0, "fc2", snapshots=1)))

    assert (finding.severity, finding.title) == ("info", "All weights of fc2 begin at 0")
    assert passed(zero_weights(healthy()))


def test_frozen_weights_may_be_zero():
    parameters = tuple(dataclasses.replace(p, trainable=False) for p in healthy().models[0].parameters)

    frozen = with_model(filled(healthy(), 0.0, "fc1"), parameters=parameters)
    assert not_about(zero_weights(frozen)) == "No layer with several units is trained."


def test_weights_that_were_not_recorded_cannot_be_judged():
    run = dataclasses.replace(unseen(healthy()), measures={}, distributions={})

    assert isinstance(symmetric_units(run), Unchecked)
    assert isinstance(zero_weights(run), Unchecked)
    assert isinstance(dead_embedding_rows(dataclasses.replace(run, models=())), Unchecked)


@pytest.mark.parametrize(("share", "found"), [(0.03, True), (0.3, False)])
def test_a_vocabulary_far_larger_than_its_use_is_a_remark(share, found):
    judged = dead_embedding_rows(with_measure(healthy(), "seen_rows", {"embed": [share / 2, share, share]}))

    assert passed(judged) != found
    if found:
        finding = the_one(judged)
        assert (finding.id, finding.severity, finding.where.module) == ("dead_embedding_rows", "info", "embed")
        assert finding.title.startswith("97.0\u00a0% of the rows of embed")
