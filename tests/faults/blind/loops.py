"""What goes wrong in the loop around the model: modes, batches, what is kept, what comes too late."""

from __future__ import annotations

import time

import torch
import torch.nn.functional as F
from sklearn.datasets import load_breast_cancer
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from reportgen import Report
from tests.faults.blind.data import accuracy, curve, digits, pictures, r2, split
from tests.faults.setup import faulty

_BAD = ("underfitting", "plateau", "loss_not_decreasing", "worse_than_baseline", "constant_predictions")


class BnNet(nn.Module):
    def __init__(self, width: int = 8, drop: float = 0.0) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, width, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, 2 * width, 3, stride=2, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(2 * width)
        self.drop = nn.Dropout(drop)
        self.fc = nn.Linear(2 * width * 16, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.drop(F.relu(self.bn1(self.conv1(x))))
        x = F.relu(self.bn2(self.conv2(x)))
        return self.fc(self.drop(x.flatten(1)))


@faulty("train_mode_in_eval", also=("calibration_off", "dropout_too_high"))
def scored_with_dropout_on(report: Report, seed: int) -> float:
    """Nobody calls eval(): what is scored is the net with half its units dropped."""
    torch.manual_seed(seed)
    xt, yt, xv, yv = pictures(seed)
    model = BnNet(8, drop=0.5 + 0.1 * (seed % 2))
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    report.watch(model, optimizer, criterion)
    loader = DataLoader(TensorDataset(xt, yt), batch_size=64, shuffle=True)
    val = DataLoader(TensorDataset(xv, yv), batch_size=20)
    for _ in range(4):
        model.train()
        for x, y in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        right, total = 0.0, 0.0
        with torch.no_grad():
            for x, y in report.track(val, split="val"):
                out = model(x)
                right += float((out.argmax(1) == y).sum())
                total += F.cross_entropy(out, y, reduction="sum").item()
                report.predictions(x, out, y, split="val")
        report.log({"val/loss": total / len(yv), "val/acc": right / len(yv)})
    return right / len(yv)


@faulty("eval_mode_in_train", also=("overfitting", "calibration_off"))
def never_back_to_training(report: Report, seed: int) -> float:
    """eval() for the first validation, and no train() after it: from then on dropout and statistics stand still."""
    torch.manual_seed(seed)
    xt, yt, xv, yv = pictures(seed, rows=700)
    model = BnNet(8, drop=0.3)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.003 + 0.001 * (seed % 3))
    report.watch(model, optimizer, criterion)
    loader = DataLoader(TensorDataset(xt, yt), batch_size=32, shuffle=True)

    def validate() -> float:
        model.eval()
        with torch.no_grad():
            out = model(xv)
        report.log({"val/loss": criterion(out, yv), "val/acc": accuracy(out, yv)})
        report.predictions(xv, out, yv)
        return accuracy(out, yv)

    validate()
    for _ in range(8):
        for x, y in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        score = validate()
    return score


@faulty("bn_small_batch", also=("oscillation", "low_gradient_snr", "overfitting", "calibration_off", *_BAD))
def batches_of_two_in_batchnorm(report: Report, seed: int) -> float:
    """BatchNorm over two rows: its statistics in training have little to do with those of the data."""
    torch.manual_seed(seed)
    xt, yt, xv, yv = curve(seed, rows=500)
    mean, std = yt.mean(), yt.std()
    yt, yv = ((yt - mean) / std)[:, None], ((yv - mean) / std)[:, None]
    model = nn.Sequential(
        nn.Linear(10, 24, bias=False),
        nn.BatchNorm1d(24),
        nn.ReLU(),
        nn.Linear(24, 24, bias=False),
        nn.BatchNorm1d(24),
        nn.ReLU(),
        nn.Linear(24, 1),
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=0.003 + 0.001 * (seed % 2))
    report.watch(model, optimizer, nn.MSELoss())
    loader = DataLoader(TensorDataset(xt, yt), batch_size=2, shuffle=True)
    for _ in range(2):
        model.train()
        for x, y in report.track(loader):
            optimizer.zero_grad()
            loss = F.mse_loss(model(x), y)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        model.eval()
        with torch.no_grad():
            out = model(xv)
        report.log({"val/loss": F.mse_loss(out, yv), "val/r2": r2(out, yv)})
        report.predictions(xv, out, yv)
    return r2(out, yv)


@faulty("dropout_too_high", also=(*_BAD, "val_better_than_train", "calibration_off", "low_gradient_snr"))
def nearly_all_is_dropped(report: Report, seed: int) -> float:
    """Dropout(0.95) thrice: someone took p for the share that is kept."""
    torch.manual_seed(seed)
    xt, yt, xv, yv = digits(seed)
    p = 0.95 - 0.02 * (seed % 2)
    model = nn.Sequential(
        nn.Linear(64, 64), nn.ReLU(), nn.Dropout(p), nn.Linear(64, 64), nn.ReLU(), nn.Dropout(p), nn.Linear(64, 10)
    )
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.002)
    report.watch(model, optimizer, criterion)
    loader = DataLoader(TensorDataset(xt, yt), batch_size=64, shuffle=True)
    for _ in range(8):
        model.train()
        for x, y in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        model.eval()
        with torch.no_grad():
            out = model(xv)
        report.log({"val/loss": criterion(out, yv), "val/acc": accuracy(out, yv)})
        report.predictions(xv, out, yv)
    return accuracy(out, yv)


