"""Scripts that stop with an error of a shape, a type or a label."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.datasets import load_iris, load_wine
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, TensorDataset

from reportgen import Report
from tests.faults.known.data_a import accuracy, digits, moons, pick, table, words
from tests.faults.setup import faulty


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 3, 1)
        self.conv2 = nn.Conv2d(32, 64, 3, 1)
        self.fc1 = nn.Linear(64 * 7 * 7, 128)
        self.fc2 = nn.Linear(128, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.conv1(x))
        x = F.relu(self.conv2(x))
        x = F.avg_pool2d(x, 8)
        x = torch.flatten(x, 1)
        x = F.relu(self.fc1(x))
        return F.log_softmax(self.fc2(x), dim=1)


@faulty("shape_mismatch", where=("fc1",), also=("log_softmax_before_ce",))
def linear_after_flatten_too_wide(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = digits(seed, images=True)
    x, x_val = F.interpolate(x, size=28), F.interpolate(x_val, size=28)
    train_loader = DataLoader(TensorDataset(x, y), batch_size=pick(seed, 64, 32), shuffle=True)
    net = Net()
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.001, momentum=0.9)
    report.watch(net, optimizer, criterion)
    for _epoch in range(2):
        for inputs, labels in report.track(train_loader):
            optimizer.zero_grad()
            loss = criterion(net(inputs), labels)
            loss.backward()
            optimizer.step()
            report.log({"Loss": loss})
    with torch.no_grad():
        outputs = net(x_val)
    report.predictions(x_val, outputs, y_val)
    return accuracy(outputs, y_val)


@faulty("shape_mismatch", where=("fc",))
def both_directions_forgotten(report: Report, seed: int) -> float:
    class Tagger(nn.Module):
        def __init__(self, width: int) -> None:
            super().__init__()
            self.embedding = nn.Embedding(60, width)
            self.lstm = nn.LSTM(width, width, batch_first=True, bidirectional=True)
            self.fc = nn.Linear(width, 4)

        def forward(self, tokens: Tensor) -> Tensor:
            out, _ = self.lstm(self.embedding(tokens))
            return self.fc(out.mean(dim=1))

    torch.manual_seed(seed)
    x, y, x_val, y_val = words(seed)
    model = Tagger(pick(seed, 16, 20))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    report.watch(model, optimizer)
    for rows in torch.randperm(len(x)).split(32):
        loss = F.cross_entropy(model(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        report.log({"train/loss": loss.item()})
    with torch.no_grad():
        return accuracy(model(x_val), y_val)


class Rows(Dataset):
    """Rows of arrays as numpy has them."""

    def __init__(self, x: Tensor, y: Tensor) -> None:
        self.x = x.numpy().astype(np.float64)
        self.y = y.numpy()

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        return self.x[index], self.y[index]


@faulty("dtype_mismatch")
def doubles_from_numpy(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = table(load_wine, seed)
    train_set = Rows(x, y)
    loader = DataLoader(train_set, batch_size=pick(seed, 16, 12), shuffle=True)
    model = nn.Sequential(nn.Linear(13, 32), nn.ReLU(), nn.Linear(32, 3))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer, criterion)
    report.data("train", train_set)
    for _epoch in range(5):
        for inputs, labels in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(inputs), labels)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss.item()})
    with torch.no_grad():
        logits = model(x_val)
    report.predictions(x_val, logits, y_val)
    return accuracy(logits, y_val)


@faulty("dtype_mismatch")
def labels_as_floats(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = moons(seed)
    rows = torch.cat([x, y.float()[:, None]], dim=1)
    net = nn.Sequential(nn.Linear(2, pick(seed, 24, 32)), nn.ReLU(), nn.LazyLinear(2))
    net(x[:2])
    opt = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    report.watch(net, opt)
    for epoch in range(5):
        for batch in rows[torch.randperm(len(rows))].split(32):
            inputs, labels = batch[:, :2], batch[:, 2]
            loss = F.cross_entropy(net(inputs), labels)
            opt.zero_grad()
            loss.backward()
            opt.step()
            report.log({"loss": loss.item(), "epoch": epoch})
    with torch.no_grad():
        return accuracy(net(x_val), y_val)


@faulty("labels_out_of_range")
def classes_counted_from_one(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = table(load_iris, seed)
    y, y_val = y + 1, y_val + 1
    loader = DataLoader(TensorDataset(x, y), batch_size=pick(seed, 8, 10), shuffle=True)
    model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer, criterion)
    report.data("train", (x, y))
    for _epoch in range(10):
        for inputs, labels in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(inputs), labels)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
    with torch.no_grad():
        logits = model(x_val)
    report.predictions(x_val, logits, y_val)
    return accuracy(logits, y_val)


@faulty("labels_out_of_range")
def one_output_too_few(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = digits(seed)
    model = nn.Sequential(nn.Linear(64, pick(seed, 32, 48)), nn.ReLU(), nn.LazyLinear(9))
    model(x[:2])
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    report.watch(model, optimizer)
    for _epoch in range(3):
        for rows in torch.randperm(len(x)).split(16):
            loss = F.cross_entropy(model(x[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss.item()})
    with torch.no_grad():
        return accuracy(model(x_val), y_val)
