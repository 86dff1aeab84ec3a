"""Healthy runs on pictures of digits."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from reportgen import Report
from tests.faults.blind.data import accuracy, digits, pictures
from tests.faults.setup import healthy


def _mlp(*sizes: int, drop: float = 0.0) -> nn.Sequential:
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise(sizes):
        layers += [nn.Linear(n_in, n_out), nn.ReLU()] + ([nn.Dropout(drop)] if drop else [])
    return nn.Sequential(*layers[: -2 if drop else -1])


class ResNet(nn.Module):
    """Two residual blocks whose last BatchNorm starts at a scale of zero, as is usual for residual nets."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, width, 3, stride=2, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(width)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(width, width, 3, padding=1, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(),
                nn.Conv2d(width, width, 3, padding=1, bias=False),
                nn.BatchNorm2d(width),
            )
            for _ in range(2)
        )
        for block in self.blocks:
            nn.init.zeros_(block[4].weight)
        self.fc = nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.norm(self.stem(x)))
        for block in self.blocks:
            x = F.relu(x + block(x))
        return self.fc(x.mean((2, 3)))


@healthy(least=0.9)
def residual_net_with_warmup_and_cosine(report: Report, seed: int) -> float:
    """The rate rises from near zero for 20 steps and then falls along a cosine."""
    torch.manual_seed(seed)
    xt, yt, xv, yv = pictures(seed)
    model = ResNet(16)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.15, momentum=0.9, nesterov=True)
    loader = DataLoader(TensorDataset(xt, yt), batch_size=64, shuffle=True, drop_last=True)
    epochs = 7
    total = epochs * len(loader)
    scheduler = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda s: min((s + 1) / 20, 0.5 * (1 + math.cos(math.pi * s / total)))
    )
    report.watch(model, optimizer, criterion, scheduler=scheduler)
    for _ in range(epochs):
        model.train()
        for x, y in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            scheduler.step()
            report.log({"train/loss": loss, "lr": scheduler.get_last_lr()[0]})
        model.eval()
        with torch.no_grad():
            out = model(xv)
        report.log({"val/loss": criterion(out, yv), "val/acc": accuracy(out, yv)})
        report.predictions(xv, out, yv)
    return accuracy(out, yv)


@healthy(least=0.9)
def four_rows_a_step(report: Report, seed: int) -> float:
    """Batches of four: the loss jumps from step to step and falls all the same."""
    torch.manual_seed(seed)
    xt, yt, xv, yv = pictures(seed)
    xt, xv = xt.flatten(1), xv.flatten(1)
    model = _mlp(64, 48, 10)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001 + 0.0005 * (seed % 3))
    report.watch(model, optimizer, criterion)
    loader = DataLoader(TensorDataset(xt, yt), batch_size=4, shuffle=True)
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


@healthy(least=0.93)
def dropout_makes_training_look_worse(report: Report, seed: int) -> float:
    """With dropout in training only, the validation loss lies below that of training."""
    torch.manual_seed(seed)
    xt, yt, xv, yv = digits(seed)
    model = _mlp(64, 128, 128, 10, drop=0.4 + 0.05 * (seed % 3))
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.003)
    report.watch(model, optimizer, criterion)
    report.data("train", (xt, yt))
    report.data("val", (xv, yv))
    loader = DataLoader(TensorDataset(xt, yt), batch_size=64, shuffle=True)
    for _ in range(10):
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


@healthy(least=0.87)
def head_on_a_pretrained_trunk(report: Report, seed: int) -> float:
    """The trunk has learned the ten digits and is frozen; a new head tells even from odd on top of it."""
    torch.manual_seed(seed)
    xt, yt, xv, yv = digits(seed)

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.trunk = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU())
            self.head = nn.Linear(32, 10)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.trunk(x))

    model = Net()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
    for _ in range(9):
        for idx in torch.randperm(len(xt)).split(64):
            optimizer.zero_grad()
            F.cross_entropy(model(xt[idx]), yt[idx]).backward()
            optimizer.step()
    model.requires_grad_(False)
    model.head = nn.Linear(32, 2)
    yt, yv = yt % 2, yv % 2
    optimizer = torch.optim.Adam(model.head.parameters(), lr=0.01)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer, criterion)
    loader = DataLoader(TensorDataset(xt, yt), batch_size=64, shuffle=True)
    for _ in range(6):
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


