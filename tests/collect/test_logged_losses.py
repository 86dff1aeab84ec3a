"""What `report.log` and `report.predictions` hand on to those who collect how a loss was computed."""

import math

import pytest
import torch
from torch import nn

import reportgen


class Seen:
    """Stands in for the watcher's three methods."""

    def __init__(self, watcher):
        self.losses, self.not_finite, self.splits = [], 0, []
        watcher.logged_loss = lambda tag, tensor: self.losses.append((tag, tensor.grad_fn is not None))
        watcher.loss_not_finite = self.tell
        watcher.predicted = self.splits.append

    def tell(self):
        self.not_finite += 1


@pytest.fixture
def watched(tmp_path):
    report = reportgen.Report("losses", folder=tmp_path / "run", strict=True)
    seen = Seen(report._watcher)
    report.watch(nn.Linear(2, 1))
    yield report, seen
    report.close()


def test_losses_that_have_a_graph_are_shown_with_it_before_they_are_read(watched):
    report, seen = watched
    weight = nn.Parameter(torch.tensor(3.0))
    given = {"train/loss": weight * 2, "val/loss": torch.tensor(4.0), "acc": weight * 1, "train": {"nll": weight + 1}}
    before = dict(given)
    report.log(given, step=1)
    assert seen.losses == [("train/loss", True), ("train/nll", True)]
    assert seen.not_finite == 0
    assert given == before  # the user's own mapping still holds the tensors
    report.build()
    scalars = reportgen.load(report.folder).scalars
    assert {tag: series.last for tag, series in scalars.items()} == {
        "train/loss": 6.0,
        "val/loss": 4.0,
        "acc": 3.0,
        "train/nll": 4.0,
    }


@pytest.mark.parametrize("value", [math.nan, math.inf, torch.tensor(math.nan), torch.tensor(-math.inf).half()])
def test_a_loss_on_the_host_that_is_not_finite_is_told_at_once(watched, value):
    report, seen = watched
    report.log({"train/loss": value, "lr": math.nan}, step=7)
    report.log({"train/loss": 1, "acc": math.inf})
    assert seen.not_finite == 1


def test_without_a_watched_model_nobody_is_asked(tmp_path):
    report = reportgen.Report("bare", folder=tmp_path / "run", strict=True)
    seen = Seen(report._watcher)
    report.log({"train/loss": math.nan}, step=0)
    report.predictions(None, torch.randn(3, 2), torch.tensor([0, 1, 1]))
    report.close()
    assert (seen.losses, seen.not_finite, seen.splits) == ([], 0, [])


def test_the_split_of_predictions_is_handed_on(watched):
    report, seen = watched
    report.predictions(None, torch.randn(3, 2), torch.tensor([0, 1, 1]), split="test")
    assert seen.splits == ["test"]


def test_a_collector_that_breaks_costs_no_logged_number(tmp_path):
    report = reportgen.Report("broken", folder=tmp_path / "run")
    report.watch(nn.Linear(2, 1))

    def broken(*_):
        raise LookupError("ours")

    report._watcher.logged_loss = report._watcher.loss_not_finite = broken
    with pytest.warns(reportgen.ReportgenWarning, match="ours"):
        report.log({"train/loss": nn.Parameter(torch.tensor(1.0)) * math.nan}, step=0)
    report.build()
    report.close()
    assert math.isnan(reportgen.load(report.folder).scalars["train/loss"].last)
