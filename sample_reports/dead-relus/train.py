"""A run with a dead layer: the bias meant for a detector's last layer is given to every linear layer.

Recorded in ./run, which must not be there yet.
"""

import math
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import DataLoader

import reportgen
from reportgen.demo.data import jitter, load_digits

HERE = Path(__file__).parent
EPOCHS = 8
# How often a class is there at first sight (RetinaNet, section 4.1).
PRIOR = 0.01


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 3)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(32, 64, 3)
        self.relu2 = nn.ReLU()
        self.pool = nn.AvgPool2d(4)
        self.fc1 = nn.Linear(64 * 6 * 6, 64)
        self.relu3 = nn.ReLU()
        self.fc2 = nn.Linear(64, 10)

    def forward(self, images):
        x = self.relu1(self.conv1(images))
        x = self.relu2(self.conv2(x))
        x = self.relu3(self.fc1(self.pool(x).flatten(1)))
        return self.fc2(x)


def init(model):
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.constant_(module.bias, -math.log((1 - PRIOR) / PRIOR))


def main():
    torch.manual_seed(0)
    digits = load_digits(mnist_folders=())
    train_loader = DataLoader(digits.train, batch_size=32, shuffle=True)
    images, labels = digits.val.tensors

    model = Net()
    init(model)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

    report = reportgen.Report("digits, with a prior", folder=HERE / "run", config={"lr": 1e-3, "prior": PRIOR})
    report.watch(model, optimizer=optimizer, criterion=criterion)
    report.data("train", digits.train)
    report.data("val", digits.val)
    for _ in range(EPOCHS):
        model.train()
        for batch, targets in report.track(train_loader):
            optimizer.zero_grad()
            loss = criterion(model(jitter(batch)), targets)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})

        model.eval()
        with torch.no_grad():
            logits = model(images)
        report.predictions(images, logits, labels)
        accuracy = (logits.argmax(dim=1) == labels).float().mean()
        report.log({"val/loss": criterion(logits, labels), "val/accuracy": accuracy})
    report.build(HERE / "report.html")


if __name__ == "__main__":
    main()
