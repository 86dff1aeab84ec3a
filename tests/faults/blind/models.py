"""What goes wrong in the model itself: its layers, how they start, and what the gradient reaches."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from sklearn.datasets import make_circles
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from reportgen import Report
from tests.faults.blind.data import accuracy, curve, digits, r2, split, table
from tests.faults.setup import faulty

_BAD = ("underfitting", "plateau", "loss_not_decreasing", "worse_than_baseline", "constant_predictions")


@faulty("vanishing_gradients", also=(*_BAD, "update_ratio_low", "rank_collapse", "saturated_activation", "lr_too_low"))
def many_sigmoids(report: Report, seed: int) -> float:
    """Eight or more sigmoid layers with the default start: nothing of the gradient comes to the first ones."""
    torch.manual_seed(seed)
    xt, yt, xv, yv = digits(seed)

    class Net(nn.Module):
        def __init__(self, depth: int) -> None:
            super().__init__()
            self.inp = nn.Linear(64, 32)
            self.blocks = nn.ModuleList(nn.Linear(32, 32) for _ in range(depth))
            self.out = nn.Linear(32, 10)

        def forward(self, x: Tensor) -> Tensor:
            x = torch.sigmoid(self.inp(x))
            for block in self.blocks:
                x = torch.sigmoid(block(x))
            return self.out(x)

    model = Net(7 + seed % 3)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    report.watch(model, optimizer, criterion)
    loader = DataLoader(TensorDataset(xt, yt), batch_size=64, shuffle=True)
    for _ in range(8):
        for x, y in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        with torch.no_grad():
            out = model(xv)
        report.log({"val/loss": criterion(out, yv), "val/acc": accuracy(out, yv)})
        report.predictions(xv, out, yv)
    return accuracy(out, yv)


@faulty(
    "dead_relu",
    "bad_init",
    where=("conv2", "relu2"),
    also=(*_BAD, "dead_channels", "no_gradient", "not_updated", "vanishing_gradients", "rank_collapse"),
)
def bias_far_below_zero(report: Report, seed: int) -> float:
    """One layer's biases start so low that none of its ReLUs ever lets anything through."""
    torch.manual_seed(seed)
    xt, yt, xv, yv = digits(seed)
    xt, xv = xt.view(-1, 1, 8, 8), xv.view(-1, 1, 8, 8)

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv1, self.relu1 = nn.Conv2d(1, 8, 3, padding=1), nn.ReLU()
            self.conv2, self.relu2 = nn.Conv2d(8, 16, 3, stride=2, padding=1), nn.ReLU()
            self.fc = nn.Linear(16 * 16, 10)
            nn.init.constant_(self.conv2.bias, -4.0 - seed % 3)

        def forward(self, x: Tensor) -> Tensor:
            x = self.relu2(self.conv2(self.relu1(self.conv1(x))))
            return self.fc(x.flatten(1))

    model = Net()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.002)
    report.watch(model, optimizer, nn.CrossEntropyLoss())
    for _ in range(6):
        for idx in torch.randperm(len(xt)).split(64):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(xt[idx]), yt[idx])
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        with torch.no_grad():
            out = model(xv)
        report.log({"val/loss": F.cross_entropy(out, yv)})
        report.predictions(xv, out, yv)
    return accuracy(out, yv)


@faulty(
    "symmetric_units",
    "bad_init",
    also=(*_BAD, "rank_collapse", "zero_weights", "calibration_off", "val_better_than_train"),
)
def all_units_start_alike(report: Report, seed: int) -> float:
    """Every weight starts at the same number, so all units of a layer stay one unit."""
    torch.manual_seed(seed)
    xt, yt, xv, yv = digits(seed)
    model = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 48), nn.ReLU(), nn.Linear(48, 10))
    for p in model.parameters():
        nn.init.constant_(p, 0.01 + 0.01 * (seed % 3))
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
    report.watch(model, optimizer, criterion)
    loader = DataLoader(TensorDataset(xt, yt), batch_size=64, shuffle=True)
    for _ in range(7):
        for x, y in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        with torch.no_grad():
            out = model(xv)
        report.log({"val/loss": criterion(out, yv), "val/acc": accuracy(out, yv)})
    report.predictions(xv, out, yv)
    return accuracy(out, yv)


@faulty("zero_weights", "symmetric_units", "bad_init", also=(*_BAD, "no_gradient", "not_updated", "dead_relu"))
def all_weights_start_at_zero(report: Report, seed: int) -> float:
    """All weights are zero: behind the first ReLU there is neither signal nor gradient."""
    torch.manual_seed(seed)
    xt, yt, xv, yv = table(seed, classes=3)

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc1 = nn.Linear(20, 32)
            self.fc2 = nn.Linear(32, 3)
            for m in (self.fc1, self.fc2):
                nn.init.zeros_(m.weight)
                nn.init.zeros_(m.bias)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc2(F.relu(self.fc1(x)))

    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05 * (1 + seed % 3), momentum=0.9)
    report.watch(model, optimizer)
    loader = DataLoader(TensorDataset(xt, yt), batch_size=64, shuffle=True)
    for _ in range(6):
        for x, y in report.track(loader):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            report.log({"loss": loss.item()})
        with torch.no_grad():
            out = model(xv)
        report.log({"val_loss": F.cross_entropy(out, yv).item()})
        report.predictions(xv, out, yv)
    return accuracy(out, yv)


