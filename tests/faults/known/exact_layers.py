"""Scripts with layers that cannot learn, or an output that cannot reach the targets."""

from __future__ import annotations

import itertools

import torch
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from reportgen import Report
from tests.faults.known.data_a import accuracy, circles, digits, moons, pick, r2, surface, table
from tests.faults.setup import faulty

LEARNS_BADLY = ("loss_not_decreasing", "underfitting", "worse_than_baseline", "constant_predictions", "plateau")


@faulty("symmetric_units", "bad_init", where=("fc1", "fc2"), also=("rank_collapse", "init_loss_wrong", *LEARNS_BADLY))
def all_weights_alike(report: Report, seed: int) -> float:
    class Net(nn.Module):
        def __init__(self, hidden: int) -> None:
            super().__init__()
            self.fc1 = nn.Linear(64, hidden)
            self.fc2 = nn.Linear(hidden, hidden)
            self.fc3 = nn.Linear(hidden, 10)

        def forward(self, x: Tensor) -> Tensor:
            return self.fc3(torch.tanh(self.fc2(torch.tanh(self.fc1(x)))))

    torch.manual_seed(seed)
    x, y, x_val, y_val = digits(seed)
    model = Net(pick(seed, 32, 48))
    for parameter in model.parameters():
        nn.init.constant_(parameter, pick(seed, 0.01, 0.02))
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer, criterion)
    loader = DataLoader(TensorDataset(x, y), batch_size=64, shuffle=True)
    for epoch in range(10):
        for inputs, labels in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(inputs), labels)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        with torch.no_grad():
            logits = model(x_val)
        report.log({"val/loss": criterion(logits, y_val), "val/acc": accuracy(logits, y_val), "epoch": epoch})
        report.predictions(x_val.view(-1, 1, 8, 8), logits, y_val, split="val")
    return accuracy(logits, y_val)


@faulty(
    "zero_weights",
    "bad_init",
    "symmetric_units",
    also=("no_gradient", "dead_relu", "dead_channels", "rank_collapse", "vanishing_gradients", "not_updated",
          *LEARNS_BADLY),
)  # fmt: skip
def all_weights_zero(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = moons(seed)

    def init(module: nn.Module) -> None:
        if isinstance(module, nn.Linear):
            nn.init.zeros_(module.weight)
            nn.init.zeros_(module.bias)

    width = pick(seed, 24, 32)
    net = nn.Sequential(nn.Linear(2, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 2))
    net.apply(init)
    opt = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    report.watch(net, opt)
    for step in range(250):
        rows = torch.randint(len(x), (64,))
        loss = F.cross_entropy(net(x[rows]), y[rows])
        opt.zero_grad()
        loss.backward()
        opt.step()
        report.log({"train/loss": loss.item()}, step=step)
        if step % 50 == 49:
            with torch.no_grad():
                out = net(x_val)
            report.log({"val/loss": F.cross_entropy(out, y_val).item(), "val/acc": accuracy(out, y_val)}, step=step)
            report.predictions(x_val, out, y_val, split="val", step=step)
    return accuracy(out, y_val)


@faulty("missing_nonlinearity", also=LEARNS_BADLY)
def deep_linear_classifier(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = circles(seed)
    width = pick(seed, 32, 24)
    model = nn.Sequential(nn.Linear(2, width), nn.Linear(width, width), nn.Linear(width, 2))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer, criterion)
    loader = DataLoader(TensorDataset(x, y), batch_size=32, shuffle=True)
    for _epoch in range(10):
        model.train()
        for inputs, labels in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(inputs), labels)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss.item()})
        model.eval()
        with torch.no_grad():
            logits = model(x_val)
        report.log({"val/loss": criterion(logits, y_val).item(), "val/acc": accuracy(logits, y_val)})
    report.predictions(x_val, logits, y_val, split="val")
    return accuracy(logits, y_val)


