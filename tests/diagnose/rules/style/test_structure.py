"""What a script left out: held-out rows, a seed, numbers."""

from dataclasses import replace

import pytest

from reportgen.diagnose.rule import Unchecked
from reportgen.diagnose.rules.style.structure import metric_never_logged, no_seed, no_validation
from reportgen.run.evidence import Evidence, LoaderUse
from reportgen.run.records import IMPORTED, Run
from reportgen.testing.run import series_of
from tests.diagnose.altered import not_about
from tests.healthy import healthy

LOSS = {"train/loss": series_of([2.0 - 0.01 * k for k in range(50)])}


def bare(**fields) -> Run:
    """A run that logged its training loss alone."""
    return replace(healthy(), **({"scalars": LOSS, "predictions": (), "evidence": Evidence()} | fields))


def test_a_training_loss_alone_is_told():
    (finding,) = no_validation(bare())

    assert (finding.id, finding.severity, finding.where.tag) == ("no_validation", "info", "train/loss")
    assert "model.eval()" in finding.code
    assert finding.why.startswith("train/loss is measured on what the model is trained with.")


@pytest.mark.parametrize(
    "fields",
    [
        {"scalars": LOSS | {"val/acc": series_of([0.5])}},
        {"predictions": healthy().predictions},
        {"evidence": Evidence(loaders=(LoaderUse("test"),))},
    ],
)
def test_anything_of_another_split_is_well(fields):
    assert no_validation(bare(**fields)) == []


@pytest.mark.parametrize("scalars", [{}, {"train/loss": series_of([2.0, 1.9, 1.8])}])
def test_short_runs_have_nothing_to_validate(scalars):
    assert not_about(no_validation(bare(scalars=scalars))) == "No training loss of 10 or more points was logged."


@pytest.mark.parametrize("status", [IMPORTED, "running", "failed"])
def test_a_run_that_did_not_end_is_not_judged(status):
    assert isinstance(no_validation(bare(meta=replace(healthy().meta, status=status))), Unchecked)


def seeded(seeds: dict[str, int]) -> Run:
    meta = healthy().meta
    return replace(healthy(), meta=replace(meta, environment=replace(meta.environment, seeds=seeds)))


@pytest.mark.parametrize(("seed", "found"), [(0, 0), (2**32 - 1, 0), (67280421310721, 1), (9256347151711930676, 1)])
def test_a_seed_that_torch_drew_is_none(seed, found):
    assert len(no_seed(seeded({"torch": seed}))) == found


def test_without_a_recorded_seed_it_is_not_judged():
    assert isinstance(no_seed(seeded({})), Unchecked)
    assert no_seed(healthy()) == []


def test_steps_without_a_number_are_told():
    (finding,) = metric_never_logged(replace(healthy(), scalars={}))

    assert (finding.severity, finding.code) == ("info", '+ report.log({"train/loss": loss})')
    assert metric_never_logged(healthy()) == []
    assert isinstance(metric_never_logged(replace(healthy(), scalars={}, measures={}, evidence=Evidence())), Unchecked)
