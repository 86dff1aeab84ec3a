"""Scripts in which a number stops being finite."""

from __future__ import annotations

import torch
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from reportgen import Report
from tests.faults.known.data_a import accuracy, digits, mean, pick, r2, surface, table, waves
from tests.faults.setup import faulty

NOT_FINITE = ("nan_loss", "nan_activation", "nan_gradient", "nan_weight")
NO_USE = ("worse_than_baseline", "constant_predictions", "loss_not_decreasing")


@faulty("nan_loss", also=(*NOT_FINITE, *NO_USE))
def log_of_saturated_sigmoid(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = table(load_breast_cancer, seed)
    train = DataLoader(TensorDataset(x, y), batch_size=pick(seed, 32, 24), shuffle=True)
    model = nn.Sequential(nn.Linear(30, 64), nn.ReLU(), nn.Linear(64, 1), nn.Sigmoid())
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)

    def binary_cross_entropy(p: Tensor, t: Tensor) -> Tensor:
        return -(t * torch.log(p) + (1 - t) * torch.log(1 - p)).mean()

    report.watch(model, optimizer)
    for _ in range(20):
        model.train()
        for inputs, labels in report.track(train, split="train"):
            p = model(inputs).squeeze(1)
            loss = binary_cross_entropy(p, labels.float())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        model.eval()
        with torch.no_grad():
            p = model(x_val).squeeze(1)
            acc = ((p > 0.5).long() == y_val).float().mean().item()
        report.log({"val/loss": binary_cross_entropy(p, y_val.float()), "val/acc": acc})
    report.predictions(x_val, p, y_val, split="val")
    return acc


@faulty("nan_loss", "lr_too_high", "update_ratio_high", also=(*NOT_FINITE, *NO_USE, "divergence", "exploding_gradients",
        "exploding_activations"))  # fmt: skip
def regression_blows_up(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = surface(seed)
    loader = DataLoader(TensorDataset(x, y[:, None]), batch_size=32, shuffle=True)
    net = nn.Sequential(nn.Linear(6, 48), nn.ReLU(), nn.Linear(48, 48), nn.ReLU(), nn.Linear(48, 1))
    opt = torch.optim.SGD(net.parameters(), lr=pick(seed, 4.0, 5.0), momentum=0.9)
    criterion = nn.MSELoss()
    report.watch(net, opt, criterion)
    for epoch in range(6):
        losses = []
        for a, b in loader:
            opt.zero_grad()
            loss = criterion(net(a), b)
            loss.backward()
            opt.step()
            losses.append(loss.item())
            report.log({"loss": loss.item()})
        net.eval()
        with torch.no_grad():
            out = net(x_val)
        net.train()
        report.log({"train/epoch_loss": mean(losses), "val/loss": criterion(out, y_val[:, None]), "epoch": epoch})
    return r2(out, y_val)


class UnitLength(nn.Module):
    """Rows scaled to length 1."""

    def forward(self, x: Tensor) -> Tensor:
        return x / x.norm(dim=1, keepdim=True)


class Projector(nn.Module):
    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(64, 64)
        self.fc2 = nn.Linear(64, hidden)
        self.norm = UnitLength()
        self.head = nn.Linear(hidden, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.fc1(x))
        return self.head(self.norm(torch.relu(self.fc2(x))))


@faulty("nan_activation", where=("norm",), also=(*NOT_FINITE, *NO_USE))
def rows_of_zero_length(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = digits(seed)
    loader = DataLoader(TensorDataset(x, y), batch_size=64, shuffle=True)
    model = Projector(pick(seed, 6, 7, 5))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer, criterion)
    report.data("train", loader.dataset)
    for epoch in range(8):
        model.train()
        for inputs, labels in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(inputs), labels)
            report.log({"train/loss": loss})
            loss.backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            logits = model(x_val)
        report.predictions(x_val.view(-1, 1, 8, 8), logits, y_val, split="val")
        report.log({"val/acc": accuracy(logits, y_val), "epoch": epoch})
    return accuracy(logits, y_val)


