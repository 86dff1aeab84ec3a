"""Healthy set-ups: regression with noise, odd units, bounded outputs and likelihoods."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from reportgen import Report
from tests.faults.known import data_c
from tests.faults.setup import healthy


def _r2(out: Tensor, targets: Tensor) -> float:
    return float(1 - F.mse_loss(out, targets) / targets.var(correction=0))


@healthy(least=0.25)
def diabetes_is_noisy(report: Report, seed: int) -> float:
    """Half of the variance is noise: the loss stops at 0.5, which is all there is to learn."""
    torch.manual_seed(seed)
    x, y, x_val, y_val = data_c.diabetes(seed)
    mean, std = y.mean(), y.std()
    y, y_val = (y - mean) / std, (y_val - mean) / std
    model = nn.Sequential(nn.Linear(10, 12), nn.ReLU(), nn.Linear(12, 1))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.3)
    criterion = nn.MSELoss()
    report.watch(model, optimizer=optimizer, criterion=criterion)
    report.data("train", (x, y))
    report.data("val", (x_val, y_val))
    loader = DataLoader(TensorDataset(x, y), batch_size=32, shuffle=True)
    for _ in range(15):
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
            report.log({"val/loss": criterion(out, y_val), "val/r2": _r2(out, y_val)})
    report.predictions(x_val, out, y_val, task="regression", split="val")
    return _r2(out, y_val)


@healthy(least=0.8)
def smooth_surface(report: Report, seed: int) -> float:
    """Plain regression of a smooth function, with SGD and Nesterov momentum."""
    torch.manual_seed(seed)
    x, y, x_val, y_val = data_c.surface(seed, features=4 + seed % 3)
    net = nn.Sequential(nn.Linear(x.shape[1], 48), nn.Tanh(), nn.Linear(48, 48), nn.Tanh(), nn.Linear(48, 1))
    opt = torch.optim.SGD(net.parameters(), lr=0.08, momentum=0.9, nesterov=True)
    report.watch(net, opt, F.mse_loss)
    for epoch in range(18):
        net.train()
        for rows in torch.randperm(len(x)).split(60):
            loss = F.mse_loss(net(x[rows]), y[rows])
            opt.zero_grad()
            loss.backward()
            opt.step()
            report.log({"train/loss": loss})
        net.eval()
        with torch.no_grad():
            out = net(x_val)
            report.log({"val/loss": F.mse_loss(out, y_val), "epoch": epoch})
    report.predictions(x_val, out, y_val, task="regression")
    return _r2(out, y_val)


@healthy(least=0.8)
def huber_against_outliers(report: Report, seed: int) -> float:
    """One target in twenty is thrown far off: Huber loss, and batches whose loss leaps; the score is without them."""
    torch.manual_seed(seed)
    x, y, x_val, y_val = data_c.surface(seed)
    far = torch.rand(len(y), 1) < 0.05
    y = torch.where(far, y + 8 * torch.randn_like(y), y)
    model = nn.Sequential(nn.Linear(6, 48), nn.ReLU(), nn.Linear(48, 48), nn.ReLU(), nn.Linear(48, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
    criterion = nn.HuberLoss(delta=0.5)
    report.watch(model, optimizer=optimizer, criterion=criterion)
    loader = DataLoader(TensorDataset(x, y), batch_size=45, shuffle=True)
    for _ in range(10):
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
            report.log({"val/loss": criterion(out, y_val)})
    report.predictions(x_val, out, y_val, task="regression", split="val")
    return _r2(out, y_val)


@healthy(least=0.8)
def dollars_standardised_in_the_loss(report: Report, seed: int) -> float:
    """Targets are prices of some 200,000 dollars; the loss takes their mean and spread out."""
    torch.manual_seed(seed)
    x, y, x_val, y_val = data_c.surface(seed)
    price, price_val = 200_000 + 60_000 * y, 200_000 + 60_000 * y_val
    mean, std = price.mean(), price.std()
    model = nn.Sequential(nn.Linear(6, 64), nn.GELU(), nn.Linear(64, 1))
    optimizer = torch.optim.AdamW(model.parameters(), lr=8e-3)
    report.watch(model, optimizer=optimizer)
    loader = DataLoader(TensorDataset(x, price), batch_size=45, shuffle=True)
    for _ in range(14):
        model.train()
        for inputs, dollars in report.track(loader):
            optimizer.zero_grad()
            loss = F.mse_loss(model(inputs), (dollars - mean) / std)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        model.eval()
        with torch.no_grad():
            out = model(x_val) * std + mean
            report.log({"val/loss": F.mse_loss((out - mean) / std, (price_val - mean) / std)})
            report.log({"val/mae": F.l1_loss(out, price_val)})
    report.predictions(x_val, out, price_val, task="regression", split="val")
    return _r2(out, price_val)


@healthy(least=0.75)
def gaussian_likelihood_below_zero(report: Report, seed: int) -> float:
    """Mean and variance are both learned; the negative log-likelihood of sharp targets falls below zero."""

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.trunk = nn.Sequential(nn.Linear(4, 48), nn.Tanh())
            self.mean = nn.Linear(48, 1)
            self.spread = nn.Linear(48, 1)

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            h = self.trunk(x)
            return self.mean(h), F.softplus(self.spread(h)) + 1e-4

    torch.manual_seed(seed)
    x, y, x_val, y_val = data_c.surface(seed, features=4, noise=0.05)
    y, y_val = y / 2, y_val / 2
    model = Net()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    criterion = nn.GaussianNLLLoss()
    report.watch(model, optimizer, criterion)
    loader = DataLoader(TensorDataset(x, y), batch_size=45, shuffle=True)
    for _ in range(12):
        model.train()
        for inputs, targets in report.track(loader):
            mean, variance = model(inputs)
            loss = criterion(mean, targets, variance)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            report.log({"train/nll": loss})
        model.eval()
        with torch.no_grad():
            mean, variance = model(x_val)
            report.log({"val/nll": criterion(mean, y_val, variance)})
    report.predictions(x_val, mean, y_val, task="regression", split="val")
    return _r2(mean, y_val)


@healthy(least=0.75)
def amounts_end_in_relu(report: Report, seed: int) -> float:
    """A ReLU at the output, where it belongs: amounts are never negative, and a third of them is exactly zero."""
    torch.manual_seed(seed)
    x, y, x_val, y_val = data_c.surface(seed)
    y, y_val = (y + 0.4).clamp(min=0), (y_val + 0.4).clamp(min=0)
    model = nn.Sequential(nn.Linear(6, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1), nn.ReLU())
    nn.init.constant_(model[4].bias, 0.5)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    criterion = nn.MSELoss()
    report.watch(model, optimizer=optimizer, criterion=criterion)
    report.data("train", (x, y))
    loader = DataLoader(TensorDataset(x, y), batch_size=45, shuffle=True)
    for _ in range(10):
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
            report.log({"val/loss": criterion(out, y_val)})
    report.predictions(x_val, out, y_val, task="regression", split="val")
    return _r2(out, y_val)


@healthy(least=0.7)
def shares_by_sigmoid_and_bce(report: Report, seed: int) -> float:
    """Targets are shares between 0 and 1, not labels: sigmoid, BCELoss, and a loss whose floor is their entropy."""
    torch.manual_seed(seed)
    x, y, x_val, y_val = data_c.surface(seed)
    y, y_val = torch.sigmoid(1.5 * y), torch.sigmoid(1.5 * y_val)
    net = nn.Sequential(nn.Linear(6, 48), nn.ELU(), nn.Linear(48, 1), nn.Sigmoid())
    opt = torch.optim.Adam(net.parameters(), lr=0.015)
    criterion = nn.BCELoss()
    report.watch(net, opt, criterion)
    loader = DataLoader(TensorDataset(x, y), batch_size=36, shuffle=True)
    for _ in range(14):
        net.train()
        for inputs, targets in loader:
            loss = criterion(net(inputs), targets)
            opt.zero_grad()
            loss.backward()
            opt.step()
            report.log({"train/loss": loss})
        net.eval()
        with torch.no_grad():
            out = net(x_val)
            report.log({"val/loss": criterion(out, y_val)})
    report.predictions(x_val, out, y_val, task="regression", split="val")
    return _r2(out, y_val)


@healthy(least=0.7)
def counts_by_poisson(report: Report, seed: int) -> float:
    """Counts, and their logarithm as the output: the Poisson loss lies below zero and keeps falling.

    The score is R2 of the logarithm of the true rates.
    """
    torch.manual_seed(seed)
    x, _, x_val, _ = data_c.surface(seed, features=4)
    log_rate, log_rate_val = (2 + 0.6 * torch.tanh(each[:, :1]) + 0.4 * each[:, 1:2] for each in (x, x_val))
    counts, counts_val = torch.poisson(log_rate.exp()), torch.poisson(log_rate_val.exp())
    model = nn.Sequential(nn.Linear(4, 48), nn.SiLU(), nn.Linear(48, 1))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    criterion = nn.PoissonNLLLoss(log_input=True)
    report.watch(model, optimizer, criterion)
    loader = DataLoader(TensorDataset(x, counts), batch_size=45, shuffle=True)
    for _ in range(11):
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
            report.log({"val/loss": criterion(out, counts_val)})
    report.predictions(x_val, out.exp(), counts_val, task="regression", split="val")
    return _r2(out, log_rate_val)
