"""Healthy set-ups: models of which a part is frozen, shared, or slower than the rest, on purpose."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from reportgen import Report
from tests.faults.known import data_c
from tests.faults.setup import healthy


class Backbone(nn.Module):
    """A small convolutional net with batch normalisation: (N, 1, 8, 8) to (N, 64)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(16)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 2)
        return F.max_pool2d(F.relu(self.bn2(self.conv2(x))), 2).flatten(1)


class Model(nn.Module):
    """The backbone and a linear head."""

    def __init__(self, backbone: Backbone, classes: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = nn.Linear(64, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.backbone(x))


def _pretrained(seed: int) -> Backbone:
    """A backbone that has learned the digits 0 to 4, as a checkpoint would hold it."""
    x, y, _, _ = data_c.images(seed, range(5))
    model = Model(Backbone(), 5)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for _ in range(2):
        for rows in torch.randperm(len(x)).split(64):
            optimizer.zero_grad()
            F.cross_entropy(model(x[rows]), y[rows]).backward()
            optimizer.step()
    model.zero_grad(set_to_none=True)
    return model.backbone


def _evaluate(report: Report, model: nn.Module, x: Tensor, y: Tensor) -> float:
    model.eval()
    with torch.no_grad():
        logits = model(x)
        accuracy = float((logits.argmax(1) == y).float().mean())
        report.log({"val/loss": F.cross_entropy(logits, y), "val/acc": accuracy})
    report.predictions(x, logits, y, split="val")
    return accuracy


@healthy(least=0.88, also=("frozen_parameters",))
def head_on_frozen_backbone(report: Report, seed: int) -> float:
    """Only the head learns: the backbone has requires_grad False, is in eval mode, and is not in the optimizer."""
    torch.manual_seed(seed)
    x, y, x_val, y_val = data_c.images(seed, range(5, 10))
    model = Model(_pretrained(seed), 5)
    for parameter in model.backbone.parameters():
        parameter.requires_grad = False
    optimizer = torch.optim.Adam(model.head.parameters(), lr=0.01)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer=optimizer, criterion=criterion)
    loader = DataLoader(TensorDataset(x, y), batch_size=32, shuffle=True)
    for _ in range(7):
        model.train()
        model.backbone.eval()
        for images, labels in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(images), labels)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        score = _evaluate(report, model, x_val, y_val)
    return score


@healthy(least=0.92, also=("frozen_parameters",))
def fine_tuned_with_frozen_batch_norm(report: Report, seed: int) -> float:
    """All weights learn, but batch normalisation keeps the statistics of the checkpoint, as is usual in detection."""
    torch.manual_seed(seed)
    x, y, x_val, y_val = data_c.images(seed, range(5, 10))
    model = Model(_pretrained(seed), 5)
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.weight.requires_grad_(False)
        norm.bias.requires_grad_(False)
    learned = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.SGD(learned, lr=0.02, momentum=0.9)
    report.watch(model, optimizer=optimizer, criterion=F.cross_entropy)
    report.data("train", (x, y))
    loader = DataLoader(TensorDataset(x, y), batch_size=32, shuffle=True)
    for _ in range(5):
        model.train()
        for norm in norms:
            norm.eval()
        for images, labels in report.track(loader):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(images), labels)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        score = _evaluate(report, model, x_val, y_val)
    return score


@healthy(least=0.92)
def slower_backbone(report: Report, seed: int) -> float:
    """The pretrained part learns at a hundredth of the head's rate: its updates are tiny on purpose."""
    torch.manual_seed(seed)
    x, y, x_val, y_val = data_c.images(seed, range(5, 10))
    model = Model(_pretrained(seed), 5)
    groups = [
        {"params": model.backbone.parameters(), "lr": 1e-4},
        {"params": model.head.parameters(), "lr": 1e-2},
    ]
    optimizer = torch.optim.AdamW(groups)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer, criterion)
    loader = DataLoader(TensorDataset(x, y), batch_size=32, shuffle=True)
    for _ in range(7):
        model.train()
        for images, labels in report.track(loader, split="train"):
            loss = criterion(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss.item()})
        score = _evaluate(report, model, x_val, y_val)
    return score