@faulty("missing_nonlinearity", also=(*_BAD, "rank_collapse"))
def layers_upon_layers_of_linear(report: Report, seed: int) -> float:
    """Three linear layers with nothing in between, for a ring around a disc."""
    torch.manual_seed(seed)
    x, y = make_circles(1200, noise=0.06, factor=0.4, random_state=seed)
    xt, yt, xv, yv = split(x, y, seed, len(x))
    width = 16 + 8 * (seed % 3)

    class Classifier(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc1 = nn.Linear(2, width)
            self.fc2 = nn.Linear(width, width)
            self.fc3 = nn.Linear(width, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc3(self.fc2(self.fc1(x)))

    model = Classifier()
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    report.watch(model, optimizer, criterion)
    loader = DataLoader(TensorDataset(xt, yt), batch_size=64, shuffle=True)
    for _ in range(10):
        for x, y in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        with torch.no_grad():
            out = model(xv)
        report.log({"val/loss": criterion(out, yv), "val/acc": accuracy(out, yv)})
        report.predictions(xv, out, yv)
    return accuracy(out, yv)


@faulty(
    "saturated_activation",
    "bad_init",
    also=(*_BAD, "vanishing_gradients", "exploding_activations", "update_ratio_low", "overfitting", "init_loss_wrong"),
)
def tanh_driven_to_its_ends(report: Report, seed: int) -> float:
    """Weights drawn with a deviation of 2 and more: each tanh sits at -1 or 1 from the start."""
    torch.manual_seed(seed)
    xt, yt, xv, yv = curve(seed)
    mean, std = yt.mean(), yt.std()
    yt, yv = (yt - mean) / std, (yv - mean) / std
    xt, xv = (xt - 0.5) * 3.46, (xv - 0.5) * 3.46
    net = nn.Sequential(nn.Linear(10, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 1))
    for m in (net[0], net[2]):
        nn.init.normal_(m.weight, std=2.0 + seed % 3)
    opt = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
    report.watch(net, opt, nn.MSELoss())
    for _ in range(10):
        for idx in torch.randperm(len(xt)).split(48):
            opt.zero_grad()
            loss = F.mse_loss(net(xt[idx]).squeeze(1), yt[idx])
            loss.backward()
            opt.step()
            report.log({"train/loss": loss})
        with torch.no_grad():
            out = net(xv).squeeze(1)
        report.log({"val/loss": F.mse_loss(out, yv)})
        report.predictions(xv, out, yv)
    return r2(out, yv)


class Tagger(nn.Module):
    """Says whether the first token is larger than the last."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(20, width)
        self.mixer = nn.GRU(width, width, batch_first=True)
        self.fc = nn.Linear(width, 2)

    def forward(self, tokens: Tensor) -> Tensor:
        e = self.embed(tokens)
        return self.fc(e.mean(1))


@faulty("unused_parameters", "no_gradient", "not_updated", where=("mixer",), also=(*_BAD, "overfitting"))
def recurrent_part_is_left_out(report: Report, seed: int) -> float:
    """The class has a GRU and forward never calls it; what is left cannot tell the order."""
    torch.manual_seed(seed)
    tokens = torch.randint(0, 20, (1600, 6))
    labels = (tokens[:, 0] > tokens[:, -1]).long()
    xt, yt, xv, yv = tokens[:1200], labels[:1200], tokens[1200:], labels[1200:]
    model = Tagger(24 + 8 * (seed % 2))
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
    report.watch(model, optimizer, criterion)
    loader = DataLoader(TensorDataset(xt, yt), batch_size=50, shuffle=True)
    for _ in range(6):
        for x, y in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        with torch.no_grad():
            out = model(xv)
        report.log({"val/loss": criterion(out, yv), "val/acc": accuracy(out, yv)})
    report.predictions(None, out, yv)
    return accuracy(out, yv)


@faulty(
    "detached_graph",
    "no_gradient",
    "not_updated",
    where=("encoder",),
    also=("underfitting", "plateau", "worse_than_baseline", "loss_not_decreasing"),
)
def encoder_behind_a_detach(report: Report, seed: int) -> float:
    """The code is detached before it is decoded, so the encoder stays as it was drawn."""
    torch.manual_seed(seed)
    xt, _, xv, _ = digits(seed)

    class AutoEncoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 6 + seed % 3))
            self.decoder = nn.Sequential(nn.Linear(6 + seed % 3, 32), nn.ReLU(), nn.Linear(32, 64))

        def forward(self, x: Tensor) -> Tensor:
            code = self.encoder(x)
            return self.decoder(code.detach())

    model = AutoEncoder()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
    report.watch(model, optimizer, nn.MSELoss())
    loader = DataLoader(TensorDataset(xt), batch_size=64, shuffle=True)
    for _ in range(12):
        for (x,) in report.track(loader):
            loss = F.mse_loss(model(x), x)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        with torch.no_grad():
            val = F.mse_loss(model(xv), xv)
        report.log({"val/loss": val})
    return -float(val / xv.var())


@faulty("frozen_parameters", where=("trunk",), also=(*_BAD, "no_gradient", "not_updated"))
def trunk_stays_frozen(report: Report, seed: int) -> float:
    """Lines from a fine-tuning script freeze the trunk, but this one was never pretrained."""
    torch.manual_seed(seed)
    xt, yt, xv, yv = digits(seed)

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.trunk = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 8), nn.ReLU())
            self.head = nn.Linear(8, 10)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.trunk(x))

    model = Net()
    for p in model.trunk.parameters():
        p.requires_grad = False
    optimizer = torch.optim.Adam(filter(lambda p: p.requires_grad, model.parameters()), lr=0.01 * (1 + seed % 2))
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer, criterion)
    loader = DataLoader(TensorDataset(xt, yt), batch_size=64, shuffle=True)
    for _ in range(8):
        for x, y in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        with torch.no_grad():
            out = model(xv)
        report.log({"val/loss": criterion(out, yv)})
        report.predictions(xv, out, yv)
    return accuracy(out, yv)