class Regressor(nn.Module):
    def __init__(self, inputs: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(inputs, hidden)
        self.fc2 = nn.Linear(hidden, hidden)
        self.fc3 = nn.Linear(hidden, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        return F.relu(self.fc3(x))


@faulty("relu_on_output", "output_range_mismatch", also=("dead_relu", *LEARNS_BADLY))
def regression_ends_in_relu(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = surface(seed)
    x, y, x_val, y_val = x, y[:, None], x_val, y_val[:, None]
    loader = DataLoader(TensorDataset(x, y), batch_size=pick(seed, 32, 40), shuffle=True)
    model, criterion = Regressor(6, 32), nn.MSELoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    report.watch(model, optimizer, criterion)
    report.data("train", (x, y))
    for _epoch in range(10):
        for inputs, targets in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(inputs), targets)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        with torch.no_grad():
            out = model(x_val)
        report.log({"val/loss": criterion(out, y_val), "val/r2": r2(out, y_val)})
        report.predictions(x_val, out, y_val, split="val")
    return r2(out, y_val)


@faulty("relu_on_output", "output_range_mismatch", also=("dead_relu", "init_loss_wrong", "calibration_off",
        *LEARNS_BADLY))  # fmt: skip
def logits_cut_at_zero(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = digits(seed)
    sizes = [64, pick(seed, 48, 64), 10]
    layers: list[nn.Module] = []
    for a, b in itertools.pairwise(sizes):
        layers += [nn.Linear(a, b), nn.ReLU()]
    model = nn.Sequential(*layers)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer, criterion)
    loader = DataLoader(TensorDataset(x, y), batch_size=64, shuffle=True)
    for epoch in range(10):
        for inputs, labels in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(inputs), labels)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss.item()})
        with torch.no_grad():
            out = model(x_val)
        report.log({"val/loss": criterion(out, y_val).item(), "val/acc": accuracy(out, y_val), "epoch": epoch})
        report.predictions(x_val.view(-1, 1, 8, 8), out, y_val, split="val")
    return accuracy(out, y_val)


@faulty("output_range_mismatch", also=("saturated_activation", *LEARNS_BADLY))
def regression_ends_in_sigmoid(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = table(load_diabetes, seed, regression=True)
    net = nn.Sequential(nn.Linear(10, pick(seed, 24, 32)), nn.GELU(), nn.Linear(pick(seed, 24, 32), 1), nn.Sigmoid())
    opt = torch.optim.AdamW(net.parameters(), lr=5e-3)
    report.watch(net, opt)
    for epoch in range(15):
        for rows in torch.randperm(len(x)).split(16):
            opt.zero_grad()
            loss = F.mse_loss(net(x[rows]).squeeze(1), y[rows])
            loss.backward()
            opt.step()
            report.log({"train/mse": loss.item()})
        with torch.no_grad():
            out = net(x_val).squeeze(1)
        report.log({"val/mse": F.mse_loss(out, y_val).item(), "val/r2": r2(out, y_val), "epoch": epoch})
        report.predictions(x_val, out, y_val, split="val")
    return r2(out, y_val)


@faulty("output_range_mismatch", also=("saturated_activation", "target_not_normalized", *LEARNS_BADLY))
def regression_ends_in_tanh(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = surface(seed)
    y, y_val = 3 * y + 5, 3 * y_val + 5
    hidden = pick(seed, 32, 40)
    model = nn.Sequential(nn.Linear(6, hidden), nn.Tanh(), nn.Linear(hidden, 1), nn.Tanh(), nn.Flatten(0))
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    criterion = nn.SmoothL1Loss()
    report.watch(model, optimizer, criterion)
    report.data("train", (x, y))
    report.data("val", (x_val, y_val))
    loader = DataLoader(TensorDataset(x, y), batch_size=32, shuffle=True)
    for _epoch in range(8):
        for inputs, targets in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(inputs), targets)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        with torch.no_grad():
            out = model(x_val)
        report.log({"val/loss": criterion(out, y_val), "val/r2": r2(out, y_val)})
        report.predictions(x_val, out, y_val, split="val")
    return r2(out, y_val)


class Autoencoder(nn.Module):
    def __init__(self, code: int) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, code))
        self.decoder = nn.Sequential(nn.Linear(code, 32), nn.ReLU(), nn.Linear(32, 64), nn.Sigmoid())

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        code = self.encoder(x)
        return self.decoder(code), code


