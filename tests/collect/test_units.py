"""Measures for rules: units that are the same or constant, rows looked up, memory, noise of gradients."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

import reportgen


class Net(nn.Module):
    """Looks ids up and classifies their mean. Units 0 and 1 of `hidden` begin equal, unit 2 never varies."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(100, 8, padding_idx=0)
        self.hidden = nn.Linear(8, 16)
        self.head = nn.Linear(16, 3)
        with torch.no_grad():
            self.hidden.weight[1] = self.hidden.weight[0]
            self.hidden.weight[2] = 0.0

    def forward(self, ids):
        return self.head(torch.tanh(self.hidden(self.embed(ids).mean(1))))


def trained(folder, steps, keep=None, model=None):
    torch.manual_seed(0)
    model = model or Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    report = reportgen.Report("run", folder=folder, strict=True)
    report.watch(model, optimizer)
    for _ in range(steps):
        ids, targets = torch.randint(0, 30, (16, 5)), torch.randint(0, 3, (16,))
        loss = nn.functional.cross_entropy(model(ids), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if keep is not None:
            keep.append(loss)
    report._end("finished")
    report.close()
    return reportgen.load(folder)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("runs") / "run", 110)


def test_units_that_are_the_same_are_counted_at_the_first_and_the_last_look(run):
    same = run.measures["identical_units"]

    assert list(same["hidden.weight"].steps) == [0, 110]
    assert same["hidden.weight"].values[0] == 1 / 16  # of 16 units one is like an earlier one
    assert same["head.weight"].values[0] == 0
    assert "hidden.bias" not in same


def test_units_that_do_not_vary_over_the_batch_are_counted(run):
    constant = run.measures["constant_units"]

    assert constant["hidden"].values[0] == 1 / 16
    assert constant["head"].values[0] == 0


def test_rows_of_an_embedding_that_were_looked_up_are_counted_without_its_padding(run):
    seen = run.measures["seen_rows"]["embed"].values

    assert 0 < seen[0] <= seen[-1] == 29 / 99


def test_outputs_whose_graphs_are_kept_are_counted(tmp_path, run):
    assert set(run.measures["live_graphs"]["Net"].values) == {0.0}

    kept = []
    leaking = trained(tmp_path / "run", 110, keep=kept)

    assert list(leaking.measures["live_graphs"]["Net"].steps) == [50, 100, 110]
    first, second, last = leaking.measures["live_graphs"]["Net"].values
    assert 0 < first < second < last


def test_memory_is_looked_at_each_fifty_steps_and_at_the_end(run):
    resident = run.measures["memory"]["resident"]

    assert list(resident.steps) == [50, 100, 110]
    assert all(1e7 < value < 1e12 for value in resident.values)


def test_gradients_that_are_all_noise_have_a_low_ratio(run):
    noisy = run.measures["gradient_snr"]["hidden.weight"]

    assert list(noisy.steps)[:2] == [7, 15]
    # Eight draws around zero have a mean of 1 / sqrt(8) of their deviation.
    assert all(math.isfinite(value) and value < 1.0 for value in noisy.values)


def test_gradients_that_stay_the_same_have_a_high_ratio(tmp_path):
    torch.manual_seed(0)
    model = nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-6)
    report = reportgen.Report("run", folder=tmp_path / "run", strict=True)
    report.watch(model, optimizer)
    inputs = torch.randn(8, 4)
    for _ in range(10):
        optimizer.zero_grad()
        model(inputs).square().sum().backward()
        optimizer.step()
    report.close()

    assert reportgen.load(tmp_path / "run").measures["gradient_snr"]["weight"].values[0] > 100
