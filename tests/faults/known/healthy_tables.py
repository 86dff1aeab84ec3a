"""Healthy set-ups: dense nets that classify tables and digits, with losses and data that look odd and are not."""

from __future__ import annotations

import copy
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from reportgen import Report
from tests.faults.known import data_c
from tests.faults.setup import healthy


def _mlp(*sizes: int, dropout: float = 0.0) -> nn.Sequential:
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
        if dropout:
            layers.append(nn.Dropout(dropout))
    return nn.Sequential(*layers[: -2 if dropout else -1])


@healthy(least=0.9)
def wine_by_whole_batches(report: Report, seed: int) -> float:
    """All rows at each step, so that the loss has no noise and a step is an epoch."""
    torch.manual_seed(seed)
    x, y, x_val, y_val = data_c.table("wine", seed)
    model = _mlp(13, 16 + 8 * (seed % 3), 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer=optimizer, criterion=criterion)
    report.data("train", (x, y))
    report.data("val", (x_val, y_val))
    for step in range(100):
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        report.log({"train/loss": loss})
        if step % 5 == 4:
            with torch.no_grad():
                report.log({"val/loss": criterion(model(x_val), y_val)})
    model.eval()
    with torch.no_grad():
        logits = model(x_val)
    report.predictions(x_val, logits, y_val, split="val")
    return float((logits.argmax(1) == y_val).float().mean())


@healthy(least=0.92)
def cancer_by_tiny_batches(report: Report, seed: int) -> float:
    """Four to eight rows a step: a loss that jumps from step to step and falls all the same."""
    torch.manual_seed(seed)
    x, y, x_val, y_val = data_c.table("cancer", seed)
    loader = DataLoader(TensorDataset(x, y), batch_size=(4, 6, 8)[seed % 3], shuffle=True)
    model = _mlp(30, 16, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, weight_decay=1e-3)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer, criterion)
    for _ in range(5):
        model.train()
        for inputs, labels in report.track(loader, split="train"):
            loss = criterion(model(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss.item()})
        model.eval()
        with torch.no_grad():
            logits = model(x_val)
        accuracy = (logits.argmax(1) == y_val).float().mean().item()
        report.log({"val/loss": criterion(logits, y_val).item(), "val/acc": accuracy})
    report.predictions(x_val, logits, y_val)
    return accuracy


@healthy(least=0.88, also=("no_validation", "small_dataset"))
def iris_and_only_its_loss(report: Report, seed: int) -> float:
    """Nothing is validated and no prediction shown; one feature alone tells a class from the others."""
    torch.manual_seed(seed)
    x, y, x_test, y_test = data_c.table("iris", seed)
    net = nn.Sequential(nn.Linear(4, 12), nn.Tanh(), nn.Linear(12, 3))
    opt = torch.optim.Adam(net.parameters(), lr=0.02)
    report.watch(net, opt)
    for _ in range(12):
        for rows in torch.randperm(len(x)).split(16):
            opt.zero_grad()
            loss = F.cross_entropy(net(x[rows]), y[rows])
            loss.backward()
            opt.step()
            report.log({"loss": loss})
    with torch.no_grad():
        return float((net(x_test).argmax(1) == y_test).float().mean())


@healthy(least=0.92)
def digits_with_dropout(report: Report, seed: int) -> float:
    """Dropout makes the train accuracy lower than that of validation, all the way."""
    torch.manual_seed(seed)
    x, y, x_val, y_val = data_c.digits(seed)
    train = DataLoader(TensorDataset(x, y), batch_size=64, shuffle=True, drop_last=True)
    val = DataLoader(TensorDataset(x_val, y_val), batch_size=256)
    model = _mlp(64, 128, 96, 10, dropout=0.5)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer=optimizer, criterion=criterion)
    report.data("train", train.dataset)
    for _ in range(10):
        model.train()
        right = seen = 0
        for inputs, labels in report.track(train):
            optimizer.zero_grad()
            logits = model(inputs)
            loss = criterion(logits, labels)
            loss.backward()
            optimizer.step()
            right += int((logits.argmax(1) == labels).sum())
            seen += len(labels)
            report.log({"train/loss": loss})
        report.log({"train/acc": right / seen})
        model.eval()
        total, right = 0.0, 0
        with torch.no_grad():
            for inputs, labels in report.track(val, split="val"):
                logits = model(inputs)
                total += float(criterion(logits, labels)) * len(labels)
                right += int((logits.argmax(1) == labels).sum())
                report.predictions(inputs, logits, labels, split="val")
        report.log({"val/loss": total / len(x_val), "val/acc": right / len(x_val)})
    return right / len(x_val)


@healthy(least=0.93)
def digits_with_smoothed_labels(report: Report, seed: int) -> float:
    """With label smoothing the loss cannot fall below 0.5 here, however well it learns."""
    torch.manual_seed(seed)
    x, y, x_val, y_val = data_c.digits(seed)
    loader = DataLoader(TensorDataset(x, y), batch_size=48 + 16 * (seed % 2), shuffle=True)
    model = _mlp(64, 96, 10)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
    report.watch(model, optimizer=optimizer, criterion=criterion)
    for epoch in range(9):
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
        report.log({"val/loss": criterion(logits, y_val), "epoch": epoch})
        report.predictions(x_val, logits, y_val, split="val")
    return float((logits.argmax(1) == y_val).float().mean())