class LowRank(nn.Module):
    """A fixed linear layer plus a learned update of low rank that starts at zero (arXiv 2106.09685)."""

    def __init__(self, base: nn.Linear, rank: int) -> None:
        super().__init__()
        self.base = base.requires_grad_(False)
        self.down = nn.Linear(base.in_features, rank, bias=False)
        self.up = nn.Linear(rank, base.out_features, bias=False)
        nn.init.zeros_(self.up.weight)

    def forward(self, x: Tensor) -> Tensor:
        return self.base(x) + self.up(self.down(x))


@healthy(least=0.88, also=("frozen_parameters",))
def low_rank_adapters(report: Report, seed: int) -> float:
    """Adapters on frozen layers: half of their weights start at zero, and no non-linearity is between the halves."""
    torch.manual_seed(seed)
    old, old_labels, _, _ = data_c.digits(seed, range(5))
    net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 5))
    optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
    for rows in torch.randperm(len(old)).split(32):
        optimizer.zero_grad()
        F.cross_entropy(net(old[rows]), old_labels[rows]).backward()
        optimizer.step()
    net.zero_grad(set_to_none=True)
    net[0], net[2] = LowRank(net[0], 8), LowRank(net[2], 4)
    x, y, x_val, y_val = data_c.digits(seed, range(5, 10))
    learned = [parameter for parameter in net.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(learned, lr=1e-2)
    report.watch(net, optimizer=optimizer, criterion=F.cross_entropy)
    loader = DataLoader(TensorDataset(x, y), batch_size=32, shuffle=True)
    for _ in range(9):
        net.train()
        for inputs, labels in report.track(loader):
            optimizer.zero_grad()
            loss = F.cross_entropy(net(inputs), labels)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        score = _evaluate(report, net, x_val, y_val)
    return score


class Tied(nn.Module):
    """An autoencoder whose decoder is the transposed encoder."""

    def __init__(self, code: int) -> None:
        super().__init__()
        self.encoder = nn.Linear(64, code)
        self.bias = nn.Parameter(torch.zeros(64))

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(torch.tanh(self.encoder(x)), self.encoder.weight.t(), self.bias)


@healthy(least=0.6)
def autoencoder_with_tied_weights(report: Report, seed: int) -> float:
    """The target is the input; the score is the share of variance explained of held-out digits."""
    torch.manual_seed(seed)
    x, _, x_val, _ = data_c.digits(seed)
    model = Tied(16 + 4 * (seed % 2))
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    criterion = nn.MSELoss()
    report.watch(model, optimizer=optimizer, criterion=criterion)
    loader = DataLoader(TensorDataset(x), batch_size=64, shuffle=True)
    for _ in range(11):
        model.train()
        for (images,) in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(images), images)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        model.eval()
        with torch.no_grad():
            again = model(x_val)
            report.log({"val/loss": criterion(again, x_val)})
    report.predictions(x_val, again, x_val, task="regression", split="val")
    return float(1 - ((again - x_val) ** 2).mean() / (x_val - x.mean(0)).square().mean())


@healthy(least=0.91, also=("weight_tying",))
def one_block_used_three_times(report: Report, seed: int) -> float:
    """The same layer is called three times in a forward, and its weights are shared by all three."""

    class Recurrent(nn.Module):
        def __init__(self, width: int) -> None:
            super().__init__()
            self.inp = nn.Linear(64, width)
            self.block = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.GELU())
            self.out = nn.Linear(width, 10)

        def forward(self, x: Tensor) -> Tensor:
            h = self.inp(x)
            for _ in range(3):
                h = h + self.block(h)
            return self.out(h)

    torch.manual_seed(seed)
    x, y, x_val, y_val = data_c.digits(seed)
    model = Recurrent(48 + 16 * (seed % 2))
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    report.watch(model, optimizer=optimizer, criterion=F.cross_entropy)
    report.data("train", TensorDataset(x, y))
    loader = DataLoader(TensorDataset(x, y), batch_size=64, shuffle=True)
    for _ in range(7):
        model.train()
        for inputs, labels in report.track(loader):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(inputs), labels)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        score = _evaluate(report, model, x_val, y_val)
    return score
