"""Scripts in which nothing is wrong: graphs, signals, letters, images."""

from __future__ import annotations

import copy
import math

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

from reportgen import Report
from tests.faults.second.data import blobs, sentences, table, waves
from tests.faults.setup import healthy


def digits(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    d = load_digits()
    order = torch.randperm(1797, generator=torch.Generator().manual_seed(seed))
    return torch.tensor(d.images[:, None] / 16, dtype=torch.float32)[order], torch.tensor(d.target)[order]


class MessagePassing(nn.Module):
    def __init__(self, width: int, hidden: int, classes: int) -> None:
        super().__init__()
        self.self1, self.near1 = nn.Linear(width, hidden), nn.Linear(width, hidden, bias=False)
        self.self2, self.near2 = nn.Linear(hidden, classes), nn.Linear(hidden, classes, bias=False)

    def forward(self, x: torch.Tensor, adj: torch.Tensor) -> torch.Tensor:
        h = F.relu(self.self1(x) + self.near1(adj @ x))
        h = F.dropout(h, 0.3, self.training)
        return self.self2(h) + self.near2(adj @ h)


@healthy(least=0.85)
def citations(report: Report, seed: int) -> float:
    """One graph, every step over all its nodes, the loss over those with labels only."""
    torch.manual_seed(seed)
    group = torch.randint(4, (400,))
    chance = torch.where(group[:, None] == group[None], 0.06, 0.008)
    edges = torch.bernoulli(chance).triu(1)
    edges = edges + edges.T
    adj = edges / edges.sum(1, keepdim=True).clamp(min=1)
    x = torch.randn(400, 16) + 1.0 * torch.randn(4, 16)[group]
    seen, hidden = torch.arange(160), torch.arange(160, 400)
    net = MessagePassing(16, 32, 4)
    opt = torch.optim.Adam(net.parameters(), lr=0.01, weight_decay=5e-4)
    report.watch(net, opt)
    for _ in range(120):
        net.train()
        loss = F.cross_entropy(net(x, adj)[seen], group[seen])
        opt.zero_grad()
        loss.backward()
        opt.step()
        net.eval()
        with torch.no_grad():
            out = net(x, adj)[hidden]
        report.log({"train/loss": loss, "val/loss": F.cross_entropy(out, group[hidden])})
    report.predictions(x[hidden], out, group[hidden], split="val")
    return (out.argmax(1) == group[hidden]).float().mean().item()


class CausalBlock(nn.Module):
    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.pad = 2 * dilation
        self.conv = nn.utils.parametrizations.weight_norm(nn.Conv1d(channels, channels, 3, dilation=dilation))
        self.mix = nn.Conv1d(channels, channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.mix(F.relu(self.conv(F.pad(x, (self.pad, 0)))))


@healthy(least=0.9)
def causal_convolutions(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y = waves(seed, 480)
    xv, yv = waves(seed + 1000, 200)
    train, val = TensorDataset(x, y), TensorDataset(xv, yv)
    report.data("train", train)
    report.data("val", val)
    model = nn.Sequential(nn.Conv1d(1, 12, 1), CausalBlock(12, 1), CausalBlock(12, 2), CausalBlock(12, 4))
    model.append(nn.AdaptiveAvgPool1d(4)).append(nn.Flatten()).append(nn.Linear(48, 3))
    criterion = nn.CrossEntropyLoss()
    opt = torch.optim.Adam(model.parameters(), lr=3e-3)
    report.watch(model, opt, criterion)
    for _ in range(6):
        model.train()
        for xb, yb in report.track(DataLoader(train, 32, shuffle=True), split="train"):
            opt.zero_grad()
            loss = criterion(model(xb), yb)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 2.0)
            opt.step()
            report.log({"train/loss": loss})
        model.eval()
        right = 0
        with torch.no_grad():
            for xb, yb in report.track(DataLoader(val, 100), split="val"):
                out = model(xb)
                report.predictions(xb, out, yb, split="val")
                report.log({"val/loss": criterion(out, yb)})
                right += (out.argmax(1) == yb).sum().item()
    return right / 200


@healthy(least=0.9)
def two_views(report: Report, seed: int) -> float:
    """Contrastive pairs of two views of a row; the score is how often the nearest of 100 is the right one."""
    torch.manual_seed(seed)
    hidden = torch.randn(1300, 6)
    mix_a, mix_b = torch.randn(6, 20), torch.randn(6, 24)
    a = torch.tanh(hidden @ mix_a * 0.5) + 0.05 * torch.randn(1300, 20)
    b = torch.tanh(hidden @ mix_b * 0.5) + 0.05 * torch.randn(1300, 24)
    left = nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 16))
    right = nn.Sequential(nn.Linear(24, 64), nn.ReLU(), nn.Linear(64, 16))
    towers = nn.ModuleDict({"left": left, "right": right})
    opt = torch.optim.AdamW(towers.parameters(), lr=3e-3)
    report.watch(towers, opt)

    def similarity(rows: torch.Tensor) -> torch.Tensor:
        return F.normalize(left(a[rows]), dim=1) @ F.normalize(right(b[rows]), dim=1).T / 0.1

    for step in range(250):
        rows = torch.randperm(1000)[:64]
        logits, truth = similarity(rows), torch.arange(64)
        loss = 0.5 * (F.cross_entropy(logits, truth) + F.cross_entropy(logits.T, truth))
        opt.zero_grad()
        loss.backward()
        opt.step()
        report.log({"train/loss": loss.item()}, step=step)
        if step % 25 == 24:
            with torch.no_grad():
                report.log({"val/loss": F.cross_entropy(similarity(torch.arange(1000, 1064)), truth)}, step=step)
    with torch.no_grad():
        return (similarity(torch.arange(1000, 1100)).argmax(1) == torch.arange(100)).float().mean().item()


