"""Scripts whose learning rate, or its course, is wrong."""

from __future__ import annotations

import random

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from reportgen import Report
from tests.faults.known.data_b import TOO_FAR, UNLEARNED, accuracy, digits, images, made, r2, table
from tests.faults.setup import faulty

TOO_LONG = ("lr_too_high", "update_ratio_high")


@faulty(*TOO_LONG, also=TOO_FAR)
def sgd_mlp_with_a_rate_of_several(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = digits(seed)
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=random.Random(seed).uniform(3.0, 7.0))
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer=optimizer, criterion=criterion)
    loader = DataLoader(TensorDataset(x, y), batch_size=64, shuffle=True)
    for _ in range(8):
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


class Convolutions(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, 2 * channels, 3, padding=1)
        self.fc = nn.Linear(2 * channels * 4, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc(x.flatten(1))


@faulty(*TOO_LONG, also=TOO_FAR)
def adam_cnn_with_a_large_rate(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    pick = random.Random(seed)
    x, y, x_val, y_val = images(seed)
    model = Convolutions(channels=pick.choice([6, 8, 12]))
    optimizer = torch.optim.Adam(model.parameters(), lr=pick.uniform(0.1, 0.3))
    report.watch(model, optimizer)
    for step in range(120):
        batch = torch.randint(len(x), (48,))
        loss = F.cross_entropy(model(x[batch]), y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        report.log({"loss/train": loss.item()})
        if step % 20 == 19:
            with torch.no_grad():
                logits = model(x_val)
            report.log({"loss/val": F.cross_entropy(logits, y_val).item()})
    report.predictions(x_val, logits, y_val)
    return accuracy(logits, y_val)


class Reader(nn.Module):
    """Reads an image row by row."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(8, hidden, batch_first=True)
        self.head = nn.Linear(hidden, 10)

    def forward(self, rows: Tensor) -> Tensor:
        return self.head(self.lstm(rows)[0][:, -1])


@faulty(*TOO_LONG, also=TOO_FAR)
def adam_lstm_with_a_large_rate(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    pick = random.Random(seed)
    x, y, x_val, y_val = digits(seed)
    x, x_val = x.view(-1, 8, 8), x_val.view(-1, 8, 8)
    model = Reader(pick.choice([24, 32]))
    optimizer = torch.optim.Adam(model.parameters(), lr=pick.uniform(0.5, 1.2))
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer, criterion)
    loader = DataLoader(TensorDataset(x, y), 64, shuffle=True, generator=torch.Generator().manual_seed(seed))
    for epoch in range(5):
        for rows, labels in loader:
            loss = criterion(model(rows), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            report.log({"train_loss": loss, "epoch": epoch})
        model.eval()
        with torch.no_grad():
            outputs = model(x_val)
            report.log({"val_loss": criterion(outputs, y_val), "val_acc": accuracy(outputs, y_val)})
        report.predictions(x_val, outputs, y_val)
        model.train()
    return accuracy(outputs, y_val)


@faulty(*TOO_LONG, also=TOO_FAR)
def regression_with_a_large_rate(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    pick = random.Random(seed)
    x, y, x_val, y_val = table("diabetes", seed)
    mean, std = y.mean(), y.std()
    y, y_val = ((y - mean) / std).unsqueeze(1), ((y_val - mean) / std).unsqueeze(1)
    model = nn.Sequential(nn.Linear(10, 32), nn.Tanh(), nn.Linear(32, 1))
    optimizer = torch.optim.RMSprop(model.parameters(), lr=pick.uniform(0.3, 0.8))
    report.watch(model, optimizer)
    for epoch in range(15):
        order = torch.randperm(len(x))
        for at in range(0, len(x), 32):
            batch = order[at : at + 32]
            loss = F.mse_loss(model(x[batch]), y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            report.log({"train/mse": loss})
        with torch.no_grad():
            outputs = model(x_val)
        report.log({"val/mse": F.mse_loss(outputs, y_val), "epoch": epoch})
    report.predictions(x_val, outputs, y_val, task="regression")
    return r2(outputs, y_val)


@faulty("lr_too_low", "update_ratio_low", also=UNLEARNED)
def sgd_mlp_with_a_tiny_rate(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = digits(seed)
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=10 ** random.Random(seed).uniform(-5.5, -4.7))
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer=optimizer, criterion=criterion)
    loader = DataLoader(TensorDataset(x, y), batch_size=32, shuffle=True)
    for _ in range(6):
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


class Tokens(nn.Module):
    """A Transformer over the eight rows of an image."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.embed = nn.Linear(8, width)
        self.place = nn.Parameter(0.1 * torch.randn(8, width))
        layer = nn.TransformerEncoderLayer(width, 4, 2 * width, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(width, 10)

    def forward(self, rows: Tensor) -> Tensor:
        return self.head(self.encoder(self.embed(rows) + self.place).mean(1))


@faulty("lr_too_low", "update_ratio_low", also=UNLEARNED)
def adam_transformer_with_a_tiny_rate(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    pick = random.Random(seed)
    x, y, x_val, y_val = digits(seed)
    x, x_val = x.view(-1, 8, 8), x_val.view(-1, 8, 8)
    model = Tokens(pick.choice([24, 32]))
    optimizer = torch.optim.Adam(model.parameters(), lr=10 ** pick.uniform(-7.5, -6.8))
    report.watch(model, optimizer)
    for step in range(1, 91):
        batch = torch.randint(len(x), (32,))
        loss = F.cross_entropy(model(x[batch]), y[batch])
        optimizer.zero_grad(set_to_none=False)
        loss.backward()
        optimizer.step()
        report.log({"train/loss": loss.detach()})
        if step % 30 == 0:
            model.eval()
            with torch.inference_mode():
                logits = model(x_val)
            model.train()
            report.log({"val/loss": F.cross_entropy(logits, y_val), "val/acc": accuracy(logits, y_val)})
            report.predictions(x_val, logits, y_val)
    return accuracy(logits, y_val)


@faulty("divergence", *TOO_LONG, also=TOO_FAR)
def rate_that_grows_instead_of_falling(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    pick = random.Random(seed)
    x, y, x_val, y_val = digits(seed)
    model = nn.Sequential(nn.Linear(64, 48), nn.Tanh(), nn.Linear(48, 48), nn.Tanh(), nn.Linear(48, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=pick.uniform(1.7, 1.9))
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer, criterion, scheduler=scheduler)
    loader = DataLoader(TensorDataset(x, y), batch_size=64, shuffle=True)
    for _ in range(12):
        for inputs, labels in report.track(loader):
            loss = criterion(model(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        scheduler.step()
        with torch.no_grad():
            outputs = model(x_val)
        report.log({"val/loss": criterion(outputs, y_val), "val/accuracy": accuracy(outputs, y_val)})
    report.predictions(x_val, outputs, y_val)
    return accuracy(outputs, y_val)


@faulty("divergence", *TOO_LONG, also=(*TOO_FAR, "nan_loss"))
def linear_regression_beyond_stability(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    pick = random.Random(seed)
    x = torch.randn(300, 12)
    weights = torch.randn(12, 1)
    y = x @ weights + 0.3 * torch.randn(300, 1)
    x_val = torch.randn(150, 12)
    y_val = x_val @ weights + 0.3 * torch.randn(150, 1)
    model = nn.Linear(12, 1)
    # Plain descent on a mean square is stable up to 2 over the largest eigenvalue of the Hessian.
    limit = 2 / float(torch.linalg.eigvalsh(2 * x.T @ x / len(x))[-1])
    optimizer = torch.optim.SGD(model.parameters(), lr=limit * pick.uniform(1.08, 1.2))
    criterion = nn.MSELoss()
    report.watch(model, optimizer, criterion)
    for _ in range(100):
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            outputs = model(x_val)
        report.log({"train/loss": loss.item(), "val/loss": criterion(outputs, y_val).item()})
    report.predictions(x_val, outputs, y_val, task="regression")
    return r2(outputs, y_val)


@faulty("oscillation", *TOO_LONG, also=(*TOO_FAR, "calibration_off"))
def momentum_that_swings(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    pick = random.Random(seed)
    x, y, x_val, y_val = made(seed, flip=0.2)
    model = nn.Sequential(nn.Linear(20, 16), nn.Tanh(), nn.Linear(16, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=pick.uniform(1.0, 2.0), momentum=0.95)
    report.watch(model, optimizer)
    for _ in range(300):
        batch = torch.randint(len(x), (4,))
        loss = F.cross_entropy(model(x[batch]), y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            outputs = model(x_val)
        report.log({"train/loss": loss, "val/acc": accuracy(outputs, y_val)})
    report.predictions(x_val, outputs, y_val)
    return accuracy(outputs, y_val)
