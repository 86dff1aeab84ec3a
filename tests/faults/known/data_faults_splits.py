"""Scripts whose splits overlap or differ, whose rows come in a bad order, or come late."""

from __future__ import annotations

import random
import time

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, TensorDataset, random_split

from reportgen import Report
from tests.faults.known.data_b import UNLEARNED, accuracy, digits, images, made, r2, table
from tests.faults.setup import faulty


@faulty(
    "not_shuffled", also=("oscillation", "divergence", "worse_than_baseline", "underfitting", "constant_predictions")
)
def digits_in_the_order_of_their_labels(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = digits(seed)
    order = torch.argsort(y, stable=True)
    loader = DataLoader(TensorDataset(x[order], y[order]), batch_size=32)
    model = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=random.Random(seed).uniform(0.03, 0.06))
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer=optimizer, criterion=criterion)
    for _ in range(6):
        for inputs, labels in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(inputs), labels)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        with torch.no_grad():
            outputs = model(x_val)
        report.log({"val/loss": criterion(outputs, y_val), "val/accuracy": accuracy(outputs, y_val)})
    report.predictions(x_val, outputs, y_val)
    return accuracy(outputs, y_val)


@faulty("train_val_leakage", also=("duplicates_in_train",))
def oversampled_before_the_split(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    pick = random.Random(seed)
    x, y, more, labels = made(seed, rows=500, flip=0.2)
    x, y = torch.cat([x, more]), torch.cat([y, labels])
    # A part of the rows is taken twice, and only then all are split.
    again = torch.randperm(len(x))[: int(pick.uniform(0.6, 1.0) * len(x))]
    x, y = torch.cat([x, x[again]]), torch.cat([y, y[again]])
    whole = TensorDataset(x, y)
    held = len(whole) // 4
    train, val = random_split(whole, [len(whole) - held, held], generator=torch.Generator().manual_seed(seed))
    report.data("train", train)
    report.data("val", val)
    model = nn.Sequential(nn.Linear(20, 96), nn.ReLU(), nn.Linear(96, 2))
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer, criterion)
    x_val, y_val = x[val.indices], y[val.indices]
    for _ in range(14):
        for inputs, wanted in DataLoader(train, batch_size=64, shuffle=True):
            loss = criterion(model(inputs), wanted)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        with torch.no_grad():
            outputs = model(x_val)
        report.log({"val/loss": criterion(outputs, y_val), "val/accuracy": accuracy(outputs, y_val)})
    report.predictions(x_val, outputs, y_val)
    return accuracy(outputs, y_val)