@healthy(least=0.7)
def spot_masks(report: Report, seed: int) -> float:
    """Segmentation with few pixels of foreground; the score is the intersection over the union."""
    torch.manual_seed(seed)
    images, _ = blobs(seed, 320)
    clean = F.avg_pool2d(images, 3, 1, 1)
    masks = (clean > 0.3).float()
    net = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU())
    net.append(nn.Conv2d(8, 8, 3, padding=1, bias=False)).append(nn.BatchNorm2d(8)).append(nn.ReLU())
    net.append(nn.Conv2d(8, 1, 1))
    opt = torch.optim.Adam(net.parameters(), lr=2e-2)
    report.watch(net, opt)

    def objective(logits: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
        p = logits.sigmoid()
        dice = 1 - (2 * (p * truth).sum() + 1) / (p.sum() + truth.sum() + 1)
        return F.binary_cross_entropy_with_logits(logits, truth, pos_weight=truth.new_tensor(4.0)) + dice

    for _ in range(8):
        net.train()
        for xb, yb in report.track(DataLoader(TensorDataset(images[:256], masks[:256]), 16, shuffle=True)):
            loss = objective(net(xb), yb)
            opt.zero_grad()
            loss.backward()
            opt.step()
            report.log({"train/loss": loss})
        net.eval()
        with torch.no_grad():
            out = net(images[256:])
        report.log({"val/loss": objective(out, masks[256:])})
    report.predictions(images[256:], out, masks[256:], split="val")
    said, truth = out > 0, masks[256:] > 0.5
    return ((said & truth).sum() / (said | truth).sum()).item()


class Keypoint(nn.Module):
    """A softmax over places inside the network, and the expected place as the output."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 12, 5, padding=2)
        self.conv2 = nn.Conv2d(12, 1, 5, padding=2)
        self.register_buffer("axis", torch.linspace(-1, 1, 16))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        heat = self.conv2(F.leaky_relu(self.conv1(x))).flatten(1).softmax(1).view(-1, 16, 16)
        return torch.stack([(heat.sum(1) * self.axis).sum(1), (heat.sum(2) * self.axis).sum(1)], 1)


@healthy(least=0.9)
def soft_argmax(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y = blobs(seed, 640)
    xv, yv = blobs(seed + 1000, 160)
    net, criterion = Keypoint(), nn.SmoothL1Loss()
    opt = torch.optim.Adam(net.parameters(), lr=5e-3)
    report.watch(net, opt, criterion)
    for _ in range(7):
        for xb, yb in report.track(DataLoader(TensorDataset(x, y), 32, shuffle=True), split="train"):
            opt.zero_grad()
            loss = criterion(net(xb), yb)
            loss.backward()
            opt.step()
            report.log({"train/loss": loss.item()})
        with torch.no_grad():
            out = net(xv)
        report.log({"val/loss": criterion(out, yv)})
        report.predictions(xv, out, yv, split="val")
    return 1 - (F.mse_loss(out, yv) / yv.var()).item()


class TiedLM(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(12, 48)
        nn.init.normal_(self.embed.weight, std=0.1)
        self.rnn = nn.GRU(48, 48, batch_first=True)
        self.out = nn.Linear(48, 12)
        self.out.weight = self.embed.weight

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.out(self.rnn(self.embed(ids))[0])


@healthy(least=0.65)
def tied_letters(report: Report, seed: int) -> float:
    """Tied weights, a warm-up and cosine, two batches to a step; a fifth of the letters cannot be told."""
    torch.manual_seed(seed)
    train, val = sentences(seed, 1120, 10), sentences(seed + 1000, 150, 10)
    model = TiedLM()
    opt = torch.optim.AdamW(model.parameters(), lr=1e-2)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        opt, lambda s: min(1.0, (s + 1) / 15) * (0.05 + 0.475 * (1 + math.cos(math.pi * min(s / 140, 1))))
    )
    report.watch(model, opt, scheduler=schedule)
    for _ in range(8):
        model.train()
        for i, (ids,) in enumerate(report.track(DataLoader(TensorDataset(train), 32, shuffle=True), split="train")):
            loss = F.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten())
            (loss / 2).backward()
            report.log({"train/loss": loss.item()})
            if i % 2:
                nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                opt.step()
                schedule.step()
                opt.zero_grad()
        model.eval()
        with torch.no_grad():
            logits = model(val[:, :-1])
            report.log({"val/loss": F.cross_entropy(logits.flatten(0, 1), val[:, 1:].flatten()).item()})
    return (logits.argmax(-1) == val[:, 1:])[:, 1:].float().mean().item()


@healthy(least=0.6)
def squeeze_digits(report: Report, seed: int) -> float:
    """An autoencoder with sigmoid outputs under cross-entropy, whose floor is far above zero."""
    torch.manual_seed(seed)
    x = digits(seed)[0].flatten(1)
    net = nn.Sequential(nn.Linear(64, 48), nn.ELU(), nn.Linear(48, 12), nn.Linear(12, 48), nn.ELU(), nn.Linear(48, 64))
    net.append(nn.Sigmoid())
    criterion = nn.BCELoss()
    opt = torch.optim.Adam(net.parameters(), lr=3e-3)
    report.watch(net, opt, criterion)
    loader = DataLoader(TensorDataset(x[:1500]), batch_size=50, shuffle=True)
    for _ in range(10):
        for (xb,) in report.track(loader, split="train"):
            opt.zero_grad()
            loss = criterion(net(xb), xb)
            loss.backward()
            opt.step()
            report.log({"train/loss": loss})
        with torch.no_grad():
            out = net(x[1500:])
            report.log({"val/loss": criterion(out, x[1500:])})
        report.predictions(x[1500:], out, x[1500:], split="val")
    return 1 - (F.mse_loss(out, x[1500:]) / (x[1500:] - x[1500:].mean(0)).pow(2).mean()).item()


@healthy(least=0.93)
def mixed_up(report: Report, seed: int) -> float:
    """Mixup, smoothed labels and dropout: the training loss stays above the validation loss throughout."""
    torch.manual_seed(seed)
    x, y = digits(seed)
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 160), nn.ReLU(), nn.Dropout(0.3), nn.Linear(160, 80), nn.ReLU())
    net.append(nn.Dropout(0.2)).append(nn.Linear(80, 10))
    opt = torch.optim.AdamW(net.parameters(), lr=3e-3)
    report.watch(net, opt)
    for _ in range(10):
        net.train()
        for xb, yb in report.track(DataLoader(TensorDataset(x[:1440], y[:1440]), 48, shuffle=True), split="train"):
            share = torch.distributions.Beta(0.4, 0.4).sample()
            other = torch.randperm(len(xb))
            out = net(share * xb + (1 - share) * xb[other])
            loss = share * F.cross_entropy(out, yb, label_smoothing=0.1)
            loss = loss + (1 - share) * F.cross_entropy(out, yb[other], label_smoothing=0.1)
            opt.zero_grad()
            loss.backward()
            opt.step()
            report.log({"train/loss": loss})
        net.eval()
        with torch.no_grad():
            out = net(x[1440:])
        acc = (out.argmax(1) == y[1440:]).float().mean().item()
        report.log({"val/loss": F.cross_entropy(out, y[1440:]), "val/acc": acc})
        report.predictions(x[1440:], out, y[1440:], split="val")
    return acc


class OnlineAndTarget(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.online = nn.Sequential(nn.Linear(10, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))
        self.target = copy.deepcopy(self.online).requires_grad_(False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.online(x).squeeze(-1)

    @torch.no_grad()
    def average(self) -> None:
        for kept, new in zip(self.target.parameters(), self.online.parameters(), strict=True):
            kept.lerp_(new, 0.05)


@healthy(least=0.85, also=("frozen_parameters",))
def averaged_copy(report: Report, seed: int) -> float:
    """A slow copy of the network, frozen on purpose and moved by hand, is what predicts."""
    torch.manual_seed(seed)
    x, y = table(seed, 1900)
    model = OnlineAndTarget()
    opt = torch.optim.AdamW(model.online.parameters(), lr=3e-3)
    mse = nn.MSELoss()
    report.watch(model, opt, mse)
    loader = DataLoader(TensorDataset(x[:1600], y[:1600]), 64, shuffle=True)
    for _ in range(12):
        for xb, yb in report.track(loader, split="train"):
            opt.zero_grad()
            loss = mse(model(xb), yb)
            loss.backward()
            opt.step()
            model.average()
            report.log({"train/loss": loss.item()})
        with torch.no_grad():
            out = model.target(x[1600:]).squeeze(-1)
        report.log({"val/loss": mse(out, y[1600:]).item()})
        report.predictions(x[1600:], out, y[1600:], split="val")
    return 1 - (mse(out, y[1600:]) / y[1600:].var()).item()
