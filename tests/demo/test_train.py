"""The demo's script: the network, a short training, its report."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.utils.data import TensorDataset

import reportgen
from reportgen.demo.data import Digits, load_digits
from reportgen.demo.model import DigitsCNN
from reportgen.demo.train import main


def test_the_network_is_the_articles_with_logits() -> None:
    torch.manual_seed(0)
    model = DigitsCNN()
    shapes = {name: tuple(parameter.shape) for name, parameter in model.named_parameters() if name.endswith("weight")}
    assert shapes == {
        "conv1.weight": (32, 1, 3, 3),
        "conv2.weight": (64, 32, 3, 3),
        "fc1.weight": (128, 576),
        "fc2.weight": (10, 128),
    }
    logits = model(torch.rand(2, 1, 28, 28))
    assert logits.shape == (2, 10)
    assert logits.logsumexp(dim=1).abs().min() > 0.1  # log-probabilities would have 0 here


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, reportgen.Run]:
    """Eight epochs on a part of the digits."""
    whole = load_digits(mnist_folders=())
    digits = Digits("a few digits", *(TensorDataset(*(t[:320] for t in p.tensors)) for p in (whole.train, whole.val)))
    folder = tmp_path_factory.mktemp("demo") / "run"
    path = main(folder, epochs=8, digits=digits)
    return path, reportgen.load(folder)


def test_training_lowers_the_loss(trained: tuple[Path, reportgen.Run]) -> None:
    loss = trained[1].scalars["train/loss"].values
    assert len(loss) == 80
    assert sum(loss[-5:]) < 0.9 * sum(loss[:5])


def test_the_run_holds_what_the_page_needs(trained: tuple[Path, reportgen.Run]) -> None:
    path, run = trained
    assert path.name == "report.html"
    assert run.meta.status == "finished"
    assert run.meta.config["data"] == "a few digits"
    assert list(run.scalars["val/accuracy"].steps) == list(range(10, 81, 10))
    last = run.predictions[-1]
    assert (last.samples, last.classes[3], last.outputs_are) == (257, "3", "logits")
    assert last.metrics["accuracy"] == pytest.approx(run.scalars["val/accuracy"].values[-1])
    assert {"conv1.weight", "fc2.bias"} <= run.distributions["gradient"].keys()
    assert run.graph is not None
    assert run.graph.parameters == sum(parameter.numel() for parameter in DigitsCNN().parameters())
    assert [note.what for note in run.notes if note.kind == "failure"] == []
