"""Scripts whose labels are rare, wrong, given away or contradictory."""

from __future__ import annotations

import random

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from reportgen import Report
from tests.faults.known.data_b import accuracy, digits, images, made, raw_table, split, table
from tests.faults.setup import faulty


@faulty(
    "class_imbalance",
    "minority_class_ignored",
    also=("worse_than_baseline", "constant_predictions", "underfitting", "plateau", "loss_not_decreasing"),
)
def few_of_a_class_and_none_of_them_found(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    rare = random.Random(seed).uniform(0.04, 0.05)
    x, y, x_val, y_val = made(seed, rows=1400, apart=0.3, flip=0.0, weights=[1 - rare])
    model = nn.Sequential(nn.Linear(20, 16), nn.ReLU(), nn.Linear(16, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer=optimizer, criterion=criterion)
    train = TensorDataset(x, y)
    report.data("train", train)
    report.data("val", TensorDataset(x_val, y_val))
    loader = DataLoader(train, batch_size=50, shuffle=True)
    for _ in range(8):
        for inputs, labels in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(inputs), labels)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        with torch.no_grad():
            outputs = model(x_val)
        report.log({"val/loss": criterion(outputs, y_val), "val/accuracy": accuracy(outputs, y_val)})
    report.predictions(x_val, outputs, y_val, classes=["usual", "rare"])
    return float((outputs.argmax(1)[y_val == 1] == 1).float().mean())


@faulty("minority_class_ignored", "class_imbalance", also=("underfitting",))
def one_digit_nearly_missing(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = images(seed)
    rare = random.Random(seed).randrange(10)
    few = (y == rare).nonzero().flatten()[:6]
    keep = torch.cat([(y != rare).nonzero().flatten(), few])
    x, y = x[keep], y[keep]
    model = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(288, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    report.watch(model, optimizer)
    for epoch in range(6):
        for batch in torch.randperm(len(x)).split(32):
            loss = F.cross_entropy(model(x[batch]), y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss.item()})
        with torch.no_grad():
            outputs = model(x_val)
        report.log({"val/loss": F.cross_entropy(outputs, y_val).item(), "epoch": epoch})
        report.predictions(x_val, outputs, y_val)
    return float((outputs.argmax(1)[y_val == rare] == rare).float().mean())


@faulty("feature_label_leakage")
def column_written_after_the_outcome(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    pick = random.Random(seed)
    inputs, targets = raw_table("diabetes")
    high = (targets > 140).astype("int64")
    x, y, x_val, y_val = split(inputs * 20, high, seed)
    # The dose that was given once the outcome was known.
    spread = pick.uniform(0.05, 0.1)
    x, x_val = (
        torch.cat([each, (2.0 * label - 1 + spread * torch.randn(len(label)))[:, None]], 1)
        for each, label in ((x, y), (x_val, y_val))
    )
    model = nn.Sequential(nn.Linear(11, 16), nn.ReLU(), nn.Linear(16, 2))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer, criterion)
    train = TensorDataset(x, y)
    report.data("train", train)
    report.data("val", (x_val, y_val))
    for _ in range(8):
        for rows, labels in report.track(DataLoader(train, batch_size=32, shuffle=True)):
            loss = criterion(model(rows), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        with torch.no_grad():
            outputs = model(x_val)
        report.log({"val/loss": criterion(outputs, y_val), "val/accuracy": accuracy(outputs, y_val)})
    report.predictions(x_val, outputs, y_val)
    return accuracy(outputs, y_val)


@faulty(
    "duplicates_in_train", also=("label_noise", "plateau", "overfitting", "calibration_off", "val_better_than_train")
)
def rows_entered_twice_with_two_opinions(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    share = random.Random(seed).uniform(0.3, 0.45)
    x, y, x_val, y_val = table("breast_cancer", seed)
    again = torch.randperm(len(x))[: int(share * len(x))]
    opinion = torch.where(torch.rand(len(again)) < 0.7, 1 - y[again], y[again])
    train = TensorDataset(torch.cat([x, x[again]]), torch.cat([y, opinion]))
    model = nn.Sequential(nn.Linear(30, 32), nn.ReLU(), nn.Linear(32, 2))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer=optimizer, criterion=criterion)
    report.data("train", train)
    report.data("val", TensorDataset(x_val, y_val))
    loader = DataLoader(train, batch_size=32, shuffle=True)
    for _ in range(10):
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


@faulty("label_noise", also=("val_better_than_train", "plateau", "underfitting", "calibration_off"))
def labels_of_careless_annotators(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    wrong = random.Random(seed).uniform(0.3, 0.4)
    x, y, x_val, y_val = digits(seed)
    y = torch.where(torch.rand(len(y)) < wrong, torch.randint(10, (len(y),)), y)
    model = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer, criterion)
    loader = DataLoader(TensorDataset(x, y), 64, shuffle=True)
    for _ in range(8):
        for inputs, labels in report.track(loader):
            loss = criterion(model(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        with torch.no_grad():
            seen, outputs = model(x), model(x_val)
        report.log({"train/accuracy": accuracy(seen, y), "val/accuracy": accuracy(outputs, y_val)})
        report.log({"val/loss": criterion(outputs, y_val)})
    report.predictions(x, seen, y, split="train")
    report.predictions(x_val, outputs, y_val)
    return accuracy(outputs, y_val)
