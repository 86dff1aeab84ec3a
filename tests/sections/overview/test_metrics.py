import dataclasses
import math

from reportgen.run.logged import HParams
from reportgen.run.predictions import PredictionSet
from reportgen.run.series import Stamp
from reportgen.sections.overview.metrics import judged_by, metrics_of
from tests.sections.overview.several import small_run


def judged(*runs):
    found = judged_by(metrics_of(runs), len(runs))
    return (found.split, found.metric, found.runs) if found else None


def test_spellings_of_one_metric_of_one_split_are_one_metric():
    metrics = metrics_of([small_run(scalars={"Loss/val": [1.0]}), small_run(scalars={"val_loss": [2.0]})])
    assert [(metric.tag, sorted(metric.curves)) for metric in metrics] == [("Loss/val", [0, 1])]


def test_two_spellings_in_one_run_are_two_metrics():
    metrics = metrics_of([small_run(scalars={"Loss/val": [1.0], "val_loss": [2.0]})])
    assert sorted(metric.tag for metric in metrics) == ["Loss/val", "val_loss"]


def test_runs_are_judged_by_what_all_of_them_logged():
    runs = [
        small_run(scalars={"val/acc": [0.9], "val/loss": [1.0]}),
        small_run(scalars={"val/loss": [2.0]}),
    ]
    assert judged(*runs) == ("val", "loss", 2)
    assert judged(runs[0], runs[0]) == ("val", "acc", 2)


def test_validation_comes_before_test_and_training():
    run = small_run(scalars={"train/acc": [1.0], "test/acc": [0.8], "val/loss": [0.1], "loss": [0.2], "lr": [0.1]})
    assert judged(run, run) == ("val", "loss", 2)


def test_without_a_metric_that_two_runs_share_and_that_says_what_is_better_none_is_taken():
    assert judged(small_run(scalars={"lr": [1.0]}), small_run(scalars={"lr": [2.0]})) is None
    assert judged(small_run(scalars={"a/loss": [1.0]}), small_run(scalars={"b/loss": [2.0]})) is None
    assert judged(small_run(), small_run()) is None


def test_values_that_are_never_finite_do_not_count():
    runs = [
        small_run(scalars={"val/acc": [math.nan], "loss": [1.0]}),
        small_run(scalars={"val/acc": [0.5], "loss": [1]}),
    ]
    assert judged(*runs) == ("", "loss", 2)


def test_a_direction_that_runs_disagree_on_is_none():
    runs = [
        small_run(scalars={"score": [1.0]}, direction={"score": "higher"}),
        small_run(scalars={"score": [2.0]}, direction={"score": "lower"}),
    ]
    (metric,) = metrics_of(runs)
    assert metric.direction == ""
    assert metric.best is None
    assert judged(*runs) is None


def test_recorded_predictions_and_hyperparameters_give_metrics_that_were_not_logged():
    run = dataclasses.replace(
        small_run(scalars={"val/accuracy": [0.5]}),
        predictions=(PredictionSet("val", Stamp(3), "classification", metrics={"accuracy": 0.7, "f1": 0.6}),),
        hparams=(HParams(Stamp(9), {"lr": 1}, {"hparam/auc": 0.8}),),
    )
    values = {metric.tag: metric.curves[0].series.last for metric in metrics_of([run])}
    assert values == {"val/accuracy": 0.5, "val/f1": 0.6, "hparam/auc": 0.8}
