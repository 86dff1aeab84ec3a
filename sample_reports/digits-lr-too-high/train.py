"""The run of ../digits with a learning rate twenty times too high; all else is the same. Recorded in ./run."""

from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812 - its customary name
from torch import nn
from torch.optim import SGD
from torch.optim.lr_scheduler import CosineAnnealingLR
from torch.utils.data import DataLoader

import reportgen
from reportgen.demo.data import jitter, load_digits
from reportgen.demo.model import DigitsCNN

HERE = Path(__file__).parent
LR = 1.0
BATCH = 32
EPOCHS = 24
SEED = 0
CLASSES = [str(digit) for digit in range(10)]


def main():
    torch.manual_seed(SEED)
    digits = load_digits(mnist_folders=())
    train_loader = DataLoader(digits.train, batch_size=BATCH, shuffle=True)
    val_loader = DataLoader(digits.val, batch_size=256)

    model = DigitsCNN()
    criterion = nn.CrossEntropyLoss()
    optimizer = SGD(model.parameters(), lr=LR, momentum=0.9)
    scheduler = CosineAnnealingLR(optimizer, T_max=EPOCHS * len(train_loader))

    report = reportgen.Report(
        "digits CNN",
        folder=HERE / "run",
        config={"data": digits.name, "lr": LR, "batch": BATCH, "epochs": EPOCHS, "seed": SEED},
    )
    report.watch(model, optimizer=optimizer, criterion=criterion, scheduler=scheduler)
    report.data("train", digits.train)
    report.data("val", digits.val)
    for _ in range(EPOCHS):
        model.train()
        for images, labels in report.track(train_loader):
            optimizer.zero_grad()
            loss = criterion(model(jitter(images)), labels)
            loss.backward()
            optimizer.step()
            scheduler.step()
            report.log({"train/loss": loss})
        validate(model, val_loader, report)
    report.build(HERE / "report.html")


@torch.no_grad()
def validate(model, loader, report):
    model.eval()
    loss, hits = 0.0, 0
    for images, labels in report.track(loader, split="val"):
        logits = model(images)
        report.predictions(images, logits, labels, classes=CLASSES)
        loss += F.cross_entropy(logits, labels, reduction="sum").item()
        hits += int((logits.argmax(dim=1) == labels).sum())
    count = len(loader.dataset)
    report.log({"val/loss": loss / count, "val/accuracy": hits / count})


if __name__ == "__main__":
    main()
