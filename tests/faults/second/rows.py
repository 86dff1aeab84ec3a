"""Scripts whose data are at fault."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_breast_cancer, load_digits, make_classification
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset

from reportgen import Report
from tests.faults.second.data import blobs, table
from tests.faults.setup import faulty


def mlp(*sizes: int) -> nn.Sequential:
    parts: list[nn.Module] = []
    for a, b in pairwise(sizes):
        parts += [nn.Linear(a, b), nn.ReLU()]
    return nn.Sequential(*parts[:-1])


@faulty("overfitting", "small_dataset", also=("calibration_off", "worse_than_baseline"))
def genes(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    X, y = make_classification(500, 120, n_informative=8, n_redundant=0, class_sep=0.6, random_state=seed)
    X = torch.tensor(X).float()
    y = torch.tensor(y)
    n = 70 + 5 * (seed % 3)
    Xt, yt, Xv, yv = X[:n], y[:n], X[200:], y[200:]
    report.data("train", (Xt, yt))
    report.data("val", (Xv, yv))
    net = mlp(120, 256, 256, 2)
    opt = torch.optim.Adam(net.parameters(), lr=1e-3)
    report.watch(net, opt)
    for epoch in range(60):
        net.train()
        for idx in torch.randperm(n).split(16):
            loss = F.cross_entropy(net(Xt[idx]), yt[idx])
            opt.zero_grad()
            loss.backward()
            opt.step()
            report.log({"train/loss": loss})
        net.eval()
        with torch.no_grad():
            out = net(Xv)
        acc = (out.argmax(1) == yv).float().mean().item()
        report.log({"val/loss": F.cross_entropy(out, yv), "val/acc": acc, "epoch": epoch})
    report.predictions(Xv, out, yv, split="val")
    return acc


@faulty("label_noise", also=("overfitting", "underfitting", "plateau", "calibration_off", "low_gradient_snr"))
def annotators(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    d = load_digits()
    rng = np.random.default_rng(seed)
    y = d.target.copy()
    hit = rng.random(len(y)) < 0.35 + 0.05 * (seed % 2)
    y[hit] = rng.integers(0, 10, hit.sum())
    xt, xv, yt, yv = train_test_split(d.images[:, None] / 8 - 1, y, test_size=0.25, random_state=seed)
    tr = TensorDataset(torch.tensor(xt).float(), torch.tensor(yt))
    va = TensorDataset(torch.tensor(xv).float(), torch.tensor(yv))
    report.data("train", tr)
    report.data("val", va)
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(128, 64), nn.ReLU()
    )
    model.append(nn.Linear(64, 10))
    opt = torch.optim.Adam(model.parameters(), lr=2e-3)
    report.watch(model, opt)
    loader = DataLoader(tr, batch_size=48, shuffle=True)
    for _ in range(9):
        model.train()
        for xb, yb in report.track(loader, split="train"):
            out = model(xb)
            loss = F.cross_entropy(out, yb)
            opt.zero_grad()
            loss.backward()
            opt.step()
            report.log({"train/loss": loss.item()})
        model.eval()
        right, total = 0, 0.0
        with torch.no_grad():
            for xb, yb in report.track(DataLoader(va, batch_size=150), split="val"):
                out = model(xb)
                report.predictions(xb, out, yb, split="val")
                right += (out.argmax(1) == yb).sum().item()
                total += F.cross_entropy(out, yb, reduction="sum").item()
        report.log({"val/loss": total / len(va), "val/acc": right / len(va)})
    with torch.no_grad():
        report.predictions(tr.tensors[0], model(tr.tensors[0]), tr.tensors[1], split="train")
    return right / len(va)


@faulty(
    "class_imbalance",
    "minority_class_ignored",
    also=("constant_predictions", "worse_than_baseline", "plateau", "underfitting", "overfitting", "calibration_off"),
)
def fraud(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    X, y = make_classification(
        3000, 12, n_informative=5, weights=[0.97], class_sep=0.5, flip_y=0.0, n_clusters_per_class=2, random_state=seed
    )
    X, y = torch.tensor(X).float(), torch.tensor(y).float()
    train, val = TensorDataset(X[:2200], y[:2200]), TensorDataset(X[2200:], y[2200:])
    report.data("train", train)
    report.data("val", val)
    net = mlp(12, 16, 1)
    criterion = nn.BCEWithLogitsLoss()
    opt = torch.optim.Adam(net.parameters(), lr=1e-3)
    report.watch(net, opt, criterion)
    for _ in range(6):
        for xb, yb in report.track(DataLoader(train, 64, shuffle=True), split="train"):
            opt.zero_grad()
            loss = criterion(net(xb).squeeze(1), yb)
            loss.backward()
            opt.step()
            report.log({"train/loss": loss})
        with torch.no_grad():
            logit = net(X[2200:]).squeeze(1)
        report.predictions(X[2200:], logit, y[2200:], split="val")
        said = (logit > 0).float()
        report.log({"val/loss": criterion(logit, y[2200:]), "val/accuracy": (said == y[2200:]).float().mean()})
    truth = y[2200:]
    return (0.5 * said[truth == 1].mean() + 0.5 * (1 - said[truth == 0]).mean()).item()


@faulty(
    "not_shuffled",
    also=(
        "oscillation",
        "underfitting",
        "worse_than_baseline",
        "loss_not_decreasing",
        "minority_class_ignored",
        "divergence",
        "overfitting",
        "calibration_off",
        "lr_too_high",
        "constant_predictions",
    ),
)
def folders(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    d = load_digits()
    xt, xv, yt, yv = train_test_split(d.data / 16, d.target, test_size=0.2, random_state=seed)
    order = np.argsort(yt, kind="stable")
    train_ds = TensorDataset(torch.tensor(xt[order]).float(), torch.tensor(yt[order]))
    val_ds = TensorDataset(torch.tensor(xv).float(), torch.tensor(yv))
    train_loader = DataLoader(train_ds, batch_size=32)
    val_loader = DataLoader(val_ds, batch_size=120)
    model = mlp(64, 64, 10)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    loss_fn = nn.CrossEntropyLoss()
    report.watch(model, optimizer, loss_fn)
    for _ in range(6):
        for xb, yb in report.track(train_loader, split="train"):
            optimizer.zero_grad()
            loss = loss_fn(model(xb), yb)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss.item()})
        model.eval()
        right = 0
        with torch.no_grad():
            for xb, yb in report.track(val_loader, split="val"):
                out = model(xb)
                report.predictions(xb, out, yb, split="val")
                report.log({"val/loss": loss_fn(out, yb).item()})
                right += (out.argmax(1) == yb).sum().item()
        model.train()
    return right / len(val_ds)


@faulty(
    "target_not_normalized",
    also=(
        "underfitting",
        "worse_than_baseline",
        "lr_too_low",
        "init_loss_wrong",
        "plateau",
        "update_ratio_low",
        "exploding_gradients",
        "constant_predictions",
        "output_range_mismatch",
        "loss_not_decreasing",
    ),
)
def prices(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y = table(seed, 1500)
    price = 240_000 + 60_000 * y
    train, val = TensorDataset(x[:1200], price[:1200]), TensorDataset(x[1200:], price[1200:])
    report.data("train", train)
    report.data("val", val)
    net = mlp(10, 64, 64, 1)
    opt = torch.optim.AdamW(net.parameters(), lr=1e-3)
    criterion = nn.MSELoss()
    report.watch(net, opt, criterion)
    for _ in range(10):
        for xb, yb in report.track(DataLoader(train, 50, shuffle=True), split="train"):
            opt.zero_grad()
            loss = criterion(net(xb).flatten(), yb)
            loss.backward()
            opt.step()
            report.log({"train/mse": loss.item()})
        with torch.no_grad():
            out = net(x[1200:]).flatten()
        report.predictions(x[1200:], out, price[1200:], split="val")
        report.log({"val/mse": criterion(out, price[1200:])})
    return 1 - (criterion(out, price[1200:]) / price[1200:].var()).item()


@faulty(
    "input_not_normalized",
    also=(
        "small_dataset",
        "dead_relu",
        "underfitting",
        "oscillation",
        "divergence",
        "init_loss_wrong",
        "exploding_activations",
        "exploding_gradients",
        "constant_predictions",
        "minority_class_ignored",
        "lr_too_high",
        "saturated_activation",
        "worse_than_baseline",
        "plateau",
        "loss_not_decreasing",
        "update_ratio_high",
        "vanishing_gradients",
        "calibration_off",
        "rank_collapse",
        "no_gradient",
    ),
)
def clinic(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    X, y = load_breast_cancer(return_X_y=True)
    Xt, Xv, yt, yv = train_test_split(X, y, test_size=0.3, random_state=seed, stratify=y)
    Xt, Xv = torch.tensor(Xt, dtype=torch.float32), torch.tensor(Xv, dtype=torch.float32)
    yt, yv = torch.tensor(yt), torch.tensor(yv)
    model = nn.Sequential(nn.Linear(30, 32), nn.Tanh(), nn.Linear(32, 16), nn.Tanh(), nn.Linear(16, 2))
    opt = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    report.watch(model, opt)
    report.data("train", (Xt, yt))
    for epoch in range(20):
        for i in torch.randperm(len(Xt)).split(32):
            out = model(Xt[i])
            loss = F.cross_entropy(out, yt[i])
            opt.zero_grad()
            loss.backward()
            opt.step()
            report.log({"loss": loss})
        with torch.no_grad():
            out = model(Xv)
        report.predictions(Xv, out, yv, split="val")
        report.log({"val_loss": F.cross_entropy(out, yv), "epoch": epoch})
    return (out.argmax(1) == yv).float().mean().item()


@faulty("train_val_leakage", also=("duplicates_in_train", "overfitting"))
def oversampled(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    X, y = make_classification(700, 30, n_informative=4, weights=[0.8], class_sep=0.4, flip_y=0.1, random_state=seed)
    rare = np.flatnonzero(y == 1)
    rng = np.random.default_rng(seed)
    more = rng.choice(rare, (y == 0).sum() - len(rare))
    X, y = np.concatenate([X, X[more]]), np.concatenate([y, y[more]])
    Xt, Xv, yt, yv = train_test_split(X, y, test_size=0.25, random_state=seed)
    train = TensorDataset(torch.tensor(Xt).float(), torch.tensor(yt))
    val = TensorDataset(torch.tensor(Xv).float(), torch.tensor(yv))
    report.data("train", train)
    report.data("val", val)
    net = mlp(30, 128, 64, 2)
    opt = torch.optim.AdamW(net.parameters(), lr=2e-3)
    report.watch(net, opt)
    for _ in range(15):
        for xb, yb in report.track(DataLoader(train, 32, shuffle=True), split="train"):
            loss = F.cross_entropy(net(xb), yb)
            opt.zero_grad()
            loss.backward()
            opt.step()
            report.log({"train/loss": loss})
        with torch.no_grad():
            out = net(val.tensors[0])
        report.predictions(val.tensors[0], out, val.tensors[1], split="val")
        acc = (out.argmax(1) == val.tensors[1]).float().mean()
        report.log({"val/loss": F.cross_entropy(out, val.tensors[1]), "val/acc": acc})
    return acc.item()


@faulty("distribution_shift", also=("overfitting", "worse_than_baseline", "calibration_off", "input_not_normalized"))
def cameras(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    xt, yt = blobs(seed, 960)
    xv, yv = blobs(seed + 1000, 240)
    xv = xv * (2.0 + 0.5 * (seed % 2)) + 1.5
    train, val = TensorDataset(xt, yt), TensorDataset(xv, yv)
    report.data("train", train)
    report.data("val", val)
    net = nn.Sequential(nn.Conv2d(1, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 16, 3, 2, 1), nn.ReLU(), nn.Flatten())
    net.append(nn.Linear(256, 32)).append(nn.ReLU()).append(nn.Linear(32, 2))
    opt = torch.optim.Adam(net.parameters(), lr=2e-3)
    report.watch(net, opt)
    for _ in range(8):
        for xb, yb in report.track(DataLoader(train, 32, shuffle=True), split="train"):
            loss = F.smooth_l1_loss(net(xb), yb)
            opt.zero_grad()
            loss.backward()
            opt.step()
            report.log({"train/loss": loss.item()})
        total = 0.0
        with torch.no_grad():
            for xb, yb in report.track(DataLoader(val, 80), split="val"):
                out = net(xb)
                report.predictions(xb, out, yb, split="val")
                total += F.mse_loss(out, yb).item() / 3
        report.log({"val/mse": total})
    return 1 - total / yv.var().item()
