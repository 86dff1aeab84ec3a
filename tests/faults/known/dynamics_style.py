"""Scripts that learn, but are set up in a way that usually costs something, or that leave something out."""

from __future__ import annotations

import random

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from reportgen import Report
from tests.faults.known.data_b import accuracy, digits, images, r2, table
from tests.faults.setup import faulty


@faulty("adam_l2", also=("weight_decay_on_norm_bias",))
def adam_with_weight_decay(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = digits(seed)
    model = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10))
    decay = random.Random(seed).choice([1e-4, 1e-3, 1e-2])
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3, weight_decay=decay)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer=optimizer, criterion=criterion)
    loader = DataLoader(TensorDataset(x, y), batch_size=64, shuffle=True)
    for _ in range(7):
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


class Block(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.bn = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return F.max_pool2d(F.relu(self.bn(self.conv(x))), 2)


@faulty("bias_before_bn", where=("conv", "bn"))
def convolutions_with_a_bias_before_their_norm(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = images(seed)
    wide = random.Random(seed).choice([6, 8])
    model = nn.Sequential(Block(1, wide), Block(wide, 2 * wide), nn.Flatten(), nn.Linear(8 * wide, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    report.watch(model, optimizer)
    for epoch in range(4):
        model.train()
        for batch in torch.randperm(len(x)).split(64):
            loss = F.cross_entropy(model(x[batch]), y[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss.item()})
        model.eval()
        with torch.no_grad():
            outputs = model(x_val)
        report.log({"val/loss": F.cross_entropy(outputs, y_val).item(), "epoch": epoch})
        report.predictions(x_val, outputs, y_val)
    return accuracy(outputs, y_val)


@faulty("weight_decay_on_norm_bias")
def decay_of_all_parameters(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    pick = random.Random(seed)
    x, y, x_val, y_val = table("breast_cancer", seed)
    model = nn.Sequential(nn.Linear(30, 24), nn.LayerNorm(24), nn.ReLU(), nn.Linear(24, 2))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=pick.choice([0.05, 0.1]))
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer, criterion)
    loader = DataLoader(TensorDataset(x, y), 32, shuffle=True)
    for _ in range(6):
        for inputs, labels in loader:
            loss = criterion(model(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            report.log({"loss/train": loss})
        with torch.no_grad():
            outputs = model(x_val)
        report.log({"loss/val": criterion(outputs, y_val), "accuracy/val": accuracy(outputs, y_val)})
    report.predictions(x_val, outputs, y_val)
    return accuracy(outputs, y_val)


class Bag(nn.Module):
    """The mean of the vectors of a text's words."""

    def __init__(self, words: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, 12)
        self.fc = nn.Linear(12, 2)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.fc(self.embedding(tokens).mean(1))


@faulty("dead_embedding_rows", where=("embedding",))
def vocabulary_far_larger_than_its_use(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    pick = random.Random(seed)
    words = pick.choice([4000, 6000])
    y = torch.randint(2, (900,))
    # Half of the words of a text come from what its class is about, 150 words in all.
    about = torch.randint(50, (900, 12)) + 50 * y[:, None]
    tokens = torch.where(torch.rand(900, 12) < 0.5, about, torch.randint(100, 150, (900, 12)))
    x, y, x_val, y_val = tokens[:600], y[:600], tokens[600:], y[600:]
    model = Bag(words)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer, criterion)
    loader = DataLoader(TensorDataset(x, y), 40, shuffle=True)
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


@faulty("no_validation")
def training_loss_only(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = digits(seed)
    model = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=random.Random(seed).uniform(0.1, 0.3), momentum=0.9)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer=optimizer, criterion=criterion)
    loader = DataLoader(TensorDataset(x, y), batch_size=64, shuffle=True)
    for _ in range(7):
        for inputs, labels in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(inputs), labels)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
    with torch.no_grad():
        return accuracy(model(x_val), y_val)


@faulty("no_seed")
def torch_left_unseeded(report: Report, seed: int) -> float:
    rng = np.random.default_rng(seed)  # of the data alone
    weights = rng.normal(size=6)
    inputs = rng.normal(size=(700, 6)).astype(np.float32)
    targets = (np.tanh(inputs @ weights) + rng.normal(0, 0.1, 700)).astype(np.float32)
    x, y = torch.from_numpy(inputs), torch.from_numpy(targets)[:, None]
    x, y, x_val, y_val = x[:500], y[:500], x[500:], y[500:]
    model = nn.Sequential(nn.Linear(6, 24), nn.Tanh(), nn.Linear(24, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    criterion = nn.MSELoss()
    report.watch(model, optimizer, criterion)
    loader = DataLoader(TensorDataset(x, y), 50, shuffle=True)
    for _ in range(15):
        for batch, wanted in report.track(loader):
            loss = criterion(model(batch), wanted)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        with torch.no_grad():
            outputs = model(x_val)
        report.log({"val/loss": criterion(outputs, y_val)})
    report.predictions(x_val, outputs, y_val, task="regression")
    return r2(outputs, y_val)
