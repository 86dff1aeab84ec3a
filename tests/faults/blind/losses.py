"""What goes wrong between the outputs, the loss and the targets."""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from sklearn.datasets import load_diabetes, make_moons
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from reportgen import Report
from tests.faults.blind.data import accuracy, curve, digits, r2, split, table
from tests.faults.setup import faulty

_BAD = ("underfitting", "plateau", "loss_not_decreasing", "worse_than_baseline", "constant_predictions")


def _layers(*sizes: int) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise(sizes):
        layers += [nn.Linear(n_in, n_out), nn.ReLU()]
    return layers[:-1]


@faulty("softmax_before_ce", also=(*_BAD, "vanishing_gradients", "calibration_off"))
def softmax_twice(report: Report, seed: int) -> float:
    """The model ends in a softmax and the criterion takes another."""
    torch.manual_seed(seed)
    xt, yt, xv, yv = digits(seed)
    model = nn.Sequential(*_layers(64, 64 + 16 * (seed % 3), 10), nn.Softmax(dim=1))
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.5)
    report.watch(model, optimizer, criterion)
    loader = DataLoader(TensorDataset(xt, yt), batch_size=64, shuffle=True)
    for _ in range(12):
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


@faulty("prob_to_nll", also=(*_BAD, "calibration_off", "vanishing_gradients"))
def likelihood_of_plain_probabilities(report: Report, seed: int) -> float:
    """nll_loss wants logarithms and gets probabilities: the loss runs from -0.1 to -1."""
    torch.manual_seed(seed)
    xt, yt, xv, yv = digits(seed)

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc1 = nn.Linear(64, 64)
            self.fc2 = nn.Linear(64, 10)

        def forward(self, x: Tensor) -> Tensor:
            return F.softmax(self.fc2(torch.tanh(self.fc1(x))), dim=1)

    net = Net()
    opt = torch.optim.SGD(net.parameters(), lr=0.05 * (1 + seed % 2))
    report.watch(net, opt, nn.NLLLoss())
    for _ in range(12):
        for idx in torch.randperm(len(xt)).split(64):
            opt.zero_grad()
            loss = F.nll_loss(net(xt[idx]), yt[idx])
            loss.backward()
            opt.step()
            report.log({"loss": loss})
        with torch.no_grad():
            out = net(xv)
        report.log({"val_loss": F.nll_loss(out, yv)})
    report.predictions(xv, out, yv)
    return accuracy(out, yv)


@faulty("logits_to_bce", "output_range_mismatch", also=(*_BAD, "calibration_off", "vanishing_gradients"))
def clamp_instead_of_sigmoid(report: Report, seed: int) -> float:
    """The criterion refused raw outputs, so they were clamped into 0..1: outside of it no gradient is left."""
    torch.manual_seed(seed)
    xt, yt, xv, yv = table(seed, gap=1.0)
    yt, yv = yt.float()[:, None], yv.float()[:, None]
    model = nn.Sequential(*_layers(20, 32, 32, 1))
    criterion = nn.BCELoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02 * (1 + seed % 2), momentum=0.9)
    report.watch(model, optimizer, criterion)
    loader = DataLoader(TensorDataset(xt, yt), batch_size=64, shuffle=True)
    for _ in range(8):
        for x, y in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(x).clamp(0, 1), y)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss.item()})
        with torch.no_grad():
            out = model(xv)
        report.log({"val/loss": criterion(out.clamp(0, 1), yv).item()})
        report.predictions(xv, out, yv)
    return float(((out > 0.5) == (yv > 0.5)).float().mean())