@healthy(least=-0.45)
def autoencoder_with_tied_weights(report: Report, seed: int) -> float:
    """The decoder is the encoder's matrix transposed. The score is minus the share of variance that is lost."""
    torch.manual_seed(seed)
    xt, _, xv, _ = digits(seed)
    size = 12 + seed % 4

    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.randn(size, 64) * 0.1)
            self.code_bias = nn.Parameter(torch.zeros(size))
            self.pixel_bias = nn.Parameter(torch.zeros(64))

        def forward(self, x: Tensor) -> Tensor:
            return F.linear(torch.tanh(F.linear(x, self.weight, self.code_bias)), self.weight.T, self.pixel_bias)

    net = Tied()
    opt = torch.optim.Adam(net.parameters(), lr=0.005)
    report.watch(net, opt, nn.MSELoss())
    for _ in range(12):
        for idx in torch.randperm(len(xt)).split(64):
            loss = F.mse_loss(net(xt[idx]), xt[idx])
            opt.zero_grad()
            loss.backward()
            opt.step()
            report.log({"train/mse": loss})
        with torch.no_grad():
            val = F.mse_loss(net(xv), xv)
        report.log({"val/mse": val})
    return -float(val / xv.var(0).mean())


class Vae(nn.Module):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.enc = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2 * size))
        self.dec = nn.Sequential(nn.Linear(size, 64), nn.ReLU(), nn.Linear(64, 64))

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        mean, log_var = self.enc(x).chunk(2, dim=1)
        noise = torch.randn_like(mean) if self.training else torch.zeros_like(mean)
        return {"recon": self.dec(mean + noise * torch.exp(log_var / 2)), "mean": mean, "log_var": log_var}


def _negative_elbo(out: dict[str, Tensor], x: Tensor, deviation: float = 0.2) -> Tensor:
    """In nats a row, for a normal likelihood of the given deviation: below zero once the pictures are close."""
    likelihood = torch.distributions.Normal(out["recon"], deviation).log_prob(x).sum(1)
    divergence = -0.5 * (1 + out["log_var"] - out["mean"] ** 2 - out["log_var"].exp()).sum(1)
    return (divergence - likelihood).mean()


@healthy(least=-0.65)
def variational_autoencoder_below_zero(report: Report, seed: int) -> float:
    """The negative ELBO of a density falls through zero and on. The score is minus the share of variance lost."""
    torch.manual_seed(seed)
    xt, _, xv, _ = digits(seed)
    model = Vae(8 + seed % 3)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.004)
    report.watch(model, optimizer)
    loader = DataLoader(TensorDataset(xt), batch_size=64, shuffle=True)
    for _ in range(12):
        model.train()
        for (x,) in report.track(loader):
            loss = _negative_elbo(model(x), x)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            report.log({"train/neg_elbo": loss})
        model.eval()
        with torch.no_grad():
            out = model(xv)
        report.log({"val/neg_elbo": _negative_elbo(out, xv)})
    return -float(F.mse_loss(out["recon"], xv) / xv.var(0).mean())


