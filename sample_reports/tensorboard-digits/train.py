"""Three short runs on handwritten digits, written with torch.utils.tensorboard alone into ./logs; then their reports.

Nothing here knows of reportgen's recording: the pages are made from TensorBoard's event files. The folder ./logs must
not be there yet.
"""

from __future__ import annotations

import math
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812 - its customary name
from torch import nn
from torch.optim import SGD, Adam
from torch.utils.data import DataLoader
from torch.utils.tensorboard import SummaryWriter
from torchvision.utils import make_grid

from reportgen.demo.data import Digits, jitter, load_digits
from reportgen.pipeline import build, build_overview

HERE = Path(__file__).parent
EPOCHS = 8
RUNS: dict[str, dict[str, str | float | int]] = {
    "sgd-lr-0.05": {"optimizer": "SGD", "lr": 0.05, "batch": 32},
    "sgd-lr-0.005": {"optimizer": "SGD", "lr": 0.005, "batch": 32},
    "adam-lr-0.002": {"optimizer": "Adam", "lr": 0.002, "batch": 64},
}
# The run that also writes an embedding, and gets a page of its own beside that of all.
SHOWN = "adam-lr-0.002"
LAYOUT = {
    "training": {"loss of both splits": ["Multiline", ["train/loss", "val/loss"]]},
    "validation": {
        "accuracy, 95 % interval": ["Margin", ["val/accuracy", "val/accuracy_low", "val/accuracy_high"]],
    },
}


class Net(nn.Module):
    """Two convolutions and two linear layers."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 12, 3)
        self.conv2 = nn.Conv2d(12, 24, 3)
        self.fc1 = nn.Linear(24 * 5 * 5, 48)
        self.fc2 = nn.Linear(48, 10)

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """What the last layer decides by: (N, 48)."""
        x = F.max_pool2d(F.relu(self.conv1(images)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return F.relu(self.fc1(x.flatten(1)))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.fc2(self.features(images))


def train(name: str, settings: dict[str, str | float | int], digits: Digits) -> None:
    """Train one network and write all of it into logs/name."""
    torch.manual_seed(0)
    model = Net()
    make = {"SGD": lambda p, lr: SGD(p, lr, momentum=0.9), "Adam": Adam}[str(settings["optimizer"])]
    optimizer = make(model.parameters(), lr=float(settings["lr"]))
    loader = DataLoader(digits.train, batch_size=int(settings["batch"]), shuffle=True, drop_last=True)
    images, labels = (
        torch.stack(part) for part in zip(*((x, torch.tensor(int(y))) for x, y in digits.val), strict=True)
    )
    with SummaryWriter(str(HERE / "logs" / name)) as writer:
        writer.add_custom_scalars(LAYOUT)
        table = "\n".join(f"| {key} | `{value}` |" for key, value in settings.items())
        writer.add_text("about", f"**{digits.name}**, shifted and turned.\n\n| setting | value |\n|---|---|\n{table}")
        writer.add_graph(model, images[:4])
        step = 0
        for epoch in range(EPOCHS):
            model.train()
            for batch, targets in loader:
                shown = jitter(batch)
                loss = F.cross_entropy(model(shown), targets)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                writer.add_scalar("train/loss", loss, step)
                step += 1
            accuracy = validate(model, images, labels, writer, step)
            for parameter, values in model.named_parameters():
                if parameter.endswith("weight"):
                    writer.add_histogram(f"weights/{parameter}", values, step, bins=48)
            if epoch in (0, EPOCHS - 1):
                writer.add_image("augmented", make_grid(shown[:16], nrow=8, padding=2), step)
        writer.add_hparams(dict(settings), {"hparam/accuracy": accuracy}, run_name="hparams")
        if name == SHOWN:
            with torch.no_grad():
                points = model.features(images[:144])
            writer.add_embedding(points, [str(int(y)) for y in labels[:144]], images[:144], step, "features")
    rename(HERE / "logs" / name)


@torch.no_grad()
def validate(model: Net, images: torch.Tensor, labels: torch.Tensor, writer: SummaryWriter, step: int) -> float:
    model.eval()
    logits = model(images)
    accuracy = float((logits.argmax(1) == labels).float().mean())
    half = 1.96 * math.sqrt(accuracy * (1 - accuracy) / len(labels))
    writer.add_scalar("val/loss", F.cross_entropy(logits, labels), step)
    writer.add_scalar("val/accuracy", accuracy, step)
    writer.add_scalar("val/accuracy_low", accuracy - half, step)
    writer.add_scalar("val/accuracy_high", min(1.0, accuracy + half), step)
    for digit in (3, 8):
        writer.add_pr_curve(f"digit/{digit}", labels == digit, logits.softmax(1)[:, digit], step, num_thresholds=51)
    return accuracy


def rename(folder: Path) -> None:
    """An event file's name holds the host and the process; samples name neither."""
    for number, path in enumerate(sorted(folder.rglob("events.out.tfevents.*"))):
        seconds = path.name.split(".")[3]
        path.rename(path.with_name(f"events.out.tfevents.{seconds}.host.1.{number}"))


if __name__ == "__main__":
    data = load_digits(mnist_folders=())
    for run, given in RUNS.items():
        train(run, given, data)
    build_overview([HERE / "logs"], HERE / "report.html")
    build(HERE / "logs" / SHOWN, HERE / f"{SHOWN}.html")
