"""The article's own programs run, on a few made-up digits in place of the downloaded ones."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image

from reportgen import load
from reportgen.testing import ReportDoc

PROGRAMS = Path(__file__).parent / "article"


class Digits(torch.utils.data.Dataset):
    """Stands in for torchvision.datasets.MNIST: 70 pictures, so that the last batch has 6."""

    def __init__(self, root: str, train: bool, download: bool, transform: object) -> None:
        self.transform = transform
        self.pictures = np.random.default_rng(0).integers(0, 256, (70, 28, 28), dtype=np.uint8)

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.transform(Image.fromarray(self.pictures[index])), index % 10


@pytest.fixture
def offline(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(torchvision.datasets, "MNIST", Digits)
    return tmp_path


def test_the_tensorboard_example_gives_a_report_with_its_graph_and_loss(offline, capsys):
    runpy.run_path(str(PROGRAMS / "tensorboard_example.txt"))
    run = load(offline / "runs" / "example")
    assert list(run.scalars["Loss"].steps) == list(range(10))
    assert {"conv1", "conv2", "fc1", "fc2"} <= {node.path for node in run.graph.nodes}
    assert (run.meta.status, run.notes, len(run.graphs)) == ("finished", (), 1)
    page = ReportDoc(offline / "runs" / "example" / "report.html")
    assert "Loss" in page.text
    assert "fc1" in page.text
    assert capsys.readouterr().out.count("Epoch:") == 10


def test_the_visualizer_example_writes_its_pictures(offline):
    made = runpy.run_path(str(PROGRAMS / "visualizer_example.txt"))
    (picture,) = (offline / "vis" / "images").iterdir()
    assert picture.name == "inputs.png"
    inputs = made["inputs"]
    with Image.open(picture) as opened:
        assert opened.size == (6 * 30 + 2, 32)  # six digits of 28 pixels and what lies between them
    made["visualizer"].close()
    run = load(made["visualizer"].folder)
    assert (run.images[0].tag, run.images[0].total) == ("inputs", len(inputs))


def test_the_four_steps_of_section_3_2_give_a_report(offline):
    made = runpy.run_path(str(PROGRAMS / "steps_of_3_2.py"))
    assert {path.name for path in (offline / "pictures").iterdir()} == {"inputs.png", "outputs.png"}
    run = load(offline / "seen")
    assert [(one.tag, one.stamp.step, one.total) for one in run.images[1:]] == [("outputs", at, 12) for at in range(3)]
    assert "0.weight: (4, 1, 3, 3)" in run.texts[0].text
    assert {"0", "1", "2"} <= {node.path for node in run.graph.nodes}
    assert made["result"].path == offline / "seen" / "report.html"
    assert run.meta.status == "finished"
