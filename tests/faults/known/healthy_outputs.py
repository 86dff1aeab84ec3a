"""Healthy set-ups: several outputs, outputs in containers, and unusual but right architectures."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from reportgen import Report
from tests.faults.known import data_c
from tests.faults.setup import healthy


@healthy(least=0.82)
def several_labels_a_row(report: Report, seed: int) -> float:
    """Multi-label: five yes-or-no targets by BCEWithLogits; the score is the share of right answers."""
    torch.manual_seed(seed)
    x, y, x_val, y_val = data_c.surface(seed, features=8, outputs=5)
    y, y_val = (y > 0.3).float(), (y_val > 0.3).float()
    model = nn.Sequential(nn.Linear(8, 48), nn.ReLU(), nn.Dropout(0.1), nn.Linear(48, 5))
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=0.05)
    criterion = nn.BCEWithLogitsLoss()
    report.watch(model, optimizer=optimizer, criterion=criterion)
    report.data("train", (x, y))
    loader = DataLoader(TensorDataset(x, y), batch_size=50, shuffle=True)
    for _ in range(8):
        model.train()
        for inputs, targets in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(inputs), targets)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        model.eval()
        with torch.no_grad():
            logits = model(x_val)
            report.log({"val/loss": criterion(logits, y_val)})
    report.predictions(x_val, logits, y_val, task="multilabel", split="val")
    return float(((logits > 0) == (y_val > 0.5)).float().mean())


class TwoHeads(nn.Module):
    """Which digit it is, and how much ink it took."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(64, 96), nn.ReLU())
        self.digit = nn.Linear(96, 10)
        self.ink = nn.Linear(96, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = self.trunk(x)
        return self.digit(h), self.ink(h)


@healthy(least=0.85)
def two_heads(report: Report, seed: int) -> float:
    """A class and a number from one trunk, their losses added; the score is the worse of accuracy and R2."""
    torch.manual_seed(seed)
    x, y, x_val, y_val = data_c.images(seed)
    x, x_val = x.flatten(1), x_val.flatten(1)
    ink, ink_val = x.sum(1, keepdim=True), x_val.sum(1, keepdim=True)
    mean, std = ink.mean(), ink.std()
    ink, ink_val = (ink - mean) / std, (ink_val - mean) / std
    model = TwoHeads()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    ce, mse = nn.CrossEntropyLoss(), nn.MSELoss()
    report.watch(model, optimizer=optimizer)
    loader = DataLoader(TensorDataset(x, y, ink), batch_size=64, shuffle=True)
    for _ in range(9):
        model.train()
        for inputs, digits, amounts in report.track(loader):
            optimizer.zero_grad()
            logits, amount = model(inputs)
            class_loss, ink_loss = ce(logits, digits), mse(amount, amounts)
            loss = class_loss + ink_loss
            loss.backward()
            optimizer.step()
            report.log({"train": {"loss": loss, "class_loss": class_loss, "ink_loss": ink_loss}})
        model.eval()
        with torch.no_grad():
            logits, amount = model(x_val)
            report.log({"val/class_loss": ce(logits, y_val), "val/ink_loss": mse(amount, ink_val)})
    report.predictions(x_val, logits, y_val, split="val")
    r2 = float(1 - mse(amount, ink_val) / ink_val.var(correction=0))
    return min(r2, float((logits.argmax(1) == y_val).float().mean()))


class Encoder(nn.Module):
    """Returns a dict, with features that no loss uses."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(13, 24), nn.Tanh())
        self.head = nn.Linear(24, classes)

    def forward(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        features = self.body(batch["x"])
        return {"features": features, "logits": self.head(features)}


class Rows(torch.utils.data.Dataset):
    """A map-style data set of dicts."""

    def __init__(self, x: Tensor, y: Tensor) -> None:
        self.x, self.y = x, y

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {"x": self.x[index], "label": self.y[index]}


@healthy(least=0.88)
def dicts_in_and_out(report: Report, seed: int) -> float:
    """Batches are dicts, and so are the outputs, which hold more than the loss needs."""
    torch.manual_seed(seed)
    x, y, x_val, y_val = data_c.table("wine", seed)
    train, val = Rows(x, y), Rows(x_val, y_val)
    model = Encoder(3)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    report.watch(model, optimizer, F.cross_entropy)
    report.data("train", train)
    report.data("val", val)
    for _ in range(15):
        model.train()
        for batch in report.track(DataLoader(train, batch_size=16, shuffle=True)):
            loss = F.cross_entropy(model(batch)["logits"], batch["label"])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss.item()})
        model.eval()
        losses, right = [], 0
        with torch.no_grad():
            for batch in report.track(DataLoader(val, batch_size=32), split="val"):
                logits = model(batch)["logits"]
                losses.append(F.cross_entropy(logits, batch["label"], reduction="none"))
                right += int((logits.argmax(1) == batch["label"]).sum())
                report.predictions(batch["x"], logits, batch["label"], split="val")
        report.log({"val/loss": torch.cat(losses).mean(), "val/acc": right / len(val)})
    return right / len(val)


@dataclass
class Output:
    """What the model below returns; the loss is there when labels are given."""

    logits: Tensor
    loss: Tensor | None = None


class WithLoss(nn.Module):
    """Computes its own loss, as the models of transformers do."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.dense = nn.Linear(64, width)
        self.classifier = nn.Linear(width, 10)

    def forward(self, pixels: Tensor, labels: Tensor | None = None) -> Output:
        logits = self.classifier(F.silu(self.dense(pixels)))
        return Output(logits, None if labels is None else F.cross_entropy(logits, labels))


@healthy(least=0.92)
def dataclass_that_holds_the_loss(report: Report, seed: int) -> float:
    """The model returns a dataclass, and computes the loss itself."""
    torch.manual_seed(seed)
    x, y, x_val, y_val = data_c.digits(seed)
    model = WithLoss(80 + 16 * (seed % 2))
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)
    report.watch(model, optimizer=optimizer)
    for _ in range(10):
        model.train()
        for rows in torch.randperm(len(x)).split(64):
            out = model(x[rows], labels=y[rows])
            out.loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            report.log({"loss": out.loss.item()})
        model.eval()
        with torch.no_grad():
            out = model(x_val, y_val)
            report.log({"eval_loss": out.loss.item()})
    report.predictions(x_val, out.logits, y_val, split="val")
    return float((out.logits.argmax(1) == y_val).float().mean())


