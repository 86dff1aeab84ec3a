"""Healthy set-ups: losses whose values are unlike those of cross-entropy, and targets that are not labels."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from sklearn.datasets import make_blobs
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from reportgen import Report
from tests.faults.known import data_c
from tests.faults.setup import healthy


def _flat(seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    x, y, x_val, y_val = data_c.images(seed)
    return x.flatten(1), y, x_val.flatten(1), y_val


def _by_nearest(train: Tensor, labels: Tensor, val: Tensor, val_labels: Tensor) -> float:
    """Share of validation rows whose nearest train row, of their embeddings, is of the same class."""
    nearest = torch.cdist(val, train).argmin(1)
    return float((labels[nearest] == val_labels).float().mean())


@healthy(least=0.99)
def loss_down_to_nothing(report: Report, seed: int) -> float:
    """Classes far apart: train and validation losses both go to zero, and their ratio means nothing."""
    torch.manual_seed(seed)
    rows, classes = make_blobs(900, n_features=8, centers=4, cluster_std=1.0, random_state=seed)
    x, y = torch.tensor(rows, dtype=torch.float32), torch.tensor(classes)
    x, y, x_val, y_val = data_c.standardised((x[:600], y[:600], x[600:], y[600:]))
    model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 4))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer=optimizer, criterion=criterion)
    report.data("train", (x, y))
    report.data("val", (x_val, y_val))
    loader = DataLoader(TensorDataset(x, y), batch_size=30, shuffle=True)
    for _ in range(12):
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
            accuracy = float((logits.argmax(1) == y_val).float().mean())
            report.log({"val/loss": criterion(logits, y_val), "val/acc": accuracy})
    report.predictions(x_val, logits, y_val, split="val")
    return accuracy


@healthy(least=0.92)
def distilled_by_kl_divergence(report: Report, seed: int) -> float:
    """A small student learns a teacher's softened distribution: KLDivLoss with log-probabilities, as it has to be."""
    torch.manual_seed(seed)
    x, y, x_val, y_val = _flat(seed)
    teacher = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 10))
    optimizer = torch.optim.Adam(teacher.parameters(), lr=5e-3)
    for _ in range(4):
        for rows in torch.randperm(len(x)).split(64):
            optimizer.zero_grad()
            F.cross_entropy(teacher(x[rows]), y[rows]).backward()
            optimizer.step()
    teacher.eval()
    with torch.no_grad():
        soft, soft_val = F.softmax(teacher(x) / 2, dim=1), F.softmax(teacher(x_val) / 2, dim=1)
    model = nn.Sequential(nn.Linear(64, 24 + 8 * (seed % 2)), nn.ReLU(), nn.Linear(24 + 8 * (seed % 2), 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    criterion = nn.KLDivLoss(reduction="batchmean")
    report.watch(model, optimizer=optimizer, criterion=criterion)
    loader = DataLoader(TensorDataset(x, soft), batch_size=64, shuffle=True)
    for _ in range(10):
        model.train()
        for inputs, wanted in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(F.log_softmax(model(inputs) / 2, dim=1), wanted)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        model.eval()
        with torch.no_grad():
            logits = model(x_val)
            report.log({"val/loss": criterion(F.log_softmax(logits / 2, dim=1), soft_val)})
    report.predictions(x_val, logits, y_val, split="val")
    return float((logits.argmax(1) == y_val).float().mean())


@healthy(least=0.92)
def triplets(report: Report, seed: int) -> float:
    """Triplet loss: more and more triplets cost nothing, so the loss is small and ragged; scored by nearest rows."""
    torch.manual_seed(seed)
    x, y, x_val, y_val = _flat(seed)
    net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 16))
    opt = torch.optim.Adam(net.parameters(), lr=2e-3)
    criterion = nn.TripletMarginLoss(margin=1.0)
    report.watch(net, opt, criterion)
    members = [torch.nonzero(y == label).flatten() for label in range(10)]

    def draw(labels: Tensor) -> Tensor:
        return torch.stack([members[label][torch.randint(len(members[label]), ())] for label in labels.tolist()])

    for _ in range(150):
        anchor = torch.randint(len(x), (48,))
        other = (y[anchor] + torch.randint(1, 10, (48,))) % 10
        positive, negative = draw(y[anchor]), draw(other)
        loss = criterion(net(x[anchor]), net(x[positive]), net(x[negative]))
        opt.zero_grad()
        loss.backward()
        opt.step()
        report.log({"train/loss": loss})
    net.eval()
    with torch.no_grad():
        score = _by_nearest(net(x), y, net(x_val), y_val)
    report.log({"val/recall_at_1": score})
    return score