@healthy(least=0.93)
def digits_with_log_softmax(report: Report, seed: int) -> float:
    """Log-probabilities go where they belong, into NLLLoss."""

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc1 = nn.Linear(64, 80)
            self.fc2 = nn.Linear(80, 10)

        def forward(self, x: Tensor) -> Tensor:
            return F.log_softmax(self.fc2(F.relu(self.fc1(x))), dim=1)

    torch.manual_seed(seed)
    x, y, x_val, y_val = data_c.digits(seed)
    loader = DataLoader(TensorDataset(x, y), batch_size=64, shuffle=True)
    net = Net()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    criterion = nn.NLLLoss()
    report.watch(net, optimizer, criterion)
    for _ in range(8):
        net.train()
        for inputs, labels in loader:
            optimizer.zero_grad()
            loss = criterion(net(inputs), labels)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss.detach()})
        net.eval()
        with torch.no_grad():
            scores = net(x_val)
            report.log({"val/loss": criterion(scores, y_val)})
    report.predictions(x_val, scores, y_val)
    return float((scores.argmax(1) == y_val).float().mean())


@healthy(least=0.85, also=("class_imbalance",))
def rare_class_weighted(report: Report, seed: int) -> float:
    """Class weights make up for a class of 8 %; the score is the mean recall."""
    torch.manual_seed(seed)
    x, y, x_val, y_val = data_c.imbalanced(seed, 0.08)
    loader = DataLoader(TensorDataset(x, y), batch_size=64, shuffle=True)
    model = _mlp(12, 32, 2)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    counts = torch.bincount(y).float()
    criterion = nn.CrossEntropyLoss(weight=counts.sum() / (2 * counts))
    report.watch(model, optimizer=optimizer, criterion=criterion)
    report.data("train", TensorDataset(x, y))
    report.data("val", TensorDataset(x_val, y_val))
    for _ in range(10):
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
    right = logits.argmax(1) == y_val
    return float((right[y_val == 0].float().mean() + right[y_val == 1].float().mean()) / 2)


@healthy(least=0.85, also=("class_imbalance",))
def rare_class_with_pos_weight(report: Report, seed: int) -> float:
    """One logit, BCEWithLogits with pos_weight, a positive row in fifteen; the score is the mean recall."""
    torch.manual_seed(seed)
    x, y, x_val, y_val = data_c.imbalanced(seed, 1 / 15)
    targets = y.float()[:, None]
    net = nn.Sequential(nn.Linear(12, 24), nn.SiLU(), nn.Linear(24, 1))
    opt = torch.optim.Adam(net.parameters(), lr=4e-3)
    criterion = nn.BCEWithLogitsLoss(pos_weight=(1 - targets).sum() / targets.sum())
    report.watch(net, opt, criterion)
    for step in range(240):
        rows = torch.randint(len(x), (64,))
        loss = criterion(net(x[rows]), targets[rows])
        opt.zero_grad()
        loss.backward()
        opt.step()
        report.log({"train/loss": loss}, step=step)
    net.eval()
    with torch.no_grad():
        logits = net(x_val)
        report.log({"val/loss": criterion(logits, y_val.float()[:, None])}, step=step)
    report.predictions(x_val, logits[:, 0], y_val, task="binary")
    right = (logits[:, 0] > 0) == (y_val == 1)
    return float((right[y_val == 0].float().mean() + right[y_val == 1].float().mean()) / 2)


@healthy(least=0.8, also=("class_imbalance",))
def rare_class_learned_as_it_is(report: Report, seed: int) -> float:
    """Twenty to one without any weights, and the rare class is found: the score is its recall."""
    torch.manual_seed(seed)
    x, y, x_val, y_val = data_c.imbalanced(seed, 0.05, rows=2400)
    train = DataLoader(TensorDataset(x, y), batch_size=64, shuffle=True)
    model = _mlp(12, 48, 2)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer=optimizer, criterion=criterion)
    report.data("train", train.dataset)
    for _ in range(9):
        model.train()
        for inputs, labels in report.track(train, split="train"):
            optimizer.zero_grad()
            loss = criterion(model(inputs), labels)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        model.eval()
        with torch.no_grad():
            logits = model(x_val)
            report.log({"val/loss": criterion(logits, y_val), "val/acc": (logits.argmax(1) == y_val).float().mean()})
    report.predictions(x_val, logits, y_val, split="val")
    return float((logits.argmax(1) == 1)[y_val == 1].float().mean())


@healthy(least=0.8, also=("small_dataset",))
def few_digits_stopped_early(report: Report, seed: int) -> float:
    """Two hundred rows; training ends when validation has not improved for three epochs, and the best is restored."""
    torch.manual_seed(seed)
    x, y, x_val, y_val = data_c.digits(seed, rows=240)
    loader = DataLoader(TensorDataset(x, y), batch_size=32, shuffle=True)
    model = _mlp(64, 48, 10, dropout=0.2)
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3, weight_decay=0.05)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer=optimizer, criterion=criterion)
    report.data("train", (x, y))
    report.data("val", (x_val, y_val))
    best, waited, kept = float("inf"), 0, copy.deepcopy(model.state_dict())
    for _ in range(40):
        model.train()
        for inputs, labels in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(inputs), labels)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        model.eval()
        with torch.no_grad():
            val_loss = criterion(model(x_val), y_val).item()
        report.log({"val/loss": val_loss})
        if val_loss < best - 1e-3:
            best, waited, kept = val_loss, 0, copy.deepcopy(model.state_dict())
        else:
            waited += 1
            if waited == 3:
                break
    model.load_state_dict(kept)
    model.eval()
    with torch.no_grad():
        logits = model(x_val)
    report.predictions(x_val, logits, y_val, split="val")
    return float((logits.argmax(1) == y_val).float().mean())