@faulty(
    "loss_sign",
    also=(
        *_BAD,
        "divergence",
        "exploding_gradients",
        "exploding_activations",
        "nan_loss",
        "nan_gradient",
        "nan_weight",
    ),
)
def likelihood_is_minimised(report: Report, seed: int) -> float:
    """The mean log-likelihood itself goes into backward: its minus was left out, so the fit is driven away."""
    torch.manual_seed(seed)
    xt, yt, xv, yv = curve(seed)
    mean, std = yt.mean(), yt.std()
    yt, yv = ((yt - mean) / std)[:, None], ((yv - mean) / std)[:, None]
    model = nn.Sequential(*_layers(10, 32, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.002 + 0.001 * (seed % 3))
    report.watch(model, optimizer)
    loader = DataLoader(TensorDataset(xt, yt), batch_size=64, shuffle=True)
    for _ in range(8):
        for x, y in report.track(loader):
            loss = torch.distributions.Normal(model(x), 1.0).log_prob(y).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        with torch.no_grad():
            out = model(xv)
            val = torch.distributions.Normal(out, 1.0).log_prob(yv).mean()
        report.log({"val/loss": val, "val/r2": r2(out, yv)})
        report.predictions(xv, out, yv)
    return r2(out, yv)


@faulty("loss_broadcasting", also=_BAD)
def a_column_against_a_row(report: Report, seed: int) -> float:
    """Outputs (n, 1) against targets (n,): every output is pulled towards every target, that is, to the mean."""
    torch.manual_seed(seed)
    xt, yt, xv, yv = curve(seed)
    mean, std = yt.mean(), yt.std()
    yt, yv = (yt - mean) / std, (yv - mean) / std
    model = nn.Sequential(*_layers(10, 48, 48, 1))
    criterion = nn.MSELoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
    report.watch(model, optimizer, criterion)
    loader = DataLoader(TensorDataset(xt, yt), batch_size=32 + 32 * (seed % 2), shuffle=True)
    for _ in range(8):
        model.train()
        for x, y in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        model.eval()
        with torch.no_grad():
            out = model(xv)
            report.log({"val/loss": criterion(out, yv)})
        report.predictions(xv, out, yv[:, None])
    return r2(out, yv)


@faulty("relu_on_output", "output_range_mismatch", also=(*_BAD, "dead_relu", "dead_channels", "no_gradient"))
def last_layer_cannot_be_negative(report: Report, seed: int) -> float:
    """Standardised targets, half of them below zero, and a ReLU after the last layer."""
    torch.manual_seed(seed)
    xt, yt, xv, yv = curve(seed)
    mean, std = yt.mean(), yt.std()
    yt, yv = ((yt - mean) / std)[:, None], ((yv - mean) / std)[:, None]

    class Regressor(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc1 = nn.Linear(10, 32)
            self.fc2 = nn.Linear(32, 32)
            self.fc3 = nn.Linear(32, 1)
            self.act = nn.ReLU()

        def forward(self, x: Tensor) -> Tensor:
            for layer in (self.fc1, self.fc2, self.fc3):
                x = self.act(layer(x))
            return x

    model = Regressor()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.003 + 0.001 * (seed % 2))
    report.watch(model, optimizer, nn.MSELoss())
    loader = DataLoader(TensorDataset(xt, yt), batch_size=64, shuffle=True)
    for _ in range(12):
        for x, y in report.track(loader):
            optimizer.zero_grad()
            loss = F.mse_loss(model(x), y)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        with torch.no_grad():
            out = model(xv)
        report.log({"val/loss": F.mse_loss(out, yv)})
        report.predictions(xv, out, yv)
    return r2(out, yv)


@faulty("output_range_mismatch", also=(*_BAD, "target_not_normalized", "saturated_activation", "vanishing_gradients"))
def sigmoid_for_large_targets(report: Report, seed: int) -> float:
    """Targets of about 14, outputs of at most 1."""
    torch.manual_seed(seed)
    xt, yt, xv, yv = curve(seed)
    net = nn.Sequential(nn.Linear(10, 40), nn.Tanh(), nn.Linear(40, 1), nn.Sigmoid())
    opt = torch.optim.Adam(net.parameters(), lr=0.005 * (1 + seed % 2))
    report.watch(net, opt)
    for _ in range(10):
        for idx in torch.randperm(len(xt)).split(50):
            opt.zero_grad()
            loss = F.smooth_l1_loss(net(xt[idx]).squeeze(1), yt[idx])
            loss.backward()
            opt.step()
            report.log({"train/loss": loss.item()})
        with torch.no_grad():
            out = net(xv).squeeze(1)
        report.log({"val/loss": F.smooth_l1_loss(out, yv).item(), "val/r2": r2(out, yv)})
        report.predictions(xv, out, yv)
    return r2(out, yv)


@faulty(
    "target_not_normalized",
    also=(*_BAD, "init_loss_wrong", "exploding_gradients", "lr_too_low", "small_dataset", "update_ratio_low"),
)
def targets_in_their_own_unit(report: Report, seed: int) -> float:
    """Disease progression of 25 to 346 as it stands: Adam's small steps do not get there."""
    torch.manual_seed(seed)
    x, y = load_diabetes(return_X_y=True)
    xt, yt, xv, yv = split(x / x.std(0), y.astype("float32")[:, None], seed, len(x))
    model = nn.Sequential(*_layers(10, 32, 1))
    criterion = nn.MSELoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001 + 0.0005 * (seed % 2))
    report.watch(model, optimizer, criterion)
    report.data("train", (xt, yt))
    report.data("val", (xv, yv))
    loader = DataLoader(TensorDataset(xt, yt), batch_size=32, shuffle=True)
    for _ in range(18):
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
    return r2(out, yv)


@faulty("softmax_wrong_dim", "constant_predictions", "no_gradient", also=(*_BAD, "vanishing_gradients", "not_updated"))
def softmax_over_one_output(report: Report, seed: int) -> float:
    """A softmax along a dimension of length one is 1 whatever goes in."""
    torch.manual_seed(seed)
    x, y = make_moons(1200, noise=0.15, random_state=seed)
    xt, yt, xv, yv = split(x, y.astype("float32")[:, None], seed, len(x))
    model = nn.Sequential(*_layers(2, 32, 16, 1), nn.Softmax(dim=1))
    criterion = nn.BCELoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01 + 0.005 * (seed % 2))
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
    return float(((out > 0.5) == (yv > 0.5)).float().mean())


@faulty("softmax_wrong_dim", also=(*_BAD, "calibration_off"))
def log_softmax_along_the_batch(report: Report, seed: int) -> float:
    """log_softmax(dim=0): the rows of a batch compete, not the classes of a row."""
    torch.manual_seed(seed)
    xt, yt, xv, yv = digits(seed)

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc1 = nn.Linear(64, 50)
            self.fc2 = nn.Linear(50, 10)

        def forward(self, x: Tensor) -> Tensor:
            return F.log_softmax(self.fc2(F.relu(self.fc1(x))), dim=0)

    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.5)
    report.watch(model, optimizer, nn.NLLLoss())
    loader = DataLoader(TensorDataset(xt, yt), batch_size=6 + 2 * (seed % 2), shuffle=True)
    test = DataLoader(TensorDataset(xv, yv), batch_size=16)
    for _ in range(2):
        for x, y in report.track(loader):
            optimizer.zero_grad()
            loss = F.nll_loss(model(x), y)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss.item()})
        correct, total = 0, 0.0
        with torch.no_grad():
            for x, y in report.track(test, split="val"):
                out = model(x)
                total += F.nll_loss(out, y, reduction="sum").item()
                correct += int((out.argmax(1) == y).sum())
                report.predictions(x, out, y)
        report.log({"val/loss": total / len(yv), "val/acc": correct / len(yv)})
    return correct / len(yv)
