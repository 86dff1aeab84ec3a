"""A run that goes on in eval mode after its first validation: nothing calls model.train() again.

Recorded in ./run, which must not be there yet.
"""

from pathlib import Path

import torch
from torch import nn
from torch.utils.data import DataLoader

import reportgen
from reportgen.demo.data import jitter, load_digits

HERE = Path(__file__).parent
EPOCHS = 8
LR = 0.01


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 24, 3, bias=False)
        self.norm1 = nn.BatchNorm2d(24)
        self.conv2 = nn.Conv2d(24, 48, 3, bias=False)
        self.norm2 = nn.BatchNorm2d(48)
        self.pool = nn.AvgPool2d(4)
        self.dropout = nn.Dropout(0.4)
        self.fc = nn.Linear(48 * 6 * 6, 10)

    def forward(self, images):
        x = torch.relu(self.norm1(self.conv1(images)))
        x = torch.relu(self.norm2(self.conv2(x)))
        return self.fc(self.dropout(self.pool(x).flatten(1)))


def train_epoch(model, loader, criterion, optimizer, report):
    for images, labels in report.track(loader):
        optimizer.zero_grad()
        loss = criterion(model(jitter(images)), labels)
        loss.backward()
        optimizer.step()
        report.log({"train/loss": loss})


@torch.no_grad()
def validate(model, dataset, criterion, report):
    model.eval()
    images, labels = dataset.tensors
    logits = model(images)
    report.predictions(images, logits, labels)
    accuracy = (logits.argmax(dim=1) == labels).float().mean()
    report.log({"val/loss": criterion(logits, labels), "val/accuracy": accuracy})


def main():
    torch.manual_seed(0)
    digits = load_digits(mnist_folders=())
    loader = DataLoader(digits.train, batch_size=32, shuffle=True, drop_last=True)
    model = Net()
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=LR, momentum=0.9)

    report = reportgen.Report("digits, normalised", folder=HERE / "run", config={"lr": LR, "dropout": 0.4})
    report.watch(model, optimizer=optimizer, criterion=criterion)
    report.data("train", digits.train)
    report.data("val", digits.val)
    for _ in range(EPOCHS):
        train_epoch(model, loader, criterion, optimizer, report)
        validate(model, digits.val, criterion, report)
    report.build(HERE / "report.html")


if __name__ == "__main__":
    main()
