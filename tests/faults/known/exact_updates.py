"""Scripts whose optimizer does not get, keep or apply the gradients it should."""

from __future__ import annotations

import copy

import torch
from sklearn.datasets import load_diabetes, load_wine
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from reportgen import Report
from tests.faults.known.data_a import accuracy, digits, moons, pick, r2, surface, table, waves
from tests.faults.setup import faulty

LEARNS_BADLY = ("loss_not_decreasing", "underfitting", "worse_than_baseline", "constant_predictions", "plateau")
TOO_FAR = ("lr_too_high", "update_ratio_high", "divergence", "oscillation", "exploding_gradients",
           "exploding_activations", "dead_relu", "saturated_activation", "nan_loss")  # fmt: skip


@faulty("missing_zero_grad", also=(*LEARNS_BADLY, *TOO_FAR))
def gradients_add_up_in_sgd(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = digits(seed)
    train = DataLoader(TensorDataset(x, y), batch_size=pick(seed, 64, 48), shuffle=True)
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer, criterion)
    for epoch in range(10):
        model.train()
        for inputs, labels in report.track(train):
            loss = criterion(model(inputs), labels)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        model.eval()
        with torch.no_grad():
            logits = model(x_val)
        report.log({"val/loss": criterion(logits, y_val), "val/acc": accuracy(logits, y_val), "epoch": epoch})
        report.predictions(x_val.view(-1, 1, 8, 8), logits, y_val, split="val")
    return accuracy(logits, y_val)


class Recurrent(nn.Module):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.rnn = nn.GRU(1, size, batch_first=True)
        self.fc = nn.Linear(size, 3)

    def forward(self, x: Tensor) -> Tensor:
        out, _ = self.rnn(x)
        return self.fc(out[:, -1])


@faulty("missing_zero_grad", also=(*LEARNS_BADLY, *TOO_FAR))
def gradients_add_up_in_adam(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = waves(seed)
    net = Recurrent(pick(seed, 16, 20))
    opt = torch.optim.Adam(net.parameters(), lr=1e-2)
    report.watch(net, opt)
    opt.zero_grad()
    for step in range(200):
        rows = torch.randint(len(x), (32,))
        loss = F.cross_entropy(net(x[rows]), y[rows])
        loss.backward()
        opt.step()
        report.log({"loss": loss.item()}, step=step)
        if (step + 1) % 50 == 0:
            with torch.no_grad():
                out = net(x_val)
            report.log({"val_loss": F.cross_entropy(out, y_val).item(), "val_acc": accuracy(out, y_val)}, step=step)
    return accuracy(out, y_val)


class Classifier(nn.Module):
    def __init__(self, inputs: int, hidden: int, classes: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU())
        self.head = nn.Linear(hidden, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x))


@faulty("optimizer_missing_params", where=("head",), also=("not_updated", *LEARNS_BADLY))
def head_replaced_after_optimizer(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = digits(seed)
    model = Classifier(64, pick(seed, 24, 32), 100)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    model.head = nn.Linear(model.head.in_features, 10)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer, criterion)
    report.data("train", (x, y))
    loader = DataLoader(TensorDataset(x, y), batch_size=64, shuffle=True)
    for _epoch in range(8):
        for inputs, labels in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(inputs), labels)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss.item()})
        with torch.no_grad():
            logits = model(x_val)
        report.log({"val/acc": accuracy(logits, y_val)})
    report.predictions(x_val.view(-1, 1, 8, 8), logits, y_val, split="val")
    return accuracy(logits, y_val)


@faulty("optimizer_missing_params", where=("body",), also=("not_updated", *LEARNS_BADLY))
def only_head_in_optimizer(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = moons(seed)
    model = Classifier(2, pick(seed, 8, 6), 2)
    optimizer = torch.optim.AdamW(model.head.parameters(), lr=5e-3)
    report.watch(model, optimizer)
    for step in range(300):
        rows = torch.randint(len(x), (64,))
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x[rows]), y[rows])
        loss.backward()
        optimizer.step()
        report.log({"train/loss": loss})
        if step % 50 == 49:
            with torch.no_grad():
                logits = model(x_val)
            report.log({"val/loss": F.cross_entropy(logits, y_val), "val/acc": accuracy(logits, y_val)})
            report.predictions(x_val, logits, y_val)
    return accuracy(logits, y_val)


@faulty("optimizer_missing_params", "not_updated", also=LEARNS_BADLY)
def layers_in_a_plain_list(report: Report, seed: int) -> float:
    class Stack(nn.Module):
        def __init__(self, width: int, depth: int) -> None:
            super().__init__()
            self.inp = nn.Linear(64, width)
            self.layers = [nn.Linear(width, width) for _ in range(depth)]
            self.out = nn.Linear(width, 10)

        def forward(self, x: Tensor) -> Tensor:
            x = torch.relu(self.inp(x))
            for layer in self.layers:
                x = torch.relu(layer(x))
            return self.out(x)

    torch.manual_seed(seed)
    x, y, x_val, y_val = digits(seed)
    model, criterion = Stack(pick(seed, 16, 20), 4), nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    report.watch(model, optimizer, criterion)
    loader = DataLoader(TensorDataset(x, y), batch_size=64, shuffle=True)
    for _epoch in range(8):
        for inputs, labels in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(inputs), labels)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss.item()})
        with torch.no_grad():
            logits = model(x_val)
        report.log({"val/loss": criterion(logits, y_val).item(), "val/acc": accuracy(logits, y_val)})
        report.predictions(x_val, logits, y_val, split="val")
    return accuracy(logits, y_val)


