"""Scripts that fit too much, too little, or something else than they should."""

from __future__ import annotations

import random

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from reportgen import Report
from tests.faults.known.data_b import UNLEARNED, accuracy, digits, images, made, r2, spirals, split, table
from tests.faults.setup import faulty

LITTLE = ("loss_not_decreasing", "plateau", "worse_than_baseline")


@faulty("overfitting", also=("small_dataset", "calibration_off", "worse_than_baseline"))
def few_rows_seen_often(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    pick = random.Random(seed)
    x, y, x_val, y_val = made(seed, flip=0.25)
    rows = pick.randint(60, 90)
    model = nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer=optimizer, criterion=criterion)
    loader = DataLoader(TensorDataset(x[:rows], y[:rows]), batch_size=20, shuffle=True)
    for _ in range(35):
        for inputs, labels in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(inputs), labels)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        with torch.no_grad():
            outputs = model(x_val)
            seen = model(x[:rows])
        report.log({"val/loss": criterion(outputs, y_val), "val/accuracy": accuracy(outputs, y_val)})
        report.log({"train/accuracy": accuracy(seen, y[:rows])})
    report.predictions(x_val, outputs, y_val)
    return accuracy(outputs, y_val)


@faulty("overfitting", also=("small_dataset", "worse_than_baseline"))
def wide_regression_without_regularisation(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    pick = random.Random(seed)
    x, y, x_val, y_val = table("diabetes", seed)
    mean, std = y.mean(), y.std()
    y, y_val = ((y - mean) / std)[:, None], ((y_val - mean) / std)[:, None]
    wide = pick.choice([96, 128])
    model = nn.Sequential(nn.Linear(10, wide), nn.GELU(), nn.Linear(wide, wide), nn.GELU(), nn.Linear(wide, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    report.watch(model, optimizer)
    for epoch in range(40):
        total = 0.0
        batches = torch.randperm(len(x)).split(64)
        for batch in batches:
            loss = F.mse_loss(model(x[batch]), y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        with torch.no_grad():
            outputs = model(x_val)
        report.log({"epoch": epoch, "train/mse": total / len(batches), "val/mse": F.mse_loss(outputs, y_val).item()})
        report.predictions(x_val, outputs, y_val, task="regression")
    return r2(outputs, y_val)


@faulty("underfitting", also=LITTLE)
def straight_lines_between_spirals(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = spirals(seed)
    model = nn.Linear(2, 3)
    optimizer = torch.optim.Adam(model.parameters(), lr=random.Random(seed).uniform(0.02, 0.05))
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer, criterion)
    loader = DataLoader(TensorDataset(x, y), 32, shuffle=True)
    for _ in range(12):
        for inputs, labels in report.track(loader):
            loss = criterion(model(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        with torch.no_grad():
            outputs = model(x_val)
        report.log({"val/loss": criterion(outputs, y_val), "val/acc": accuracy(outputs, y_val)})
    report.predictions(x_val, outputs, y_val)
    return accuracy(outputs, y_val)


@faulty("plateau", "underfitting", "rank_collapse", also=("loss_not_decreasing", "worse_than_baseline"))
def neck_of_a_single_unit(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    pick = random.Random(seed)
    x, y, x_val, y_val = digits(seed)
    model = nn.Sequential(nn.Linear(64, 1), nn.Tanh(), nn.Linear(1, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=pick.uniform(0.02, 0.03))
    report.watch(model, optimizer)
    for step in range(1, 321):
        batch = torch.randint(len(x), (64,))
        loss = F.cross_entropy(model(x[batch]), y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        report.log({"train/loss": loss.item()})
        if step % 40 == 0:
            with torch.no_grad():
                outputs = model(x_val)
            report.log({"val/loss": F.cross_entropy(outputs, y_val).item(), "val/acc": accuracy(outputs, y_val)})
    report.predictions(x_val, outputs, y_val)
    return accuracy(outputs, y_val)


@faulty("worse_than_baseline", also=("overfitting", "calibration_off", "label_noise"))
def validation_labels_in_another_order(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = images(seed)
    y_val = y_val[torch.randperm(len(y_val))]
    channels = random.Random(seed).choice([8, 12])
    model = nn.Sequential(
        nn.Conv2d(1, channels, 3, padding=1, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(16 * channels, 10),
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer, criterion)
    loader = DataLoader(TensorDataset(x, y), 64, shuffle=True)
    for _ in range(5):
        model.train()
        for inputs, labels in report.track(loader):
            loss = criterion(model(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        model.eval()
        with torch.no_grad():
            outputs = model(x_val)
        report.log({"val/loss": criterion(outputs, y_val), "val/accuracy": accuracy(outputs, y_val)})
    report.predictions(x_val, outputs, y_val)
    return accuracy(outputs, y_val)


class LastState(nn.Module):
    def __init__(self, words: int, hidden: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, 16, padding_idx=0)
        self.gru = nn.GRU(16, hidden, batch_first=True)
        self.fc = nn.Linear(hidden, 2)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.fc(self.gru(self.embedding(tokens))[0][:, -1])


@faulty(
    "constant_predictions", also=(*UNLEARNED, "input_constant", "dead_channels", "rank_collapse", "vanishing_gradients")
)
def last_state_after_long_padding(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    pick = random.Random(seed)
    rows, padded = 500, pick.randint(50, 60)
    # Four words and much padding; the class, 60 to 40, is what most of the words stand for.
    y = (torch.rand(rows) < 0.6).long()
    tokens = torch.zeros(rows, padded, dtype=torch.long)
    tokens[:, :4] = torch.randint(1, 20, (rows, 4)) + 20 * y[:, None]
    x, y, x_val, y_val = tokens[:300], y[:300], tokens[300:], y[300:]
    model = LastState(41, 24)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.5)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer, criterion)
    loader = DataLoader(TensorDataset(x, y), 40, shuffle=True)
    for epoch in range(5):
        for inputs, labels in report.track(loader):
            loss = criterion(model(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        with torch.no_grad():
            outputs = model(x_val)
        report.log({"val/loss": criterion(outputs, y_val), "epoch": epoch})
        report.predictions(x_val, outputs, y_val)
    return accuracy(outputs, y_val)


@faulty(
    "weight_decay_too_high",
    also=(*UNLEARNED, "rank_collapse", "dead_channels", "vanishing_gradients", "update_ratio_high"),
)
def decay_of_a_half(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = digits(seed)
    model = nn.Sequential(nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 10))
    matrices = [each for each in model.parameters() if each.dim() > 1]
    biases = [each for each in model.parameters() if each.dim() == 1]
    optimizer = torch.optim.SGD(
        [
            {"params": matrices, "weight_decay": random.Random(seed).uniform(0.4, 0.8)},
            {"params": biases, "weight_decay": 0.0},
        ],
        lr=0.1,
    )
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


@faulty("dropout_too_high", also=("underfitting", "val_better_than_train", "plateau", "calibration_off"))
def nearly_everything_dropped(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    rate = random.Random(seed).choice([0.9, 0.93])
    x, y, x_val, y_val = digits(seed)
    model = nn.Sequential(
        nn.Linear(64, 64),
        nn.ReLU(),
        nn.Dropout(rate),
        nn.Linear(64, 64),
        nn.ReLU(),
        nn.Dropout(rate),
        nn.Linear(64, 10),
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer=optimizer, criterion=criterion)
    loader = DataLoader(TensorDataset(x, y), batch_size=32, shuffle=True)
    for _ in range(5):
        model.train()
        right = 0.0
        for inputs, labels in report.track(loader):
            optimizer.zero_grad()
            outputs = model(inputs)
            loss = criterion(outputs, labels)
            loss.backward()
            optimizer.step()
            right += accuracy(outputs, labels) / len(loader)
            report.log({"train/loss": loss})
        model.eval()
        with torch.no_grad():
            outputs = model(x_val)
        report.log({"train/accuracy": right, "val/accuracy": accuracy(outputs, y_val)})
        report.log({"val/loss": criterion(outputs, y_val)})
    report.predictions(x_val, outputs, y_val)
    return accuracy(outputs, y_val)


@faulty("calibration_off", also=("overfitting", "label_noise"))
def temperature_left_out_when_evaluating(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    temperature = random.Random(seed).uniform(10.0, 16.0)
    x, y, x_val, y_val = made(seed, rows=1500, flip=0.3)
    model = nn.Sequential(nn.Linear(20, 24), nn.ReLU(), nn.Linear(24, 2))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    report.watch(model, optimizer)
    for _ in range(8):
        for batch in torch.randperm(len(x)).split(50):
            loss = F.cross_entropy(model(x[batch]) / temperature, y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        with torch.no_grad():
            outputs = model(x_val)
        report.log({"val/accuracy": accuracy(outputs, y_val)})
    report.predictions(x_val, outputs, y_val)
    return accuracy(outputs, y_val)


@faulty("small_dataset", "overfitting", also=("calibration_off",))
def large_net_on_forty_rows(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    pick = random.Random(seed)
    x, y, x_val, y_val = made(seed, rows=600, flip=0.1, n_classes=3, apart=0.9)
    rows = pick.randint(40, 50)
    train = TensorDataset(x[:rows], y[:rows])
    model = nn.Sequential(nn.Linear(20, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 3))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer, criterion)
    report.data("train", train)
    report.data("val", (x_val, y_val))
    for _ in range(40):
        for inputs, labels in report.track(DataLoader(train, 16, shuffle=True)):
            outputs = model(inputs)
            loss = criterion(outputs, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss, "train/accuracy": accuracy(outputs, labels)})
        with torch.no_grad():
            outputs = model(x_val)
        report.log({"val/loss": criterion(outputs, y_val), "val/accuracy": accuracy(outputs, y_val)})
    report.predictions(x_val, outputs, y_val)
    return accuracy(outputs, y_val)


@faulty("loss_not_decreasing", "worse_than_baseline", also=(*UNLEARNED, "label_noise", "low_gradient_snr"))
def inputs_and_targets_from_two_shuffles(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    pick = random.Random(seed)
    rng = torch.randn(1000, 8)
    target = torch.sin(2 * rng[:, 0]) + rng[:, 1] * rng[:, 2]
    x, y, x_val, y_val = split(rng.numpy(), target.numpy(), seed)
    model = nn.Sequential(nn.Linear(8, pick.choice([32, 48])), nn.SiLU(), nn.LazyLinear(1))
    model(x[:2])
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    report.watch(model, optimizer)
    inputs_loader = DataLoader(x, 50, shuffle=True)
    targets_loader = DataLoader(y, 50, shuffle=True)
    for _ in range(12):
        for inputs, targets in zip(inputs_loader, targets_loader, strict=True):
            loss = F.mse_loss(model(inputs).squeeze(1), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        with torch.no_grad():
            outputs = model(x_val).squeeze(1)
        report.log({"val/loss": F.mse_loss(outputs, y_val)})
    report.predictions(x_val, outputs, y_val, task="regression")
    return r2(outputs, y_val)


@faulty("loss_not_decreasing", "worse_than_baseline", also=(*UNLEARNED, "label_noise", "low_gradient_snr"))
def images_shuffled_without_their_labels(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = images(seed)
    x = x[torch.randperm(len(x))]
    channels = random.Random(seed).choice([6, 8])
    model = nn.Sequential(
        nn.Conv2d(1, channels, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16 * channels, 10)
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer, criterion)
    for epoch in range(5):
        for batch in torch.randperm(len(x)).split(64):
            loss = criterion(model(x[batch]), y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        with torch.no_grad():
            outputs = model(x_val)
        report.log({"val/loss": criterion(outputs, y_val), "val/acc": accuracy(outputs, y_val), "epoch": epoch})
    report.predictions(x_val, outputs, y_val)
    return accuracy(outputs, y_val)