@healthy(least=0.93)
def bfloat16_and_a_step_schedule(report: Report, seed: int) -> float:
    """Forward in bfloat16, and a rate that is cut to a tenth after two thirds of the epochs."""
    torch.manual_seed(seed)
    xt, yt, xv, yv = pictures(seed)
    model = nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(192, 48), nn.ReLU(),
        nn.Linear(48, 10),
    )  # fmt: skip
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=4 + seed % 2, gamma=0.1)
    report.watch(model, optimizer, criterion, scheduler=scheduler)
    loader = DataLoader(TensorDataset(xt, yt), batch_size=48, shuffle=True)
    for _ in range(6):
        for x, y in report.track(loader):
            optimizer.zero_grad()
            with torch.autocast("cpu", dtype=torch.bfloat16):
                loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        scheduler.step()
        with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
            out = model(xv).float()
        report.log({"val/loss": criterion(out, yv), "val/acc": accuracy(out, yv)})
        report.predictions(xv, out, yv)
    return accuracy(out, yv)


@healthy(least=0.93)
def four_batches_a_step(report: Report, seed: int) -> float:
    """Gradients of four batches add up on purpose, and are cleared after the step, not before."""
    torch.manual_seed(seed)
    xt, yt, xv, yv = digits(seed)
    model = _mlp(64, 64, 32, 10)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.006)
    report.watch(model, optimizer, criterion)
    loader = DataLoader(TensorDataset(xt, yt), batch_size=16, shuffle=True, drop_last=True)
    for _ in range(8):
        for i, (x, y) in enumerate(report.track(loader)):
            loss = criterion(model(x), y)
            (loss / 4).backward()
            if (i + 1) % 4 == 0:
                optimizer.step()
                optimizer.zero_grad()
                report.log({"train/loss": loss})
        with torch.no_grad():
            out = model(xv)
        report.log({"val/loss": criterion(out, yv)})
    report.predictions(xv, out, yv)
    return accuracy(out, yv)


@healthy(least=0.93, also=("no_validation",))
def log_probabilities_without_validation(report: Report, seed: int) -> float:
    """log_softmax and nll_loss, as they belong together; rows in the file's order, which is by lot already."""
    torch.manual_seed(seed)
    xt, yt, xv, yv = digits(seed)
    net = nn.Sequential(
        nn.Linear(64, 64 + 8 * (seed % 3)), nn.ELU(), nn.Linear(64 + 8 * (seed % 3), 10), nn.LogSoftmax(1)
    )
    opt = torch.optim.RMSprop(net.parameters(), lr=0.002)
    report.watch(net, opt, nn.NLLLoss())
    for _ in range(8):
        for x, y in report.track(DataLoader(TensorDataset(xt, yt), batch_size=32)):
            opt.zero_grad()
            loss = F.nll_loss(net(x), y)
            loss.backward()
            opt.step()
            report.log({"loss": loss.item()})
    with torch.no_grad():
        return accuracy(net(xv), yv)


@healthy(least=0.88)
def student_of_soft_targets(report: Report, seed: int) -> float:
    """A small net learns from the softened outputs of a larger one, by kl_div."""
    torch.manual_seed(seed)
    xt, yt, xv, yv = digits(seed)
    teacher, student = _mlp(64, 128, 10), _mlp(64, 24, 10)
    opt = torch.optim.Adam(teacher.parameters(), lr=0.004)
    for _ in range(5):
        for idx in torch.randperm(len(xt)).split(64):
            opt.zero_grad()
            F.cross_entropy(teacher(xt[idx]), yt[idx]).backward()
            opt.step()
    teacher.eval()
    optimizer = torch.optim.Adam(student.parameters(), lr=0.008)
    report.watch(student, optimizer, name="student")
    loader = DataLoader(TensorDataset(xt, yt), batch_size=64, shuffle=True)
    for _ in range(8):
        for x, y in report.track(loader):
            with torch.no_grad():
                soft = F.softmax(teacher(x) / 2, dim=1)
            out = student(x)
            kl = 4 * F.kl_div(F.log_softmax(out / 2, dim=1), soft, reduction="batchmean")
            loss = 0.7 * kl + 0.3 * F.cross_entropy(out, y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss, "train/kl": kl})
        with torch.no_grad():
            out = student(xv)
        report.log({"val/loss": F.cross_entropy(out, yv), "val/acc": accuracy(out, yv)})
    report.predictions(xv, out, yv)
    return accuracy(out, yv)
