"""Scripts whose units die, saturate, say the same or begin in a bad place."""

from __future__ import annotations

import random

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from reportgen import Report
from tests.faults.known.data_b import TOO_FAR, UNLEARNED, accuracy, digits, images, r2, table
from tests.faults.setup import faulty


class Net(nn.Module):
    def __init__(self, inputs: int, hidden: int, outputs: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(inputs, hidden)
        self.act1 = nn.ReLU()
        self.fc2 = nn.Linear(hidden, hidden)
        self.act2 = nn.ReLU()
        self.out = nn.Linear(hidden, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.act2(self.fc2(self.act1(self.fc1(x)))))


@faulty(
    "dead_relu",
    where=("act2", "fc2"),
    also=(
        *UNLEARNED,
        "bad_init",
        "no_gradient",
        "vanishing_gradients",
        "dead_channels",
        "rank_collapse",
        "not_updated",
    ),
)
def biases_far_below_zero(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    pick = random.Random(seed)
    x, y, x_val, y_val = digits(seed)
    model = Net(64, 48, 10)
    nn.init.constant_(model.fc2.bias, pick.uniform(-4.0, -2.0))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer=optimizer, criterion=criterion)
    loader = DataLoader(TensorDataset(x, y), batch_size=32, shuffle=True)
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
    "dead_relu",
    "lr_too_high",
    "update_ratio_high",
    where=("act1", "act2", "fc1", "fc2"),
    also=(*TOO_FAR, "no_gradient", "vanishing_gradients"),
)
def first_steps_that_kill_units(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    pick = random.Random(seed)
    x, y, x_val, y_val = digits(seed)
    x, x_val = x * 16, x_val * 16
    model = Net(64, 64, 10)
    optimizer = torch.optim.SGD(model.parameters(), lr=pick.uniform(0.7, 0.9))
    report.watch(model, optimizer)
    for step in range(1, 151):
        for group in optimizer.param_groups:
            group["lr"] = max(0.01, group["lr"] * 0.97)
        batch = torch.randint(len(x), (48,))
        loss = F.cross_entropy(model(x[batch]), y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        report.log({"train/loss": loss})
        if step % 30 == 0:
            with torch.no_grad():
                outputs = model(x_val)
            report.log({"val/loss": F.cross_entropy(outputs, y_val), "val/acc": accuracy(outputs, y_val)})
    report.predictions(x_val, outputs, y_val)
    return accuracy(outputs, y_val)


@faulty(
    "saturated_activation",
    "bad_init",
    also=(*UNLEARNED, "vanishing_gradients", "overfitting", "calibration_off", "init_loss_wrong", "update_ratio_low"),
)
def tanh_units_at_their_bounds(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    pick = random.Random(seed)
    x, y, x_val, y_val = digits(seed)
    x, x_val = (x - 0.3) * 3, (x_val - 0.3) * 3
    model = nn.Sequential(nn.Linear(64, 48), nn.Tanh(), nn.Linear(48, 48), nn.Tanh(), nn.Linear(48, 10))
    for at in (0, 2):
        nn.init.normal_(model[at].weight, std=pick.uniform(4.0, 6.0))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer, criterion)
    loader = DataLoader(TensorDataset(x, y), 64, shuffle=True)
    for _ in range(8):
        for inputs, labels in report.track(loader):
            loss = criterion(model(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        with torch.no_grad():
            outputs = model(x_val)
        report.log({"val/loss": criterion(outputs, y_val), "val/accuracy": accuracy(outputs, y_val)})
    report.predictions(x_val, outputs, y_val)
    return accuracy(outputs, y_val)


class Pooled(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, channels, 3, padding=1)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.norm = nn.GroupNorm(
            channels, channels, eps=1e-3
        )  # one number a group after pooling: its own mean is taken off
        self.fc = nn.Linear(channels, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.norm(self.pool(F.relu(self.conv(x)))).flatten(1))


@faulty(
    "dead_channels",
    "rank_collapse",
    where=("norm",),
    also=(*UNLEARNED, "no_gradient", "vanishing_gradients", "not_updated"),
)
def norm_over_a_single_number(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = images(seed)
    model = Pooled(random.Random(seed).choice([12, 16, 24]))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    report.watch(model, optimizer)
    for epoch in range(4):
        for batch in torch.randperm(len(x)).split(64):
            loss = F.cross_entropy(model(x[batch]), y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss.item()})
        with torch.no_grad():
            outputs = model(x_val)
        report.log({"val/loss": F.cross_entropy(outputs, y_val).item(), "epoch": epoch})
        report.predictions(x_val, outputs, y_val)
    return accuracy(outputs, y_val)


@faulty(
    "bad_init",
    "symmetric_units",
    also=(*UNLEARNED, "rank_collapse", "vanishing_gradients", "update_ratio_low"),
)
def weights_of_one_value(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    pick = random.Random(seed)
    x, y, x_val, y_val = digits(seed)
    model = Net(64, pick.choice([32, 48]), 10)
    for parameter in model.parameters():
        if parameter.dim() > 1:
            nn.init.constant_(parameter, 1 / parameter.shape[1])
        else:
            nn.init.zeros_(parameter)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer=optimizer, criterion=criterion)
    loader = DataLoader(TensorDataset(x, y), batch_size=32, shuffle=True)
    for _ in range(5):
        for inputs, labels in report.track(loader):
            loss = criterion(model(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        with torch.no_grad():
            outputs = model(x_val)
        report.log({"val/loss": criterion(outputs, y_val), "val/accuracy": accuracy(outputs, y_val)})
    report.predictions(x_val, outputs, y_val)
    return accuracy(outputs, y_val)


@faulty(
    "bad_init",
    "exploding_activations",
    also=(*UNLEARNED, "rank_collapse", "divergence", "oscillation", "exploding_gradients", "dead_relu"),
)
def weights_that_are_all_positive(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    pick = random.Random(seed)
    x, y, x_val, y_val = table("diabetes", seed)
    mean, std = y.mean(), y.std()
    y, y_val = ((y - mean) / std)[:, None], ((y_val - mean) / std)[:, None]
    model = Net(10, 96, 1)
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.uniform_(module.weight)
    optimizer = torch.optim.Adam(model.parameters(), lr=pick.uniform(5e-4, 1e-3))
    report.watch(model, optimizer)
    for _ in range(12):
        for batch in torch.randperm(len(x)).split(32):
            loss = F.smooth_l1_loss(model(x[batch]), y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        with torch.no_grad():
            outputs = model(x_val)
        report.log({"val/loss": F.smooth_l1_loss(outputs, y_val)})
    report.predictions(x_val, outputs, y_val, task="regression")
    return r2(outputs, y_val)


@faulty(
    "init_loss_wrong",
    "bad_init",
    also=(*UNLEARNED, "dead_relu", "dead_channels", "rank_collapse", "oscillation", "exploding_gradients"),
)
def head_with_large_weights(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    pick = random.Random(seed)
    x, y, x_val, y_val = images(seed)
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(128, 32),
        nn.ReLU(),
        nn.Linear(32, 10),
    )
    nn.init.normal_(model[-1].weight, std=pick.uniform(15.0, 25.0))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer, criterion)
    loader = DataLoader(TensorDataset(x, y), 64, shuffle=True)
    for _ in range(6):
        for inputs, labels in report.track(loader):
            loss = criterion(model(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        with torch.no_grad():
            outputs = model(x_val)
        report.log({"val/loss": criterion(outputs, y_val), "val/accuracy": accuracy(outputs, y_val)})
    report.predictions(x_val, outputs, y_val)
    return accuracy(outputs, y_val)
