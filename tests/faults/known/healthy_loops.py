"""Healthy set-ups: loops that are written in an unusual order, or step in an unusual way, and are right."""

from __future__ import annotations

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.swa_utils import SWALR, AveragedModel
from torch.utils.data import DataLoader, TensorDataset

from reportgen import Report
from tests.faults.known import data_c
from tests.faults.setup import healthy


class Net(nn.Module):
    """Two hidden layers over the pixels of a digit."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.fc1 = nn.Linear(64, width)
        self.fc2 = nn.Linear(width, width)
        self.out = nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.fc1(x))
        return self.out(F.relu(self.fc2(x)))


def _loaders(seed: int, batch: int) -> tuple[DataLoader, DataLoader]:
    x, y, x_val, y_val = data_c.images(seed)
    train = DataLoader(TensorDataset(x.flatten(1), y), batch_size=batch, shuffle=True)
    return train, DataLoader(TensorDataset(x_val.flatten(1), y_val), batch_size=256)


@torch.no_grad()
def _validate(report: Report, model: nn.Module, loader: DataLoader, step: int | None = None) -> float:
    model.eval()
    outputs = [(x, model(x), y) for x, y in loader]
    for x, out, y in outputs:
        report.predictions(x, out, y, split="val", step=step)
    out, y = torch.cat([each[1] for each in outputs]), torch.cat([each[2] for each in outputs])
    accuracy = float((out.argmax(1) == y).float().mean())
    report.log({"val/loss": F.cross_entropy(out, y), "val/acc": accuracy}, step=step)
    return accuracy


@healthy(least=0.92)
def gradients_of_four_batches(report: Report, seed: int) -> float:
    """Gradient accumulation: the gradients stay from one forward to the next on purpose."""
    torch.manual_seed(seed)
    train, val = _loaders(seed, 16)
    model = Net(64)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer=optimizer, criterion=criterion)
    accumulate = 4
    for _ in range(9):
        model.train()
        for i, (x, y) in enumerate(report.track(train)):
            loss = criterion(model(x), y) / accumulate
            loss.backward()
            if (i + 1) % accumulate == 0:
                optimizer.step()
                optimizer.zero_grad()
                report.log({"train/loss": loss * accumulate})
        score = _validate(report, model, val)
    return score


@healthy(least=0.92)
def zero_grad_after_forward(report: Report, seed: int) -> float:
    """zero_grad stands between forward and backward: at the forward the last gradients are still there."""
    torch.manual_seed(seed)
    train, val = _loaders(seed, 64)
    model = Net(48 + 16 * (seed % 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    report.watch(model, optimizer, F.cross_entropy)
    for _ in range(9):
        model.train()
        for x, y in report.track(train, split="train"):
            loss = F.cross_entropy(model(x), y)
            report.log({"train/loss": loss})
            model.zero_grad()
            loss.backward()
            optimizer.step()
        score = _validate(report, model, val)
    return score


@healthy(least=0.92)
def zero_grad_last(report: Report, seed: int) -> float:
    """zero_grad ends the loop, and zeroes in place instead of to None."""
    torch.manual_seed(seed)
    train, val = _loaders(seed, 64)
    model = Net()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer=optimizer, criterion=criterion)
    for _ in range(8):
        model.train()
        for x, y in train:
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=False)
            report.log({"train/loss": loss.item()})
        score = _validate(report, model, val)
    return score


@healthy(least=0.92)
def lbfgs_with_closure(report: Report, seed: int) -> float:
    """LBFGS: several forwards a step, all rows at once, and steps of any length."""
    torch.manual_seed(seed)
    x, y, x_val, y_val = data_c.table("cancer", seed)
    net = nn.Sequential(nn.Linear(30, 10), nn.Tanh(), nn.Linear(10, 2))
    opt = torch.optim.LBFGS(net.parameters(), lr=1.0, max_iter=4, line_search_fn="strong_wolfe")
    criterion = nn.CrossEntropyLoss()
    report.watch(net, opt, criterion)

    def closure() -> Tensor:
        opt.zero_grad()
        penalty = sum((p**2).sum() for p in net.parameters() if p.ndim > 1)
        loss = criterion(net(x), y) + 3e-3 * penalty
        loss.backward()
        return loss

    for _ in range(15):
        net.train()
        loss = opt.step(closure)
        net.eval()
        with torch.no_grad():
            logits = net(x_val)
            report.log({"train/loss": loss.item(), "val/loss": criterion(logits, y_val).item()})
    report.predictions(x_val, logits, y_val, split="val")
    return float((logits.argmax(1) == y_val).float().mean())


@healthy(least=0.92)
def bfloat16_autocast(report: Report, seed: int) -> float:
    """Forward in bfloat16 under autocast, weights and loss in float32."""
    torch.manual_seed(seed)
    train, val = _loaders(seed, 64)
    model = Net(96)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer=optimizer, criterion=criterion)
    for _ in range(8):
        model.train()
        for x, y in report.track(train):
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast("cpu", dtype=torch.bfloat16):
                out = model(x)
            loss = criterion(out.float(), y)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        score = _validate(report, model, val)
    return score


@healthy(least=0.92)
def clipping_that_is_rarely_needed(report: Report, seed: int) -> float:
    """The gradient norm is clipped at 5, which is reached now and then at most."""
    torch.manual_seed(seed)
    train, val = _loaders(seed, 32)
    model = Net(64)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer=optimizer, criterion=criterion)
    for _ in range(9):
        model.train()
        for x, y in report.track(train):
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm=5.0)
            optimizer.step()
            report.log({"train/loss": loss, "grad_norm": norm})
        score = _validate(report, model, val)
    return score


@healthy(least=0.92)
def optimizer_for_each_half(report: Report, seed: int) -> float:
    """Two optimizers share the work: Adam for the first layers, SGD for the last, and biases without weight decay."""
    torch.manual_seed(seed)
    train, val = _loaders(seed, 64)
    model = Net(72)
    trunk = [model.fc1, model.fc2]
    first = torch.optim.AdamW(
        [
            {"params": [layer.weight for layer in trunk], "weight_decay": 0.01},
            {"params": [layer.bias for layer in trunk], "weight_decay": 0.0},
        ],
        lr=2e-3,
    )
    second = torch.optim.SGD(model.out.parameters(), lr=0.05, momentum=0.9)
    report.watch(model, optimizer=[first, second], criterion=F.cross_entropy)
    for _ in range(9):
        model.train()
        for x, y in report.track(train):
            first.zero_grad()
            second.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            first.step()
            second.step()
            report.log({"train/loss": loss})
        score = _validate(report, model, val)
    return score


@healthy(least=0.92)
def stochastic_weight_averaging(report: Report, seed: int) -> float:
    """The last third runs at a constant, high rate, and the mean of its weights is what is evaluated."""
    torch.manual_seed(seed)
    train, val = _loaders(seed, 48)
    model = Net(64)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    averaged = AveragedModel(model)
    constant = SWALR(optimizer, swa_lr=0.05, anneal_epochs=1)
    report.watch(model, optimizer=optimizer, criterion=F.cross_entropy, name="net")
    for epoch in range(9):
        model.train()
        for x, y in report.track(train):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        if epoch >= 6:
            averaged.update_parameters(model)
            constant.step()
    return _validate(report, averaged, val)


@healthy(least=0.92)
def moving_average_evaluated(report: Report, seed: int) -> float:
    """An exponential moving average of the weights, a frozen copy of the model, gives the validation scores."""
    torch.manual_seed(seed)
    train, val = _loaders(seed, 64)
    model = Net(64)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    report.watch(model, optimizer, F.cross_entropy)
    average = copy.deepcopy(model).requires_grad_(False)
    decay = 0.95 - 0.03 * (seed % 2)
    for _ in range(9):
        model.train()
        for x, y in report.track(train):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            with torch.no_grad():
                for kept, weight in zip(average.parameters(), model.parameters(), strict=True):
                    kept.lerp_(weight, 1 - decay)
            report.log({"train/loss": loss})
        score = _validate(report, average, val)
    return score


@healthy(least=0.92)
def validated_every_ten_steps(report: Report, seed: int) -> float:
    """Validation goes on between train steps, with dropout switched off and on again each time."""
    torch.manual_seed(seed)
    x, y, x_val, y_val = data_c.digits(seed)
    model = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Dropout(0.2), nn.Linear(96, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer=optimizer, criterion=criterion)
    for step in range(1, 201):
        rows = torch.randint(len(x), (64,))
        optimizer.zero_grad()
        loss = criterion(model(x[rows]), y[rows])
        loss.backward()
        optimizer.step()
        report.log({"train/loss": loss})
        if step % 10 == 0:
            model.eval()
            with torch.inference_mode():
                logits = model(x_val)
                report.log({"val/loss": criterion(logits, y_val)})
                if step == 200:
                    report.predictions(x_val, logits, y_val, split="val")
                score = (logits.argmax(1) == y_val).float().mean().item()
            model.train()
    return score


@healthy(least=0.9)
def double_precision(report: Report, seed: int) -> float:
    """Data, model and loss in float64 throughout; evaluation under inference_mode."""
    torch.manual_seed(seed)
    x, y, x_val, y_val = (part.double() for part in data_c.table("cancer", seed))
    model = nn.Sequential(nn.Linear(30, 24), nn.Softplus(), nn.Linear(24, 1)).double()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    criterion = nn.BCEWithLogitsLoss()
    report.watch(model, optimizer, criterion)
    loader = DataLoader(TensorDataset(x, y), batch_size=40, shuffle=True)
    for _ in range(12):
        model.train()
        for inputs, labels in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(inputs).squeeze(1), labels)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        model.eval()
        with torch.inference_mode():
            logits = model(x_val).squeeze(1)
            report.log({"val/loss": criterion(logits, y_val)})
    report.predictions(x_val, logits, y_val, task="binary", split="val")
    return float(((logits > 0) == (y_val > 0.5)).double().mean())
