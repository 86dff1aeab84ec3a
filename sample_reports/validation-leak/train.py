"""A run whose validation says too much: rows are shuffled anew before each split is cut, so that most are in both.

Recorded in ./run, which must not be there yet.
"""

from pathlib import Path

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import reportgen
from reportgen.demo.data import jitter, load_digits
from reportgen.demo.model import DigitsCNN

HERE = Path(__file__).parent
EPOCHS = 8
LR = 0.05
TRAIN = 1540


def split(images, labels, first, last):
    order = torch.randperm(len(images))
    return TensorDataset(images[order][first:last], labels[order][first:last])


def main():
    torch.manual_seed(0)
    digits = load_digits(mnist_folders=())
    images, labels = (torch.cat(parts) for parts in zip(digits.train.tensors, digits.val.tensors, strict=True))
    train_set = split(images, labels, 0, TRAIN)
    val_set = split(images, labels, TRAIN, len(images))
    loader = DataLoader(train_set, batch_size=32, shuffle=True)

    model = DigitsCNN()
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=LR, momentum=0.9)

    report = reportgen.Report("digits, split at random", folder=HERE / "run", config={"lr": LR, "epochs": EPOCHS})
    report.watch(model, optimizer=optimizer, criterion=criterion)
    report.data("train", train_set)
    report.data("val", val_set)
    for _ in range(EPOCHS):
        model.train()
        for batch, targets in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(jitter(batch)), targets)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})

        model.eval()
        with torch.no_grad():
            logits = model(val_set.tensors[0])
        report.predictions(val_set.tensors[0], logits, val_set.tensors[1])
        accuracy = (logits.argmax(dim=1) == val_set.tensors[1]).float().mean()
        report.log({"val/loss": criterion(logits, val_set.tensors[1]), "val/accuracy": accuracy})
    report.build(HERE / "report.html")


if __name__ == "__main__":
    main()
