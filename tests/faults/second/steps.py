"""Scripts whose steps go wrong: learning rates, schedules, decay, depth."""

from __future__ import annotations

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits, make_classification
from torch.utils.data import DataLoader, TensorDataset

from reportgen import Report
from tests.faults.second.data import sentences, table, waves
from tests.faults.setup import faulty


class Experts(nn.Module):
    def __init__(self, width: int, classes: int, experts: int = 4) -> None:
        super().__init__()
        self.router = nn.Linear(width, experts)
        self.experts = nn.ModuleList(
            nn.Sequential(nn.Linear(width, 32), nn.ReLU(), nn.Linear(32, classes)) for _ in range(experts)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        share = self.router(x).softmax(-1)
        said = torch.stack([expert(x) for expert in self.experts], 1)
        return (share.unsqueeze(-1) * said).sum(1)


@faulty(
    "lr_too_high",
    "update_ratio_high",
    also=(
        "divergence",
        "oscillation",
        "exploding_gradients",
        "exploding_activations",
        "loss_not_decreasing",
        "dead_relu",
        "underfitting",
        "worse_than_baseline",
        "nan_loss",
        "nan_gradient",
        "nan_weight",
        "nan_activation",
        "constant_predictions",
        "plateau",
        "minority_class_ignored",
    ),
)
def experts_steps(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    X, y = make_classification(1500, 20, n_informative=10, n_classes=4, random_state=seed)
    X, y = torch.tensor(X, dtype=torch.float32), torch.tensor(y)
    X = (X - X[:1200].mean(0)) / X[:1200].std(0)
    loader = DataLoader(TensorDataset(X[:1200], y[:1200]), batch_size=64, shuffle=True)
    model = Experts(20, 4)
    rate = 2.5 + 0.5 * (seed % 3)
    opt = torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9)
    report.watch(model, opt)
    for _ in range(8):
        model.train()
        for xb, yb in report.track(loader, split="train"):
            loss = F.cross_entropy(model(xb), yb)
            opt.zero_grad()
            loss.backward()
            opt.step()
            report.log({"train/loss": loss.item()})
        model.eval()
        with torch.no_grad():
            out = model(X[1200:])
        report.predictions(X[1200:], out, y[1200:], split="val")
        report.log({"val/loss": F.cross_entropy(out, y[1200:]), "val/acc": (out.argmax(1) == y[1200:]).float().mean()})
    return (out.argmax(1) == y[1200:]).float().mean().item()


class TinyLM(nn.Module):
    def __init__(self, letters: int = 12, width: int = 32) -> None:
        super().__init__()
        self.emb = nn.Embedding(letters, 16)
        self.rnn = nn.GRU(16, width, batch_first=True)
        self.out = nn.Linear(width, letters)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.out(self.rnn(self.emb(ids))[0])


@faulty(
    "lr_too_low",
    "update_ratio_low",
    also=(
        "underfitting",
        "plateau",
        "loss_not_decreasing",
        "worse_than_baseline",
        "constant_predictions",
        "not_updated",
        "minority_class_ignored",
        "rank_collapse",
        "stalled",
    ),
)
def letters_small_steps(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    train, val = sentences(seed, 640, 20), sentences(seed + 1000, 160, 20)
    net = TinyLM()
    optimizer = torch.optim.AdamW(net.parameters(), lr=2e-6 * (1 + seed % 2), weight_decay=0.01)
    report.watch(net, optimizer)
    for epoch in range(6):
        net.train()
        for start in torch.randperm(640).split(32):
            batch = train[start]
            logits = net(batch[:, :-1])
            loss = F.cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            report.log({"loss": loss})
        net.eval()
        with torch.no_grad():
            logits = net(val[:, :-1])
            report.log({"val_loss": F.cross_entropy(logits.flatten(0, 1), val[:, 1:].flatten()), "epoch": epoch})
    report.predictions(val[:, :-1], logits, val[:, 1:], split="val")
    return (logits.argmax(-1) == val[:, 1:]).float().mean().item()


@faulty(
    "lr_decayed_early",
    also=(
        "lr_too_low",
        "update_ratio_low",
        "underfitting",
        "plateau",
        "not_updated",
        "loss_not_decreasing",
        "worse_than_baseline",
        "minority_class_ignored",
    ),
)
def waves_schedule(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y = waves(seed, 1200)
    xv, yv = waves(seed + 1000, 300)
    loader = DataLoader(TensorDataset(x, y), batch_size=32, shuffle=True)
    net = nn.Sequential(
        nn.Conv1d(1, 12, 5, padding=2),
        nn.ReLU(),
        nn.Conv1d(12, 12, 5, padding=2, stride=2),
        nn.ReLU(),
        nn.Conv1d(12, 12, 5, padding=2, stride=2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(120, 3),
    )
    criterion = nn.CrossEntropyLoss()
    opt = torch.optim.Adam(net.parameters(), lr=1e-3)
    scheduler = torch.optim.lr_scheduler.StepLR(opt, step_size=3, gamma=0.5)
    report.watch(net, opt, criterion, scheduler=scheduler)
    for _ in range(8):
        net.train()
        for xb, yb in report.track(loader, split="train"):
            opt.zero_grad()
            loss = criterion(net(xb), yb)
            loss.backward()
            opt.step()
            scheduler.step()
            report.log({"train/loss": loss, "lr": opt.param_groups[0]["lr"]})
        net.eval()
        with torch.no_grad():
            out = net(xv)
            report.log({"val/loss": criterion(out, yv)})
        report.predictions(xv, out, yv, split="val")
    return (out.argmax(1) == yv).float().mean().item()


@faulty(
    "weight_decay_too_high",
    also=(
        "underfitting",
        "plateau",
        "constant_predictions",
        "worse_than_baseline",
        "loss_not_decreasing",
        "vanishing_gradients",
        "rank_collapse",
        "weight_decay_on_norm_bias",
        "zero_weights",
        "minority_class_ignored",
        "dead_channels",
        "calibration_off",
    ),
)
def digits_decay(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    data = load_digits()
    order = torch.randperm(len(data.target), generator=torch.Generator().manual_seed(seed))
    X = torch.tensor(data.data / 16, dtype=torch.float32)[order]
    y = torch.tensor(data.target)[order]
    train = DataLoader(TensorDataset(X[:1400], y[:1400]), batch_size=50, shuffle=True)
    val = DataLoader(TensorDataset(X[1400:], y[1400:]), batch_size=200)
    model = nn.Sequential(nn.Linear(64, 96), nn.GELU(), nn.Linear(96, 48), nn.GELU(), nn.Linear(48, 10))
    opt = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=0.1 + 0.05 * (seed % 2))
    report.watch(model, opt, name="Model")
    for _ in range(8):
        model.train()
        for xb, yb in report.track(train, split="train"):
            loss = F.cross_entropy(model(xb), yb)
            opt.zero_grad(set_to_none=True)
            loss.backward()
            opt.step()
            report.log({"train/loss": loss.item()})
        model.eval()
        right = 0
        with torch.no_grad():
            for xb, yb in report.track(val, split="val"):
                out = model(xb)
                right += (out.argmax(1) == yb).sum().item()
                report.predictions(xb, out, yb, split="val")
        report.log({"val/acc": right / 397})
    return right / 397


class DeepRegressor(nn.Module):
    def __init__(self, width: int, depth: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(10 if i == 0 else width, width) for i in range(depth)])
        self.act = nn.Sigmoid()
        self.head = nn.Linear(width, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.layers:
            x = self.act(layer(x))
        return self.head(x).squeeze(-1)


@faulty(
    "vanishing_gradients",
    also=(
        "underfitting",
        "plateau",
        "constant_predictions",
        "worse_than_baseline",
        "loss_not_decreasing",
        "rank_collapse",
        "update_ratio_low",
        "saturated_activation",
        "bad_init",
        "not_updated",
        "low_gradient_snr",
    ),
)
def table_deep(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y = table(seed, 1280)
    xv, yv = table(seed + 1000, 320)
    loader = DataLoader(TensorDataset(x, y), batch_size=64, shuffle=True)
    model = DeepRegressor(32, 8 + seed % 3)
    opt = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9)
    mse = nn.MSELoss()
    report.watch(model, opt, mse)
    for epoch in range(8):
        for xb, yb in report.track(loader):
            opt.zero_grad()
            loss = mse(model(xb), yb)
            loss.backward()
            opt.step()
            report.log({"train_loss": loss})
        with torch.no_grad():
            pred = model(xv)
        report.log({"val_loss": mse(pred, yv), "epoch": epoch})
        report.predictions(xv, pred, yv, split="val")
    return 1 - (mse(pred, yv) / yv.var()).item()


@faulty(
    "missing_zero_grad",
    also=(
        "divergence",
        "oscillation",
        "lr_too_high",
        "update_ratio_high",
        "exploding_gradients",
        "underfitting",
        "loss_not_decreasing",
        "worse_than_baseline",
        "exploding_activations",
        "saturated_activation",
        "plateau",
        "calibration_off",
        "minority_class_ignored",
        "vanishing_gradients",
        "rank_collapse",
    ),
)
def letters_accumulate(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    train, val = sentences(seed, 800, 16), sentences(seed + 1000, 160, 16)
    loader = DataLoader(TensorDataset(train), batch_size=32, shuffle=True)
    model = TinyLM(width=40)
    optim = torch.optim.SGD(model.parameters(), lr=0.5)
    report.watch(model, optim)
    for _ in range(10):
        model.train()
        for (ids,) in report.track(loader, split="train"):
            logits = model(ids[:, :-1])
            loss = F.cross_entropy(logits.reshape(-1, 12), ids[:, 1:].reshape(-1))
            loss.backward()
            optim.step()
            report.log({"train/loss": loss.detach()})
        model.eval()
        with torch.no_grad():
            logits = model(val[:, :-1]).reshape(-1, 12)
            report.log({"val/loss": F.cross_entropy(logits, val[:, 1:].reshape(-1))})
    report.predictions(val[:, :-1], logits.view(160, 15, 12), val[:, 1:], split="val")
    return (logits.argmax(-1) == val[:, 1:].reshape(-1)).float().mean().item()
