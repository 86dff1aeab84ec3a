"""The pages that are opened: one of a run made up, one of a real training."""

from __future__ import annotations

from pathlib import Path

import pytest


def write(folder: Path, html: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "report.html"
    path.write_bytes(html.encode("utf-8", "backslashreplace"))
    return path


@pytest.fixture(scope="session")
def fake_page(tmp_path_factory):
    """The report of a made-up run that ended well."""
    from reportgen.pipeline import build_html
    from reportgen.testing import fake_run

    return write(tmp_path_factory.mktemp("fake"), build_html(fake_run())[0])


@pytest.fixture(scope="session")
def failed_page(tmp_path_factory):
    """The report of a made-up run that ended with an exception, and whose loss was not a number."""
    from reportgen.pipeline import build_html
    from reportgen.testing import fake_run

    scalars = {"train/loss": [2.3, 1.9, float("nan"), float("inf"), float("nan")], "val/acc": [0.1, 0.1, 0.1]}
    return write(tmp_path_factory.mktemp("failed"), build_html(fake_run(steps=5, scalars=scalars, failure=True))[0])


@pytest.fixture(scope="session")
def trained_page(tmp_path_factory):
    """The report of a convolutional network that really was trained, for a second, with everything recorded."""
    import matplotlib.figure
    import torch
    from torch import nn

    import reportgen

    folder = tmp_path_factory.mktemp("trained") / "run"
    torch.manual_seed(0)
    images = torch.rand(96, 1, 12, 12)
    labels = (images[:, 0, :6].mean((1, 2)) > images[:, 0, 6:].mean((1, 2))).long()
    model = nn.Sequential()
    model.add_module("conv", nn.Conv2d(1, 8, 3))
    model.add_module("norm", nn.BatchNorm2d(8))
    model.add_module("relu", nn.ReLU())
    model.add_module("flat", nn.Flatten())
    model.add_module("head", nn.Linear(800, 2))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    criterion = nn.CrossEntropyLoss()
    config = {"lr": 3e-3, "optimizer": {"name": "Adam", "betas": [0.9, 0.999]}}
    with reportgen.Report("top or bottom", folder=folder, config=config, strict=True) as report:
        report.watch(model, optimizer=optimizer, criterion=criterion)
        for step in range(40):
            optimizer.zero_grad()
            loss = criterion(model(images[:64]), labels[:64])
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss}, step=step)
            if step % 8 == 7:
                with torch.no_grad():
                    logits = model(images[64:])
                right = (logits.argmax(1) == labels[64:]).float().mean()
                report.log({"val/loss": criterion(logits, labels[64:]), "val/acc": right}, step=step)
        report.predictions(images[64:], logits, labels[64:], classes=["bottom", "top"])
        report.images("inputs", images[:4])
        report.text("remark", "The label says which half is brighter.")
        report.table("halves", [{"half": "top", "count": int(labels.sum())}, {"half": "bottom", "count": 96}])
        figure = matplotlib.figure.Figure(figsize=(4, 3))
        figure.subplots().plot([1, 4, 9])
        report.figure("squares", figure)
    return folder / "report.html"