@faulty("memory_leak")
def losses_kept_with_their_graphs(report: Report, seed: int) -> float:
    """The running loss is a sum of tensors, so each batch's graph and activations live on to the end."""
    torch.manual_seed(seed)
    xt, yt, xv, yv = digits(seed)
    model = nn.Sequential(nn.Linear(64, 1024), nn.ReLU(), nn.Linear(1024, 512), nn.ReLU(), nn.Linear(512, 10))
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    report.watch(model, optimizer, criterion)
    loader = DataLoader(TensorDataset(xt, yt), batch_size=96 + 32 * (seed % 2), shuffle=True)
    running, history = torch.zeros(()), []
    for _ in range(5):
        for x, y in report.track(loader):
            optimizer.zero_grad()
            out = model(x)
            loss = criterion(out, y)
            loss.backward(retain_graph=True)
            optimizer.step()
            running = running + loss
            history.append(out)
            report.log({"train/loss": loss.item()})
        with torch.no_grad():
            out = model(xv)
        report.log({"val/loss": criterion(out, yv).item(), "train/mean": (running / len(history)).item()})
        report.predictions(xv, out, yv)
    return accuracy(out, yv)


class Slow(Dataset):
    """Rows that are decoded as they are asked for."""

    def __init__(self, x: Tensor, y: Tensor, seconds: float) -> None:
        self.x, self.y, self.seconds = x, y, seconds

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, i: int) -> tuple[Tensor, Tensor]:
        time.sleep(self.seconds)
        return self.x[i], self.y[i]


@faulty("dataloader_bottleneck", also=("stalled", "small_dataset"))
def model_waits_for_rows(report: Report, seed: int) -> float:
    """Each row takes two milliseconds to read, in the process that trains; a step takes less than that."""
    torch.manual_seed(seed)
    xt, yt, xv, yv = digits(seed, rows=500)
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    report.watch(model, optimizer, criterion)
    loader = DataLoader(Slow(xt, yt, 0.0015 + 0.0003 * (seed % 2)), batch_size=16, shuffle=True)
    for _ in range(2):
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


@faulty(
    "nan_gradient",
    "nan_loss",
    "nan_weight",
    also=("nan_activation", "divergence", "constant_predictions", "worse_than_baseline", "loss_not_decreasing"),
)
def root_of_a_distance_of_zero(report: Report, seed: int) -> float:
    """Euclidean distances within the batch, also of a row to itself: the root's gradient at zero is no number."""
    torch.manual_seed(seed)
    x, y = load_breast_cancer(return_X_y=True)
    xt, yt, xv, yv = split((x - x.mean(0)) / x.std(0), y, seed, len(x))
    net = nn.Sequential(nn.Linear(30, 16), nn.ReLU(), nn.Linear(16, 4 + seed % 3))
    opt = torch.optim.Adam(net.parameters(), lr=0.005)
    report.watch(net, opt)
    for _ in range(8):
        for idx in torch.randperm(len(xt)).split(32):
            z, y = net(xt[idx]), yt[idx]
            distance = (z[:, None] - z[None]).pow(2).sum(2).sqrt()
            same = (y[:, None] == y[None]).float()
            loss = (same * distance + (1 - same) * F.relu(2 - distance)).mean()
            opt.zero_grad()
            loss.backward()
            opt.step()
            report.log({"train/loss": loss})
        with torch.no_grad():
            gap = torch.cdist(net(xv), net(xt))
        report.log({"val/acc": float((yt[gap.argmin(1)] == yv).float().mean())})
    return float((yt[gap.argmin(1)] == yv).float().mean())


@faulty("scheduler_before_optimizer")
def schedule_steps_first(report: Report, seed: int) -> float:
    """scheduler.step() stands at the head of the loop, as before PyTorch 1.1: the first value is never used."""
    torch.manual_seed(seed)
    xt, yt, xv, yv = digits(seed)
    model = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [5 + seed % 2], gamma=0.1)
    report.watch(model, optimizer, nn.CrossEntropyLoss(), scheduler=scheduler)
    loader = DataLoader(TensorDataset(xt, yt), batch_size=64, shuffle=True)
    for _ in range(8):
        scheduler.step()
        for x, y in report.track(loader):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        with torch.no_grad():
            out = model(xv)
        report.log({"val/loss": F.cross_entropy(out, yv), "val/acc": accuracy(out, yv)})
        report.predictions(xv, out, yv)
    return accuracy(out, yv)
