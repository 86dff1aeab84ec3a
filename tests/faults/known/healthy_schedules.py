"""Healthy set-ups: learning rates that rise, fall to zero and jump, as their schedulers mean them to."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import lr_scheduler
from torch.utils.data import DataLoader, TensorDataset

from reportgen import Report
from tests.faults.known import data_c
from tests.faults.setup import healthy


class Classifier(nn.Module):
    """One hidden layer with layer normalisation, over the 64 pixels of a digit."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(64, width)
        self.norm = nn.LayerNorm(width)
        self.fc2 = nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.norm(self.fc1(x))))


def _loaders(seed: int, batch: int) -> tuple[DataLoader, DataLoader]:
    x, y, x_val, y_val = data_c.digits(seed)
    train = DataLoader(TensorDataset(x, y), batch_size=batch, shuffle=True)
    return train, DataLoader(TensorDataset(x_val, y_val), batch_size=512)


def _evaluate(report: Report, model: nn.Module, loader: DataLoader) -> float:
    model.eval()
    loss, right, rows = 0.0, 0, 0
    with torch.no_grad():
        for x, y in report.track(loader, split="val"):
            out = model(x)
            loss += F.cross_entropy(out, y, reduction="sum").item()
            right += int((out.argmax(1) == y).sum())
            rows += len(y)
            report.predictions(x, out, y, split="val")
    report.log({"val/loss": loss / rows, "val/acc": right / rows})
    return right / rows


@healthy(least=0.92)
def linear_warm_up(report: Report, seed: int) -> float:
    """The learning rate rises from a thousandth of its peak over the first quarter: the first steps hardly move."""
    torch.manual_seed(seed)
    train, val = _loaders(seed, 64)
    model = Classifier(64 + 32 * (seed % 2))
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)
    steps = 10 * len(train)
    scheduler = lr_scheduler.LinearLR(optimizer, start_factor=1e-3, total_iters=steps // 4)
    report.watch(model, optimizer=optimizer, criterion=F.cross_entropy, scheduler=scheduler)
    score = 0.0
    for _ in range(10):
        model.train()
        for x, y in report.track(train):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss, "lr": scheduler.get_last_lr()[0]})
            scheduler.step()
        score = _evaluate(report, model, val)
    return score


@healthy(least=0.93)
def cosine_to_zero(report: Report, seed: int) -> float:
    """The schedule ends at a learning rate of 0, where nothing moves any more."""
    torch.manual_seed(seed)
    train, val = _loaders(seed, 48)
    model = Classifier(96)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    epochs = 9
    scheduler = lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs * len(train), eta_min=0.0)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer, criterion, scheduler=scheduler)
    for _ in range(epochs):
        model.train()
        for x, y in report.track(train, split="train"):
            loss = criterion(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
            report.log({"train/loss": loss.item()})
        score = _evaluate(report, model, val)
    return score


@healthy(least=0.93)
def one_cycle(report: Report, seed: int) -> float:
    """OneCycleLR: up to a high peak, momentum down with it, and down to a hundred-thousandth of the peak."""
    torch.manual_seed(seed)
    train, val = _loaders(seed, 64)
    model = Classifier(80)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    scheduler = lr_scheduler.OneCycleLR(optimizer, max_lr=0.3, epochs=8, steps_per_epoch=len(train))
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer=optimizer, criterion=criterion, scheduler=scheduler)
    for _ in range(8):
        model.train()
        for x, y in report.track(train):
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            scheduler.step()
            report.log({"train/loss": loss, "lr": optimizer.param_groups[0]["lr"]})
        score = _evaluate(report, model, val)
    return score


@healthy(least=0.92)
def warm_restarts(report: Report, seed: int) -> float:
    """The learning rate jumps back to its start after two and six epochs, and the loss goes up for a while."""
    torch.manual_seed(seed)
    train, val = _loaders(seed, 64)
    model = Classifier(64)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, nesterov=True)
    scheduler = lr_scheduler.CosineAnnealingWarmRestarts(optimizer, T_0=2 * len(train), T_mult=2)
    report.watch(model, optimizer, F.cross_entropy, scheduler=scheduler)
    step = 0
    for _ in range(14):
        model.train()
        for x, y in train:
            optimizer.zero_grad(set_to_none=False)
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            scheduler.step()
            step += 1
            report.log({"loss/train": loss, "lr": scheduler.get_last_lr()[0]}, step=step)
        score = _evaluate(report, model, val)
    return score


@healthy(least=0.92)
def halved_on_plateau(report: Report, seed: int) -> float:
    """ReduceLROnPlateau, stepped with the validation loss of each epoch."""
    torch.manual_seed(seed)
    x, y, x_val, y_val = data_c.digits(seed)
    model = nn.Sequential(nn.Linear(64, 64), nn.LeakyReLU(0.1), nn.Linear(64, 10))
    optimizer = torch.optim.RMSprop(model.parameters(), lr=4e-3)
    scheduler = lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=0, threshold=0.05)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer=optimizer, criterion=criterion, scheduler=scheduler)
    report.data("train", (x, y))
    for epoch in range(10):
        model.train()
        total = 0.0
        for rows in torch.randperm(len(x)).split(50):
            optimizer.zero_grad()
            loss = criterion(model(x[rows]), y[rows])
            loss.backward()
            optimizer.step()
            total += loss.item() * len(rows)
        model.eval()
        with torch.no_grad():
            logits = model(x_val)
            val_loss = criterion(logits, y_val).item()
        scheduler.step(val_loss)
        report.log({"train/loss": total / len(x), "val/loss": val_loss, "epoch": epoch}, step=epoch)
    report.predictions(x_val, logits, y_val, split="val")
    return float((logits.argmax(1) == y_val).float().mean())


@healthy(least=0.92)
def noam_schedule(report: Report, seed: int) -> float:
    """Linear warm-up and then the inverse square root, by LambdaLR, with Adam's betas of the Transformer paper."""
    torch.manual_seed(seed)
    train, val = _loaders(seed, 64)
    model = Classifier(96)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3, betas=(0.9, 0.98), eps=1e-9)
    warm = 30 + 10 * (seed % 3)
    scheduler = lr_scheduler.LambdaLR(optimizer, lambda done: min((done + 1) / warm, math.sqrt(warm / (done + 1))))
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer, criterion)
    for _ in range(8):
        model.train()
        for x, y in report.track(train, progress=False):
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            scheduler.step()
            report.log({"train": {"loss": loss, "lr": scheduler.get_last_lr()[0]}})
        score = _evaluate(report, model, val)
    return score
