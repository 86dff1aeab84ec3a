"""Scripts in which signals or gradients grow or fade on their way through the layers."""

from __future__ import annotations

import random

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from reportgen import Report
from tests.faults.known.data_b import UNLEARNED, accuracy, digits, r2, split
from tests.faults.setup import faulty


class Memory(nn.Module):
    """A plain recurrent net that has to add up the last of what it has seen."""

    def __init__(self, hidden: int, scale: float) -> None:
        super().__init__()
        self.rnn = nn.RNN(2, hidden, batch_first=True)
        self.head = nn.Linear(hidden, 1)
        nn.init.normal_(self.rnn.weight_hh_l0, std=scale / hidden**0.5)

    def forward(self, sequence: Tensor) -> Tensor:
        return self.head(self.rnn(sequence)[0][:, -1]).squeeze(1)


def _recent_sum(rows: int, length: int) -> tuple[Tensor, Tensor]:
    sequence = torch.randn(rows, length, 2)
    return sequence, 0.5 * sequence[:, -3:, 0].sum(1) - 0.5 * sequence[:, -1, 1]


@faulty(
    "exploding_gradients",
    where=("rnn", "grad"),
    also=(*UNLEARNED, "oscillation", "saturated_activation", "bad_init", "update_ratio_high", "lr_too_high"),
)
def recurrent_net_without_clipping(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    pick = random.Random(seed)
    length = pick.choice([40, 50])
    model = Memory(hidden=48, scale=pick.uniform(2.2, 2.8))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    criterion = nn.MSELoss()
    report.watch(model, optimizer, criterion)
    x_val, y_val = _recent_sum(300, length)
    for step in range(1, 151):
        x, y = _recent_sum(32, length)
        loss = criterion(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        report.log({"train/loss": loss})
        if step % 30 == 0:
            with torch.no_grad():
                outputs = model(x_val)
            report.log({"val/loss": criterion(outputs, y_val)})
    report.predictions(x_val, outputs, y_val, task="regression")
    return r2(outputs, y_val)


@faulty(
    "exploding_gradients",
    also=(
        *UNLEARNED,
        "divergence",
        "oscillation",
        "exploding_activations",
        "saturated_activation",
        "target_not_normalized",
    ),
)
def rare_huge_targets_without_clipping(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    pick = random.Random(seed)
    x = torch.randn(1200, 8)
    y = torch.sin(x[:, 0]) + 0.5 * x[:, 1]
    # A few readings in another unit: their squared errors dwarf all others.
    wrong = torch.randperm(900)[: pick.randint(4, 7)]
    y[wrong] = y[wrong] * 1e4 + 2e4
    model = nn.Sequential(nn.Linear(8, 32), nn.Tanh(), nn.Linear(32, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.5)
    report.watch(model, optimizer)
    loader = DataLoader(TensorDataset(x[:900], y[:900, None]), 16, shuffle=True)
    for _ in range(4):
        for inputs, targets in report.track(loader):
            loss = F.mse_loss(model(inputs), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        with torch.no_grad():
            outputs = model(x[900:])
        report.log({"val/loss": F.mse_loss(outputs, y[900:, None])})
    report.predictions(x[900:], outputs, y[900:, None], task="regression")
    return r2(outputs, y[900:, None])


@faulty(
    "exploding_activations",
    "bad_init",
    also=("init_loss_wrong", "exploding_gradients", "oscillation", "calibration_off", "update_ratio_low", *UNLEARNED),
)
def unit_normal_weights(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    pick = random.Random(seed)
    x, y, x_val, y_val = digits(seed)
    wide = pick.choice([224, 256])
    model = nn.Sequential()
    for before, after in ((64, wide), (wide, wide), (wide, wide), (wide, wide)):
        model.extend([nn.Linear(before, after), nn.ReLU()])
    model.append(nn.Linear(wide, 10))
    for module in model:
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-4)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer=optimizer, criterion=criterion)
    loader = DataLoader(TensorDataset(x, y), batch_size=64, shuffle=True)
    for _ in range(5):
        for inputs, labels in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(inputs), labels)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        with torch.no_grad():
            outputs = model(x_val)
        report.log({"val/loss": criterion(outputs, y_val), "val/accuracy": accuracy(outputs, y_val)})
    report.predictions(x_val, outputs, y_val)
    return accuracy(outputs, y_val)


@faulty(
    "vanishing_gradients",
    also=(*UNLEARNED, "update_ratio_low", "rank_collapse", "dead_channels"),
)
def deep_sigmoid_net(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    pick = random.Random(seed)
    x, y, x_val, y_val = digits(seed)
    layers: list[nn.Module] = [nn.Linear(64, 40), nn.Sigmoid()]
    for _ in range(pick.randint(6, 8)):
        layers += [nn.Linear(40, 40), nn.Sigmoid()]
    model = nn.Sequential(*layers, nn.Linear(40, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    report.watch(model, optimizer)
    for step in range(1, 181):
        batch = torch.randint(len(x), (64,))
        loss = F.cross_entropy(model(x[batch]), y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        report.log({"train/loss": loss.item()})
        if step % 45 == 0:
            with torch.no_grad():
                outputs = model(x_val)
            report.log({"val/loss": F.cross_entropy(outputs, y_val).item(), "val/acc": accuracy(outputs, y_val)})
    report.predictions(x_val, outputs, y_val)
    return accuracy(outputs, y_val)


class Plain(nn.Module):
    """Many layers without skips or normalisation, as torch initialises them."""

    def __init__(self, depth: int) -> None:
        super().__init__()
        self.stem = nn.Linear(64, 48)
        self.layers = nn.ModuleList(nn.Linear(48, 48) for _ in range(depth))
        self.head = nn.Linear(48, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.stem(x))
        for layer in self.layers:
            x = F.relu(layer(x))
        return self.head(x)


@faulty(
    "rank_collapse",
    "vanishing_gradients",
    "dead_channels",
    also=(*UNLEARNED, "dead_relu", "update_ratio_low"),
)
def plain_net_of_many_layers(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = digits(seed)
    model = Plain(depth=random.Random(seed).randint(19, 22))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer, criterion)
    loader = DataLoader(TensorDataset(x, y), 64, shuffle=True)
    for epoch in range(4):
        for inputs, labels in loader:
            loss = criterion(model(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            report.log({"Loss/train": loss, "epoch": epoch})
        with torch.no_grad():
            outputs = model(x_val)
        report.log({"Loss/val": criterion(outputs, y_val), "Accuracy/val": accuracy(outputs, y_val)})
        report.predictions(x_val, outputs, y_val)
    return accuracy(outputs, y_val)


@faulty(
    "low_gradient_snr",
    also=(*UNLEARNED, "oscillation", "divergence", "label_noise", "lr_too_high", "update_ratio_high"),
)
def single_rows_of_noise(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    pick = random.Random(seed)
    x = torch.randn(3000, 16)
    # A tenth of the variance can be told from the inputs: enough for larger batches, not for the gradient of one row.
    y = 0.3 * x[:, 0] + torch.randn(3000) * pick.uniform(0.9, 1.1)
    x, y, x_val, y_val = split(x.numpy(), y.numpy(), seed)
    model = nn.Sequential(nn.Linear(16, 24), nn.Tanh(), nn.Linear(24, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.03)
    report.watch(model, optimizer)
    for step in range(1, 801):
        row = torch.randint(len(x), (1,))
        loss = F.mse_loss(model(x[row]).squeeze(1), y[row])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        report.log({"train/mse": loss})
        if step % 200 == 0:
            with torch.no_grad():
                outputs = model(x_val).squeeze(1)
            report.log({"val/mse": F.mse_loss(outputs, y_val)})
    report.predictions(x_val, outputs, y_val, task="regression")
    return r2(outputs, y_val)