@faulty("train_val_leakage")
def slices_that_overlap(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, more, labels = images(seed)
    x, y = torch.cat([x, more]), torch.cat([y, labels])
    start = random.Random(seed).randint(1000, 1150)
    train = DataLoader(TensorDataset(x[:1400], y[:1400]), 64, shuffle=True)
    val = DataLoader(TensorDataset(x[start:], y[start:]), 128)
    model = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(288, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    report.watch(model, optimizer)
    for epoch in range(4):
        for inputs, wanted in report.track(train):
            loss = F.cross_entropy(model(inputs), wanted)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        right = 0.0
        for inputs, wanted in report.track(val, split="val"):
            with torch.no_grad():
                outputs = model(inputs)
            right += float((outputs.argmax(1) == wanted).sum())
            report.predictions(inputs, outputs, wanted)
        report.log({"val/accuracy": right / len(val.dataset), "epoch": epoch})
    return right / len(val.dataset)


@faulty("distribution_shift", also=("overfitting", "worse_than_baseline", "calibration_off"))
def split_by_a_sorted_column(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x = torch.randn(600, 6)
    y = (torch.sin(2 * x[:, 0]) + 0.5 * x[:, 1] * x[:, 2] + 0.1 * torch.randn(600))[:, None]
    # The table is sorted by its first column, and the end of it is held out.
    order = torch.argsort(x[:, 0])
    at = int(random.Random(seed).uniform(0.65, 0.75) * len(x))
    train, val = TensorDataset(x[order[:at]], y[order[:at]]), TensorDataset(x[order[at:]], y[order[at:]])
    report.data("train", train)
    report.data("val", val)
    model = nn.Sequential(nn.Linear(6, 32), nn.Tanh(), nn.Linear(32, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    criterion = nn.MSELoss()
    report.watch(model, optimizer, criterion)
    x_val, y_val = val.tensors
    for _ in range(12):
        for rows, wanted in report.track(DataLoader(train, 32, shuffle=True)):
            loss = criterion(model(rows), wanted)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        with torch.no_grad():
            outputs = model(x_val)
        report.log({"val/loss": criterion(outputs, y_val)})
    report.predictions(x_val, outputs, y_val, task="regression")
    return r2(outputs, y_val)


@faulty("val_better_than_train", "distribution_shift", also=("underfitting", "plateau"))
def validated_on_clean_recordings(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    noise = random.Random(seed).uniform(1.0, 1.3)
    x, y, x_val, y_val = digits(seed)
    x = x + noise * torch.randn(x.shape)  # once and for all: the recordings are bad, nothing is augmented
    train = TensorDataset(x, y)
    report.data("train", train)
    report.data("val", (x_val, y_val))
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer=optimizer, criterion=criterion)
    for _ in range(7):
        right = 0.0
        for inputs, labels in report.track(DataLoader(train, batch_size=64, shuffle=True)):
            outputs = model(inputs)
            loss = criterion(outputs, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            right += float((outputs.argmax(1) == labels).sum())
            report.log({"train/loss": loss})
        with torch.no_grad():
            outputs = model(x_val)
        report.log({"train/accuracy": right / len(x), "val/accuracy": accuracy(outputs, y_val)})
        report.log({"val/loss": criterion(outputs, y_val)})
    report.predictions(x_val, outputs, y_val)
    return accuracy(outputs, y_val)


class Stored(Dataset):
    """Rows that are read from a slow place one by one."""

    def __init__(self, x: Tensor, y: Tensor, seconds: float) -> None:
        self.x, self.y, self.seconds = x, y, seconds

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, at: int) -> tuple[Tensor, Tensor]:
        time.sleep(self.seconds)
        return self.x[at], self.y[at]


@faulty("dataloader_bottleneck")
def rows_read_one_by_one(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    pick = random.Random(seed)
    x, y, x_val, y_val = table("breast_cancer", seed)
    rows = Stored(x[:240], y[:240], seconds=pick.uniform(1.2e-3, 1.6e-3))
    model = nn.Sequential(nn.Linear(30, 32), nn.ReLU(), nn.Linear(32, 2))
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer=optimizer, criterion=criterion)
    loader = DataLoader(rows, batch_size=12, shuffle=True)
    for _ in range(3):
        for inputs, labels in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(inputs), labels)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        with torch.no_grad():
            outputs = model(x_val)
        report.log({"val/loss": criterion(outputs, y_val), "val/accuracy": accuracy(outputs, y_val)})
    report.predictions(x_val, outputs, y_val)
    return accuracy(outputs, y_val)


@faulty("not_shuffled", also=(*UNLEARNED, "oscillation", "divergence", "update_ratio_high"))
def classes_one_after_another(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = images(seed)
    order = torch.argsort(y, descending=bool(seed % 2), stable=True)
    train = TensorDataset(x[order], y[order])
    report.data("train", train)
    model = nn.Sequential(nn.Conv2d(1, 8, 3), nn.Tanh(), nn.Flatten(), nn.Linear(288, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    report.watch(model, optimizer)
    for epoch in range(3):
        for inputs, labels in report.track(DataLoader(train, batch_size=40, shuffle=False)):
            loss = F.cross_entropy(model(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            report.log({"loss": loss.item()})
        with torch.no_grad():
            outputs = model(x_val)
        report.log({"val_loss": F.cross_entropy(outputs, y_val).item(), "epoch": epoch})
        report.predictions(x_val, outputs, y_val)
    return accuracy(outputs, y_val)