@healthy(least=0.9)
def pairs_by_cosine(report: Report, seed: int) -> float:
    """CosineEmbeddingLoss of pairs, half of them of the same class; targets are 1 and -1."""
    torch.manual_seed(seed)
    x, y, x_val, y_val = _flat(seed)

    class Siamese(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 24))

        def forward(self, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
            return self.net(first), self.net(second)

    model = Siamese()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    criterion = nn.CosineEmbeddingLoss(margin=0.2)
    report.watch(model, optimizer=optimizer, criterion=criterion)
    order = torch.argsort(y, stable=True)
    starts = torch.cat([torch.zeros(1, dtype=torch.long), torch.bincount(y).cumsum(0)])
    for _ in range(220):
        first = torch.randint(len(x), (64,))
        same = torch.rand(64) < 0.5
        label = torch.where(same, y[first], (y[first] + torch.randint(1, 10, (64,))) % 10)
        size = starts[label + 1] - starts[label]
        second = order[starts[label] + (torch.rand(64) * size).long()]
        optimizer.zero_grad()
        loss = criterion(*model(x[first], x[second]), torch.where(same, 1, -1))
        loss.backward()
        optimizer.step()
        report.log({"train/loss": loss.item()})
    model.eval()
    with torch.no_grad():
        train, val = (F.normalize(model.net(each), dim=1) for each in (x, x_val))
    score = _by_nearest(train, y, val, y_val)
    report.log({"val/recall_at_1": score})
    return score


@healthy(least=0.92)
def margin_on_cosines(report: Report, seed: int) -> float:
    """Cosine logits with a margin and a scale (arXiv 1801.09414): a loss far above log 10 at first."""

    class Cosine(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 32))
            self.centres = nn.Parameter(torch.randn(10, 32))

        def forward(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
            cosines = F.normalize(self.body(x), dim=1) @ F.normalize(self.centres, dim=1).t()
            if labels is not None:
                cosines = cosines - 0.3 * F.one_hot(labels, 10)
            return 12 * cosines

    torch.manual_seed(seed)
    x, y, x_val, y_val = _flat(seed)
    model = Cosine()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=1e-2)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer=optimizer, criterion=criterion)
    loader = DataLoader(TensorDataset(x, y), batch_size=64, shuffle=True)
    for _ in range(8):
        model.train()
        for inputs, labels in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(inputs, labels), labels)
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
def mixed_up_rows(report: Report, seed: int) -> float:
    """Mixup: inputs are blends and targets are probabilities; the train loss stays far above that of validation."""
    torch.manual_seed(seed)
    x, y, x_val, y_val = _flat(seed)
    targets = F.one_hot(y, 10).float()
    model = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer, criterion)
    blend = torch.distributions.Beta(0.4, 0.4)
    loader = DataLoader(TensorDataset(x, targets), batch_size=64, shuffle=True)
    for _ in range(9):
        model.train()
        for inputs, wanted in report.track(loader):
            share = float(blend.sample())
            other = torch.randperm(len(inputs))
            mixed = share * inputs + (1 - share) * inputs[other]
            optimizer.zero_grad()
            loss = criterion(model(mixed), share * wanted + (1 - share) * wanted[other])
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        model.eval()
        with torch.no_grad():
            logits = model(x_val)
            report.log({"val/loss": criterion(logits, y_val)})
    report.predictions(x_val, logits, y_val, split="val")
    return float((logits.argmax(1) == y_val).float().mean())