@faulty("output_range_mismatch", also=("saturated_activation", *LEARNS_BADLY))
def autoencoder_of_standardised_pixels(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, _, x_val, _ = digits(seed)
    model = Autoencoder(pick(seed, 12, 16))
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    criterion = nn.MSELoss()
    report.watch(model, optimizer, criterion)
    loader = DataLoader(TensorDataset(x), batch_size=64, shuffle=True)
    for epoch in range(8):
        for (inputs,) in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(inputs)[0], inputs)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss.item()})
        with torch.no_grad():
            out = model(x_val)[0]
        report.log({"val/loss": criterion(out, x_val).item(), "val/r2": r2(out, x_val), "epoch": epoch})
        report.predictions(x_val, out, x_val, task="regression", split="val")
    return r2(out, x_val)


class NormedNet(nn.Module):
    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(4, hidden, bias=False)
        self.bn1 = nn.BatchNorm1d(hidden)
        self.fc2 = nn.Linear(hidden, hidden, bias=False)
        self.bn2 = nn.BatchNorm1d(hidden)
        self.fc3 = nn.Linear(hidden, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.fc1(x)))
        return self.fc3(F.relu(self.bn2(self.fc2(x))))


@faulty("bn_small_batch", where=("bn1", "bn2"), also=LEARNS_BADLY)
def batch_norm_of_two_rows(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = table(load_iris, seed)
    model = NormedNet(pick(seed, 32, 24))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer, criterion)
    loader = DataLoader(TensorDataset(x, y), batch_size=2, shuffle=True)
    for epoch in range(5):
        model.train()
        for inputs, labels in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(inputs), labels)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss.item()})
        model.eval()
        with torch.no_grad():
            logits = model(x_val)
        report.log({"val/loss": criterion(logits, y_val).item(), "val/acc": accuracy(logits, y_val), "epoch": epoch})
        report.predictions(x_val, logits, y_val, split="val")
    return accuracy(logits, y_val)


@faulty("last_batch_size_1", also=("bn_small_batch",))
def the_last_batch_has_one_row(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = table(load_breast_cancer, seed)
    batch = pick(seed, 32, 24)
    rows = len(x) // batch * batch - batch + 1
    loader = DataLoader(TensorDataset(x[:rows], y[:rows]), batch_size=batch, shuffle=True)
    model = nn.Sequential(nn.Linear(30, 24, bias=False), nn.BatchNorm1d(24), nn.ReLU(), nn.Linear(24, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    criterion = nn.CrossEntropyLoss()
    report.watch(model, optimizer, criterion)
    for _epoch in range(10):
        model.train()
        for inputs, labels in report.track(loader):
            optimizer.zero_grad()
            loss = criterion(model(inputs), labels)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss.item()})
        model.eval()
        with torch.no_grad():
            logits = model(x_val)
        report.predictions(x_val, logits, y_val, split="val")
        report.log({"val/acc": accuracy(logits, y_val)})
    return accuracy(logits, y_val)


class NormedConvNet(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.fc = nn.Linear(16 * channels, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 2).flatten(1))


@faulty("last_batch_size_1", also=("bn_small_batch",))
def one_image_is_left_over(report: Report, seed: int) -> float:
    torch.manual_seed(seed)
    x, y, x_val, y_val = digits(seed, images=True)
    batch = pick(seed, 64, 32)
    loader = DataLoader(TensorDataset(x[:1409], y[:1409]), batch_size=batch, shuffle=True)
    model = NormedConvNet(pick(seed, 8, 6))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    report.watch(model, optimizer)
    for epoch in range(pick(seed, 5, 3)):
        model.train()
        for images, labels in report.track(loader, split="train"):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(images), labels)
            loss.backward()
            optimizer.step()
            report.log({"train/loss": loss})
        model.eval()
        with torch.no_grad():
            logits = model(x_val)
        report.log({"val/loss": F.cross_entropy(logits, y_val), "val/acc": accuracy(logits, y_val), "epoch": epoch})
        report.predictions(x_val, logits, y_val, split="val")
    return accuracy(logits, y_val)
