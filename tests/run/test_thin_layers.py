"""Which distributions a page keeps of a model with very many layers."""

import dataclasses
import math
from array import array

import pytest

from reportgen.diagnose import diagnose
from reportgen.run.distribution import DistributionSeries
from reportgen.run.records import SCHEMA, Meta, Run
from reportgen.run.thin import thin
from reportgen.run.thin_layers import FIRST_LAYERS, LAYERS, fewer_layers
from reportgen.sections.layer_details import details
from reportgen.sections.layers import layers_of
from reportgen.testing.run import distribution_of

AMOUNT = 600


def series(kind: str, name: str, size: int) -> DistributionSeries:
    snapshots = tuple(distribution_of([0.5 + step, *range(1, size)]) for step in range(3))
    steps = array("q", range(3))
    return DistributionSeries(kind, name, steps, steps, snapshots, 30)


@pytest.fixture(scope="module")
def run() -> Run:
    sizes = {f"l{k}.{name}": size for k in range(AMOUNT) for name, size in (("weight", 9), ("bias", 2))}
    known = {kind: {name: series(kind, name, sizes[name]) for name in sizes} for kind in ("weight", "gradient")}
    known["activation"] = {f"l{k}": series("activation", f"l{k}", 4) for k in range(AMOUNT)}
    known["histogram"] = {"own": series("histogram", "own", 4)}
    return Run(SCHEMA, Meta("deep", "finished", 1_790_000_000.0), distributions=known)


def kept(run: Run, kind: str) -> list[str]:
    return [name for name, one in run.distributions[kind].items() if one.snapshots]


def test_the_first_layers_and_others_evenly_spread_keep_their_largest_parameter_and_output(run):
    thinned = thin(run)

    outputs = kept(thinned, "activation")
    assert len(outputs) == LAYERS
    assert outputs[:FIRST_LAYERS] == [f"l{k}" for k in range(FIRST_LAYERS)]
    assert outputs[-1] == f"l{AMOUNT - 1}"
    for kind in ("weight", "gradient"):
        assert kept(thinned, kind) == [f"{name}.weight" for name in outputs]
    assert kept(thinned, "histogram") == ["own"]


def test_it_says_so_and_doing_it_again_changes_nothing(run):
    thinned = thin(run)

    assert any(said.startswith("Distributions of 400 of 600 layers are kept, ") for said in thinned.thinned)
    assert thin(thinned) is thinned


def test_emptied_series_keep_their_names_and_what_was_logged(run):
    (bias,) = (one for name, one in thin(run).distributions["weight"].items() if name == "l3.bias")

    assert (bias.snapshots, len(bias.steps), bias.logged) == ((), 0, 30)


def test_what_is_not_finite_is_still_found(run):
    weights = dict(run.distributions["weight"])
    odd = distribution_of([math.nan, 1.0])
    place = f"l{FIRST_LAYERS + 1}.bias"
    weights[place] = dataclasses.replace(weights[place], snapshots=(*weights[place].snapshots[:2], odd))
    thinned = thin(dataclasses.replace(run, distributions={**run.distributions, "weight": weights}))

    assert thinned.distributions["weight"][place].snapshots[0].nans == 1
    assert list(thinned.distributions["weight"][place].steps) == [2]
    assert "nan_weight" in {finding.id for finding in diagnose(thinned).findings}
    assert thin(thinned) is thinned


def test_a_smaller_model_keeps_all(run):
    few = {kind: dict(list(group.items())[:200]) for kind, group in run.distributions.items()}
    found, said = fewer_layers(few)

    assert said == ""
    assert found == few


def test_the_page_counts_the_layers_that_were_recorded(run):
    thinned = thin(run)
    (told,) = (block for block in details(thinned, layers_of(thinned)) if hasattr(block, "muted"))

    assert "of 600 layers" in told.text