class Spread(nn.Module):
    """Standard deviation over time of each channel: (N,C,T) -> (N,C)."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.sqrt((x**2).mean(dim=2) - x.mean(dim=2) ** 2)


class WaveNet(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(1, channels, 5, padding=2)
        self.conv2 = nn.Conv1d(channels, channels, 5, padding=2)
        self.pool = Spread()
        self.fc = nn.Linear(channels, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.conv1(x))
        x = F.hardtanh(self.conv2(x), -0.2, 0.2)
        return self.fc(self.pool(x))


@faulty("nan_activation", "nan_gradient", where=("pool", "conv2"), also=(*NOT_FINITE, *NO_USE))
def spread_by_difference_of_squares(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = waves(seed)
    x, x_val = x.transpose(1, 2), x_val.transpose(1, 2)
    net = WaveNet(pick(seed, 12, 16))
    opt = torch.optim.AdamW(net.parameters(), lr=5e-3)
    report.watch(net, opt)
    for _epoch in range(12):
        net.train()
        order = torch.randperm(len(x))
        for start in range(0, len(x), 40):
            rows = order[start : start + 40]
            loss = F.cross_entropy(net(x[rows]), y[rows])
            opt.zero_grad()
            loss.backward()
            opt.step()
            report.log({"train/loss": loss.item()})
        net.eval()
        with torch.no_grad():
            out = net(x_val)
            report.log({"val/loss": F.cross_entropy(out, y_val).item(), "val/acc": accuracy(out, y_val)})
    return accuracy(out, y_val)


class Encoder(nn.Module):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(64, 64)
        self.fc2 = nn.Linear(64, size)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(torch.relu(self.fc1(x)))


@faulty("nan_gradient", also=(*NOT_FINITE, *NO_USE, "divergence"))
def distance_of_equal_pairs(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = digits(seed)
    model = Encoder(pick(seed, 8, 12))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    report.watch(model, optimizer)

    def pair_loss(a: Tensor, b: Tensor, same: Tensor) -> Tensor:
        distance = ((a - b) ** 2).sum(dim=1).sqrt()
        return (same * distance**2 + (1 - same) * F.relu(2 - distance) ** 2).mean()

    score = 0.0
    for step in range(300):
        left = torch.randint(len(x), (64,))
        right = torch.randint(len(x), (64,))
        a, b = model(x[left]), model(x[right])
        loss = pair_loss(a, b, (y[left] == y[right]).float())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        report.log({"train/loss": loss})
        if step % 50 == 49:
            model.eval()
            with torch.no_grad():
                nearest = torch.cdist(model(x_val), model(x)).argmin(dim=1)
            score = (y[nearest] == y_val).float().mean().item()
            report.log({"val/acc": score})
            model.train()
    return score


@faulty("nan_input", also=(*NOT_FINITE, *NO_USE))
def table_with_missing_values(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = table(load_wine, seed)
    for _ in range(pick(seed, 3, 5)):
        x[torch.randint(len(x), ()), 4 + torch.randint(3, ())] = float("nan")
    train_set = TensorDataset(x, y)
    loader = DataLoader(train_set, batch_size=16, shuffle=True)
    model = nn.Sequential(nn.Linear(13, 32), nn.ReLU(), nn.Linear(32, 3))
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    report.watch(model, optimizer, criterion)
    report.data("train", train_set)
    report.data("val", (x_val, y_val))
    for _epoch in range(15):
        for inputs, labels in report.track(loader, split="train"):
            optimizer.zero_grad()
            loss = criterion(model(inputs), labels)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss.item()})
        with torch.no_grad():
            out = model(x_val)
        report.log({"val/loss": criterion(out, y_val).item(), "val/acc": accuracy(out, y_val)})
        report.predictions(x_val, out, y_val)
    return accuracy(out, y_val)


@faulty("nan_input", also=(*NOT_FINITE, *NO_USE))
def ratio_column_divides_by_zero(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = table(load_diabetes, seed, regression=True)
    visits, visits_val = torch.poisson(torch.full((len(x),), 4.0)), torch.poisson(torch.full((len(x_val),), 4.0))
    x = torch.cat([x, (x[:, 2] / visits)[:, None]], dim=1)
    x_val = torch.cat([x_val, (x_val[:, 2] / (visits_val + 1))[:, None]], dim=1)
    net = nn.Sequential(nn.Linear(11, 24), nn.Tanh(), nn.Linear(24, 1))
    opt = torch.optim.Adam(net.parameters(), lr=2e-3)
    report.watch(net, opt)
    batch = pick(seed, 16, 24)
    for _epoch in range(15):
        for rows in torch.randperm(len(x)).split(batch):
            opt.zero_grad()
            loss = F.mse_loss(net(x[rows]).squeeze(1), y[rows])
            loss.backward()
            opt.step()
            report.log({"train_loss": loss})
        with torch.no_grad():
            out = net(x_val).squeeze(1)
        report.log({"val_loss": F.mse_loss(out, y_val), "val_r2": r2(out, y_val)})
    return r2(out, y_val)
