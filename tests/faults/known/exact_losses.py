"""Scripts whose loss is not the one that the outputs are for."""

from __future__ import annotations

import torch
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from reportgen import Report
from tests.faults.known.data_a import accuracy, digits, mean, pick, r2, surface, table, waves
from tests.faults.setup import faulty

LEARNS_BADLY = ("loss_not_decreasing", "underfitting", "worse_than_baseline", "constant_predictions", "plateau")


class Net(nn.Module):
    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 3, padding=1)
        self.conv2 = nn.Conv2d(8, 8, 3, padding=1)
        self.fc1 = nn.Linear(32, hidden)
        self.fc2 = nn.Linear(hidden, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = F.relu(self.fc1(x.flatten(1)))
        return F.softmax(self.fc2(x), dim=1)


@faulty("softmax_before_ce", also=("calibration_off", "vanishing_gradients", *LEARNS_BADLY))
def cnn_probabilities_to_functional_loss(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = digits(seed, images=True)
    train_loader = DataLoader(TensorDataset(x, y), batch_size=64, shuffle=True)
    model = Net(pick(seed, 32, 24))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    report.watch(model, optimizer)
    for _epoch in range(5):
        model.train()
        for images, labels in report.track(train_loader, split="train"):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(images), labels)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        model.eval()
        with torch.no_grad():
            out = model(x_val)
        report.log({"val/loss": F.cross_entropy(out, y_val), "val/acc": accuracy(out, y_val)})
        report.predictions(x_val, out, y_val, split="val")
    return accuracy(out, y_val)


@faulty("softmax_before_ce", also=("calibration_off", "vanishing_gradients", *LEARNS_BADLY))
def mlp_probabilities_to_criterion(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = table(load_wine, seed)
    model = nn.Sequential(nn.Linear(13, pick(seed, 16, 24)), nn.ReLU(), nn.Linear(pick(seed, 16, 24), 3), nn.Softmax(1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer, criterion)
    loader = DataLoader(TensorDataset(x, y), batch_size=16, shuffle=True)
    for epoch in range(15):
        for inputs, labels in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(inputs), labels)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss.item()})
        with torch.no_grad():
            out = model(x_val)
        report.log({"val/loss": criterion(out, y_val).item(), "val/acc": accuracy(out, y_val), "epoch": epoch})
    report.predictions(x_val, out, y_val)
    return accuracy(out, y_val)


@faulty("softmax_before_ce", also=("vanishing_gradients", *LEARNS_BADLY))
def recurrent_probabilities_only_logged(report: Report, seed: int) -> float:
    class Model(nn.Module):
        def __init__(self, size: int) -> None:
            super().__init__()
            self.rnn = nn.LSTM(1, size, batch_first=True)
            self.fc = nn.Linear(size, 3)

        def forward(self, x: Tensor) -> Tensor:
            _, (hidden, _) = self.rnn(x)
            return torch.softmax(self.fc(hidden[-1]), dim=-1)

    torch.manual_seed(seed)
    x, y, x_val, y_val = waves(seed)
    model = Model(pick(seed, 12, 16))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    loss_fn = nn.CrossEntropyLoss()
    report.watch(model, optimizer)
    for step in range(200):
        rows = torch.randint(len(x), (32,))
        optimizer.zero_grad()
        loss = loss_fn(model(x[rows]), y[rows])
        loss.backward()
        optimizer.step()
        report.log({"loss": loss.item()})
        if step % 50 == 49:
            with torch.no_grad():
                report.log({"val_acc": accuracy(model(x_val), y_val)})
    with torch.no_grad():
        return accuracy(model(x_val), y_val)


@faulty("log_softmax_before_ce")
def log_probabilities_to_criterion(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = digits(seed)
    model = nn.Sequential(nn.Linear(64, pick(seed, 48, 64)), nn.ReLU(), nn.LazyLinear(10), nn.LogSoftmax(dim=1))
    model(x[:2])
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer, criterion)
    loader = DataLoader(TensorDataset(x, y), batch_size=64, shuffle=True)
    for epoch in range(8):
        losses = []
        for inputs, labels in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(inputs), labels)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        with torch.no_grad():
            out = model(x_val)
        report.log({"train/loss": mean(losses), "val/loss": criterion(out, y_val), "val/acc": accuracy(out, y_val)},
                   step=epoch)  # fmt: skip
        report.predictions(x_val.view(-1, 1, 8, 8), out, y_val, split="val", step=epoch)
    return accuracy(out, y_val)


@faulty("logits_to_bce")
def raw_outputs_to_bce(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = table(load_breast_cancer, seed)
    loader = DataLoader(TensorDataset(x, y.float()[:, None]), batch_size=pick(seed, 32, 24), shuffle=True)
    model = nn.Sequential(nn.Linear(30, 32), nn.ReLU(), nn.Linear(32, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    criterion = nn.BCELoss()
    report.watch(model, optimizer, criterion)
    for _epoch in range(5):
        for inputs, labels in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(inputs), labels)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss.item()})
    with torch.no_grad():
        out = model(x_val)[:, 0]
    report.predictions(x_val, out, y_val, split="val")
    return ((out > 0.5).long() == y_val).float().mean().item()


