"""Scripts in which gradients do not reach the parameters."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer, load_iris
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from reportgen import Report
from tests.faults.known.data_a import accuracy, digits, pick, r2, surface, table, words
from tests.faults.setup import faulty

LEARNS_BADLY = ("loss_not_decreasing", "underfitting", "worse_than_baseline", "constant_predictions", "plateau")
NO_STEP = ("not_updated", "lr_too_low", "update_ratio_low")


class ConvNet(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv3 = nn.Conv2d(channels, channels, 3, padding=1)
        self.fc = nn.Linear(channels * 16, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.conv1(x))
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = F.relu(self.conv2(x))
        return self.fc(x.flatten(1))


@faulty("unused_parameters", where=("conv3",), also=("no_gradient", "not_updated"))
def third_convolution_never_called(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = digits(seed, images=True)
    loader = DataLoader(TensorDataset(x, y), batch_size=pick(seed, 64, 48), shuffle=True)
    model, criterion = ConvNet(6), nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    report.watch(model, optimizer, criterion)
    for epoch in range(4):
        model.train()
        for inputs, labels in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(inputs), labels)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss.item()})
        model.eval()
        with torch.no_grad():
            logits = model(x_val)
        report.log({"val/loss": criterion(logits, y_val).item(), "val/acc": accuracy(logits, y_val), "epoch": epoch})
    report.predictions(x_val, logits, y_val, split="val")
    return accuracy(logits, y_val)


class TwoParts(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, width), nn.Tanh())
        self.head = nn.Sequential(nn.Linear(width, 32), nn.ReLU(), nn.Linear(32, 10))

    def forward(self, x: Tensor) -> Tensor:
        features = self.encoder(x).detach()
        return self.head(features)


@faulty("no_gradient", "detached_graph", where=("encoder",), also=("not_updated", *LEARNS_BADLY))
def features_detached(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = digits(seed)
    model = TwoParts(pick(seed, 4, 5))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    report.watch(model, optimizer, nn.CrossEntropyLoss())
    for step in range(250):
        rows = torch.randint(len(x), (64,))
        loss = F.cross_entropy(model(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        report.log({"train/loss": loss})
        if step % 50 == 49:
            with torch.no_grad():
                out = model(x_val)
            report.log({"val/loss": F.cross_entropy(out, y_val), "val/acc": accuracy(out, y_val)})
            report.predictions(x_val.view(-1, 1, 8, 8), out, y_val)
    return accuracy(out, y_val)


class Bag(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(60, width)
        self.lstm = nn.LSTM(width, width, batch_first=True)
        self.fc = nn.Linear(width, 4)

    def forward(self, tokens: Tensor) -> dict[str, Tensor]:
        with torch.no_grad():
            states, _ = self.lstm(self.embedding(tokens))
        return {"logits": self.fc(states[:, -1])}


@faulty("no_gradient", "detached_graph", where=("embedding", "lstm"), also=("not_updated", *LEARNS_BADLY))
def recurrent_part_without_gradients(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = words(seed)
    loader = DataLoader(TensorDataset(x, y), batch_size=pick(seed, 32, 40), shuffle=True)
    model = Bag(16)
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    report.watch(model, optimizer)
    for _epoch in range(6):
        for tokens, labels in report.track(loader, split="train"):
            loss = F.cross_entropy(model(tokens)["logits"], labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss.item()})
        with torch.no_grad():
            out = model(x_val)["logits"]
        report.log({"val/loss": F.cross_entropy(out, y_val).item(), "val/acc": accuracy(out, y_val)})
        report.predictions(None, out, y_val, split="val")
    return accuracy(out, y_val)


@faulty("detached_graph", "no_gradient", also=(*NO_STEP, *LEARNS_BADLY))
def loss_made_anew_of_its_value(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = table(load_breast_cancer, seed)
    loader = DataLoader(TensorDataset(x, y), batch_size=pick(seed, 32, 24), shuffle=True)
    model = nn.Sequential(nn.Linear(30, 32), nn.ReLU(), nn.Linear(32, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer, criterion)
    for _epoch in range(10):
        for inputs, labels in report.track(loader):
            optimizer.zero_grad()
            value = criterion(model(inputs), labels).item()
            loss = torch.tensor(value, requires_grad=True)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        with torch.no_grad():
            logits = model(x_val)
        report.log({"val/loss": criterion(logits, y_val), "val/acc": accuracy(logits, y_val)})
        report.predictions(x_val, logits, y_val)
    return accuracy(logits, y_val)


@faulty("detached_graph", "no_gradient", also=(*NO_STEP, *LEARNS_BADLY))
def loss_through_numpy(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = surface(seed)
    net = nn.Sequential(nn.Linear(6, pick(seed, 32, 24)), nn.Tanh(), nn.LazyLinear(1))
    net(x[:2])
    opt = torch.optim.Adam(net.parameters(), lr=3e-3)
    report.watch(net, opt)

    def log_cosh(out: Tensor, target: Tensor) -> Tensor:
        error = out.detach().numpy() - target.numpy()
        return torch.tensor(np.log(np.cosh(error)).mean(), requires_grad=True)

    for epoch in range(8):
        for rows in torch.randperm(len(x)).split(32):
            opt.zero_grad()
            loss = log_cosh(net(x[rows])[:, 0], y[rows])
            loss.backward()
            opt.step()
            report.log({"train/loss": loss.item()})
        with torch.no_grad():
            out = net(x_val)[:, 0]
        report.log({"val/loss": log_cosh(out, y_val).item(), "val/r2": r2(out, y_val), "epoch": epoch})
    report.predictions(x_val, out, y_val, split="val")
    return r2(out, y_val)


@faulty("detached_graph", "no_gradient", also=NO_STEP)
def loss_of_predicted_classes(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = table(load_iris, seed)
    model = nn.Sequential(nn.Linear(4, pick(seed, 16, 12)), nn.ReLU(), nn.LazyLinear(3))
    model(x[:2])
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    criterion = nn.MSELoss()
    report.watch(model, optimizer, criterion)
    for _epoch in range(20):
        for rows in torch.randperm(len(x)).split(16):
            optimizer.zero_grad()
            predicted = model(x[rows]).argmax(dim=1).float()
            loss = criterion(predicted, y[rows].float())
            report.log({"train/loss": loss.item()})
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        logits = model(x_val)
    report.predictions(x_val, logits, y_val, split="val")
    return accuracy(logits, y_val)
