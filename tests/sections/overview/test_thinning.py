import dataclasses
import math

from reportgen.run.logged import HParams
from reportgen.run.overview import LeftOut, Overview
from reportgen.run.overview_data import encode_many
from reportgen.run.predictions import PredictionSet
from reportgen.run.series import Stamp
from reportgen.sections.overview import thinning
from reportgen.sections.overview.thinning import thinned
from tests.sections.overview.several import finding, member, overview_of, small_run


def names(overview):
    return [one.name for one in overview.members]


def test_the_best_run_stands_first_and_those_without_the_metric_last_by_name():
    runs = [{"val/acc": [0.1, 0.4]}, {"other": [1.0]}, {"val/acc": [0.9, 0.2]}, {}]
    overview = overview_of(*(small_run(scalars=scalars) for scalars in runs))
    assert names(overview) == ["run-2", "run-0", "run-1", "run-3"]


def test_a_lower_loss_is_better_and_nan_is_worst():
    runs = [{"val/loss": [3.0]}, {"val/loss": [math.nan]}, {"val/loss": [1.0, math.nan]}]
    assert names(overview_of(*(small_run(scalars=scalars) for scalars in runs))) == ["run-2", "run-0", "run-1"]


def test_thinning_again_changes_nothing(monkeypatch):
    for name, most in {
        "MOST_RUNS": 5,
        "SERIES": 15,
        "POINTS": 120,
        "MOST_POINTS": 20,
        "COLOURED": 2,
        "GREY": 1,
    }.items():
        monkeypatch.setattr(thinning, name, most)
    runs = []
    for number in range(9):
        scalars = {f"tag{k}/loss": [math.sin(k * step * number) for step in range(200)] for k in range(6)}
        scalars["val/acc"] = [number / 10, 0.05, math.nan]
        run = small_run(f"run {number}", scalars)
        sets = tuple(PredictionSet("val", Stamp(k), "classification", metrics={"f1": k / 10}) for k in range(9))
        runs.append(dataclasses.replace(run, predictions=sets, hparams=(HParams(Stamp(1), {"a": number}, {"m": 0.1}),)))
    once = overview_of(*runs)
    assert len(once.members) == 5
    assert once.left_out == LeftOut(4, 0, 0, {"finished": 4})
    assert once.metrics == 9
    assert once.judged is not None
    assert once.judged.runs == 9
    assert encode_many(thinned(once)) == encode_many(once)


def test_first_last_and_extreme_values_stay(monkeypatch):
    monkeypatch.setattr(thinning, "POINTS", 1)
    values = [1.0] * 100 + [9.0] + [1.0] * 100 + [-5.0] + [1.0] * 100 + [math.nan, 2.0]
    (one, _) = overview_of(small_run(scalars={"x": values}), small_run(scalars={"x": [1.0]})).members
    kept = one.run.scalars["x"]
    assert len(kept) <= 8
    assert {9.0, -5.0} < set(kept.values)
    assert (kept.steps[0], kept.steps[-1], kept.logged) == (0, 303, 304)
    assert any(map(math.isnan, kept.values))


def test_of_findings_the_worst_are_kept_and_all_counted():
    findings = [finding() for _ in range(7)] + [finding("warning"), finding("info")]
    one = member("a", small_run(), *findings)
    assert (len(one.found), one.errors, one.warnings, one.remarks) == (5, 7, 1, 1)
    assert (one.found[0].tag, one.found[0].step) == ("train/loss", 3)


def test_what_a_run_may_bring_is_bounded():
    config = {f"{'k' * 300}{k}": "v" * 1000 for k in range(500)}
    run = dataclasses.replace(
        small_run("t" * 5000, {f"tag{k}": [1.0] for k in range(400)}, config),
        hparams=tuple(HParams(Stamp(0), {"p": "x" * 1000}, name=f"s{k}") for k in range(50)),
    )
    kept = thinned(Overview((member("a", run, runs=1000),))).members[0].run
    assert len(kept.meta.title) == 200
    assert len(kept.scalars) == 200
    assert max(map(len, map(str, kept.meta.config.values()))) <= 200
    assert len(kept.hparams) == 20