@healthy(least=0.8)
def three_numbers_at_once(report: Report, seed: int) -> float:
    """Regression of three targets by one linear output."""
    torch.manual_seed(seed)
    x, y, x_val, y_val = data_c.surface(seed, features=5, outputs=3)
    net = nn.Sequential(nn.Linear(5, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 3))
    opt = torch.optim.Adam(net.parameters(), lr=4e-3)
    criterion = nn.SmoothL1Loss()
    report.watch(net, opt, criterion)
    loader = DataLoader(TensorDataset(x, y), batch_size=45, shuffle=True)
    for _ in range(11):
        net.train()
        for inputs, targets in report.track(loader):
            opt.zero_grad()
            loss = criterion(net(inputs), targets)
            loss.backward()
            opt.step()
            report.log({"train/loss": loss})
        net.eval()
        with torch.no_grad():
            out = net(x_val)
            report.log({"val/loss": criterion(out, y_val)})
    report.predictions(x_val, out, y_val, task="regression", split="val")
    return float(1 - F.mse_loss(out, y_val) / y_val.var(0, correction=0).mean())


@healthy(least=0.93)
def twenty_residual_layers(report: Report, seed: int) -> float:
    """Deep, pre-normalised and residual, each branch scaled down at the start."""

    class Layer(nn.Module):
        def __init__(self, width: int, depth: int) -> None:
            super().__init__()
            self.norm = nn.LayerNorm(width)
            self.fc = nn.Linear(width, width)
            with torch.no_grad():
                self.fc.weight.mul_(depth**-0.5)

        def forward(self, x: Tensor) -> Tensor:
            return x + F.gelu(self.fc(self.norm(x)))

    torch.manual_seed(seed)
    x, y, x_val, y_val = data_c.images(seed)
    x, x_val = x.flatten(1), x_val.flatten(1)
    width = 32 + 8 * (seed % 2)
    layers = [Layer(width, 20) for _ in range(20)]
    model = nn.Sequential(nn.Linear(64, width), *layers, nn.LayerNorm(width), nn.Linear(width, 10))
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer=optimizer, criterion=criterion)
    loader = DataLoader(TensorDataset(x, y), batch_size=75, shuffle=True)
    for _ in range(4):
        model.train()
        for inputs, labels in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(inputs), labels)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        model.eval()
        with torch.no_grad():
            logits = model(x_val)
            report.log({"val/loss": criterion(logits, y_val)})
    report.predictions(x_val, logits, y_val, split="val")
    return float((logits.argmax(1) == y_val).float().mean())


@healthy(least=0.92)
def low_rank_bottleneck(report: Report, seed: int) -> float:
    """Linear after Linear on purpose: a factorised layer of rank 12 in place of a wide one."""

    class Factorised(nn.Module):
        def __init__(self, inputs: int, rank: int, outputs: int) -> None:
            super().__init__()
            self.reduce = nn.Linear(inputs, rank, bias=False)
            self.expand = nn.Linear(rank, outputs)

        def forward(self, x: Tensor) -> Tensor:
            return self.expand(self.reduce(x))

    torch.manual_seed(seed)
    x, y, x_val, y_val = data_c.images(seed)
    x, x_val = x.flatten(1), x_val.flatten(1)
    model = nn.Sequential(Factorised(64, 12 + 2 * (seed % 3), 128), nn.ReLU(), nn.Linear(128, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    report.watch(model, optimizer=optimizer, criterion=F.cross_entropy)
    loader = DataLoader(TensorDataset(x, y), batch_size=64, shuffle=True)
    for _ in range(7):
        model.train()
        for inputs, labels in report.track(loader):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(inputs), labels)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        model.eval()
        with torch.no_grad():
            logits = model(x_val)
            report.log({"val/loss": F.cross_entropy(logits, y_val)})
    report.predictions(x_val, logits, y_val, split="val")
    return float((logits.argmax(1) == y_val).float().mean())
