"""The article's program (its section 4.1) exactly as it is printed, which fails, and with its shape mended."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image

import reportgen
from reportgen.testing import ReportDoc

PRINTED = (Path(__file__).parent / "article" / "as_printed.txt").read_text(encoding="utf-8")
# For torch's writer, reportgen's; nothing else.
ITS_WRITER = {"import torch.utils.tensorboard as tensorboard": "import reportgen as tensorboard"}
# A report that watches, in the place of the writer.
WATCHED = {
    "import torch.utils.tensorboard as tensorboard": "import reportgen",
    "writer = tensorboard.SummaryWriter('runs/example')": "report = reportgen.Report('article', 'runs/example')",
    "transform = transforms.Compose": "report.watch(net, optimizer, criterion)\ntransform = transforms.Compose",
    "    writer.add_graph(net, inputs)\n": "",
    "writer.add_scalar('Loss', running_loss / len(train_loader), epoch)":
        "report.log({'Loss': running_loss / len(train_loader)}, epoch)",
    "writer.close()": "report.build()\nreport.close()",
}  # fmt: skip
MENDED = {"nn.Linear(64 * 7 * 7, 128)": "nn.Linear(64 * 3 * 3, 128)"}


class Digits(torch.utils.data.Dataset):
    """Stands in for torchvision.datasets.MNIST, which would be downloaded."""

    def __init__(self, root: str, train: bool, download: bool, transform: object) -> None:
        self.transform = transform
        self.pictures = np.random.default_rng(0).integers(0, 256, (70, 28, 28), dtype=np.uint8)

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.transform(Image.fromarray(self.pictures[index])), index % 10


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Runs the printed program with changes, as `python article.py` does, and gives its findings by id."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(torchvision.datasets, "MNIST", Digits)

    def run(changes):
        text = PRINTED
        for old, new in changes.items():
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        Path("article.py").write_text(text, encoding="utf-8")
        try:
            runpy.run_path("article.py")
        except Exception:
            sys.excepthook(*sys.exc_info())  # what the interpreter does with it
        return {finding.id: finding for finding in reportgen.findings(reportgen.load("runs/example"))}

    return run


@pytest.mark.parametrize("changes", [ITS_WRITER, WATCHED], ids=["its writer", "watched"])
def test_as_printed_it_is_told_which_layer_to_change(program, changes, capfd):
    findings = program(changes)
    assert "RuntimeError: mat1 and mat2 shapes" in capfd.readouterr().err
    assert "run_failed" not in findings
    finding = findings["shape_mismatch"]
    assert finding.severity == "error"
    assert finding.where.module == "fc1"
    assert finding.title == "fc1 (Linear) is given float32 (64, 576) and expects 3,136 features in the last dimension"
    assert finding.fix.startswith(
        "Change in_features of fc1 from 3,136 to 576. Start at article.py, line 25, in forward"
    )
    assert finding.code == "- nn.Linear(3136, 128)\n+ nn.Linear(576, 128)"
    page = ReportDoc(Path("runs/example/report.html"))
    page.check()
    assert "nn.Linear(576, 128)" in page.text
    run = reportgen.load("runs/example")
    assert run.meta.status == "failed"
    assert bool(run.graphs) == (changes is WATCHED)
    if run.graphs:
        status = {node.path: node.status for node in run.graph.nodes if node.kind == "module"}
        assert (status["conv2"], status["fc1"], status["fc2"]) == ("ok", "failed", "not called")


def test_with_its_shape_mended_it_is_told_of_the_log_softmax(program, capfd):
    findings = program(WATCHED | MENDED)
    assert capfd.readouterr().err == ""
    assert findings["log_softmax_before_ce"].severity == "info"
    assert not findings.keys() & {"shape_mismatch", "run_failed", "softmax_before_ce"}
