"""Scripts whose code is at fault."""

from __future__ import annotations

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_diabetes, load_digits, make_classification
from torch.utils.data import DataLoader, TensorDataset

from reportgen import Report
from tests.faults.second.data import blobs, sentences, table, waves
from tests.faults.setup import faulty


class DigitNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 12, 3, padding=1)
        self.conv2 = nn.Conv2d(12, 24, 3, padding=1)
        self.fc1 = nn.Linear(24 * 4, 48)
        self.fc2 = nn.Linear(48, 10)
        self.softmax = nn.Softmax(dim=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = F.relu(self.fc1(x.flatten(1)))
        return self.softmax(self.fc2(x))


@faulty(
    "softmax_before_ce",
    also=(
        "underfitting",
        "plateau",
        "vanishing_gradients",
        "lr_too_low",
        "calibration_off",
        "update_ratio_low",
        "minority_class_ignored",
        "output_range_mismatch",
        "loss_not_decreasing",
        "worse_than_baseline",
        "saturated_activation",
    ),
)
def digit_probabilities(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    d = load_digits()
    perm = torch.randperm(1797)
    x = torch.tensor(d.images[:, None] / 16.0, dtype=torch.float32)[perm]
    y = torch.tensor(d.target)[perm]
    train = DataLoader(TensorDataset(x[:1437], y[:1437]), batch_size=48, shuffle=True)
    net = DigitNet()
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    report.watch(net, optimizer, criterion)
    for _ in range(6):
        net.train()
        for xb, yb in report.track(train, split="train"):
            optimizer.zero_grad()
            loss = criterion(net(xb), yb)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        net.eval()
        with torch.no_grad():
            out = net(x[1437:])
        report.predictions(x[1437:], out, y[1437:], split="val")
        report.log({"val/loss": criterion(out, y[1437:]), "val/acc": (out.argmax(1) == y[1437:]).float().mean()})
    return (out.argmax(1) == y[1437:]).float().mean().item()


@faulty(
    "loss_broadcasting",
    "shape_mismatch",
    also=(
        "underfitting",
        "plateau",
        "constant_predictions",
        "worse_than_baseline",
        "loss_not_decreasing",
        "small_dataset",
        "low_gradient_snr",
    ),
)
def progression(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    X, y = load_diabetes(return_X_y=True, scaled=False)
    perm = torch.randperm(len(y))
    X, y = torch.tensor(X, dtype=torch.float32)[perm], torch.tensor(y, dtype=torch.float32)[perm]
    X, y = (X - X[:350].mean(0)) / X[:350].std(0), (y - y[:350].mean()) / y[:350].std()
    model = nn.Sequential(nn.Linear(10, 24), nn.SiLU(), nn.Linear(24, 1))
    opt = torch.optim.Adam(model.parameters(), lr=3e-3)
    report.watch(model, opt)
    loader = DataLoader(TensorDataset(X[:350], y[:350]), batch_size=25 + 5 * (seed % 2), shuffle=True)
    for _ in range(20):
        for xb, yb in report.track(loader, split="train"):
            loss = ((model(xb) - yb) ** 2).mean()
            opt.zero_grad()
            loss.backward()
            opt.step()
            report.log({"train/loss": loss.item()})
        with torch.no_grad():
            out = model(X[350:])
        report.predictions(X[350:], out, y[350:], split="val")
        report.log({"val/loss": ((out - y[350:]) ** 2).mean()})
    return 1 - (F.mse_loss(out[:, 0], y[350:]) / y[350:].var()).item()


class SignalNet(nn.Module):
    def __init__(self, classes: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv1d(1, 16, 7, stride=2, padding=3),
            nn.ReLU(),
            nn.Conv1d(16, 16, 5, stride=2, padding=2),
            nn.ReLU(),
            nn.AdaptiveAvgPool1d(5),
            nn.Flatten(),
        )
        self.head = nn.Linear(80, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(x))


@faulty(
    "optimizer_missing_params",
    "not_updated",
    where=("head",),
    also=("unused_parameters", "frozen_parameters", "underfitting"),
)
def signals_head(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y = waves(seed, 960)
    xv, yv = waves(seed + 1000, 240)
    net = SignalNet(10)
    opt = torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.9)
    net.head = nn.Sequential(nn.Linear(80, 32), nn.ReLU(), nn.Linear(32, 3))
    report.watch(net, opt)
    loader = DataLoader(TensorDataset(x, y), 32, shuffle=True)
    for _ in range(6):
        net.train()
        for xb, yb in report.track(loader, split="train"):
            net.zero_grad()
            loss = F.cross_entropy(net(xb), yb)
            loss.backward()
            opt.step()
            report.log({"train/loss": loss})
        net.eval()
        with torch.no_grad():
            out = net(xv)
        report.predictions(xv, out, yv, split="val")
        report.log({"val/loss": F.cross_entropy(out, yv)})
    return (out.argmax(1) == yv).float().mean().item()


@faulty("train_mode_in_eval", also=("underfitting", "dropout_too_high", "calibration_off"))
def evaluation(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    X, y = make_classification(1600, 16, n_informative=10, n_classes=3, class_sep=1.0, random_state=seed)
    X, y = torch.tensor(X).float(), torch.tensor(y)
    train = DataLoader(TensorDataset(X[:1280], y[:1280]), batch_size=40, shuffle=True)
    val = DataLoader(TensorDataset(X[1280:], y[1280:]), batch_size=10)
    net = nn.Sequential(nn.Linear(16, 96), nn.BatchNorm1d(96), nn.ReLU(), nn.Dropout(0.6), nn.Linear(96, 96), nn.ReLU())
    net.append(nn.Dropout(0.6)).append(nn.Linear(96, 3))
    opt = torch.optim.AdamW(net.parameters(), lr=2e-3)
    report.watch(net, opt)
    for _ in range(8):
        net.train()
        for xb, yb in report.track(train, split="train"):
            loss = F.cross_entropy(net(xb), yb)
            opt.zero_grad()
            loss.backward()
            opt.step()
            report.log({"train/loss": loss.item()})
        right = 0
        with torch.no_grad():
            for xb, yb in report.track(val, split="val"):
                out = net(xb)
                report.predictions(xb, out, yb, split="val")
                report.log({"val/loss": F.cross_entropy(out, yb).item()})
                right += (out.argmax(1) == yb).sum().item()
        report.log({"val/acc": right / 320})
    return right / 320


@faulty(
    "relu_on_output",
    "output_range_mismatch",
    also=(
        "dead_relu",
        "underfitting",
        "plateau",
        "worse_than_baseline",
        "constant_predictions",
        "no_gradient",
        "dead_channels",
    ),
)
def spots(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    xt, yt = blobs(seed, 800)
    xv, yv = blobs(seed + 1000, 200)

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.convs = nn.ModuleList([nn.Conv2d(1, 8, 3, 2, 1), nn.Conv2d(8, 16, 3, 2, 1)])
            self.fcs = nn.ModuleList([nn.Linear(256, 40), nn.Linear(40, 2)])

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            for conv in self.convs:
                x = F.relu(conv(x))
            x = x.flatten(1)
            for fc in self.fcs:
                x = F.relu(fc(x))
            return x

    net, criterion = Net(), nn.MSELoss()
    opt = torch.optim.Adam(net.parameters(), lr=1e-3)
    report.watch(net, opt, criterion)
    for epoch in range(8):
        for xb, yb in report.track(DataLoader(TensorDataset(xt, yt), 32, shuffle=True), split="train"):
            opt.zero_grad()
            loss = criterion(net(xb), yb)
            loss.backward()
            opt.step()
            report.log({"loss": loss})
        with torch.no_grad():
            out = net(xv)
        report.predictions(xv, out, yv, split="val")
        report.log({"val_loss": criterion(out, yv), "epoch": epoch})
    return 1 - (criterion(out, yv) / yv.var()).item()


class Reader(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(12, 16)
        self.encoder = nn.LSTM(16, 32, batch_first=True)
        self.classifier = nn.Linear(32, 12)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        states, _ = self.encoder(self.embed(ids))
        memory = states[:, -1].data
        return self.classifier(memory)


@faulty(
    "detached_graph",
    "no_gradient",
    where=("embed", "encoder"),
    also=("not_updated", "unused_parameters", "underfitting", "frozen_parameters", "plateau"),
)
def next_letter(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    train, val = sentences(seed, 1600, 6), sentences(seed + 1000, 300, 6)
    model = Reader()
    opt = torch.optim.Adam(model.parameters(), lr=5e-3)
    report.watch(model, opt)
    loader = DataLoader(TensorDataset(train[:, :-1], train[:, -1]), batch_size=32, shuffle=True)
    for _ in range(6):
        for ids, target in report.track(loader, split="train"):
            loss = F.cross_entropy(model(ids), target)
            opt.zero_grad()
            loss.backward()
            opt.step()
            report.log({"train/loss": loss.item()})
        with torch.no_grad():
            out = model(val[:, :-1])
        report.predictions(val[:, :-1], out, val[:, -1], split="val")
        report.log({"val/loss": F.cross_entropy(out, val[:, -1])})
    return (out.argmax(1) == val[:, -1]).float().mean().item()


@faulty("nan_gradient", also=("no_validation", "nan_loss", "nan_weight", "nan_activation", "constant_predictions"))
def pairs_distance(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y = table(seed, 600)
    kind = (y > 0).long()
    encoder = nn.Sequential(nn.Linear(10, 32), nn.Tanh(), nn.Linear(32, 4))
    opt = torch.optim.Adam(encoder.parameters(), lr=2e-3)
    report.watch(encoder, opt)
    generator = torch.Generator().manual_seed(seed)
    for _ in range(200):
        a = torch.randint(500, (24,), generator=generator)
        b = torch.randint(500, (24,), generator=generator)
        away = torch.sqrt(((encoder(x[a]) - encoder(x[b])) ** 2).sum(1))
        same = (kind[a] == kind[b]).float()
        loss = (same * away**2 + (1 - same) * F.relu(1 - away) ** 2).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        report.log({"loss": loss})
    with torch.no_grad():
        near = torch.cdist(encoder(x[500:]), encoder(x[:500])).nan_to_num(1e9).argmin(1)
    return (kind[:500][near] == kind[500:]).float().mean().item()


@faulty("labels_out_of_range", also=("no_validation",))
def ratings(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y = table(seed, 500)
    stars = (y * 1.2 + 3).round().clamp(1, 5).long()
    loader = DataLoader(TensorDataset(x, stars), batch_size=20, shuffle=True)
    net = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 5))
    criterion = nn.CrossEntropyLoss()
    opt = torch.optim.RMSprop(net.parameters(), lr=1e-3)
    report.watch(net, opt, criterion)
    report.data("train", (x, stars))
    right = 0.0
    for _ in range(4):
        for xb, yb in report.track(loader, split="train"):
            out = net(xb)
            loss = criterion(out, yb)
            opt.zero_grad()
            loss.backward()
            opt.step()
            right = (out.argmax(1) == yb).float().mean().item()
            report.log({"train/loss": loss.item(), "train/acc": right})
    return right