@faulty("prob_to_nll", also=("loss_sign", "calibration_off", "init_loss_wrong", "plateau", "underfitting"))
def probabilities_to_nll(report: Report, seed: int) -> float:
    class Classifier(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc1 = nn.Linear(64, pick(seed, 48, 32))
            self.fc2 = nn.Linear(pick(seed, 48, 32), 10)
            self.softmax = nn.Softmax(dim=1)

        def forward(self, x: Tensor) -> Tensor:
            return self.softmax(self.fc2(torch.relu(self.fc1(x))))

    torch.manual_seed(seed)
    x, y, x_val, y_val = digits(seed)
    loader = DataLoader(TensorDataset(x, y), batch_size=64, shuffle=True)
    model, criterion = Classifier(), nn.NLLLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    report.watch(model, optimizer, criterion)
    for _epoch in range(8):
        for inputs, labels in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(inputs), labels)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        with torch.no_grad():
            out = model(x_val)
        report.log({"val/loss": criterion(out, y_val), "val/acc": accuracy(out, y_val)})
        report.predictions(x_val.view(-1, 1, 8, 8), out, y_val, split="val")
    return accuracy(out, y_val)


UPHILL = ("divergence", "exploding_gradients", "exploding_activations", "lr_too_high", "update_ratio_high", "dead_relu",
          "nan_loss", "nan_gradient", "nan_weight", "nan_activation", "overfitting", "calibration_off")  # fmt: skip


@faulty("loss_sign", also=(*UPHILL, *LEARNS_BADLY))
def minus_forgotten_in_log_likelihood(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = table(load_iris, seed)
    net = nn.Sequential(nn.Linear(4, pick(seed, 16, 12)), nn.Tanh(), nn.LazyLinear(3))
    net(x[:2])
    opt = torch.optim.Adam(net.parameters(), lr=3e-3)
    report.watch(net, opt)
    for step in range(200):
        rows = torch.randint(len(x), (24,))
        log_p = F.log_softmax(net(x[rows]), dim=1)
        loss = log_p[torch.arange(24), y[rows]].mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        report.log({"train/loss": loss})
        if step % 40 == 39:
            with torch.no_grad():
                out = net(x_val)
            report.log({"val/loss": F.log_softmax(out, dim=1)[torch.arange(len(y_val)), y_val].mean()})
            report.log({"val/acc": accuracy(out, y_val)})
            report.predictions(x_val, out, y_val, split="val")
    return accuracy(out, y_val)


@faulty("loss_sign", also=(*UPHILL, *LEARNS_BADLY))
def minus_before_cross_entropy(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = digits(seed)
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=pick(seed, 0.01, 0.005))
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer, criterion)
    loader = DataLoader(TensorDataset(x, y), batch_size=64, shuffle=True)
    for _epoch in range(6):
        for inputs, labels in report.track(loader):
            loss = -criterion(model(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss.item()})
        with torch.no_grad():
            out = model(x_val)
        report.log({"val/loss": -criterion(out, y_val).item(), "val/acc": accuracy(out, y_val)})
    report.predictions(x_val.view(-1, 1, 8, 8), out, y_val, split="val")
    return accuracy(out, y_val)


@faulty("loss_broadcasting", also=LEARNS_BADLY)
def column_against_row_in_criterion(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = surface(seed)
    loader = DataLoader(TensorDataset(x, y), batch_size=pick(seed, 32, 40), shuffle=True)
    model = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    criterion = nn.MSELoss()
    report.watch(model, optimizer, criterion)
    for epoch in range(8):
        model.train()
        for inputs, targets in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(inputs), targets)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        model.eval()
        with torch.no_grad():
            out = model(x_val)
            report.log({"val/loss": criterion(out, y_val), "val/r2": r2(out, y_val), "epoch": epoch})
        report.predictions(x_val, out, y_val, split="val")
    return r2(out, y_val)


@faulty("loss_broadcasting", also=LEARNS_BADLY)
def column_against_row_by_hand(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = surface(seed, columns=pick(seed, 5, 6))
    net = nn.Sequential(nn.Linear(x.shape[1], 24), nn.SiLU(), nn.Linear(24, 1))
    opt = torch.optim.AdamW(net.parameters(), lr=5e-3)
    report.watch(net, opt)
    for step in range(250):
        rows = torch.randint(len(x), (48,))
        loss = ((net(x[rows]) - y[rows]) ** 2).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        report.log({"train/mse": loss.item()})
        if step % 50 == 49:
            with torch.no_grad():
                out = net(x_val)
            report.log({"val/mse": F.mse_loss(out[:, 0], y_val).item(), "val/r2": r2(out, y_val)})
            report.predictions(x_val, out, y_val, split="val")
    return r2(out, y_val)
