"""Healthy runs on rows of numbers."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import (
    load_breast_cancer,
    make_blobs,
    make_classification,
    make_moons,
    make_multilabel_classification,
)
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from reportgen import Report
from tests.faults.blind.data import accuracy, curve, r2, split, table
from tests.faults.setup import healthy


@healthy(least=0.8)
def rare_class_is_found(report: Report, seed: int) -> float:
    """One row in twenty is of the second class, and the net finds it. The score is the F1 of that class."""
    torch.manual_seed(seed)
    x, y = make_classification(
        2400, 12, n_informative=6, n_redundant=0, weights=[0.95], class_sep=2.2, flip_y=0, n_clusters_per_class=1,
        random_state=seed,
    )  # fmt: skip
    xt, yt, xv, yv = split(x, y, seed, len(x))
    model = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 2))
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
    report.watch(model, optimizer, criterion)
    report.data("train", (xt, yt))
    report.data("val", (xv, yv))
    loader = DataLoader(TensorDataset(xt, yt), batch_size=64, shuffle=True)
    for _ in range(8):
        for x, y in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        with torch.no_grad():
            out = model(xv)
        report.log({"val/loss": criterion(out, yv)})
        report.predictions(xv, out, yv)
    said, true = out.argmax(1) == 1, yv == 1
    return 2 * int((said & true).sum()) / max(1, int(said.sum() + true.sum()))


@healthy(least=0.85)
def full_batch_lbfgs(report: Report, seed: int) -> float:
    """All rows at once, with a closure that is called several times a step."""
    torch.manual_seed(seed)
    xt, yt, xv, yv = curve(seed, rows=1000)
    mean, std = yt.mean(), yt.std()
    yt, yv = (yt - mean) / std, (yv - mean) / std
    xt, xv = (xt - 0.5) * 3.46, (xv - 0.5) * 3.46
    net = nn.Sequential(nn.Linear(10, 16), nn.Tanh(), nn.Linear(16, 1))
    opt = torch.optim.LBFGS(net.parameters(), lr=1, max_iter=5, line_search_fn="strong_wolfe")
    report.watch(net, opt, nn.MSELoss())

    def closure() -> Tensor:
        opt.zero_grad()
        loss = F.mse_loss(net(xt).squeeze(1), yt) + 1e-3 * sum(p.pow(2).sum() for p in net.parameters())
        loss.backward()
        return loss

    for _ in range(20):
        loss = opt.step(closure)
        with torch.no_grad():
            out = net(xv).squeeze(1)
        report.log({"train/loss": loss, "val/loss": F.mse_loss(out, yv)})
    report.predictions(xv, out, yv)
    return r2(out, yv)


@healthy(least=0.99)
def loss_goes_to_zero(report: Report, seed: int) -> float:
    """Blobs far apart: soon every row is right, of training and validation, and there is nothing left to learn."""
    torch.manual_seed(seed)
    centers = np.random.RandomState(seed).permutation(np.eye(4) * 8)
    x, y = make_blobs(1500, centers=centers, cluster_std=1.0, random_state=seed)
    x = (x - x.mean(0)) / x.std(0)
    xt, yt, xv, yv = split(x, y, seed, len(x))
    model = nn.Sequential(nn.Linear(4, 24), nn.ReLU(), nn.Linear(24, 4))
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    report.watch(model, optimizer, criterion)
    loader = DataLoader(TensorDataset(xt, yt), batch_size=50, shuffle=True)
    for _ in range(9):
        for x, y in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        with torch.no_grad():
            out = model(xv)
        report.log({"val/loss": criterion(out, yv), "val/acc": accuracy(out, yv)})
        report.predictions(xv, out, yv)
    return accuracy(out, yv)


@healthy(least=0.9)
def likelihood_of_narrow_densities(report: Report, seed: int) -> float:
    """A mean and a deviation for each row by gaussian_nll_loss, which rightly ends below zero."""
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    x = rng.uniform(-1, 1, (1500, 3))
    noise = np.where(x[:, 2] > 0, 0.12, 0.03)
    y = np.sin(3 * x[:, 0]) + 0.5 * x[:, 1] + noise * rng.normal(size=1500)
    xt, yt, xv, yv = split(x, y.astype(np.float32), seed, len(x))

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Sequential(nn.Linear(3, 48), nn.SiLU(), nn.Linear(48, 48), nn.SiLU())
            self.mean, self.var = nn.Linear(48, 1), nn.Linear(48, 1)

        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            h = self.body(x)
            return self.mean(h).squeeze(1), F.softplus(self.var(h)).squeeze(1) + 1e-4

    model = Net()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.004)
    criterion = nn.GaussianNLLLoss()
    report.watch(model, optimizer, criterion)
    loader = DataLoader(TensorDataset(xt, yt), batch_size=40, shuffle=True)
    for _ in range(14):
        for x, y in report.track(loader):
            mean, var = model(x)
            loss = criterion(mean, y, var)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            report.log({"train/nll": loss})
        with torch.no_grad():
            mean, var = model(xv)
        report.log({"val/nll": criterion(mean, yv, var), "val/r2": r2(mean, yv)})
    report.predictions(xv, mean, yv)
    return r2(mean, yv)


@healthy(least=0.75)
def counts_by_poisson(report: Report, seed: int) -> float:
    """Counts, the logarithm of whose mean is predicted. The score is the R2 for the true mean."""
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    x = rng.normal(size=(1600, 5))
    rate = np.exp(0.8 + 0.6 * x[:, 0] - 0.5 * x[:, 1] + 0.3 * x[:, 2] * x[:, 3]).clip(0, 25)
    both = np.stack([rng.poisson(rate), rate], 1).astype(np.float32)
    xt, yt, xv, yv = split(x, both, seed, len(x))
    net = nn.Sequential(nn.Linear(5, 32), nn.Tanh(), nn.Linear(32, 1), nn.Flatten(0))
    opt = torch.optim.Adam(net.parameters(), lr=0.005 + 0.002 * (seed % 2))
    report.watch(net, opt, nn.PoissonNLLLoss())
    for _ in range(12):
        for idx in torch.randperm(len(xt)).split(64):
            opt.zero_grad()
            loss = F.poisson_nll_loss(net(xt[idx]), yt[idx, 0])
            loss.backward()
            opt.step()
            report.log({"train/loss": loss})
        with torch.no_grad():
            out = net(xv)
        report.log({"val/loss": F.poisson_nll_loss(out, yv[:, 0])})
    return r2(out.exp(), yv[:, 1])


class TwoHeads(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(20, width), nn.LayerNorm(width), nn.GELU())
        self.kind = nn.Linear(width, 3)
        self.amount = nn.Linear(width, 1)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        h = self.body(x)
        return {"kind": self.kind(h), "amount": self.amount(h).squeeze(-1)}


@healthy(least=0.85)
def two_tasks_in_a_dict(report: Report, seed: int) -> float:
    """One body, a class and a number as outputs, two losses that are weighed and added."""
    torch.manual_seed(seed)
    xt, yt, xv, yv = table(seed, classes=3, gap=2.0, flip_y=0.0)
    gt, gv = (torch.tanh(x[:, :5]).sum(1) for x in (xt, xv))
    model = TwoHeads(64)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.004)
    report.watch(model, optimizer)
    loader = DataLoader(TensorDataset(xt, yt, gt), batch_size=64, shuffle=True)
    for _ in range(10):
        model.train()
        for x, y, g in report.track(loader):
            out = model(x)
            first, second = F.cross_entropy(out["kind"], y), F.huber_loss(out["amount"], g)
            loss = first + 0.5 * second
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss, "train/kind": first, "train/amount": second})
        model.eval()
        with torch.no_grad():
            out = model(xv)
        report.log({"val/loss": F.cross_entropy(out["kind"], yv) + 0.5 * F.huber_loss(out["amount"], gv)})
        report.predictions(xv, out["kind"], yv)
    return min(accuracy(out["kind"], yv), r2(out["amount"], gv))


@healthy(least=0.85)
def several_labels_a_row(report: Report, seed: int) -> float:
    """Five labels, each true or not, by BCEWithLogitsLoss on raw outputs."""
    torch.manual_seed(seed)
    x, y = make_multilabel_classification(1600, 20, n_classes=5, n_labels=2, length=100, random_state=seed)
    x = (x - x.mean(0)) / x.std(0)
    xt, yt, xv, yv = split(x, y.astype(np.float32), seed, len(x))
    model = nn.Sequential(nn.Linear(20, 48), nn.LeakyReLU(), nn.Linear(48, 5))
    criterion = nn.BCEWithLogitsLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
    report.watch(model, optimizer, criterion)
    loader = DataLoader(TensorDataset(xt, yt), batch_size=64, shuffle=True)
    for _ in range(8):
        for x, y in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        with torch.no_grad():
            out = model(xv)
        report.log({"val/loss": criterion(out, yv)})
        report.predictions(xv, out, yv, task="multilabel")
    return float(((out > 0) == (yv > 0.5)).float().mean())


@healthy(least=0.94)
def sigmoid_and_bce_with_batchnorm(report: Report, seed: int) -> float:
    """Probabilities into BCELoss, as it wants them; BatchNorm, momentum, one cycle of the rate."""
    torch.manual_seed(seed)
    x, y = make_moons(1500, noise=0.15, random_state=seed)
    xt, yt, xv, yv = split(x, y.astype(np.float32)[:, None], seed, len(x))
    model = nn.Sequential(
        nn.Linear(2, 32, bias=False), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 1),
        nn.Sigmoid(),
    )  # fmt: skip
    criterion = nn.BCELoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    loader = DataLoader(TensorDataset(xt, yt), batch_size=32, shuffle=True, drop_last=True)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.2, total_steps=8 * len(loader))
    report.watch(model, optimizer, criterion, scheduler=scheduler)
    for _ in range(8):
        model.train()
        for x, y in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            scheduler.step()
            report.log({"train/loss": loss})
        model.eval()
        with torch.no_grad():
            out = model(xv)
        report.log({"val/loss": criterion(out, yv)})
        report.predictions(xv, out, yv)
    return float(((out > 0.5) == (yv > 0.5)).float().mean())


@healthy(least=0.93)
def hinge_on_signs(report: Report, seed: int) -> float:
    """Targets of -1 and 1 and a hinge, which leaves most rows without a loss once they are right."""
    torch.manual_seed(seed)
    x, y = load_breast_cancer(return_X_y=True)
    xt, yt, xv, yv = split((x - x.mean(0)) / x.std(0), y * 2.0 - 1, seed, len(x))
    net = nn.Linear(30, 1)
    opt = torch.optim.SGD(net.parameters(), lr=0.02, weight_decay=0.003)
    report.watch(net, opt)
    for _ in range(15):
        for idx in torch.randperm(len(xt)).split(32):
            loss = F.relu(1 - yt[idx] * net(xt[idx]).squeeze(1)).mean()
            opt.zero_grad()
            loss.backward()
            opt.step()
            report.log({"train/hinge": loss})
        with torch.no_grad():
            out = net(xv).squeeze(1)
        report.log({"val/hinge": F.relu(1 - yv * out).mean(), "val/acc": float((out.sign() == yv).float().mean())})
    return float((out.sign() == yv).float().mean())
