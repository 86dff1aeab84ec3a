"""A run that ends in its first forward: the layer after the flattening is made for 7x7 pixels, and gets 5x5.

Recorded in ./run, which must not be there yet. The report is written although the script fails.
"""

from pathlib import Path

import torch
from torch import nn
from torch.utils.data import DataLoader

import reportgen
from reportgen.demo.data import jitter, load_digits

HERE = Path(__file__).parent
EPOCHS = 8


class Block(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3)
        self.pool = nn.MaxPool2d(2)

    def forward(self, x):
        return self.pool(torch.relu(self.conv(x)))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.block1 = Block(1, 16)
        self.block2 = Block(16, 32)
        self.fc1 = nn.Linear(32 * 7 * 7, 64)
        self.fc2 = nn.Linear(64, 10)

    def features(self, images):
        return self.block2(self.block1(images)).flatten(1)

    def classify(self, features):
        return self.fc2(torch.relu(self.fc1(features)))

    def forward(self, images):
        return self.classify(self.features(images))


def train_step(model, criterion, optimizer, images, labels):
    optimizer.zero_grad()
    loss = criterion(model(jitter(images)), labels)
    loss.backward()
    optimizer.step()
    return loss


def main():
    torch.manual_seed(0)
    digits = load_digits(mnist_folders=())
    loader = DataLoader(digits.train, batch_size=32, shuffle=True)
    model = Net()
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

    with reportgen.Report("digits, deeper", folder=HERE / "run", config={"lr": 1e-3, "epochs": EPOCHS}) as report:
        report.watch(model, optimizer=optimizer, criterion=criterion)
        report.data("train", digits.train)
        report.data("val", digits.val)
        for _ in range(EPOCHS):
            for images, labels in report.track(loader):
                loss = train_step(model, criterion, optimizer, images, labels)
                report.log({"train/loss": loss})


if __name__ == "__main__":
    try:
        main()
    finally:
        (HERE / "run" / "report.html").replace(HERE / "report.html")