@faulty("frozen_parameters", where=("embed", "fc1", "fc2"), also=("not_updated", *LEARNS_BADLY))
def freezes_more_than_meant(report: Report, seed: int) -> float:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Linear(64, 16)
            self.fc1 = nn.Linear(16, 16)
            self.fc2 = nn.Linear(16, 16)
            self.out = nn.Linear(16, 10)

        def forward(self, x: Tensor) -> Tensor:
            x = torch.tanh(self.embed(x))
            return self.out(torch.tanh(self.fc2(torch.tanh(self.fc1(x)))))

    torch.manual_seed(seed)
    x, y, x_val, y_val = digits(seed)
    model = Net()
    for name, parameter in model.named_parameters():
        parameter.requires_grad = not any(part in name for part in ("embed", "fc"))
    optimizer = torch.optim.Adam(model.parameters(), lr=pick(seed, 1e-3, 2e-3))
    report.watch(model, optimizer, nn.CrossEntropyLoss())
    loader = DataLoader(TensorDataset(x, y), batch_size=64, shuffle=True)
    for epoch in range(8):
        for inputs, labels in report.track(loader, split="train"):
            loss = F.cross_entropy(model(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        with torch.no_grad():
            logits = model(x_val)
        report.log({"val/acc": accuracy(logits, y_val), "epoch": epoch})
    report.predictions(x_val.view(-1, 1, 8, 8), logits, y_val, split="val")
    return accuracy(logits, y_val)


@faulty("not_updated", "lr_too_low", "update_ratio_low", also=LEARNS_BADLY)
def schedule_in_whole_numbers(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = table(load_wine, seed)
    model = nn.Sequential(nn.Linear(13, 32), nn.ReLU(), nn.Linear(32, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    warm_up = pick(seed, 400, 500)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1, (step + 1) // warm_up))
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer, criterion, scheduler=scheduler)
    loader = DataLoader(TensorDataset(x, y), batch_size=16, shuffle=True)
    for _epoch in range(25):
        for inputs, labels in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(inputs), labels)
            loss.backward()
            optimizer.step()
            scheduler.step()
            report.log({"train/loss": loss})
        with torch.no_grad():
            logits = model(x_val)
        report.log({"val/loss": criterion(logits, y_val), "val/acc": accuracy(logits, y_val)})
        report.predictions(x_val, logits, y_val, split="val")
    return accuracy(logits, y_val)


@faulty("not_updated", "optimizer_missing_params", also=LEARNS_BADLY)
def optimizer_of_the_first_model(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = surface(seed)
    base = nn.Sequential(nn.Linear(6, 32), nn.GELU(), nn.Linear(32, 1))
    optimizer = torch.optim.Adam(base.parameters(), lr=pick(seed, 3e-3, 5e-3))
    model = copy.deepcopy(base)
    report.watch(model, optimizer, nn.MSELoss())
    loader = DataLoader(TensorDataset(x, y), batch_size=32, shuffle=True)
    for _epoch in range(8):
        model.train()
        for inputs, targets in loader:
            loss = F.mse_loss(model(inputs)[:, 0], targets)
            model.zero_grad()
            loss.backward()
            optimizer.step()
            report.log({"train/mse": loss.item()})
        model.eval()
        with torch.no_grad():
            out = model(x_val)[:, 0]
        report.log({"val/mse": F.mse_loss(out, y_val).item(), "val/r2": r2(out, y_val)})
        report.predictions(x_val, out, y_val, split="val")
    return r2(out, y_val)


@faulty("not_updated", also=("lr_too_low", "update_ratio_low", *LEARNS_BADLY))
def step_is_never_called(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = table(load_diabetes, seed, regression=True)
    width = pick(seed, 16, 24)
    net = nn.Sequential(nn.Linear(10, width), nn.ReLU(), nn.Linear(width, 1))
    opt = torch.optim.SGD(net.parameters(), lr=0.02)
    report.watch(net, opt)
    for epoch in range(12):
        for rows in torch.randperm(len(x)).split(16):
            opt.zero_grad()
            loss = F.mse_loss(net(x[rows]).squeeze(1), y[rows])
            loss.backward()
            report.log({"train/loss": loss})
        with torch.no_grad():
            out = net(x_val).squeeze(1)
        report.log({"val/loss": F.mse_loss(out, y_val), "val/r2": r2(out, y_val), "epoch": epoch})
        report.predictions(x_val, out, y_val)
    return r2(out, y_val)
